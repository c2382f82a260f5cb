"""Inter-modal invariance: items of one class near, items of other classes far, across media."""

from keras import ops

from keras_xmr.losses.row_mean import row_mean
from keras_xmr.types import Tensor

METRICS = ("euclidean", "cosine")
MININGS = ("input", "embedding")
# Keeps the gradient of a distance of zero finite.
SMALLEST_SQUARE = 1e-12
# In the place of minus infinity, which a row without a candidate would turn into NaN.
NEVER = -1e9


def invariance_loss(
    anchors: Tensor,
    others: Tensor,
    labels: Tensor,
    *,
    inputs: Tensor | None = None,
    push_weight: float = 1.0,
    margin: float = 1.0,
    metric: str = "euclidean",
    mining: str = "input",
) -> Tensor:
    """Pull the same labels together and push others apart, from one medium to another.

    `mean over anchors of l(a, p) + push_weight * max(0, margin - l(a, n))`. It is no triplet loss:
    pull and push are independent of each other.

    - `p`: every item of the batch with a label in common; `l(a, p)` is their mean, which is what
      drawing one at random has in expectation.
    - `n`: the one hardest item of the batch without a label in common. Anchors without any are not
      pushed.

    Args:
        anchors: Embeddings `(n, d)` of one medium.
        others: Embeddings `(n, d)` of the other; row `i` has the labels of row `i` of `anchors`.
        labels: 0/1 labels or label distributions `(n, classes)`.
        inputs: Feature rows `(n, width)` of the anchors, for `mining="input"`.
        push_weight: Weight of the push.
        margin: Distance from which on an item is not pushed away any more.
        metric: `l`: `"euclidean"`, not squared, or `"cosine"`, which is 1 - cosine.
        mining: What hardest means: `"input"`, whose partner in the anchors' medium is most similar
            to the anchor, by the cosine of their `inputs`; `"embedding"`, nearest to the anchor.

    Returns:
        A scalar tensor, float32.

    Raises:
        ValueError: If `metric` or `mining` is unknown, or `inputs` are missing.

    Example:
        >>> import numpy as np
        >>> rows, labels = np.array([[0.0], [3.0]], "float32"), np.eye(2, dtype="float32")
        >>> round(float(invariance_loss(rows, rows, labels, margin=5.0, mining="embedding")), 4)
        2.0

    Reference:
        B. Wang, Y. Yang, X. Xu, A. Hanjalic, H. Shen: Adversarial cross-modal retrieval, ACM
        Multimedia 2017, section 3.3. The paper sums over triplets.
    """
    if metric not in METRICS or mining not in MININGS:
        raise ValueError(
            f"Metrics are {METRICS}, minings {MININGS}. Received: {metric=}, {mining=}."
        )
    labels = ops.cast(labels, "float32")
    same = ops.matmul(labels, ops.transpose(labels)) > 0
    distances = pairwise_distances(anchors, others, metric)
    if mining == "embedding":
        hardness = -ops.stop_gradient(distances)
    elif inputs is None:
        raise ValueError("Mining by inputs needs them. Received: inputs=None.")
    else:
        hardness = 1.0 - pairwise_distances(inputs, inputs, "cosine")
    pull = _mean_where(distances, same)
    hardest = ops.argmax(ops.where(same, NEVER, hardness), axis=1)
    negative = ops.take_along_axis(distances, hardest[:, None], axis=1)[:, 0]
    push = ops.relu(margin - negative)
    has_negative = ops.cast(ops.logical_not(ops.all(same, axis=1)), "float32")
    return ops.mean(pull) + push_weight * row_mean(push, has_negative)


def pairwise_distances(first: Tensor, second: Tensor, metric: str) -> Tensor:
    """Distances `(n, m)` of all rows of two matrices, float32."""
    first, second = ops.cast(first, "float32"), ops.cast(second, "float32")
    if metric == "euclidean":
        # Distances do not feel a common offset, but the Gram form loses digits to it.
        offset = ops.stop_gradient(ops.mean(first, axis=0))
        first, second = first - offset, second - offset
    squares = [ops.sum(ops.square(rows), axis=1) for rows in (first, second)]
    gram = ops.matmul(first, ops.transpose(second))
    if metric == "cosine":
        lengths = [ops.sqrt(ops.maximum(square, SMALLEST_SQUARE)) for square in squares]
        return 1.0 - gram / (lengths[0][:, None] * lengths[1][None, :])
    square = squares[0][:, None] + squares[1][None, :] - 2.0 * gram
    return ops.sqrt(ops.maximum(square, SMALLEST_SQUARE))


def _mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen values of each row; 0 where there are none."""
    weights = ops.cast(chosen, values.dtype)
    return ops.sum(weights * values, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)
