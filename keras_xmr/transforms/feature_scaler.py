"""Feature rows -> scaled feature rows; the scaling is fitted on training rows."""

from typing import Any

import numpy as np

from keras_xmr.transforms.given import as_rows
from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Array, Config, FloatArray, Items

NORMS = ("none", "l2")


class FeatureScaler(Transform):
    """Scale feature rows, in this order: signed square root, unit length, unit variance.

    Args:
        square_root: Whether to replace `x` by `sign(x) sqrt(|x|)`, which tempers the few large
            activations of a network's features ("power normalisation").
        norm: `"l2"` scales each row to unit Euclidean length, `"none"` does not.
        standardize: Whether to subtract the training mean of each column and divide by the
            training standard deviation. Constant columns are only centred.

    Example:
        >>> scaler = FeatureScaler(norm="none", standardize=False).fit(np.ones((2, 3)))
        >>> scaler(np.array([[4.0, -9.0, 0.0]])).tolist()
        [[2.0, -3.0, 0.0]]

    Reference:
        F. Perronnin, J. Sánchez, T. Mensink: Improving the Fisher kernel for large-scale image
        classification, ECCV 2010, sections 3.1 and 3.2.
    """

    def __init__(
        self, *, square_root: bool = True, norm: str = "l2", standardize: bool = True
    ) -> None:
        if norm not in NORMS:
            raise ValueError(f"Norms are {NORMS}. Received: {norm=}.")
        self.square_root = square_root
        self.norm = norm
        self.standardize = standardize
        self.mean: FloatArray = np.zeros(0, dtype=np.float32)
        self.scale: FloatArray = np.zeros(0, dtype=np.float32)

    @classmethod
    def usual(cls) -> "FeatureScaler":
        """Without unit variance, which makes columns of noise as large as the others."""
        return cls(standardize=False)

    @classmethod
    def takes(cls, items: Items, medium: str) -> bool:
        """Feature rows `(n, d)`."""
        return isinstance(items, np.ndarray) and items.ndim == 2

    def fit(self, rows: Array) -> "FeatureScaler":
        """Measure the training rows `(n, d)`; returns `self`.

        Raises:
            ValueError: If there are no rows, or a value is not finite.
        """
        rows = _as_rows(rows)
        if not rows.size:
            raise ValueError(f"Fitting needs feature rows. Received: shape={rows.shape}.")
        rows = self._row_wise(rows).astype(np.float64)
        deviation = rows.std(axis=0)
        self.mean = rows.mean(axis=0).astype(np.float32)
        self.scale = np.where(deviation > 0, deviation, 1.0).astype(np.float32)
        return self

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return len(self.mean)

    def __call__(self, rows: Array) -> FloatArray:
        """Scaled rows `(n, d)`, float32.

        Raises:
            RuntimeError: Before `fit`.
            ValueError: If the width differs from the fitted one, or a value is not finite.
        """
        if not self.dim:
            raise RuntimeError("A FeatureScaler must be fitted before it is used. Call fit().")
        rows = _as_rows(rows)
        if rows.shape[1] != self.dim:
            raise ValueError(
                f"Expected feature rows (n, {self.dim}), as in training. "
                f"Received: shape={rows.shape}. Use the extractor the model was trained with."
            )
        rows = self._row_wise(rows)
        return (rows - self.mean) / self.scale if self.standardize else rows

    def listed(self, given: Any) -> Items:
        """Rows `(n, d)`, of one row too."""
        return as_rows(given)

    def blank(self, items: Items, rows: Any) -> Array:
        """Rows of nothing but zeros."""
        blank: Array = np.asarray(np.count_nonzero(items, axis=1) == 0)
        return blank

    def _row_wise(self, rows: FloatArray) -> FloatArray:
        if self.square_root:
            rows = np.sign(rows) * np.sqrt(np.abs(rows))
        if self.norm == "l2":
            length = np.linalg.norm(rows, axis=1, keepdims=True)
            rows = rows / np.where(length > 0, length, 1.0)
        return rows

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            "square_root": self.square_root,
            "norm": self.norm,
            "standardize": self.standardize,
        }

    def get_state(self) -> dict[str, list[Any]]:
        """What `fit` measured, JSON-serialisable."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist()}

    def set_state(self, state: dict[str, list[Any]]) -> None:
        """Take over what `get_state` gave."""
        self.mean = np.array(state["mean"], dtype=np.float32)
        self.scale = np.array(state["scale"], dtype=np.float32)


def _as_rows(array: Array) -> FloatArray:
    rows = np.asarray(array, dtype=np.float32)
    if rows.ndim != 2:
        raise ValueError(f"Features must be rows (n, d). Received: shape={rows.shape}.")
    if not np.isfinite(rows).all():
        bad = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise ValueError(f"Features must be finite. Received: nan or inf, first in row {bad}.")
    return rows
