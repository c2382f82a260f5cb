"""`WordCounts`: texts reduced to how often each word occurs, rows like any other items."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_xmr.types import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class WordCounts:
    """How often each word of a vocabulary occurs in each text.

    Attributes:
        counts: `(texts, words)` sparse matrix of non-negative whole numbers.
        words: The vocabulary, one word for each column.

    Example:
        >>> from scipy.sparse import csr_array
        >>> counts = WordCounts(csr_array([[2, 0], [1, 1]]), ("dog", "grass"))
        >>> len(counts), counts[[1]].counts.toarray().tolist()
        (2, [[1, 1]])
    """

    counts: "csr_array"
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.counts.shape[1] != len(self.words):
            raise ValueError(
                f"Counts need one column per word ({len(self.words)}). "
                f"Received: counts.shape={self.counts.shape}."
            )

    def __len__(self) -> int:
        return int(self.counts.shape[0])

    def __getitem__(self, index: Array | slice) -> "WordCounts":
        """The rows `index` (numbers, a mask or a slice)."""
        rows = index if isinstance(index, slice) else np.asarray(index)
        return WordCounts(self.counts[rows], self.words)

    def words_of(self, row: int) -> list[str]:
        """The words of a text, the most frequent ones first."""
        text = self.counts[[row]].tocoo()
        order = np.argsort(-text.data, kind="stable")
        return [self.words[column] for column in text.coords[1][order].tolist()]

    def columns(self, words: Sequence[str]) -> "csr_array":
        """Counts `(texts, len(words))` of the given words; a word that is not here counts 0."""
        from scipy.sparse import csr_array

        here = {word: column for column, word in enumerate(self.words)}
        known = [(here[word], target) for target, word in enumerate(words) if word in here]
        source, target = np.array(known, dtype=int).reshape(-1, 2).T
        select = csr_array(
            (np.ones(len(known)), (source, target)), shape=(len(self.words), len(words))
        )
        return self.counts.astype(np.float64) @ select

    def merged(self, name_of: Callable[[str], str]) -> "WordCounts":
        """The same texts, with the words that `name_of` gives the same name counted as one."""
        return self.replaced(lambda word: [name_of(word)])

    def replaced(self, parts_of: Callable[[str], Sequence[str]]) -> "WordCounts":
        """The same texts, with each word replaced by its parts, in alphabetical order."""
        from scipy.sparse import csr_array

        parts = [list(parts_of(word)) for word in self.words]
        rows = np.repeat(np.arange(len(parts)), [len(own) for own in parts])
        names, columns = np.unique([name for own in parts for name in own], return_inverse=True)
        # A word that has a part twice counts twice: equal entries are added up.
        select = csr_array(
            (np.ones(len(rows), dtype=np.int64), (rows, columns)),
            shape=(len(self.words), len(names)),
        )
        return WordCounts(csr_array(self.counts @ select), tuple(names.tolist()))


def to_arrays(counts: WordCounts) -> dict[str, Any]:
    """The plain arrays of `counts`, for an `.npz` file."""
    sparse = counts.counts
    return {
        "count_data": _narrow(sparse.data, np.uint8),
        "count_indices": _narrow(sparse.indices, np.uint16),
        "count_indptr": sparse.indptr.astype(np.int64 if sparse.nnz >= 2**31 else np.int32),
        "words": np.array(counts.words),
    }


def _narrow(numbers: Array, dtype: type[np.unsignedinteger[Any]]) -> Array:
    """`numbers` in `dtype`, or in a wider type where they do not fit."""
    highest = int(numbers.max(initial=0))
    return numbers.astype(np.promote_types(dtype, np.min_scalar_type(highest)))


def from_arrays(arrays: dict[str, Any]) -> WordCounts:
    """The counterpart of `to_arrays`."""
    from scipy.sparse import csr_array

    words = tuple(arrays["words"].tolist())
    indptr = arrays["count_indptr"]
    counts = csr_array(
        (arrays["count_data"].astype(np.int64), arrays["count_indices"].astype(np.int64), indptr),
        shape=(len(indptr) - 1, len(words)),
    )
    return WordCounts(counts, words)
