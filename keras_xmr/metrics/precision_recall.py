"""Interpolated precision at given levels of recall: the precision-recall curve of a ranking.

Denominator: recall is counted against all relevant items of the gallery. Ties: decided before, by
gallery index (`ranking.py`). Empty lists: a row of NaN for a query without any relevant item.
Direction: higher is better, from 0 to 1; a curve never rises with recall.
"""

from collections.abc import Sequence

import numpy as np

from keras_xmr.metrics._checks import check_ranked
from keras_xmr.metrics._hits import find_hits
from keras_xmr.types import Array, FloatArray

ELEVEN_LEVELS = tuple(level / 10 for level in range(11))
"""The traditional recall levels 0.0, 0.1, ..., 1.0."""


def precision_recall_curve(
    ranked: Array, recall_levels: Sequence[float] | FloatArray = ELEVEN_LEVELS
) -> FloatArray:
    """Highest precision each ranking reaches at any recall of at least the level.

    Args:
        ranked: Relevance flags in rank order, boolean `(q, g)`, the whole gallery.
        recall_levels: Numbers from 0 to 1 in any order; the eleven levels by default.

    Returns:
        float64 `(q, levels)`; NaN in the row of a query without any relevant item. The curve
        of a system is `np.nanmean(..., axis=0)`.

    Raises:
        ValueError: If `ranked` is not a boolean matrix or a level lies outside 0 to 1.

    Example:
        >>> import numpy as np
        >>> ranked = np.array([[True, False, True, True, False]])
        >>> precision_recall_curve(ranked, [0.0, 0.5, 1.0])
        array([[1.  , 0.75, 0.75]])

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, section
        8.4, equation 8.7.
    """
    ranked = check_ranked(ranked)
    levels = _check_levels(recall_levels)
    relevant = np.count_nonzero(ranked, axis=1)
    best = _best_precision_from(ranked, relevant)
    # 0.1 + 0.2 must ask for 3 of 10 items, not for 4: a level may be off by its rounding.
    needed = np.ceil(relevant[:, None] * levels * (1 - 1e-12)).astype(np.intp)
    curve = np.take_along_axis(best, np.maximum(needed, 1) - 1, axis=1)
    return np.where(relevant[:, None] > 0, curve, np.nan)


def _check_levels(recall_levels: Sequence[float] | FloatArray) -> FloatArray:
    levels = np.asarray(recall_levels, dtype=np.float64)
    if levels.ndim != 1 or not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(
            "Expected a list of recall levels from 0 to 1. "
            f"Received: recall_levels={recall_levels!r}. Write 10 % as 0.1."
        )
    return levels


def _best_precision_from(ranked: Array, relevant: Array) -> FloatArray:
    """Column h - 1: the highest precision at the h-th relevant item or any later one.

    Between two relevant items precision only falls, so no other rank need be looked at.
    """
    hits = find_hits(ranked)
    precision = np.zeros((len(ranked), max(1, relevant.max(initial=0))))
    precision[hits.query, hits.number - 1] = hits.precision
    return np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
