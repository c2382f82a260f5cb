"""The queries that a method answers worst, and what it found."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from keras_xmr.comparison.diagnosis.nearest import common_media
from keras_xmr.comparison.diagnosis.precisions import average_precisions
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.index.for_metric import index_for
from keras_xmr.metrics import relevance
from keras_xmr.types import Array


class Query(NamedTuple):
    """A query and what was found for it.

    Attributes:
        medium: Medium of the query.
        gallery: Medium of what was found.
        row: Row of the query in its medium.
        average_precision: Average precision of its ranking.
        found: Rows of the first results in theirs `(k,)`, best first.
        relevant: Whether each of them is relevant, booleans `(k,)`.
    """

    medium: str
    gallery: str
    row: int
    average_precision: float
    found: Array
    relevant: Array


def worst_queries(
    encoded: Mapping[str, Array],
    part: CrossModalData,
    metric: str,
    count: int = 5,
    k: int = 5,
) -> list[Query]:
    """The queries of each ordered pair of media that have the lowest average precision.

    For variety only the worst one of each class is taken; where items have several classes, of each
    set of classes. Queries that have no relevant item in the gallery are left out.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        part: The test part.
        metric: `"cosine"`, `"euclidean"` or `"hamming"`.
        count: Number of queries for each ordered pair of media, at most.
        k: Number of results for each query.

    Returns:
        `Query` for each, the worst first within an ordered pair of media.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {name: np.eye(4)[medium.labels] for name, medium in part.media.items()}
        >>> encoded["image"][7] = np.eye(4)[3]  # A picture of class 1 looks like one of class 3.
        >>> worst = worst_queries(encoded, part, "cosine")[0]
        >>> worst.medium, worst.gallery, worst.row, worst.relevant.any()
        ('image', 'text', 7, np.False_)
    """
    queries = []
    for medium, gallery in itertools.permutations(common_media(encoded, part), 2):
        precisions = average_precisions(encoded, part, medium, gallery, metric)
        order = np.argsort(precisions, kind="stable")
        order = order[~np.isnan(precisions[order])]
        labels, stored = part.media[medium].labels, part.media[gallery].labels
        _, first = np.unique(labels[order], axis=0, return_index=True)
        rows = order[np.sort(first)[:count]]
        index = index_for(metric).add(encoded[gallery], np.arange(len(stored)).astype(str))
        found = index.search(encoded[medium][rows], k).ids.astype(int)
        queries += [
            Query(
                medium,
                gallery,
                int(row),
                float(precisions[row]),
                results,
                relevance(labels[[row]], stored[results])[0],
            )
            for row, results in zip(rows, found, strict=True)
        ]
    return queries
