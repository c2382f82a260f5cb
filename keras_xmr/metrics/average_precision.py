"""Average precision (AP) of a ranking and its mean over queries (MAP).

Denominator: all relevant items of the gallery, over the whole ranking ("MAP@all"), as in the
CHTN and MHTN papers. Anything else carries its name: cut at rank k and divided by all relevant
items ("MAP@50/relevant"), by those found ("MAP@50/hits"), or by as many as could have been found
("MAP@50/min"). Ties: decided before, by gallery index (`ranking.py`). Empty lists: a query without
any relevant item has no AP (NaN) and is left out of the mean, with a warning; a query whose
relevant items all lie beyond rank k has AP 0. Direction: higher is better, from 0 to 1.

Reproducible: precisions are added in rank order, as a plain loop does, and the mean over queries
is the exact sum (`math.fsum`) divided by their number, whatever their order or the block size.
"""

import math
import warnings
from typing import Literal, TypeAlias, get_args

import numpy as np

from keras_xmr.metrics._checks import check_cut, check_ranked
from keras_xmr.metrics._hits import find_hits
from keras_xmr.metrics.ranking import ranked_relevance_blocks
from keras_xmr.types import Array, FloatArray

Denominator: TypeAlias = Literal["relevant", "hits", "min"]
"""What the sum of precisions is divided by when a ranking is cut at rank k."""


def average_precision(
    ranked: Array, k: int | None = None, denominator: Denominator = "relevant"
) -> FloatArray:
    """Average precision of each ranking: the mean precision at the ranks of relevant items.

    Args:
        ranked: Relevance flags in rank order, boolean `(q, g)`, the whole gallery even if cut.
        k: Only the first k ranks count; all of them by default.
        denominator: With `k`, divide by all "relevant" items of the gallery, by the "hits"
            within the first k ranks, or by the "min" of k and the relevant items. Without `k`
            the three are the same.

    Returns:
        float64 `(q,)`; NaN for a query without any relevant item in the gallery.

    Raises:
        ValueError: If `ranked` is not a boolean matrix, `k` is not a positive whole number, or
            the denominator is unknown.

    Example:
        >>> import numpy as np
        >>> ranked = np.array([[True, False, True, True, False]])
        >>> average_precision(ranked)  # (1/1 + 2/3 + 3/4) / 3
        array([0.80555556])
        >>> average_precision(ranked, k=2, denominator="hits")
        array([1.])

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, section
        8.4. X. Huang, Y. Peng and M. Yuan, "Cross-modal Common Representation Learning by
        Hybrid Transfer Network", IJCAI 2017 (over the whole gallery).
    """
    ranked = check_ranked(ranked)
    _check_denominator(denominator)
    cut = ranked.shape[1] if k is None else check_cut(k)
    relevant = np.count_nonzero(ranked, axis=1)
    hits = find_hits(ranked[:, :cut])
    # bincount adds one weight after the other; np.sum would add in pairs and round differently.
    totals = np.bincount(hits.query, weights=hits.precision, minlength=len(ranked))
    if denominator == "relevant":
        divisor = relevant
    elif denominator == "hits":
        divisor = np.bincount(hits.query, minlength=len(ranked))
    else:
        divisor = np.minimum(relevant, cut)
    return np.where(relevant > 0, totals / np.maximum(divisor, 1), np.nan)


def _check_denominator(denominator: str) -> None:
    if denominator not in get_args(Denominator):
        raise ValueError(
            f"Expected one of {get_args(Denominator)}. Received: denominator={denominator!r}. "
            "'relevant' is the usual one: all relevant items of the gallery."
        )


def metric_name(k: int | None = None, denominator: Denominator = "relevant") -> str:
    """Name a mean average precision so that it cannot be mistaken for another one.

    Args:
        k: The rank at which rankings are cut, None for the whole ranking.
        denominator: "relevant", "hits" or "min", see `average_precision`.

    Returns:
        "MAP@all" for whole rankings, else "MAP@k/denominator".

    Raises:
        ValueError: If `k` or the denominator is not valid.

    Example:
        >>> metric_name()
        'MAP@all'
        >>> metric_name(50, "hits")
        'MAP@50/hits'

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, section 8.4.
    """
    _check_denominator(denominator)
    return "MAP@all" if k is None else f"MAP@{check_cut(k)}/{denominator}"


def mean_average_precision(
    queries: Array,
    gallery: Array,
    query_labels: Array,
    gallery_labels: Array,
    k: int | None = None,
    denominator: Denominator = "relevant",
) -> float:
    """Mean average precision of retrieving by cosine similarity, in bounded memory.

    Args:
        queries: Embeddings `(q, d)`.
        gallery: Embeddings `(g, d)`.
        query_labels: Classes `(q,)` as integers, or multi-hot `(q, classes)`.
        gallery_labels: `(g,)` or `(g, classes)`, the same kind.
        k: Cut every ranking at this rank; whole rankings by default.
        denominator: "relevant", "hits" or "min", see `average_precision`.

    Returns:
        The unweighted mean over the queries that have a relevant item.

    Raises:
        ValueError: If an argument is not as described, or no query has a relevant item.

    Warns:
        UserWarning: If queries were left out because nothing is relevant to them.

    Example:
        >>> import numpy as np
        >>> images = np.array([[1.0, 0.1], [0.2, 1.0]])
        >>> texts = np.array([[0.9, 0.0], [0.7, 0.6], [0.0, 2.0]])
        >>> mean_average_precision(images, texts, np.array([0, 1]), np.array([0, 1, 1]))
        1.0

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, section 8.4.
    """
    blocks = ranked_relevance_blocks(queries, gallery, query_labels, gallery_labels)
    values = [value for _, ranked in blocks for value in average_precision(ranked, k, denominator)]
    kept = [value for value in values if not math.isnan(value)]
    if not kept:
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
    return math.fsum(kept) / len(kept)
