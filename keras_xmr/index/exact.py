"""`ExactIndex`: the nearest common representations, found by comparing with all."""

from typing import NamedTuple

import numpy as np

from keras_xmr.metrics.cosine import cosine_scores
from keras_xmr.metrics.euclidean import METRICS, comparable
from keras_xmr.types import Array, FloatArray

BLOCK_BYTES = 128 * 2**20


class Ranking(NamedTuple):
    """What a search found, best first.

    Attributes:
        ids: Item ids `(queries, k)`.
        scores: Cosine similarities, or negated Euclidean distances, `(queries, k)`, descending.

    Example:
        >>> ids, scores = Ranking(np.array([["x", "y"]]), np.array([[0.9, 0.1]]))
        >>> ids[0].tolist()
        ['x', 'y']
    """

    ids: Array
    scores: FloatArray


class ExactIndex:
    """An index in memory that compares each query with every item.

    Equal scores rank in the order in which items were added.

    Args:
        metric: `"cosine"`, or `"euclidean"`: what a model calls its `metric`.

    Raises:
        ValueError: If there is no such metric.

    Example:
        >>> index = ExactIndex().add(np.eye(3), ["x", "y", "z"])
        >>> ranking = index.search(np.array([[0.1, 0.9, 0.0]]), k=2)
        >>> ranking.ids.tolist()
        [['y', 'x']]

    Reference:
        Cosine of common representations, as in CHTN (IJCAI 2017), section 4.3.
    """

    def __init__(self, metric: str = "cosine") -> None:
        if metric not in METRICS:
            raise ValueError(f"Metrics are {METRICS}. Received: {metric=}.")
        self.metric = metric
        self.vectors: FloatArray = np.zeros((0, 0), dtype=np.float32)
        self.ids: Array = np.zeros(0, dtype=str)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, vectors: Array, ids: Array | list[str]) -> "ExactIndex":
        """Add items; returns `self`.

        Args:
            vectors: Common representations `(n, d)`.
            ids: Their names `(n,)`.

        Raises:
            ValueError: If lengths or widths do not match, or an id is there already.
        """
        vectors, ids = np.asarray(vectors), np.asarray(ids, dtype=str)
        if vectors.ndim != 2 or len(vectors) != len(ids):
            raise ValueError(
                "An index takes one row and one id per item. "
                f"Received: vectors.shape={vectors.shape}, {len(ids)} ids."
            )
        if len(self) and vectors.shape[1] != self.vectors.shape[1]:
            raise ValueError(
                f"This index holds rows of {self.vectors.shape[1]} numbers. "
                f"Received: vectors.shape={vectors.shape}. Encode all with one model."
            )
        together = np.concatenate([self.ids, ids])
        if len(np.unique(together)) < len(together):
            raise ValueError("Ids must be unique within an index. Received: an id twice.")
        self.vectors = np.concatenate([self.vectors, vectors]) if len(self) else vectors
        self.ids = together
        return self

    def search(self, queries: Array, k: int = 10) -> Ranking:
        """The `k` items most similar to each query, or all where there are fewer.

        Args:
            queries: Common representations `(queries, d)`.
            k: Number of items per query.

        Raises:
            ValueError: If the index is empty, `k` is below 1 or the widths differ.
        """
        if not len(self):
            raise ValueError("The index is empty. Received: no items; call add() first.")
        if k < 1:
            raise ValueError(f"A search returns at least one item. Received: {k=}.")
        rows = max(1, BLOCK_BYTES // (8 * len(self)))
        compared, gallery = comparable(queries, self.vectors, self.metric)
        ids, scores = [], []
        # At least one block, so that no query gives no row.
        for start in range(0, max(1, len(queries)), rows):
            part = slice(start, start + rows)
            block = cosine_scores(compared[part], gallery)
            order = np.argsort(-block, axis=1, kind="stable")[:, :k]
            ids.append(self.ids[order])
            if self.metric == "cosine":
                scores.append(np.take_along_axis(block, order, axis=1))
            else:
                scores.append(self._negated_distances(queries[part], order))
        return Ranking(np.concatenate(ids), np.concatenate(scores))

    def _negated_distances(self, queries: Array, order: Array) -> FloatArray:
        """To the found items `(queries, k)`; query by query, since `k` may be all of them."""
        found: FloatArray = np.empty(order.shape)
        for row, (query, items) in enumerate(zip(queries, order, strict=True)):
            found[row] = -np.linalg.norm(query - self.vectors[items], axis=1)
        return found
