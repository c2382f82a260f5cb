"""Precision and recall of all items within a Hamming radius: what a hash lookup returns.

Denominator: precision is counted among the items found, recall against all relevant ones. Ties: the
items of one distance are found together, so there are none. Empty lists: precision 0 where nothing
is found; NaN recall for a query without any relevant item. Direction: higher is better, 0 to 1.
"""

from typing import NamedTuple

import numpy as np

from keras_xmr.metrics.distance_counts import DistanceCounts
from keras_xmr.types import FloatArray


class RadiusCurve(NamedTuple):
    """Precision and recall at the radii 0, 1, ..., bits.

    Attributes:
        precision: float64 `(q, bits + 1)`; 0 where nothing is found.
        recall: float64 `(q, bits + 1)`; NaN for a query without any relevant item.

    Example:
        >>> import numpy as np
        >>> RadiusCurve(np.ones((1, 2)), np.array([[0.5, 1.0]])).recall[:, -1]
        array([1.])
    """

    precision: FloatArray
    recall: FloatArray


def radius_curve(counts: DistanceCounts) -> RadiusCurve:
    """Precision and recall of the items within each radius, for each query.

    Their mean over the queries is the macro-averaged curve; counts summed over the queries, as a
    single row, give the micro-averaged one.

    Args:
        counts: `distance_counts` of the queries.

    Returns:
        `RadiusCurve`.

    Example:
        >>> import numpy as np
        >>> curve = radius_curve(DistanceCounts(np.array([[0, 1, 3]]), np.array([[0, 1, 1]])))
        >>> curve.precision, curve.recall
        (array([[0. , 1. , 0.5]]), array([[0. , 0.5, 1. ]]))

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, section 8.3.
    """
    found, relevant = (np.cumsum(table, axis=1) for table in counts)
    total = relevant[:, -1:]
    recall = np.where(total > 0, relevant / np.maximum(total, 1), np.nan)
    return RadiusCurve(relevant / np.maximum(found, 1), recall)


def precision_within_radius(counts: DistanceCounts, radius: int = 2) -> FloatArray:
    """Share of relevant items among those within a Hamming radius of each query.

    Args:
        counts: `distance_counts` of the queries.
        radius: The largest distance that is found.

    Returns:
        float64 `(q,)`; 0 for a query that finds nothing.

    Raises:
        ValueError: If the radius is no whole number from 0 to the number of bits.

    Example:
        >>> import numpy as np
        >>> items, relevant = [[0, 2, 3], [0, 0, 2]], [[0, 1, 3], [0, 0, 1]]
        >>> counts = DistanceCounts(np.array(items), np.array(relevant))
        >>> precision_within_radius(counts, radius=1)
        array([0.5, 0. ])

    Reference:
        Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, section 8.3.
    """
    bits = counts.items.shape[1] - 1
    if isinstance(radius, bool) or not isinstance(radius, int | np.integer) or radius < 0:
        raise ValueError(f"Expected a radius of 0 bits or more. Received: radius={radius!r}.")
    if radius > bits:
        raise ValueError(f"Codes of {bits} bits differ in no more. Received: radius={radius}.")
    return radius_curve(counts).precision[:, radius]


def interpolated_precision(curve: RadiusCurve, recall_levels: FloatArray) -> FloatArray:
    """Highest precision of each query at any radius whose recall is at least the level.

    Args:
        curve: `radius_curve` of queries with relevant items.
        recall_levels: Numbers from 0 to 1.

    Returns:
        float64 `(q, levels)`.
    """
    best = np.maximum.accumulate(curve.precision[:, ::-1], axis=1)[:, ::-1]
    # A level may be off by its rounding.
    below = curve.recall[:, :, None] < np.asarray(recall_levels) * (1 - 1e-12)
    return np.take_along_axis(best, below.sum(axis=1), axis=1)
