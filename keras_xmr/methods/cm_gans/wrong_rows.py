"""Batches that name, for each instance, another one of a different class."""

import numpy as np

from keras_xmr.training.batches import PairedBatches
from keras_xmr.training.pairing import MISSING
from keras_xmr.types import Array, FloatArray

WRONG = "wrong"
"""Name of the input `(n,)` with the number of the instance of a different class in the batch."""


def draw_wrong(labels: FloatArray, rng: np.random.Generator) -> Array:
    """For each row another one that has none of its labels, each of them as likely.

    Args:
        labels: Label distributions `(n, classes)`.
        rng: Where it is drawn.

    Returns:
        Row numbers `(n,)`, int32; `MISSING` for a row that has labels in common with all others.

    Example:
        >>> draw_wrong(np.eye(2)[[0, 0, 1]], np.random.default_rng(0))[:2].tolist()
        [2, 2]
    """
    same = labels @ labels.T > 0
    chances = np.where(same, -1.0, rng.random(same.shape))
    return np.where(same.all(axis=1), MISSING, chances.argmax(axis=1)).astype(np.int32)


class WrongBatches(PairedBatches):
    """`PairedBatches` with a further input, `"wrong"`: see `draw_wrong`.

    It is drawn here, and not by the model, so that it is the same on every backend.
    """

    def batch(self, number: int) -> tuple[dict[str, Array], dict[str, FloatArray]]:
        """See `PairedBatches`."""
        x, y = super().batch(number)
        # Where media are paired by row, an instance may have several classes.
        labels = np.maximum.reduce([y[name] for name in self.streams[0].rows])
        # Streams are numbered from zero.
        rng = np.random.default_rng([self.seed, len(self.streams), number])
        return x | {WRONG: draw_wrong(labels, rng)}, y
