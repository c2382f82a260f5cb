"""The mean over those rows of a batch that are there."""

from keras import ops

from keras_xmr.types import Tensor


def row_mean(values: Tensor, present: Tensor | None = None) -> Tensor:
    """Mean of `values` `(n,)`, weighted by `present` `(n,)`; 0 where no row is present."""
    if present is None:
        return ops.mean(values)
    present = ops.cast(present, values.dtype)
    return ops.sum(present * values) / ops.maximum(ops.sum(present), 1.0)
