"""MATLAB's sparse arrays, of either format of its files -> full arrays."""

import numpy as np

from keras_xmr.types import Array

# As MATLAB's own limit for full arrays of older files: a few bytes can claim any shape.
MAX_BYTES = 2**31


def full_array(shape: tuple[int, ...], rows: Array, starts: Array, values: Array) -> Array:
    """The full array of values that are stored column by column.

    Args:
        shape: Its rows and columns.
        rows: The row of each value.
        starts: Where the values of each column start, and where those of the last one end.
        values: The values other than 0.

    Raises:
        ValueError: If the parts do not fit each other, or the array is larger than `MAX_BYTES`.

    Example:
        >>> full_array((2, 3), np.array([1, 0]), np.array([0, 1, 1, 2]), np.array([5, 7])).tolist()
        [[0, 0, 7], [5, 0, 0]]
    """
    if len(shape) != 2 or shape[0] * shape[1] * values.itemsize > MAX_BYTES:
        raise ValueError(f"a sparse array of shape {shape}, over {MAX_BYTES} bytes when full")
    rows, starts = rows.astype(np.int64), starts.astype(np.int64)
    whole = len(starts) == shape[1] + 1 and not starts[0] and (np.diff(starts) >= 0).all()
    stored = int(starts[-1]) if whole else 0
    # There may be room for more values than there are.
    rows = rows[:stored]
    if not whole or stored > min(len(rows), len(values)) or not _below(rows, shape[0]):
        raise ValueError(f"a sparse array of shape {shape} whose values have no places in it")
    full = np.zeros(shape, dtype=values.dtype)
    full[rows, np.repeat(np.arange(shape[1]), np.diff(starts))] = values[:stored]
    return full


def _below(rows: Array, limit: int) -> bool:
    return bool(((rows >= 0) & (rows < limit)).all())
