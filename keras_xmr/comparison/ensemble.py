"""Ensembles: the mean similarity of several models of one method."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from keras_xmr.comparison.record import Record
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.evaluation import evaluate
from keras_xmr.report import Report
from keras_xmr.types import Array, FloatArray


class Encoded:
    """Representations that were computed before, in place of the model that made them.

    Args:
        encoded: Medium to representations `(n, d)` of the part that is evaluated.
        metric: What they are ranked by.

    Example:
        >>> Encoded({"text": np.eye(2)}, "cosine").encode(None, "text").tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, encoded: Mapping[str, Array], metric: str) -> None:
        self.media = encoded
        self.metric = metric

    def encode(self, x: Any, media: str) -> Array:
        """The representations of a medium, whatever `x` is."""
        return self.media[media]


def members(records: Sequence[Record], *, bagged: bool) -> Iterator[list[Record]]:
    """The models of each ensemble that a method's models allow, split by split.

    They are bagged, or those of all seeds. Codes are left out: those of several models are a longer
    code.
    """
    for split in sorted({r.split for r in records}):
        found = [r for r in records if r.split == split and r.bagged == bagged]
        if len(found) > 1 and found[0].metric != "hamming":
            yield found


def together(records: Sequence[Record]) -> dict[str, FloatArray]:
    """`"test/image"` and the like to representations whose similarity is the members' mean.

    Rows stand side by side, for cosines with the same length: a sum of products is the product of
    what stands side by side, and likewise with squared distances.
    """
    of_test = [name for name in records[0].encoded if name.startswith("test/")]
    unit = records[0].metric == "cosine"
    return {
        name: np.concatenate([_scaled(r.encoded[name], unit) for r in records], axis=1)
        for name in of_test
    }


def report_of(records: Sequence[Record], data: CrossModalData) -> Report:
    """How good the ensemble of the models is on the test part."""
    encoded = {name.removeprefix("test/"): rows for name, rows in together(records).items()}
    return evaluate(Encoded(encoded, records[0].metric), data)


def _scaled(rows: Array, unit: bool) -> FloatArray:
    rows = rows.astype(np.float32)
    if not unit:
        return rows
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    # Rows of zeros are items that say nothing; they stay so.
    scaled: FloatArray = rows / np.where(length > 0, length, 1)
    return scaled
