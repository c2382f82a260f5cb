"""Mean average precision of a ranking by Hamming distance, with a rule for ties that is stated."""

import math
import warnings
from typing import Literal, TypeAlias, get_args

import numpy as np

from keras_xmr.metrics._bit_words import check_both
from keras_xmr.metrics._threads import chunks
from keras_xmr.metrics.average_precision import average_precision
from keras_xmr.metrics.distance_counts import distance_counts
from keras_xmr.metrics.hamming import hamming_distances
from keras_xmr.metrics.ranking import check_labels, check_lengths, ranked_relevance, relevance
from keras_xmr.metrics.tied_ranking import expected_average_precision
from keras_xmr.progress import Progress
from keras_xmr.types import Array, FloatArray

Ties: TypeAlias = Literal["expected", "order"]
"""What becomes of items at the same distance from a query."""

_BLOCK_PAIRS = 2**22


def hamming_mean_average_precision(
    queries: Array,
    gallery: Array,
    query_labels: Array,
    gallery_labels: Array,
    *,
    ties: Ties = "expected",
    progress: bool = False,
) -> float:
    """Mean average precision of retrieving by Hamming distance, in bounded memory.

    Args:
        queries: Packed codes `(q, bits / 8)`, uint8.
        gallery: Packed codes `(g, bits / 8)`.
        query_labels: Classes `(q,)` as integers, or multi-hot `(q, classes)`.
        gallery_labels: `(g,)` or `(g, classes)`, the same kind.
        ties: `"expected"`: the mean over all orders of equally distant items, whatever the order
            of the gallery. `"order"`: they rank in the order of the gallery, as by the stable sort
            of many released programs, whose figures depend on that order.
        progress: Whether to show on standard error how many queries are done, and the time left.

    Returns:
        The unweighted mean over the queries that have a relevant item.

    Raises:
        ValueError: If an argument is not as described, or no query has a relevant item.

    Warns:
        UserWarning: If queries were left out because nothing is relevant to them.

    Example:
        >>> import numpy as np
        >>> query, gallery = np.array([[0]], np.uint8), np.array([[1], [2]], np.uint8)
        >>> labels = np.array([7]), np.array([7, 0])
        >>> hamming_mean_average_precision(query, gallery, *labels)
        0.75
        >>> hamming_mean_average_precision(query, gallery, *labels, ties="order")
        1.0

    Reference:
        F. McSherry, M. Najork: Computing information retrieval performance measures efficiently in
        the presence of tied scores, ECIR 2008.
    """
    if ties not in get_args(Ties):
        raise ValueError(f"Expected one of {get_args(Ties)}. Received: ties={ties!r}.")
    if ties == "expected":
        counts = distance_counts(queries, gallery, query_labels, gallery_labels, progress=progress)
        values = expected_average_precision(counts)
    else:
        values = _in_order(queries, gallery, query_labels, gallery_labels, progress)
    kept = values[~np.isnan(values)]
    if not len(kept):
        raise ValueError(
            "Expected at least one query with a relevant item in the gallery. "
            f"Received: {len(values)} queries, none with one. "
            "Check that query and gallery labels number the classes in the same way."
        )
    if len(kept) < len(values):
        warnings.warn(
            f"{len(values) - len(kept)} of {len(values)} queries have no relevant item in the "
            "gallery and are left out of the mean.",
            stacklevel=2,
        )
    return math.fsum(kept.tolist()) / len(kept)


def _in_order(
    queries: Array, gallery: Array, query_labels: Array, gallery_labels: Array, progress: bool
) -> FloatArray:
    """Average precision of each query, with ties in the order of the gallery."""
    queries, gallery = check_both(queries, gallery)
    query_labels, gallery_labels = check_labels(query_labels, gallery_labels)
    check_lengths(queries, query_labels, "queries", "query_labels")
    check_lengths(gallery, gallery_labels, "gallery", "gallery_labels")
    values = np.empty(len(queries))
    shown = Progress("ranking by distance", shown=progress)
    with shown.over(len(queries)):
        for part in chunks(len(queries), len(gallery), _BLOCK_PAIRS):
            scores = -hamming_distances(queries[part], gallery).astype(np.float32)
            flags = ranked_relevance(scores, relevance(query_labels[part], gallery_labels))
            values[part] = average_precision(flags)
            shown.move_to(part.stop)
    return values
