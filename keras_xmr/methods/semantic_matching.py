"""Semantic matching: independent classifiers whose posteriors are the common representation."""

from collections.abc import Mapping

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights
from keras_xmr.methods.settings import Settings
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Array, FloatArray

READOUTS = ("probabilities", "centred_probabilities", "agreement")


class SemanticMatching(LinearMethod):
    """One logistic regression for each medium; items meet in the space of class posteriors.

    No term ties the media to each other, so data need not be paired. It is the baseline that every
    supervised method has to beat. Items with several classes count as one item of each class, in
    equal shares.

    Args:
        C: Inverse strength of the L2 penalty: one number, or medium to number.
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
    defaults = Settings(
        transforms={"image": {"transform": "FeatureScaler", "config": {"standardize": False}}},
    )

    def __init__(
        self,
        C: float | Mapping[str, float] = 1.0,
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
                own, part.medium(name).labels, part.num_classes, self._of("C", name)
            )
            for name, own in rows.items()
        }

    def _classifier(
        self, rows: FloatArray, labels: Array, num_classes: int, penalty: float
    ) -> tuple[FloatArray, FloatArray]:
        """Weights `(d, classes)` and biases `(classes,)` of a fitted classifier."""
        from sklearn.linear_model import LogisticRegression

        hot = np.eye(num_classes)[labels] if labels.ndim == 1 else labels
        item, label = np.nonzero(hot)
        share = 1.0 / hot.sum(axis=1)[item]
        model = LogisticRegression(C=penalty, max_iter=self.max_iter)
        model.fit(rows[item], label, sample_weight=share)
        kernel = np.zeros((rows.shape[1], num_classes), dtype=np.float32)
        bias = np.full(num_classes, -np.inf, dtype=np.float32)
        # Two classes share one row of coefficients in scikit-learn.
        binary = len(model.classes_) == 2
        coefficients = np.vstack([-model.coef_, model.coef_]) / 2 if binary else model.coef_
        intercepts = (
            np.hstack([-model.intercept_, model.intercept_]) / 2 if binary else model.intercept_
        )
        kernel[:, model.classes_] = coefficients.T
        bias[model.classes_] = intercepts
        return kernel, bias

    def _map(self, rows: FloatArray, medium: str) -> FloatArray:
        """Class posteriors `(n, classes)`, and what the readout makes of them."""
        logits = super()._map(rows, medium) / self.temperature
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        posteriors: FloatArray = odds / odds.sum(axis=1, keepdims=True)
        if self.readout == "centred_probabilities":
            posteriors = posteriors - 1.0 / posteriors.shape[1]
        elif self.readout == "agreement":
            rest = np.zeros((len(rows), len(self.media)), dtype=np.float32)
            # 1 - sum p^2, as products of different classes: it would lose digits.
            products = posteriors * (posteriors @ (1.0 - np.eye(posteriors.shape[1])))
            rest[:, self.media.index(medium)] = np.sqrt(products.sum(axis=1))
            posteriors = np.hstack([posteriors, rest])
        return posteriors
