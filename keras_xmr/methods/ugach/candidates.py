"""Batches for a generator that selects: queries, a match of each, and a pool of candidates."""

from collections.abc import Mapping, Sequence

import numpy as np

from keras_xmr.training.batches import PairedBatches, Stream
from keras_xmr.types import Array, FloatArray

NEIGHBORS = "neighbors"
"""Name of the only target: which of the pool is no candidate for which query."""


def match_of(medium: str) -> str:
    """Name of the input with the matches of the queries."""
    return f"{medium}_match"


def pool_of(medium: str) -> str:
    """Name of the input with the candidates."""
    return f"{medium}_pool"


class CandidateBatches(PairedBatches):
    """Queries, one random match of each in the correlation graph, and a pool for all of them.

    The inputs of a batch are, for each medium, the rows of its instances as queries `(batch, d)`,
    of the matches `(batch, d)` and of the pool `(pool, d)`. The target `neighbors`, `(batch,
    pool)`, is 1 where an instance of the pool is a match of the query, or so near that it may be
    one: it is no candidate then. There are no labels in it.

    Args:
        rows: Medium to feature rows `(n, d)`; row `i` of each is of instance `i`.
        graph: For each instance the numbers of its matches: see `correlation_graph`.
        near: For each instance the numbers of those that are no candidates, matches among them;
            `None` for the matches alone.
        pool_size: Candidates in a pool; all instances if there are fewer.
        matches: `"graph"` for a random match in the graph, `"pair"` for the instance itself.
        batch_size: Queries per batch.
        shuffle: Whether the order of the queries is random; matches and pools always are.
        seed: Seed of order, matches and pools.

    Example:
        >>> graph = [np.array([0, 1]), np.array([0, 1]), np.array([2])]
        >>> batches = CandidateBatches({"text": np.eye(3)}, graph, pool_size=3, batch_size=2)
        >>> x, y = batches[0]
        >>> sorted(x), y["neighbors"].shape, int(y["neighbors"].sum(axis=1).max())
        (['text', 'text_match', 'text_pool'], (2, 3), 2)
    """

    def __init__(
        self,
        rows: Mapping[str, FloatArray],
        graph: Sequence[Array],
        *,
        near: Sequence[Array] | None = None,
        pool_size: int,
        matches: str = "graph",
        batch_size: int = 64,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(
            [Stream(dict(rows), {})], batch_size=batch_size, shuffle=shuffle, seed=seed
        )
        self.graph = list(graph)
        self.near = self.graph if near is None else list(near)
        self.features = dict(rows)
        self.pool_size = min(pool_size, len(self.graph))
        self.matches = matches

    def batch(self, number: int) -> tuple[dict[str, Array], dict[str, FloatArray]]:
        """Inputs, and which of the pool is no candidate, of the batch of that number."""
        rng = np.random.default_rng([self.seed, 0, number])
        queries = self._instances(0, number)
        matches = queries
        if self.matches == "graph":
            matches = np.array([rng.choice(self.graph[query]) for query in queries])
        pool = rng.choice(len(self.graph), size=self.pool_size, replace=False)
        x: dict[str, Array] = {}
        for medium, rows in self.features.items():
            drawn = {medium: queries, match_of(medium): matches, pool_of(medium): pool}
            x |= {name: rows[index] for name, index in drawn.items()}
        neighbors = np.stack([np.isin(pool, self.near[query]) for query in queries])
        return x, {NEIGHBORS: neighbors.astype(np.float32)}
