"""The precision at each relevant item: what average precision sums and the curve is drawn from."""

from typing import NamedTuple

import numpy as np

from keras_xmr.types import Array, FloatArray


class Hits(NamedTuple):
    """One entry per relevant item, query after query, in rank order within a query."""

    query: Array
    """Row of the ranking it stands in."""
    number: Array
    """1 for the first relevant item of its query, 2 for the second, and so on."""
    precision: FloatArray
    """Its number divided by its rank, float64."""


def find_hits(ranked: Array) -> Hits:
    """List the relevant items of boolean rankings `(queries, gallery)`.

    Only relevant items are touched after this, and they are few: a tenth with ten classes.
    """
    # Of one long row, this is several times faster than with rows and columns.
    query, position = np.divmod(np.flatnonzero(ranked), max(1, ranked.shape[1]))
    per_query = np.bincount(query, minlength=len(ranked))
    before = np.cumsum(per_query) - per_query
    number = np.arange(1, len(query) + 1) - before[query]
    return Hits(query, number, number / (position + 1))
