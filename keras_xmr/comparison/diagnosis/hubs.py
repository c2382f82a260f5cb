"""Hubs: items that are near to far too many queries."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from keras_xmr.comparison.diagnosis.nearest import among_first, common_media, largest, score_blocks
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.types import Array, FloatArray


class Hub(NamedTuple):
    """An item that is found for many queries.

    Attributes:
        medium: Its medium.
        row: Its row in that medium.
        queries: Number of queries, of all other media, that have it among the first results.
    """

    medium: str
    row: int
    queries: float


class Hubs(NamedTuple):
    """How evenly the items of a gallery are found.

    Attributes:
        occurrences: Medium to the number of queries, of all other media, that have each item among
            the first results `(n,)`; no whole numbers where items are equally near.
        skewness: Medium to the skewness of these numbers: 0 where they are spread evenly, well
            above 1 where few items are found by many queries.
        never: Medium to the share of items that no query finds.
        largest: The items of each medium that are found most often.
    """

    occurrences: dict[str, FloatArray]
    skewness: dict[str, float]
    never: dict[str, float]
    largest: list[Hub]


def hubs(
    encoded: Mapping[str, Array],
    part: CrossModalData,
    metric: str,
    k: int = 10,
    count: int = 5,
) -> Hubs:
    """How often each item is among the first results of the queries of other media.

    In spaces of many dimensions some items become neighbours of very many others, whatever these
    are, and many of none.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        part: The test part.
        metric: `"cosine"`, `"euclidean"` or `"hamming"`.
        k: Number of first results that count.
        count: Number of hubs to name for each medium.

    Returns:
        `Hubs`.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {"image": np.eye(20), "text": np.eye(20)}
        >>> encoded["text"][7] = 2.0  # Longer than others, but near to all.
        >>> hubs(encoded, part, "euclidean", k=1).never
        {'image': 0.0, 'text': 0.05}
        >>> hubs(encoded, part, "cosine", k=2).largest[5]
        Hub(medium='text', row=7, queries=20.0)

    Reference:
        M. Radovanović, A. Nanopoulos, M. Ivanović: Hubs in space: popular nearest neighbors in
        high-dimensional data, JMLR 11, 2010.
    """
    media = common_media(encoded, part)
    occurrences: dict[str, FloatArray] = {name: np.zeros(len(encoded[name])) for name in media}
    for query, gallery in itertools.permutations(media, 2):
        for _, scores in score_blocks(encoded[query], encoded[gallery], metric):
            occurrences[gallery] += among_first(scores, k).sum(axis=0)
    return Hubs(
        occurrences,
        {name: _skewness(counts) for name, counts in occurrences.items()},
        {name: float((counts == 0).mean()) for name, counts in occurrences.items()},
        [
            Hub(name, int(row), float(counts[row]))
            for name, counts in occurrences.items()
            for row in largest(counts, count)
        ],
    )


def _skewness(counts: FloatArray) -> float:
    from scipy.stats import skew

    # The skewness of equal numbers is 0 / 0, but nothing is spread more evenly.
    return float(skew(counts)) if np.ptp(counts) > 1e-9 * counts.max() else 0.0
