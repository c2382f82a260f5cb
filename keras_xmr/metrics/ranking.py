"""From scores and labels to relevance flags in rank order, which every metric here reads.

Direction: a higher score ranks earlier. Ties: equal scores rank by gallery index, lower first, as
MATLAB's stable descending sort did in the CHTN and MHTN evaluation scripts; -0.0 equals 0.0.
Relevant: the same class, or with multi-hot labels at least one class in common. Empty: no query
gives no rows, an empty gallery gives rows of length 0. Nothing is removed from the gallery, not
even the item that was paired with the query.

The flags are all that the metrics need: `_sort_keys.py` makes integers that carry them through the
sort, and `_cosine_order.py` finds the order of cosine scores with a third of the products.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_xmr.metrics._cosine_order import CosineOrder
from keras_xmr.metrics._sort_keys import by_rows, ranked_rows
from keras_xmr.metrics._threads import chunks
from keras_xmr.metrics.cosine import UnitRows, check_embeddings, cosine_scores
from keras_xmr.types import Array, FloatArray

__all__ = ["cosine_scores", "ranked_relevance", "ranked_relevance_blocks", "relevance"]

# Bytes of a block, at least. Per (query, gallery item): a score 8, two flags 2. Per query feature:
# the unit row, its fixed point and what is multiplied.
_BLOCK_BYTES = 128 * 2**20
_PAIR_BYTES = 10
_FEATURE_BYTES = 48


def relevance(query_labels: Array, gallery_labels: Array) -> Array:
    """Which gallery items are relevant to which queries.

    Args:
        query_labels: Classes `(q,)` as integers, or multi-hot `(q, classes)` of zeros and ones.
        gallery_labels: The same kind: `(g,)` or `(g, classes)`.

    Returns:
        Booleans `(q, g)`: same class, or at least one shared class. An item without any class
        is relevant to nothing.

    Raises:
        ValueError: If labels are neither kind, or the two are not of the same kind.

    Example:
        >>> import numpy as np
        >>> relevance(np.array([0, 1]), np.array([1, 1, 0]))
        array([[False, False,  True],
               [ True,  True, False]])
        >>> relevance(np.array([[1, 1, 0]]), np.array([[0, 1, 0], [0, 0, 1], [1, 1, 1]]))
        array([[ True, False,  True]])

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008,
        section 8.1 (relevance is binary).
    """
    return _share_class(*check_labels(query_labels, gallery_labels))


def check_labels(query_labels: Any, gallery_labels: Any) -> tuple[Array, Array]:
    queries = _as_labels(query_labels, "query_labels")
    gallery = _as_labels(gallery_labels, "gallery_labels")
    if queries.ndim != gallery.ndim or queries.shape[1:] != gallery.shape[1:]:
        raise ValueError(
            "Expected query and gallery labels of the same kind and the same classes. Received: "
            f"query_labels.shape={queries.shape}, gallery_labels.shape={gallery.shape}. "
            "Use class numbers `(n,)` for both, or multi-hot rows `(n, classes)` for both."
        )
    return queries, gallery


def _as_labels(given: Any, name: str) -> Array:
    labels = np.asarray(given)
    if labels.ndim == 1 and (labels.dtype.kind in "iu" or labels.size == 0):
        return labels
    if labels.ndim == 2 and labels.dtype.kind in "fiub" and np.isin(labels, (0, 1)).all():
        return labels.astype(np.float32)
    raise ValueError(
        "Expected integer classes `(n,)` or multi-hot rows `(n, classes)` of zeros and ones. "
        f"Received: {name}.shape={labels.shape}, {name}.dtype={labels.dtype}. "
        "Turn class names into numbers with `np.unique(names, return_inverse=True)`."
    )


def _share_class(queries: Array, gallery: Array) -> Array:
    if queries.ndim == 1:
        return np.asarray(queries[:, None] == gallery)
    # A sum of zeros and ones is above zero exactly when one of them is one, however it is rounded.
    return np.asarray(queries @ gallery.T > 0)


def ranked_relevance(scores: FloatArray, relevant: Array) -> Array:
    """Put the relevance flags of each query in rank order.

    Equal, bit for bit, to `np.take_along_axis(relevant, np.argsort(-scores, axis=1,
    kind="stable"), axis=1)`. Fast for float32 scores and for `cosine_scores`; any other float64
    scores take that very argsort.

    Args:
        scores: float32 or float64 `(q, g)`, higher is better; infinities are allowed.
        relevant: Booleans `(q, g)`.

    Returns:
        Booleans `(q, g)`: column r tells whether the item on rank r + 1 is relevant.

    Raises:
        ValueError: If a shape or dtype is wrong or a score is NaN.

    Example:
        >>> import numpy as np
        >>> scores = np.array([[0.1, 0.7, 0.7]])
        >>> ranked_relevance(scores, np.array([[True, False, True]]))
        array([[False,  True,  True]])

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008,
        section 8.4 (evaluation of ranked results).
    """
    scores, relevant = _check_scores(scores, relevant)
    return by_rows(scores.shape, lambda part: ranked_rows(scores[part], relevant[part]))


def _check_scores(scores: Any, relevant: Any) -> tuple[FloatArray, Array]:
    scores, relevant = np.asarray(scores), np.asarray(relevant)
    if scores.ndim != 2 or scores.dtype not in (np.float32, np.float64):
        raise ValueError(
            "Expected float32 or float64 scores, one row per query. "
            f"Received: scores.shape={scores.shape}, scores.dtype={scores.dtype}. "
            "Convert them, for example with `scores.astype('float64')`."
        )
    if relevant.shape != scores.shape or relevant.dtype != np.bool_:
        raise ValueError(
            f"Expected boolean relevance of the shape of the scores, {scores.shape}. "
            f"Received: relevant.shape={relevant.shape}, relevant.dtype={relevant.dtype}. "
            "Make it with `relevance(query_labels, gallery_labels)`."
        )
    # The minimum is NaN if any score is, and needs no array of flags.
    if scores.size and np.isnan(scores.min()):
        row, column = np.argwhere(np.isnan(scores))[0]
        raise ValueError(
            f"Expected scores that can be ordered. Received: scores[{row}, {column}]=nan. "
            "Look for an infinite or all-zero embedding that was divided by its length."
        )
    return scores, relevant


def ranked_relevance_blocks(
    queries: Array,
    gallery: Array,
    query_labels: Array,
    gallery_labels: Array,
    *,
    block_bytes: int | None = None,
) -> Iterator[tuple[slice, Array]]:
    """Rank the gallery by cosine similarity, a block of queries at a time.

    The flags do not depend on the size of the blocks, bit for bit.

    Args:
        queries: Embeddings `(q, d)`.
        gallery: Embeddings `(g, d)`.
        query_labels: `(q,)` or `(q, classes)`, see `relevance`.
        gallery_labels: `(g,)` or `(g, classes)`.
        block_bytes: Temporary memory of a block; at least one query is done at a time. `None` is
            128 MiB, or half of what the gallery itself takes if that is more. Besides, up to
            64 MiB of the gallery are looked at in float64.

    Returns:
        An iterator over `(part, ranked)`: `part` slices the queries in order, `ranked` holds
        their relevance flags in rank order, boolean `(len(part), g)`.

    Raises:
        ValueError: If embeddings or labels are not as described, do not match in length, or
            `block_bytes` is not positive. Raised by the call, not by the first block.

    Example:
        >>> import numpy as np
        >>> points = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> labels = np.array([0, 1])
        >>> for part, ranked in ranked_relevance_blocks(points, points, labels, labels):
        ...     print(part.start, part.stop, ranked.tolist())
        0 2 [[True, False], [True, False]]

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008,
        section 8.4 (evaluation of ranked results).
    """
    if block_bytes is not None and block_bytes < 1:
        raise ValueError(
            f"Expected a positive number of bytes. Received: block_bytes={block_bytes}. "
            "Leave it out for 128 MiB."
        )
    queries, gallery = check_embeddings(queries, gallery)
    query_labels, gallery_labels = check_labels(query_labels, gallery_labels)
    check_lengths(queries, query_labels, "queries", "query_labels")
    check_lengths(gallery, gallery_labels, "gallery", "gallery_labels")
    row_bytes = _PAIR_BYTES * len(gallery) + _FEATURE_BYTES * queries.shape[1]
    if block_bytes is None:
        # The gallery is looked at once for each block.
        block_bytes = max(_BLOCK_BYTES, gallery.nbytes // 2)
    parts = chunks(len(queries), row_bytes, block_bytes)
    return _blocks(parts, queries, CosineOrder(UnitRows(gallery)), query_labels, gallery_labels)


def check_lengths(items: Array, labels: Array, items_name: str, labels_name: str) -> None:
    if len(items) != len(labels):
        raise ValueError(
            f"Expected one label per row of {items_name}. "
            f"Received: len({items_name})={len(items)}, len({labels_name})={len(labels)}. "
            "Take both from the same split."
        )


def _blocks(
    parts: Iterator[slice],
    queries: Array,
    order: CosineOrder,
    query_labels: Array,
    gallery_labels: Array,
) -> Iterator[tuple[slice, Array]]:
    for part in parts:
        labels = query_labels[part]
        # Nothing but the flags gets a name, so the rest is free while the caller works on them.
        yield (
            part,
            order.ranked(UnitRows(queries[part])[:], _share_class(labels, gallery_labels)),
        )
