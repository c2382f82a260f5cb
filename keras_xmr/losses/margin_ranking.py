"""The margin loss of pairs: a match has to be nearer than any other item, by a margin."""

from keras import ops

from keras_xmr.types import Tensor


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """Squared Euclidean distance of every row of one to every row of the other.

    Args:
        first: `(n, d)`.
        second: `(m, d)`.

    Returns:
        `(n, m)`, float32, at least 0.

    Example:
        >>> found = squared_distances([[0.0, 0.0]], [[3.0, 4.0], [0.0, 0.0]])
        >>> ops.convert_to_numpy(found).tolist()
        [[25.0, 0.0]]
    """
    first, second = (ops.cast(rows, "float32") for rows in (first, second))
    lengths = ops.sum(ops.square(first), axis=1)[:, None] + ops.sum(ops.square(second), axis=1)
    # The difference of large numbers may be a little below zero.
    return ops.maximum(lengths - 2.0 * ops.matmul(first, ops.transpose(second)), 0.0)


def margin_ranking(query: Tensor, match: Tensor, others: Tensor, margin: float) -> Tensor:
    """`max(0, margin + |q - m|^2 - |q - o|^2)` of every query with every other item.

    It is large where an item is nearer to the query than the query's match, and zero where it is
    farther away by the margin.

    Args:
        query: Relaxed codes `(n, bits)` of queries.
        match: Those of the item that belongs to each query, `(n, bits)`.
        others: Those of `m` other items, `(m, bits)`.
        margin: The margin.

    Returns:
        `(n, m)`, float32.

    Example:
        >>> hinge = margin_ranking([[0.0]], [[1.0]], [[2.0], [0.5]], margin=2.0)
        >>> ops.convert_to_numpy(hinge).tolist()  # 2 + 1 - 4 is below 0; 2 + 1 - 0.25 is not.
        [[0.0, 2.75]]

    Reference:
        J. Zhang, Y. Peng, M. Yuan: Unsupervised generative adversarial cross-modal hashing, AAAI
        2018, the discriminative model.
    """
    query, match = (ops.cast(rows, "float32") for rows in (query, match))
    near = ops.sum(ops.square(query - match), axis=1)
    return ops.relu(margin + near[:, None] - squared_distances(query, others))
