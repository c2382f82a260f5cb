"""`HammingIndex`: the nearest binary codes, found by comparing with all."""

import hashlib
from pathlib import Path
from typing import Self

import numpy as np

from keras_xmr.index.exact import Ranking
from keras_xmr.metrics._bit_words import as_words, check_codes, distance_type, write_distances
from keras_xmr.metrics._threads import chunks, for_each
from keras_xmr.presets import save_whole
from keras_xmr.types import Array, FloatArray

# Distances that one thread calculates and looks through at a time; real-valued ones of all threads.
PART_BYTES = 4 * 2**20
BLOCK_BYTES = 128 * 2**20
# Codes that are unpacked at a time.
CHUNK_CODES = 2**14
# Items of which a bound for the k nearest of all is found, at least.
SAMPLE = 2**14
ENDING = ".npz"


class HammingIndex:
    """An index in memory of packed binary codes, exact.

    Equal distances rank in the order in which items were added.

    Example:
        >>> codes = np.array([[0b0000], [0b0011], [0b1111]], dtype=np.uint8)
        >>> index = HammingIndex().add(codes, ["x", "y", "z"])
        >>> ranking = index.search(np.array([[0b0111]], dtype=np.uint8), k=2)
        >>> ranking.ids.tolist(), ranking.scores.tolist()
        ([['y', 'z']], [[-1.0, -1.0]])

    Reference:
        M. Norouzi, A. Punjani, D. J. Fleet: Fast exact search in Hamming space with multi-index
        hashing, IEEE TPAMI 36 (6), 2014, section 1 (linear scan). Real-valued queries: A. Gordo,
        F. Perronnin, Y. Gong, S. Lazebnik: Asymmetric distances for binary embeddings, IEEE TPAMI
        36 (1), 2014.
    """

    def __init__(self) -> None:
        self.codes: Array = np.zeros((0, 0), dtype=np.uint8)
        self.ids: Array = np.zeros(0, dtype=str)
        self._words = self.codes

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def bits(self) -> int:
        """Bits of a code; 0 while there is none."""
        return int(8 * self.codes.shape[1])

    def add(self, codes: Array, ids: Array | list[str]) -> Self:
        """Add items; returns `self`.

        Args:
            codes: Packed codes `(n, bits / 8)`, uint8, as of `pack_bits`.
            ids: Their names `(n,)`.

        Raises:
            ValueError: If codes are not packed, lengths or widths do not match, or an id is there
                already.
        """
        codes, ids = check_codes(codes, "codes"), np.asarray(ids, dtype=str)
        if len(codes) != len(ids):
            raise ValueError(
                "An index takes one row and one id per item. "
                f"Received: codes.shape={codes.shape}, {len(ids)} ids."
            )
        if len(self) and codes.shape[1] != self.codes.shape[1]:
            raise ValueError(
                f"This index holds codes of {self.bits} bits. "
                f"Received: codes.shape={codes.shape}. Encode all with one model."
            )
        together = np.concatenate([self.ids, ids])
        if len(np.unique(together)) < len(together):
            raise ValueError("Ids must be unique within an index. Received: an id twice.")
        self.codes = np.concatenate([self.codes, codes]) if len(self) else codes.copy()
        self.ids = together
        self._words = as_words(self.codes)
        return self

    def search(self, queries: Array, k: int = 10) -> Ranking:
        """The `k` items nearest to each query, or all where there are fewer.

        Args:
            queries: Packed codes `(queries, bits / 8)`, uint8, or real values `(queries, bits)`
                whose signs are the bits, of which more is known than the sign: their distance to a
                code `b` of -1 and +1 is `(bits - queries @ b) / 2`. Of queries that are -1 and +1
                themselves, this is the Hamming distance.
            k: Number of items per query.

        Returns:
            `Ranking`, with negated distances as scores.

        Raises:
            ValueError: If the index is empty, `k` is below 1, or queries are of other widths,
                neither packed nor real, or not finite.
        """
        if not len(self):
            raise ValueError("The index is empty. Received: no items; call add() first.")
        if k < 1:
            raise ValueError(f"A search returns at least one item. Received: {k=}.")
        queries = np.asarray(queries)
        real = queries.dtype.kind == "f"
        if queries.ndim != 2 or queries.shape[1] != (self.bits if real else self.bits // 8):
            raise ValueError(
                f"Expected packed codes (queries, {self.bits // 8}), or real values "
                f"(queries, {self.bits}). Received: queries.shape={queries.shape}, "
                f"queries.dtype={queries.dtype}."
            )
        shape = len(queries), min(k, len(self))
        rows, distances = np.empty(shape, np.intp), np.empty(shape)
        fill = self._fill_real if real else self._fill_packed
        fill(queries if real else check_codes(queries, "queries"), rows, distances)
        return Ranking(self.ids[rows], -distances)

    def _fill_packed(self, queries: Array, rows: Array, distances: FloatArray) -> None:
        words = as_words(queries)
        kind = distance_type(self.bits)

        def fill(part: slice) -> None:
            found = np.empty((part.stop - part.start, len(self)), kind)
            write_distances(words[:, part], self._words, found)
            _write_nearest(found, rows[part], distances[part])

        for_each(fill, chunks(len(queries), kind.itemsize * len(self), PART_BYTES))

    def _fill_real(self, queries: Array, rows: Array, distances: FloatArray) -> None:
        whole, step = _whole_numbers(queries)
        for block in chunks(len(queries), 8 * len(self), BLOCK_BYTES):
            found = np.empty((block.stop - block.start, len(self)))
            for some in chunks(len(self), 1, CHUNK_CODES):
                bits = np.unpackbits(self.codes[some], axis=1).astype(np.float64)
                np.matmul(whole[block], bits.T, out=found[:, some])
            # Of bits 0 and 1: queries @ b is twice that product, less the sum of the query.
            np.subtract(whole[block].sum(axis=1, keepdims=True) / 2, found, out=found)
            parts = chunks(len(found), 8 * len(self), PART_BYTES)
            near, far = rows[block], distances[block]
            for_each(lambda p: _write_nearest(found[p], near[p], far[p]), parts)  # noqa: B023
        # Not before: beside it small queries would lose the digits that order their neighbours.
        np.add(distances * step, self.bits / 2, out=distances)

    def save(self, path: str | Path) -> None:
        """Write the index into a file, whole or not at all.

        Args:
            path: A file ending in `.npz`; one that is there already is replaced.

        Raises:
            ValueError: If the path has another ending.
        """
        path = Path(path)
        if path.suffix != ENDING:
            raise ValueError(f"An index is a file {ENDING!r}. Received: path={str(path)!r}.")
        arrays = {"codes": self.codes, "ids": self.ids, "sha256": _hash(self.codes, self.ids)}
        save_whole(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote. Nothing in the file is executed.

        Args:
            path: The file.

        Raises:
            ValueError: If there is no such file, it is no index, or it is damaged.
        """
        from keras_xmr.datasets.array_file import read_arrays

        arrays = read_arrays(Path(path), ["codes", "ids", "sha256"])
        codes, ids = arrays["codes"], arrays["ids"]
        if not np.array_equal(arrays["sha256"], _hash(codes, ids)):
            raise ValueError(
                "The codes and ids of an index must have the SHA-256 that its file gives. "
                f"Received: others in {str(path)!r}. The file is damaged: save the index again."
            )
        index = cls()
        return index.add(codes, ids) if len(ids) else index


def _hash(codes: Array, ids: Array) -> Array:
    digest = hashlib.sha256(f"{codes.dtype} {codes.shape} {ids.dtype} {ids.shape}".encode())
    digest.update(np.ascontiguousarray(codes).data)
    digest.update(np.ascontiguousarray(ids).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def _whole_numbers(queries: Array) -> tuple[FloatArray, FloatArray]:
    """Real queries in steps so small, for each, that any sum of one's values is still exact.

    Sums of whole numbers below 2**53 do not depend on the order in which a BLAS adds them up, so
    that equal codes are at equal distances, to the bit.
    """
    real = queries.astype(np.float64)
    if not np.isfinite(real).all():
        raise ValueError("Expected finite queries. Received: NaN or infinite values.")
    largest = np.abs(real).max(axis=1, initial=0.0, keepdims=True)
    step = np.ldexp(1.0, np.frexp(largest * queries.shape[1])[1] - 52)
    return np.rint(real / step), step


def _write_nearest(found: Array, rows: Array, distances: FloatArray) -> None:
    """The nearest items of each row of distances, the first ones among equal, ascending."""
    count = rows.shape[1]
    # The k-th distance of a part of the items is no lower than that of all.
    stride = max(1, found.shape[1] // max(SAMPLE, 4 * count))
    for row, near, far in zip(found, rows, distances, strict=True):
        # NumPy partitions floats much faster than bytes.
        some = row[::stride].astype(np.result_type(row, np.float32))
        bound = np.partition(some, count - 1)[count - 1]
        perhaps = np.flatnonzero(row <= row.dtype.type(bound))
        order = np.argsort(row[perhaps], kind="stable")[:count]
        near[:] = perhaps[order]
        far[:] = row[near]
