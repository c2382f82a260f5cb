"""Packed binary codes as machine words, and the number of bits in which they differ.

Words are stored one row per word, `(words, n)`: XOR and population count then run along the gallery
without a gap.
"""

from typing import Any

import numpy as np

from keras_xmr.metrics._threads import chunks
from keras_xmr.types import Array

# Codes that are compared at a time: their words and what is calculated of them stay in the cache.
CHUNK_CODES = 2**16
_WORD_BYTES = 8


def check_codes(given: Any, name: str) -> Array:
    """Return packed codes `(n, bits / 8)`, or raise."""
    codes = np.asarray(given)
    if codes.dtype != np.uint8 or codes.ndim != 2 or not codes.shape[1]:
        raise ValueError(
            "Expected packed codes, uint8, one row of bits / 8 bytes per item. "
            f"Received: {name}.shape={codes.shape}, {name}.dtype={codes.dtype}. "
            "Make them with `pack_bits`; a single code is `row[None, :]`."
        )
    return codes


def check_both(queries: Any, gallery: Any) -> tuple[Array, Array]:
    """Return queries and gallery as packed codes of equally many bits, or raise."""
    queries, gallery = check_codes(queries, "queries"), check_codes(gallery, "gallery")
    if queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            "Expected queries and gallery with the same number of bits. "
            f"Received: queries.shape={queries.shape}, gallery.shape={gallery.shape}. "
            "Encode both with the same model."
        )
    return queries, gallery


def as_words(codes: Array) -> Array:
    """The same bits in as few words as possible, `(words, n)`."""
    width = codes.shape[1]
    # 1, 2, 4 or 8 bytes are one word; others are filled up with zeros, which differ nowhere.
    size = min(1 << (width - 1).bit_length(), _WORD_BYTES)
    filled = np.ascontiguousarray(codes)
    if width % size:
        filled = np.zeros((len(codes), -(-width // size) * size), np.uint8)
        filled[:, :width] = codes
    return np.ascontiguousarray(filled.view(f"u{size}").T)


def distance_type(bits: int) -> np.dtype[Any]:
    """The narrowest type that holds every distance between codes of that many bits."""
    return np.min_scalar_type(bits)


def write_distances(queries: Array, gallery: Array, distances: Array) -> None:
    """Hamming distances of words `(words, q)` to words `(words, g)`, into `distances` `(q, g)`."""
    differing = np.empty(min(CHUNK_CODES, gallery.shape[1]), gallery.dtype)
    for part in chunks(gallery.shape[1], 1, CHUNK_CODES):
        few = differing[: part.stop - part.start]
        for query, row in zip(queries.T, distances[:, part], strict=True):
            np.bitwise_xor(gallery[0, part], query[0], out=few)
            np.bitwise_count(few, out=row)
            for word, column in zip(query[1:], gallery[1:, part], strict=True):
                np.bitwise_xor(column, word, out=few)
                row += np.bitwise_count(few)
