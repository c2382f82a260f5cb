"""Semantic matching: independent classifiers whose posteriors are the common representation."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights, hot
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Choice, Range, Tunable
from keras_xmr.metrics import mean_average_precision
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import FloatArray

# What `C` is chosen from, and in how many folds.
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
FOLDS = 3
# A choice needs no solution to the last digit.
ROUGH = 1e-3
READOUTS = ("probabilities", "centred_probabilities", "agreement")


class SemanticMatching(LinearMethod):
    """One logistic regression for each medium; items meet in the space of class posteriors.

    No term ties the media to each other, so data need not be paired. It is the baseline that every
    supervised method has to beat.

    Where this departs from the paper: the penalty of each medium is chosen by cross-validation, the
    paper's readout is one of several, and items with several classes count as one item of each
    class, in equal shares.

    Args:
        C: Inverse strength of the L2 penalty: one number, or medium to number; `None` for the one
            of several by which held-out rows of the medium find each other best (MAP of centred
            posteriors, three folds of the training part).
        readout: `"probabilities"`, `"centred_probabilities"` (less 1 / classes) or `"agreement"`
            (probabilities, with further columns that make cosines across media the probability of
            the same class).
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.
        max_iter: Most iterations of the solver.
        temperature: Divides the logits before the softmax of the readout.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> baseline = SemanticMatching().fit(toy())
        >>> baseline.encode_text(["class2 thing1"]).argmax(axis=1).tolist()
        [2]

    Reference:
        N. Rasiwasia et al.: A new approach to cross-modal multimedia retrieval, ACM Multimedia,
        2010, section 4.2.
    """

    about = About(
        name="semantic_matching",
        title="a logistic regression for each medium",
        year=2010,
        reference="Rasiwasia et al.: ACM Multimedia 2010",
        kind="linear",
        learns_from=("labels",),
        media="any",
        returns="class posteriors",
    )
    defaults = Settings(arguments={"C": None, "readout": "agreement", "temperature": 0.5})
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "readout": Choice(("agreement", "centred_probabilities", "probabilities")),
        "temperature": Range(0.25, 2.0),
    }

    def __init__(
        self,
        C: float | Mapping[str, float] | None = 1.0,
        readout: str = "probabilities",
        preprocessor: Preprocessor | None = None,
        max_iter: int = 1000,
        temperature: float = 1.0,
    ) -> None:
        if readout not in READOUTS:
            raise ValueError(f"Readouts are {READOUTS}. Received: {readout=}.")
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive. Received: {temperature=}.")
        super().__init__(preprocessor)
        self.C = C
        self.readout = readout
        self.max_iter = max_iter
        self.temperature = temperature

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        return {
            name: self._classifier(
                own, hot(part.medium(name).labels, part.num_classes), self._of("C", name)
            )
            for name, own in rows.items()
        }

    def _classifier(
        self, rows: FloatArray, shares: FloatArray, penalty: float | None, tolerance: float = 1e-4
    ) -> tuple[FloatArray, FloatArray]:
        """Weights `(d, classes)` and biases `(classes,)` of a fitted classifier.

        Args:
            rows: Rows `(n, d)`.
            shares: Shares of the classes in each of them `(n, classes)`.
            penalty: `C`; `None` to choose it.
            tolerance: Of the solver.
        """
        from sklearn.linear_model import LogisticRegression

        if penalty is None:
            penalty = self._chosen(rows, shares)
        item, label = np.nonzero(shares)
        model = LogisticRegression(C=penalty, max_iter=self.max_iter, tol=tolerance)
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

    def _chosen(self, rows: FloatArray, shares: FloatArray) -> float:
        """The penalty under which held-out rows find those of their class.

        That they are likely is another question, which weaker penalties answer better: sharp
        posteriors rank worse than soft ones where they are wrong.
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
                kernel, bias = self._classifier(rows[~held], shares[~held], penalty, ROUGH)
                posteriors = _softmax(rows[held] @ kernel + bias) - 1.0 / shares.shape[1]
                labels = (shares[held] > 0).astype(int)
                maps.append(mean_average_precision(posteriors, posteriors, labels, labels))
            found.append(float(np.mean(maps)))
            # Beyond the best one it only gets slower and worse.
            if found[-1] < max(found):
                break
        return PENALTIES[int(np.argmax(found))]

    def _map(self, rows: FloatArray, medium: str) -> FloatArray:
        """Class posteriors `(n, classes)`, and what the readout makes of them."""
        logits = super()._map(rows, medium) / self.temperature
        posteriors = _softmax(logits)
        if self.readout == "centred_probabilities":
            posteriors = posteriors - 1.0 / posteriors.shape[1]
        elif self.readout == "agreement":
            rest = np.zeros((len(rows), len(self.media)), dtype=np.float32)
            # 1 - sum p^2, as products of different classes: it would lose digits.
            products = posteriors * (posteriors @ (1.0 - np.eye(posteriors.shape[1])))
            rest[:, self.media.index(medium)] = np.sqrt(products.sum(axis=1))
            posteriors = np.hstack([posteriors, rest])
        return posteriors


def _softmax(logits: FloatArray) -> FloatArray:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    posteriors: FloatArray = odds / odds.sum(axis=1, keepdims=True)
    return posteriors
