"""Metrics of a ranking with ties: their expected values if equal items come in random order.

Hamming distances are few, so that most items share theirs with many others. Where these are put
decides much of a figure (with 16 bits, average precision may double), and the order of the database
has no part in how good the codes are. Here every order of equally distant items counts the same;
the mean over all of them has a closed form, calculated from `DistanceCounts`.

Denominators: all relevant items of the gallery ("MAP@all"), as without ties. Empty lists: NaN for a
query without any relevant item. Direction: higher is better, from 0 to 1. Without ties the values
are those of `average_precision`, `recall_at_k` and `success_at_k`, up to rounding.

Reference:
    F. McSherry, M. Najork: Computing information retrieval performance measures efficiently in the
    presence of tied scores, ECIR 2008.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from keras_xmr.metrics._checks import check_cut
from keras_xmr.metrics.distance_counts import DistanceCounts
from keras_xmr.types import Array, FloatArray

Divisor: TypeAlias = Literal["relevant", "min"]
"""Of the denominators of `average_precision`, those whose expectation has a closed form."""


def expected_average_precision(
    counts: DistanceCounts, k: int | None = None, denominator: Divisor = "relevant"
) -> FloatArray:
    """Average precision of each query, expected over the orders of equally distant items.

    Among `n` items at one distance, `r` of them relevant, behind `N` items with `R` relevant ones,
    the i-th is relevant with probability `r / n`, and then `(i - 1) (r - 1) / (n - 1)` of those
    before it are expected to be. Its precision is that number, and `R + 1`, by `N + i`; the sum
    over i is written with harmonic numbers.

    Args:
        counts: `distance_counts` of the queries.
        k: Only the first k ranks count; all of them by default.
        denominator: With `k`, divide by all "relevant" items, or by the "min" of k and these.

    Returns:
        float64 `(q,)`; NaN for a query without any relevant item in the gallery.

    Raises:
        ValueError: If `k` is not a positive whole number, or the denominator is unknown.

    Example:
        >>> import numpy as np
        >>> # One relevant item of two at distance 0: rank 1 or rank 2.
        >>> expected_average_precision(DistanceCounts(np.array([[2, 0]]), np.array([[1, 0]])))
        array([0.75])

    Reference:
        F. McSherry, M. Najork: Computing information retrieval performance measures efficiently in
        the presence of tied scores, ECIR 2008, section 2.
    """
    from scipy.special import digamma

    if denominator not in get_args(Divisor):
        raise ValueError(
            f"Expected one of {get_args(Divisor)}. Received: denominator={denominator!r}. "
            "The number of hits within k differs from order to order."
        )
    items, relevant = counts
    before = np.cumsum(items, axis=1) - items
    relevant_before = np.cumsum(relevant, axis=1) - relevant
    taken = items if k is None else _among_first(counts, check_cut(k))
    # 1 / (N + 1) + ... + 1 / (N + taken).
    reciprocals = digamma(before + taken + 1.0) - digamma(before + 1.0)
    share = relevant / np.maximum(items, 1)
    others = (relevant - 1) / np.maximum(items - 1, 1)
    # The sum of (i - 1) / (N + i) is that of 1 - (N + 1) / (N + i).
    sums = share * (
        (relevant_before + 1) * reciprocals + others * (taken - (before + 1) * reciprocals)
    )
    total = relevant.sum(axis=1)
    divisor = total if k is None or denominator == "relevant" else np.minimum(total, k)
    return np.where(total > 0, sums.sum(axis=1) / np.maximum(divisor, 1), np.nan)


def expected_precision(counts: DistanceCounts, ranks: Sequence[int]) -> FloatArray:
    """Precision within the first N ranks, expected over the orders of equally distant items.

    For several N this is the top-N precision curve.

    Args:
        counts: `distance_counts` of the queries.
        ranks: The numbers N of leading ranks.

    Returns:
        float64 `(q, len(ranks))`: relevant items among the first N, divided by N, also where the
        gallery has fewer.

    Raises:
        ValueError: If a rank is not a positive whole number.

    Example:
        >>> import numpy as np
        >>> counts = DistanceCounts(np.array([[1, 4]]), np.array([[1, 2]]))
        >>> expected_precision(counts, [1, 2, 5])
        array([[1.  , 0.75, 0.6 ]])

    Reference:
        F. McSherry, M. Najork: Computing information retrieval performance measures efficiently in
        the presence of tied scores, ECIR 2008, section 2.
    """
    return np.asarray(_expected_hits(counts, ranks) / np.array(ranks))


def expected_recall(counts: DistanceCounts, ranks: Sequence[int]) -> FloatArray:
    """Recall within the first N ranks, expected over the orders of equally distant items.

    Args:
        counts: `distance_counts` of the queries.
        ranks: The numbers N of leading ranks.

    Returns:
        float64 `(q, len(ranks))`; NaN for a query without any relevant item.

    Raises:
        ValueError: If a rank is not a positive whole number.

    Example:
        >>> import numpy as np
        >>> counts = DistanceCounts(np.array([[1, 4]]), np.array([[1, 2]]))
        >>> expected_recall(counts, [1, 3, 5])
        array([[0.33333333, 0.66666667, 1.        ]])

    Reference:
        F. McSherry, M. Najork: Computing information retrieval performance measures efficiently in
        the presence of tied scores, ECIR 2008, section 2.
    """
    total = counts.relevant.sum(axis=1, keepdims=True)
    found = _expected_hits(counts, ranks) / np.maximum(total, 1)
    return np.where(total > 0, found, np.nan)


def expected_success(counts: DistanceCounts, ranks: Sequence[int]) -> FloatArray:
    """How probably any relevant item is among the first N, if equally distant ones change places.

    At the least distance with relevant items they are `r` of `n`. The first of these on a rank is
    none of them with probability `(n - r) / n`, the next then with `(n - r - 1) / (n - 1)`, and so
    on for all that stand on the first N ranks.

    Args:
        counts: `distance_counts` of the queries.
        ranks: The numbers N of leading ranks.

    Returns:
        float64 `(q, len(ranks))`; NaN for a query without any relevant item.

    Raises:
        ValueError: If a rank is not a positive whole number.

    Example:
        >>> import numpy as np
        >>> counts = DistanceCounts(np.array([[1, 4]]), np.array([[0, 2]]))
        >>> expected_success(counts, [1, 2, 4])
        array([[0. , 0.5, 1. ]])

    Reference:
        F. McSherry, M. Najork: Computing information retrieval performance measures efficiently in
        the presence of tied scores, ECIR 2008, section 2.
    """
    some = counts.relevant > 0
    nearest = np.argmax(some, axis=1)[:, None]
    items, relevant = (np.take_along_axis(of, nearest, axis=1) for of in counts)
    found = []
    for rank in ranks:
        taken = np.take_along_axis(_among_first(counts, check_cut(rank)), nearest, axis=1)
        before = np.arange(taken.max(initial=0))
        others = np.maximum(items - relevant - before, 0) / np.maximum(items - before, 1)
        found.append(1.0 - np.where(before < taken, others, 1.0).prod(axis=1))
    return np.where(some.any(axis=1, keepdims=True), np.stack(found, axis=1), np.nan)


def _expected_hits(counts: DistanceCounts, ranks: Sequence[int]) -> FloatArray:
    share = counts.relevant / np.maximum(counts.items, 1)
    hits = [(share * _among_first(counts, check_cut(rank))).sum(axis=1) for rank in ranks]
    return np.stack(hits, axis=1)


def _among_first(counts: DistanceCounts, k: int) -> Array:
    """How many items of each distance stand on the first k ranks."""
    before = np.cumsum(counts.items, axis=1) - counts.items
    return np.asarray(np.clip(k - before, 0, counts.items))
