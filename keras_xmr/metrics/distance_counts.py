"""How many items, and how many relevant ones, lie at each Hamming distance from each query.

There are only `bits + 1` distances, so these two tables are all that a metric needs that does not
depend on the order of items at the same distance. They take no sorting and little memory.
"""

from typing import NamedTuple

import numpy as np

from keras_xmr.metrics._bit_words import CHUNK_CODES, as_words, check_both, write_distances
from keras_xmr.metrics._shared_labels import SharedLabels
from keras_xmr.metrics._threads import chunks, for_each
from keras_xmr.metrics.ranking import check_labels, check_lengths
from keras_xmr.progress import Progress
from keras_xmr.types import Array

# Pairs of query and item between two reports of progress, and those that a thread takes at a time.
_BLOCK_PAIRS = 2**26
_PART_PAIRS = 2**20


class DistanceCounts(NamedTuple):
    """Numbers of items by distance, for each query.

    The sums over the queries, as a single row, are the counts of all queries pooled.

    Attributes:
        items: Gallery items at the distances 0, 1, ..., bits: int64 `(q, bits + 1)`.
        relevant: Relevant ones among them, int64 `(q, bits + 1)`.

    Example:
        >>> import numpy as np
        >>> counts = DistanceCounts(np.array([[1, 2, 0]]), np.array([[1, 1, 0]]))
        >>> counts.relevant.sum(axis=1)
        array([2])
    """

    items: Array
    relevant: Array


def distance_counts(
    queries: Array,
    gallery: Array,
    query_labels: Array,
    gallery_labels: Array,
    *,
    progress: bool = False,
) -> DistanceCounts:
    """Count the items of a gallery by their Hamming distance from each query.

    Memory beyond codes, labels and counts is a few megabytes for each processor.

    Args:
        queries: Packed codes `(q, bits / 8)`, uint8.
        gallery: Packed codes `(g, bits / 8)`.
        query_labels: Classes `(q,)` as integers, or multi-hot `(q, classes)`: items that share a
            class with the query are relevant.
        gallery_labels: The same kind: `(g,)` or `(g, classes)`.
        progress: Whether to show on standard error how many queries are done, and the time left.

    Returns:
        `DistanceCounts`.

    Raises:
        ValueError: If codes or labels are not as described, or do not match.

    Example:
        >>> import numpy as np
        >>> query, gallery = np.array([[0]], np.uint8), np.array([[0], [1], [2], [3]], np.uint8)
        >>> counts = distance_counts(query, gallery, np.array([7]), np.array([7, 7, 0, 0]))
        >>> counts.items[0, :4], counts.relevant[0, :4]
        (array([1, 2, 1, 0]), array([1, 1, 0, 0]))

    Reference:
        F. McSherry, M. Najork: Computing information retrieval performance measures efficiently in
        the presence of tied scores, ECIR 2008.
    """
    queries, gallery = check_both(queries, gallery)
    query_labels, gallery_labels = check_labels(query_labels, gallery_labels)
    check_lengths(queries, query_labels, "queries", "query_labels")
    check_lengths(gallery, gallery_labels, "gallery", "gallery_labels")
    counter = _Counter(queries, gallery, SharedLabels(query_labels, gallery_labels))
    shown = Progress("counting distances", shown=progress)
    with shown.over(len(queries)):
        for block in chunks(len(queries), len(gallery), _BLOCK_PAIRS):
            parts = chunks(block.stop - block.start, len(gallery), _PART_PAIRS)
            for_each(
                counter.count,
                (slice(block.start + part.start, block.start + part.stop) for part in parts),
            )
            shown.move_to(block.stop)
    return DistanceCounts(*counter.counts.transpose(1, 0, 2))


class _Counter:
    """Counts for one slice of queries after another, in any order."""

    def __init__(self, queries: Array, gallery: Array, shared: SharedLabels) -> None:
        self.queries, self.gallery, self.shared = as_words(queries), as_words(gallery), shared
        self.distances = 8 * queries.shape[1] + 1
        self.counts = np.zeros((len(queries), 2, self.distances), np.int64)

    def count(self, part: slice) -> None:
        # Relevant items are counted behind the others: a distance and a flag in one number.
        keys = np.empty(
            (part.stop - part.start, CHUNK_CODES), np.min_scalar_type(2 * self.distances)
        )
        flags = np.empty(CHUNK_CODES, np.bool_)
        behind = keys.dtype.type(self.distances)
        for some in chunks(self.gallery.shape[1], 1, CHUNK_CODES):
            width = some.stop - some.start
            write_distances(self.queries[:, part], self.gallery[:, some], keys[:, :width])
            for query, row in enumerate(keys[:, :width], start=part.start):
                self.shared.write(query, some, flags[:width])
                row += flags[:width] * behind
                counted = np.bincount(row, minlength=2 * self.distances)
                others, relevant = counted.reshape(2, self.distances)
                self.counts[query, 0] += others + relevant
                self.counts[query, 1] += relevant
