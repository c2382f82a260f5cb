"""The triplet loss that the public code of ACMR executes."""

from keras import ops

from keras_xmr.losses.invariance import pairwise_distances
from keras_xmr.types import Tensor

MARGIN = 0.1
POSITIVE_WEIGHT = 5.0


def released_triplet_loss(
    anchors: Tensor, others: Tensor, labels: Tensor, inputs: Tensor
) -> Tensor:
    """One hinge for a whole batch: `max(0, 0.1 + 5 * sum_i d(i, i) - sum_i d(i, n_i))`.

    `d` is half the squared Euclidean distance; the positive of an anchor is its own pair. Its
    negative `n_i` is the item whose partner in the anchors' medium is most similar to the anchor,
    by the cosine of the inputs, among those of other labels. As in that code the cosines of the
    same labels are set to zero rather than left out: where no other label has a positive cosine, a
    positive is taken for a negative.

    Args:
        anchors: Embeddings `(n, d)` of one medium.
        others: Embeddings `(n, d)` of the other; row `i` belongs to row `i` of `anchors`.
        labels: 0/1 labels or label distributions `(n, classes)`.
        inputs: Feature rows `(n, width)` of the anchors.

    Returns:
        A scalar tensor, float32.

    Example:
        >>> import numpy as np
        >>> rows, labels = np.array([[0.0], [0.2]], "float32"), np.eye(2, dtype="float32")
        >>> round(float(released_triplet_loss(rows, rows, labels, 1 + rows)), 2)
        0.06

    Reference:
        Public code of B. Wang et al., ACM Multimedia 2017, its triplet script.
    """
    labels = ops.cast(labels, "float32")
    different = ops.cast(ops.matmul(labels, ops.transpose(labels)) <= 0, "float32")
    cosines = 1.0 - pairwise_distances(inputs, inputs, "cosine")
    negatives = ops.take(others, ops.argmax(cosines * different, axis=1), axis=0)
    pull, push = (_half_squares(anchors, rows) for rows in (others, negatives))
    return ops.relu(MARGIN + POSITIVE_WEIGHT * pull - push)


def _half_squares(first: Tensor, second: Tensor) -> Tensor:
    first, second = ops.cast(first, "float32"), ops.cast(second, "float32")
    return 0.5 * ops.sum(ops.square(first - second))
