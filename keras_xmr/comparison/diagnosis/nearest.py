"""What is nearest, and which items are of which classes: what several looks share."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.metrics import comparable, cosine_scores, hamming_distances
from keras_xmr.metrics._checks import check_cut
from keras_xmr.metrics._threads import chunks
from keras_xmr.types import Array, FloatArray

# Scores of a block of queries; what is made of them takes a few times as much.
_BLOCK_BYTES = 32 * 2**20


def common_media(encoded: Mapping[str, Array], part: CrossModalData) -> list[str]:
    """Media that both have, in the order of the part."""
    return [name for name in part.media if name in encoded]


def one_class_each(part: CrossModalData, media: Sequence[str]) -> bool:
    """Whether each item of these media has one class."""
    return all(part.media[name].labels.ndim == 1 for name in media)


def members(part: CrossModalData, medium: str) -> Array:
    """Which items are of which classes, booleans `(n, classes)`."""
    labels = part.medium(medium).labels
    if labels.ndim == 2:
        return np.asarray(labels == 1)
    return np.asarray(labels[:, None] == np.arange(part.num_classes))


def has_relevant(part: CrossModalData, query: str, gallery: str) -> Array:
    """Which queries have a relevant item in the gallery, booleans `(q,)`."""
    askers, stored = members(part, query), members(part, gallery)
    return np.asarray(askers[:, stored.any(axis=0)].any(axis=1))


def score_blocks(queries: Array, gallery: Array, metric: str) -> Iterator[tuple[slice, FloatArray]]:
    """Scores `(block, g)` that rank the gallery, higher first, for one block of queries at a time.

    Equally near items have the same score, to the bit.
    """
    if metric != "hamming":
        queries, gallery = comparable(queries, gallery, metric)
    for some in chunks(len(queries), 8 * len(gallery), _BLOCK_BYTES):
        if metric == "hamming":
            yield some, -hamming_distances(queries[some], gallery).astype(float)
        else:
            yield some, cosine_scores(queries[some], gallery)


def among_first(scores: FloatArray, k: int) -> FloatArray:
    """How much of each item is among the first `k`: 1 or 0, between if level with the k-th one."""
    k = min(check_cut(k), scores.shape[1])
    last = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    above, level = scores > last, scores == last
    left = k - above.sum(axis=1, keepdims=True)
    return np.asarray(above + level * (left / level.sum(axis=1, keepdims=True)))


def largest(values: FloatArray, count: int) -> Array:
    """Rows of the largest values, the largest first."""
    return np.argsort(-values, kind="stable")[:count]
