"""Which classes are taken for which."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from keras_xmr.comparison.diagnosis.nearest import (
    among_first,
    common_media,
    largest,
    members,
    one_class_each,
    score_blocks,
)
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.types import Array


class Confusion(NamedTuple):
    """How much of what is found for queries of one class is of another one.

    Attributes:
        queries: Name of the class of the queries.
        found: Name of the other class.
        share: Share of items of the other class among the first results.
    """

    queries: str
    found: str
    share: float


def confusions(
    encoded: Mapping[str, Array],
    part: CrossModalData,
    metric: str,
    k: int = 10,
    count: int = 10,
) -> list[Confusion]:
    """The ordered pairs of classes that are confused most.

    The share of a class among the first results is calculated for each ordered pair of media, and
    averaged over those that have queries of the class.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        part: The test part.
        metric: `"cosine"`, `"euclidean"` or `"hamming"`.
        k: Number of first results that count.
        count: Number of pairs, at most.

    Returns:
        `Confusion` for each, the largest share first; none where items have several classes.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {name: np.eye(4)[medium.labels] for name, medium in part.media.items()}
        >>> encoded["image"][part.media["image"].labels == 1] = np.eye(4)[3]
        >>> confusions(encoded, part, "cosine", k=5)[0]
        Confusion(queries='class1', found='class3', share=0.625)
    """
    media = common_media(encoded, part)
    if not one_class_each(part, media):
        return []
    total = np.zeros((part.num_classes, part.num_classes))
    seen = np.zeros((part.num_classes, 1))
    for query, gallery in itertools.permutations(media, 2):
        askers, stored = (members(part, name).astype(float) for name in (query, gallery))
        found = np.zeros_like(total)
        for some, scores in score_blocks(encoded[query], encoded[gallery], metric):
            found += askers[some].T @ (among_first(scores, k) @ stored)
        results = askers.sum(axis=0)[:, None] * min(k, len(stored))
        total += found / np.maximum(results, 1)
        seen += results > 0
    shares = total / np.maximum(seen, 1)
    np.fill_diagonal(shares, 0.0)
    names = part.class_names
    most = zip(*np.unravel_index(largest(shares.ravel(), count), shares.shape), strict=True)
    return [Confusion(names[a], names[b], float(shares[a, b])) for a, b in most if shares[a, b] > 0]
