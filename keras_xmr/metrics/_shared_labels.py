"""Relevance for one query at a time, from labels that take few bytes per gallery item."""

import numpy as np

from keras_xmr.metrics._bit_words import as_words
from keras_xmr.types import Array


class SharedLabels:
    """Which items of a gallery share a class with a query.

    Class numbers are compared; label matrices become bit masks, whose AND is not zero where two
    rows share a class. Either is kept in the narrowest type, which decides the speed.

    Args:
        queries: Checked labels `(q,)` or `(q, classes)`.
        gallery: Checked labels of the same kind, `(g,)` or `(g, classes)`.
    """

    def __init__(self, queries: Array, gallery: Array) -> None:
        self.masks = queries.ndim == 2
        both = np.concatenate([queries, gallery])
        words = _masks(both) if self.masks else _numbers(both)
        self.queries, self.gallery = words[:, : len(queries)], words[:, len(queries) :]

    def write(self, query: int, part: slice, flags: Array) -> None:
        """Whether the items of `part` share a class with a query, into booleans."""
        if not self.masks:
            np.equal(self.gallery[0, part], self.queries[0, query], out=flags)
            return
        flags[:] = False
        for word, column in zip(self.queries[:, query], self.gallery[:, part], strict=True):
            flags |= (column & word) != 0


def _numbers(labels: Array) -> Array:
    names, numbers = np.unique(labels, return_inverse=True)
    return numbers.astype(np.min_scalar_type(len(names)))[None]


def _masks(labels: Array) -> Array:
    # At least one byte, also where there is no class.
    bits = np.zeros((len(labels), max(1, labels.shape[1])), np.bool_)
    bits[:, : labels.shape[1]] = labels
    return as_words(np.packbits(bits, axis=1))
