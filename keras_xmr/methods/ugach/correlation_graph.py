"""The correlation graph: which instances count as matches of each other, found without labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_xmr.types import Array, FloatArray

# Distances are compared in single precision, or equal ones would differ by rounding.
_COMPARED = np.float32


def nearest_rows(rows: FloatArray, count: int) -> Array:
    """The nearest rows of every row, itself the first.

    Ties go to the lower row number, whatever the order in which distances are computed.

    Args:
        rows: `(n, d)`.
        count: How many, the row itself included; all of them if there are fewer.

    Returns:
        Row numbers `(n, count)`, the nearest first.

    Raises:
        ValueError: If `count` is less than 1.

    Example:
        >>> nearest_rows(np.array([[0.0], [3.0], [1.0], [1.0]]), 2).tolist()
        [[0, 2], [1, 2], [2, 3], [3, 2]]
    """
    from sklearn.metrics import pairwise_distances_chunked

    if count < 1:
        raise ValueError(f"A row is its own nearest one: count is 1 or more. Received: {count=}.")
    count = min(count, len(rows))

    def nearest(distances: Any, start: int) -> Array:
        distances = distances.astype(_COMPARED)
        # Itself, even if others are equal to it.
        distances[np.arange(len(distances)), start + np.arange(len(distances))] = -1.0
        farthest = np.partition(distances, count - 1, axis=1)[:, count - 1]
        found = np.empty((len(distances), count), dtype=np.int64)
        for row, (of_row, limit) in enumerate(zip(distances, farthest, strict=True)):
            candidates = np.flatnonzero(of_row <= limit)
            order = np.argsort(of_row[candidates], kind="stable")
            found[row] = candidates[order[:count]]
        return found

    exact = np.asarray(rows, dtype=np.float64)
    blocks = pairwise_distances_chunked(exact, reduce_func=nearest, metric="euclidean")
    return np.concatenate(list(blocks))


def correlation_graph(
    rows: Mapping[str, FloatArray],
    neighbors: int = 5,
    *,
    symmetric: bool = True,
    joint: bool = False,
) -> list[Array]:
    """The matches of every instance: itself and its nearest ones.

    Since the items of an instance mean the same, a neighbour of its picture, or of its text, is a
    match of the other one, too. No label is looked at.

    Args:
        rows: Medium to the rows of the instances `(n, d)`; row `i` of each is of instance `i`.
        neighbors: Nearest instances, the instance itself included: in each medium; or, if the
            graph is joint, in all.
        joint: Whether instances are near each other in all media together, by the sum of the
            cosines of their rows less the mean row: more of these matches are true ones. The
            paper's are near in any single medium, by Euclidean distance.
        symmetric: Whether an edge also leads back: the graph of the paper. Its authors' code has
            directed edges.

    Returns:
        For each instance the sorted numbers of its matches, itself among them.

    Example:
        >>> pictures, texts = np.array([[0.0], [1.0], [9.0]]), np.array([[0.0], [7.0], [6.0]])
        >>> graph = correlation_graph({"image": pictures, "text": texts}, 2, symmetric=False)
        >>> [matches.tolist() for matches in graph]
        [[0, 1, 2], [0, 1, 2], [1, 2]]

    Reference:
        J. Zhang, Y. Peng, M. Yuan: Unsupervised generative adversarial cross-modal hashing, AAAI
        2018, section on the correlation graph.
    """
    spaces = [_joined(list(rows.values()))] if joint else list(rows.values())
    near = np.concatenate([nearest_rows(space, neighbors) for space in spaces], axis=1)
    start = np.repeat(np.arange(len(near)), near.shape[1])
    end = near.ravel()
    if symmetric:
        start, end = np.concatenate([start, end]), np.concatenate([end, start])
    edges = np.unique(np.stack([start, end], axis=1), axis=0)
    firsts = np.searchsorted(edges[:, 0], np.arange(1, len(near)))
    return np.split(edges[:, 1], firsts)


def _joined(media: list[FloatArray]) -> FloatArray:
    """Rows whose squared distances are constants less twice the sum of the media's cosines."""
    unit = []
    for rows in media:
        centred = rows - rows.mean(axis=0, dtype=np.float64)
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        unit.append(centred / np.where(lengths > 0, lengths, 1.0))
    return np.concatenate(unit, axis=1)
