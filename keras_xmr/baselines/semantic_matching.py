"""Semantic matching: independent classifiers whose posteriors are the common representation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_xmr import presets
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.preprocessing.preprocessor import Preprocessor
from keras_xmr.types import Array, Config, FloatArray, Items

READOUTS = ("probabilities", "centred_probabilities")


class SemanticMatching:
    """One logistic regression for each medium; items meet in the space of class posteriors.

    No term ties the media to each other, so data need not be paired. It is the baseline that every
    supervised method has to beat.

    Args:
        C: Inverse strength of the L2 penalty: one number, or medium to number.
        readout: `"probabilities"`, or `"centred_probabilities"` (less 1 / classes).
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.
        max_iter: Most iterations of the solver.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> baseline = SemanticMatching().fit(toy())
        >>> baseline.encode_text(["class2 thing1"]).argmax(axis=1).tolist()
        [2]

    Reference:
        N. Rasiwasia et al.: A new approach to cross-modal multimedia retrieval, ACM Multimedia,
        2010, section 4.2.
    """

    def __init__(
        self,
        C: float | Mapping[str, float] = 1.0,
        readout: str = "probabilities",
        preprocessor: Preprocessor | None = None,
        max_iter: int = 1000,
    ) -> None:
        if readout not in READOUTS:
            raise ValueError(f"Readouts are {READOUTS}. Received: {readout=}.")
        self.C = C
        self.readout = readout
        self.preprocessor = preprocessor
        self.max_iter = max_iter
        self.weights: dict[str, tuple[FloatArray, FloatArray]] = {}

    @property
    def media(self) -> list[str]:
        """The media it was fitted on."""
        return list(self.weights)

    @property
    def metric(self) -> str:
        """What rankings of its representations are by."""
        return "cosine"

    def fit(self, data: CrossModalData, *, split: str = "train") -> Self:
        """Fit the preprocessor and a classifier for each medium on one part; returns `self`.

        Items with several classes count as one item of each class, in equal shares.
        """
        part = data.part(split)
        self.preprocessor = (self.preprocessor or Preprocessor.for_data(data)).fit(part)
        for name in self.preprocessor.transforms:
            items = part.medium(name)
            penalty = self._penalty(name)
            rows = self.preprocessor(items.items, name)
            self.weights[name] = self._classifier(rows, items.labels, data.num_classes, penalty)
        return self

    def _penalty(self, medium: str) -> float:
        if not isinstance(self.C, Mapping):
            return self.C
        if medium not in self.C:
            raise ValueError(
                f"C must be one number or have one for each medium. Received: C={dict(self.C)}, "
                f"without {medium!r}."
            )
        return self.C[medium]

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

    def preprocess(self, data: CrossModalData) -> dict[str, FloatArray]:
        """Arrays `(n, d)` of every medium of `data` that the baseline knows."""
        preprocessor = self._fitted()
        return {name: preprocessor(data.medium(name).items, name) for name in self.weights}

    def encode(self, x: CrossModalData | dict[str, Array] | Items, media: str) -> FloatArray:
        """Class posteriors `(n, classes)`, float32, of the items of one medium.

        Args:
            x: A data set or raw items; a dict, such as `preprocess` returns, is taken as it is.
            media: Name of the medium.

        Raises:
            RuntimeError: Before `fit`.
            KeyError: If it was not fitted on that medium.
        """
        preprocessor = self._fitted()
        if media not in self.weights:
            raise KeyError(f"Fitted media are {self.media}. Received: {media=}.")
        if isinstance(x, dict):
            rows = x[media]
        else:
            items = x.medium(media).items if isinstance(x, CrossModalData) else x
            rows = preprocessor(items, media)
        kernel, bias = self.weights[media]
        logits = rows @ kernel + bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        posteriors: FloatArray = odds / odds.sum(axis=1, keepdims=True)
        if self.readout == "centred_probabilities":
            posteriors = posteriors - 1.0 / posteriors.shape[1]
        return posteriors.astype(np.float32)

    def encode_image(self, x: Any) -> FloatArray:
        """`encode(x, media="image")`."""
        return self.encode(x, "image")

    def encode_text(self, x: Any) -> FloatArray:
        """`encode(x, media="text")`."""
        return self.encode(x, "text")

    def get_config(self) -> Config:
        """The constructor's arguments, JSON-serialisable."""
        return {
            "C": dict(self.C) if isinstance(self.C, Mapping) else self.C,
            "readout": self.readout,
            "preprocessor": self.preprocessor and self.preprocessor.get_config(),
            "max_iter": self.max_iter,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`."""
        config = dict(config)
        if config.get("preprocessor") is not None:
            config["preprocessor"] = Preprocessor.from_config(config["preprocessor"])
        return cls(**config)

    def save_weights(self, path: str | Path) -> None:
        """Write the classifiers into an HDF5 file."""
        import h5py

        with h5py.File(path, "w") as file:
            for name, (kernel, bias) in self.weights.items():
                file[f"{name}/kernel"] = kernel
                file[f"{name}/bias"] = bias

    def load_weights(self, path: str | Path) -> None:
        """Read what `save_weights` wrote."""
        import h5py

        with h5py.File(path, "r") as file:
            # A file gives its groups in alphabetical order; the preprocessor has that of the data.
            names = list(file) if self.preprocessor is None else self.preprocessor.transforms
            self.weights = {
                name: tuple(file[name][key][()].astype(np.float32) for key in ("kernel", "bias"))
                for name in names
            }

    def save_to_preset(
        self, path: str | Path, *, metadata: Config | None = None, card: str = ""
    ) -> Path:
        """Write a preset directory; see `keras_xmr.presets`."""
        self._fitted()
        return presets.save(self, Path(path), metadata=metadata or {}, card=card)

    @classmethod
    def from_preset(cls, name: str | Path) -> Self:
        """Load a preset by name or path.

        Raises:
            ValueError: If there is no such preset, it is of another class, or it is damaged.
        """
        model = presets.load(name, expected=cls)
        assert isinstance(model, cls)
        return model

    def _fitted(self) -> Preprocessor:
        if self.preprocessor is None or not self.weights:
            raise RuntimeError("SemanticMatching must be fitted before it is used. Call fit().")
        return self.preprocessor
