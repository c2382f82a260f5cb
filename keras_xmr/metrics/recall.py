"""Recall and success at rank k: how much of what is relevant, or whether any, is among the first k.

Denominator of recall: all relevant items of the gallery. Success is 0 or 1. Where the item that is
paired with the query is the relevant one, the two are the same, and the mean is the R@K of
image-text retrieval; there, with several texts for a picture, it is that of success. Ties: decided
before, by gallery index (`ranking.py`). Empty lists: NaN for a query without any relevant item.
Direction: higher is better, from 0 to 1.
"""

import numpy as np

from keras_xmr.metrics._checks import check_cut, check_ranked
from keras_xmr.types import Array, FloatArray


def recall_at_k(ranked: Array, k: int) -> FloatArray:
    """Share of each query's relevant items that stand on the first k ranks.

    Args:
        ranked: Relevance flags in rank order, boolean `(q, g)`, the whole gallery.
        k: The number of leading ranks; beyond the gallery's size all of them.

    Returns:
        float64 `(q,)`; NaN for a query without any relevant item.

    Raises:
        ValueError: If `ranked` is not a boolean matrix or `k` is not a positive whole number.

    Example:
        >>> import numpy as np
        >>> recall_at_k(np.array([[True, False, True, True], [False, True, False, False]]), k=2)
        array([0.33333333, 1.        ])

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, sections
        8.3 and 8.4.
    """
    ranked = check_ranked(ranked)
    found = np.count_nonzero(ranked[:, : check_cut(k)], axis=1)
    relevant = np.count_nonzero(ranked, axis=1)
    return np.where(relevant > 0, found / np.maximum(relevant, 1), np.nan)


def success_at_k(ranked: Array, k: int) -> FloatArray:
    """Whether at least one of a query's relevant items stands on the first k ranks.

    Args:
        ranked: Relevance flags in rank order, boolean `(q, g)`, the whole gallery.
        k: The number of leading ranks; beyond the gallery's size all of them.

    Returns:
        float64 `(q,)`, 0 or 1; NaN for a query without any relevant item.

    Raises:
        ValueError: If `ranked` is not a boolean matrix or `k` is not a positive whole number.

    Example:
        >>> import numpy as np
        >>> success_at_k(np.array([[True, False, True, True], [False, False, True, False]]), k=2)
        array([1., 0.])

    Reference:
        F. Faghri, D. Fleet, J. Kiros, S. Fidler: VSE++: Improving visual-semantic embeddings with
        hard negatives, BMVC 2018 (R@K).
    """
    ranked = check_ranked(ranked)
    found = ranked[:, : check_cut(k)].any(axis=1)
    return np.where(ranked.any(axis=1), found, np.nan)
