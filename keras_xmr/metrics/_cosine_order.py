"""The rank order of exact cosine scores, with exact scores only for the items that need them.

Exact scores take three matrix products (`cosine.py`). A single product in float64, in whatever
order the BLAS sums, is off by less than a bound that is known beforehand. So items are sorted by
these rough scores, cut to 31 bits, which sort twice as fast as 64. Two neighbours more than one
step apart are in the right order, and so is all that stands before the one and after the other. The
rest stand in short runs of neighbours. Runs of equal relevance read the same in any order; items of
the others, about one in ten thousand, get exact scores and are put in order. The result is that of
exact scores for all, to the bit.

Where many scores are equal, as with binary codes or saturated posteriors, runs are long. There,
exact scores are computed for all.
"""

import math

import numpy as np

from keras_xmr.metrics._sort_keys import by_rows, ranked_levels
from keras_xmr.metrics.cosine import UnitRows, exact_levels, rough_levels
from keras_xmr.types import Array, FloatArray

_STEPS = 2**31 - 1
# Beyond these shares of close neighbours, and of items that need exact scores, exact scores for all
# are faster and take less memory.
_MOST_CLOSE = 0.1
_MOST_DOUBTFUL = 0.002


class CosineOrder:
    """Ranks one gallery by cosine similarity, for one block of queries after another.

    Args:
        gallery: Its rows.
    """

    def __init__(self, gallery: UnitRows) -> None:
        self.gallery = gallery
        self.rough_first = True

    def ranked(self, queries: FloatArray, relevant: Array) -> Array:
        """`ranked_relevance` of the cosine scores of unit rows `(q, d)`, bit for bit."""
        if self.rough_first:
            ranked = self._by_rough_scores(queries, relevant)
            if ranked is not None:
                return ranked
            # Where one block has long runs, so have the others.
            self.rough_first = False
        levels = exact_levels(queries, self.gallery)
        return by_rows(levels.shape, lambda part: ranked_levels(levels[part], relevant[part]))

    def _by_rough_scores(self, queries: FloatArray, relevant: Array) -> Array | None:
        """None if too many items would need exact scores."""
        levels = rough_levels(queries, self.gallery)
        least_step = smallest_step(queries.shape[1])
        long_runs: list[slice] = []

        def rank(part: slice) -> Array:
            keys = _short_keys(levels[part], relevant[part], least_step)
            ordered = np.sort(keys, axis=1)
            doubtful = None if long_runs else _doubtful_places(ordered)
            if doubtful is None:
                long_runs.append(part)
            else:
                self._settle(keys, ordered, doubtful, queries[part])
            return (ordered & np.uint32(1)).astype(np.bool_)

        ranked = by_rows(levels.shape, rank)
        return None if long_runs else ranked

    def _settle(self, keys: Array, ordered: Array, doubtful: Array, queries: FloatArray) -> None:
        """Put the flags of the doubtful places in the order of exact scores."""
        rows = doubtful // keys.shape[1]
        for row in np.unique(rows):
            places = doubtful[rows == row] - row * keys.shape[1]
            items = _items_with(keys[row], ordered[row, places])
            levels = exact_levels(queries[row : row + 1], self.gallery[items])[0]
            best_first = items[np.argsort(-levels, kind="stable")]
            # Runs are apart from each other, so that each item stays within its run.
            ordered[row, places] = keys[row, best_first]


def smallest_step(features: int) -> float:
    """Rough scores further apart than this are in the order of the exact ones.

    In steps of 2**-38, for unit rows of `d` features, a rough score differs from the exact one
    before its last rounding by at most 2**-14 d (both sums: d times 2**-53 for rounding, d times
    2**-54 for `low @ low`) and 2**-6 sqrt(d) (two rows' digits beyond 2**-44). Two of them may be
    off by so much, and two exact ones more than one step apart are rounded to different numbers.
    """
    return 2.0 + 2.0 * (2.0**-14 * features + 2.0**-6 * math.sqrt(features))


def _short_keys(levels: FloatArray, relevant: Array, least_step: float) -> Array:
    """Distance from the best score in 31 bits, above the flag; `levels` are spoiled."""
    best = levels.max(initial=-np.inf)
    step = max((best - levels.min(initial=np.inf)) / _STEPS, least_step)
    np.subtract(best, levels, out=levels)
    levels /= step
    keys = levels.astype(np.int32).view(np.uint32)
    keys <<= np.uint32(1)
    keys |= relevant
    return keys


def _doubtful_places(ordered: Array) -> Array | None:
    """Where, in the flattened keys, runs of close neighbours of unequal relevance stand.

    None if these are too many.
    """
    width = ordered.shape[1]
    apart = np.diff(ordered, axis=1).ravel()
    # Less than two steps; with the flag in the lowest bit, up to 3.
    first = np.flatnonzero(apart < 4)
    if len(first) > _MOST_CLOSE * ordered.size:
        return None
    unequal = apart[first] & np.uint32(1)
    # A row has one distance less than keys.
    first += first // max(1, width - 1)
    run = np.cumsum(np.diff(first, prepend=first[:1]) > 1)
    first = first[np.bincount(run, weights=unequal)[run] > 0]
    doubtful = np.union1d(first, first + 1)
    return doubtful if len(doubtful) <= _MOST_DOUBTFUL * ordered.size else None


def _items_with(keys: Array, values: Array) -> Array:
    """Indices of the items that have one of these keys, ascending."""
    table = np.zeros(2**16, np.bool_)
    table[values >> np.uint32(16)] = True
    # Looked up by half a key first: of 200,000 items this leaves a few hundred.
    perhaps = np.flatnonzero(table[keys >> np.uint32(16)])
    return perhaps[np.isin(keys[perhaps], values)]
