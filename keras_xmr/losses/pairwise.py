"""Pairwise transfer: the distance between the activations of two media for the same instances."""

from keras import ops

from keras_xmr.losses.row_mean import row_mean
from keras_xmr.types import Tensor


def pairwise_transfer(first: Tensor, second: Tensor, present: Tensor | None = None) -> Tensor:
    """Half the mean squared Euclidean distance between rows that belong together.

    `1 / (2 n) * sum_i ||a_i - b_i||^2`. There are no negatives. The value grows with the width `d`
    of the rows, so a weight chosen at width 4096 is to be multiplied by `4096 / d`.

    Args:
        first: Activations `(n, d)` of one medium.
        second: Activations `(n, d)` of the other; row `i` belongs to row `i` of `first`.
        present: Weight of each pair, `(n,)`: 0 where a medium is missing. `None` is 1 for all.

    Returns:
        A scalar tensor, float32.

    Example:
        >>> float(pairwise_transfer([[0., 0.], [1., 1.]], [[3., 4.], [1., 1.]]))
        6.25

    Reference:
        X. Huang, Y. Peng, M. Yuan: Cross-modal common representation learning by hybrid transfer
        network, IJCAI 2017, equation (2). The paper writes a sum over pairs; its implementation
        (Caffe's contrastive layer) halves and averages it, and so does this one.
    """
    first, second = (ops.cast(rows, "float32") for rows in (first, second))
    return 0.5 * row_mean(ops.sum(ops.square(first - second), axis=-1), present)
