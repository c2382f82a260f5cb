"""Logistic regression on labels or on distributions of classes, and the choice of its penalty."""

from collections.abc import Sequence

import numpy as np
from scipy.special import log_softmax, softmax

from keras_xmr.datasets.base import MediumItems
from keras_xmr.methods.linear_method import hot
from keras_xmr.metrics import mean_average_precision
from keras_xmr.types import Array, FloatArray

# What the penalty is chosen from, and in how many folds.
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
FOLDS = 3
# A choice needs no solution to the last digit.
ROUGH = 1e-3

Classifier = tuple[FloatArray, FloatArray]
"""Weights `(d, classes)` and biases `(classes,)`; minus infinity for a class without items."""


def classifier_of(
    rows: FloatArray,
    media: Sequence[MediumItems],
    num_classes: int,
    penalty: float,
    max_iter: int = 1000,
) -> Classifier:
    """The classifier that learns from targets where there are any, or else from labels.

    Args:
        rows: Rows `(n, d)` of the items of a medium, or of several, one below the other.
        media: What they are rows of.
        num_classes: Number of classes.
        penalty: Inverse strength of the L2 penalty.
        max_iter: Most iterations of the solver.

    Example:
        >>> texts = MediumItems(["a", "b"], [0, 1], ["a", "b"], ["train"] * 2)
        >>> kernel, bias = classifier_of(np.eye(2), [texts], 2, 1.0)
        >>> (np.eye(2) @ kernel + bias).argmax(axis=1).tolist()
        [0, 1]
    """
    learnt = np.concatenate([learnt_shares(medium, num_classes) for medium in media])
    if all(medium.targets is None for medium in media):
        return label_classifier(rows, learnt, penalty, max_iter)
    return target_classifier(rows, learnt, penalty, max_iter)


def learnt_shares(medium: MediumItems, num_classes: int) -> FloatArray:
    """The targets of a medium `(n, classes)`, or else its labels in equal shares.

    Example:
        >>> texts = MediumItems(["a"], [[1, 1, 0]], ["a"], ["train"])
        >>> learnt_shares(texts, 3).tolist()
        [[0.5, 0.5, 0.0]]
    """
    return hot(medium.labels, num_classes) if medium.targets is None else medium.targets


def label_classifier(
    rows: FloatArray,
    shares: FloatArray,
    penalty: float,
    max_iter: int = 1000,
    tolerance: float = 1e-4,
) -> Classifier:
    """scikit-learn's logistic regression; an item of several classes is one item of each.

    Args:
        rows: Rows `(n, d)`.
        shares: Shares of the classes in each of them `(n, classes)`, of which few are not 0.
        penalty: Inverse strength of the L2 penalty.
        max_iter: Most iterations of the solver.
        tolerance: Of the solver.

    Example:
        >>> kernel, bias = label_classifier(np.eye(2), np.eye(2), 1.0)
        >>> (100 * kernel).round().astype(int).tolist()
        [[20, -20], [-20, 20]]
    """
    from sklearn.linear_model import LogisticRegression

    item, label = np.nonzero(shares)
    model = LogisticRegression(C=penalty, max_iter=max_iter, tol=tolerance)
    model.fit(rows[item], label, sample_weight=shares[item, label])
    kernel = np.zeros((rows.shape[1], shares.shape[1]), dtype=np.float32)
    bias = np.full(shares.shape[1], -np.inf, dtype=np.float32)
    # Two classes share one row of coefficients in scikit-learn.
    binary = len(model.classes_) == 2
    coefficients = np.vstack([-model.coef_, model.coef_]) / 2 if binary else model.coef_
    intercepts = (
        np.hstack([-model.intercept_, model.intercept_]) / 2 if binary else model.intercept_
    )
    kernel[:, model.classes_] = coefficients.T
    bias[model.classes_] = intercepts
    return kernel, bias


def target_classifier(
    rows: FloatArray,
    targets: FloatArray,
    penalty: float,
    max_iter: int = 1000,
    tolerance: float = 1e-6,
) -> Classifier:
    """The same minimum where every item has shares in many classes, many times faster.

    The loss is

        mean of -sum(targets log posteriors) + |kernel|^2 / (2 penalty n)

    and twice that penalty for two classes, as scikit-learn has it. L-BFGS minimises it over the
    span of the rows, in which the solution lies.

    Args:
        rows: Rows `(n, d)`.
        targets: Distributions of classes `(n, classes)`.
        penalty: Inverse strength of the L2 penalty.
        max_iter: Most iterations of the solver.
        tolerance: Largest entry of the gradient at the end.

    Example:
        >>> kernel, bias = target_classifier(np.eye(2), np.eye(2) * 0.8 + 0.1, 1.0)
        >>> (100 * kernel).round().astype(int).tolist()
        [[16, -16], [-16, 16]]

    Reference:
        D. C. Liu, J. Nocedal: On the limited memory BFGS method for large scale optimization,
        Mathematical Programming 45, 1989.
    """
    from scipy.optimize import minimize

    known = targets.any(axis=0)
    wanted = np.asarray(targets[:, known], dtype=np.float64)
    basis, inside = _span(np.asarray(rows, dtype=np.float64))
    count, classes = wanted.shape
    strength = (2.0 if classes == 2 else 1.0) / (penalty * count)

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(-1, classes)
        log_posteriors = log_softmax(inside @ weights[:-1] + weights[-1], axis=1)
        error = (np.exp(log_posteriors) - wanted) / count
        slope = np.vstack([inside.T @ error + strength * weights[:-1], error.sum(axis=0)])
        penalised = strength / 2 * np.square(weights[:-1]).sum()
        return penalised - (wanted * log_posteriors).sum() / count, slope.ravel()

    options = {"maxiter": max_iter, "gtol": tolerance, "ftol": 64 * np.finfo(float).eps}
    start = np.zeros((inside.shape[1] + 1) * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    weights = found.x.reshape(-1, classes)
    kernel = np.zeros((rows.shape[1], targets.shape[1]), dtype=np.float32)
    bias = np.full(targets.shape[1], -np.inf, dtype=np.float32)
    kernel[:, known] = basis @ weights[:-1]
    bias[known] = weights[-1]
    return kernel, bias


def chosen_penalty(rows: FloatArray, shares: FloatArray, max_iter: int = 1000) -> float:
    """The penalty under which held-out rows find those of their class.

    That they are likely is another question, which weaker penalties answer better: sharp
    posteriors rank worse than soft ones where they are wrong.

    Args:
        rows: Rows `(n, d)`.
        shares: Shares of the classes in each of them `(n, classes)`.
        max_iter: Most iterations of the solver.

    Example:
        >>> chosen_penalty(np.eye(2), np.eye(2))  # too few to choose by
        1.0
    """
    fold_of = np.zeros(len(rows), dtype=int)
    # Classes are spread over the folds; the order of the rows decides, and no seed.
    fold_of[np.argsort(shares.argmax(axis=1), kind="stable")] = np.arange(len(rows)) % FOLDS
    trained = [shares[fold_of != fold].any(axis=0).sum() for fold in range(FOLDS)]
    if len(rows) <= FOLDS or min(trained) < 2:
        return 1.0
    found: list[float] = []
    for penalty in PENALTIES:
        maps = []
        for fold in range(FOLDS):
            held = fold_of == fold
            kernel, bias = label_classifier(rows[~held], shares[~held], penalty, max_iter, ROUGH)
            posteriors = softmax(rows[held] @ kernel + bias, axis=1) - 1.0 / shares.shape[1]
            labels = (shares[held] > 0).astype(int)
            maps.append(mean_average_precision(posteriors, posteriors, labels, labels))
        found.append(float(np.mean(maps)))
        # Beyond the best one it only gets slower and worse.
        if found[-1] < max(found):
            break
    return PENALTIES[int(np.argmax(found))]


def _span(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """An orthonormal basis `(d, k)` of what holds the rows, and the rows `(n, k)` in it."""
    count, width = rows.shape
    if width <= count:
        return np.eye(width), rows
    basis, inside = np.linalg.qr(rows.T)
    return basis, inside.T
