"""Binary codes: packed into bytes, unpacked, and the Hamming distance between them.

Direction: a lower distance is more similar, from 0 to the number of bits. Packed codes are `uint8`
`(n, bits / 8)` in the order of `np.packbits`: the first bit is the highest of the first byte.
"""

from typing import Any

import numpy as np

from keras_xmr.metrics._bit_words import (
    as_words,
    check_both,
    check_codes,
    distance_type,
    write_distances,
)
from keras_xmr.metrics._threads import chunks, for_each
from keras_xmr.types import Array, FloatArray

# Distances that one thread writes at a time.
_PART_BYTES = 2**20


def pack_bits(codes: Array) -> Array:
    """Pack codes into bytes, eight bits each.

    Args:
        codes: `(n, bits)`: booleans, numbers -1 and +1, or any real numbers: those from 0 on are
            bits 1, so that `0` itself is the bit of `+1`. Outputs of a sigmoid are compared with
            0.5 first: `pack_bits(h >= 0.5)`.

    Returns:
        uint8 `(n, bits / 8)`, in the order of `np.packbits`.

    Raises:
        ValueError: If `codes` is no matrix, the bits fill no whole bytes, whole numbers are others
            than -1 and +1, or a number is NaN.

    Example:
        >>> import numpy as np
        >>> pack_bits(np.array([[1, -1, -1, -1, -1, -1, -1, 1]]))
        array([[129]], dtype=uint8)
        >>> pack_bits(np.array([[0.5, 0.0, -0.1, -2, -1, -1, -1, -1]]))
        array([[192]], dtype=uint8)

    Reference:
        J. Zhang, Y. Peng, M. Yuan: Unsupervised generative adversarial cross-modal hashing, AAAI
        2018 (codes are signs).
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.dtype.kind not in "fiub" or not codes.shape[1]:
        raise ValueError(
            "Expected one row of bits per item: booleans, -1 and +1, or real numbers. "
            f"Received: codes.shape={codes.shape}, codes.dtype={codes.dtype}."
        )
    if codes.shape[1] % 8:
        raise ValueError(
            "Expected whole bytes: a number of bits that is a multiple of 8. "
            f"Received: codes.shape={codes.shape}."
        )
    _check_values(codes)
    return np.packbits(codes if codes.dtype == np.bool_ else codes >= 0, axis=1)


def _check_values(codes: Array) -> None:
    if codes.dtype.kind in "iu" and not (np.abs(codes) == 1).all():
        # From 0 on is bit 1: zeros and ones would all become ones.
        raise ValueError(
            "Expected -1 and +1 where codes are whole numbers. "
            f"Received: others, codes.dtype={codes.dtype}. Zeros and ones are `codes == 1`."
        )
    if codes.dtype.kind == "f" and np.isnan(codes).any():
        raise ValueError("Expected numbers with a sign. Received: codes with NaN.")


def unpack_bits(packed: Array) -> FloatArray:
    """The counterpart of `pack_bits`.

    Args:
        packed: uint8 `(n, bits / 8)`.

    Returns:
        float32 `(n, bits)`, -1 and +1. The inner product of two rows is `bits - 2 distance`.

    Raises:
        ValueError: If `packed` is not as described.

    Example:
        >>> import numpy as np
        >>> unpack_bits(np.array([[129]], dtype=np.uint8))
        array([[ 1., -1., -1., -1., -1., -1., -1.,  1.]], dtype=float32)

    Reference:
        J. Zhang, Y. Peng, M. Yuan: Unsupervised generative adversarial cross-modal hashing, AAAI
        2018 (codes are signs).
    """
    bits = np.unpackbits(check_codes(packed, "packed"), axis=1)
    signs = bits.astype(np.float32)
    signs *= 2
    signs -= 1
    return signs


def hamming_distances(queries: Array, gallery: Array) -> Array:
    """In how many bits every query differs from every gallery item.

    Args:
        queries: Packed codes `(q, bits / 8)`, uint8.
        gallery: Packed codes `(g, bits / 8)`.

    Returns:
        Whole numbers `(q, g)`, of the narrowest unsigned type: uint8 up to 255 bits.

    Raises:
        ValueError: If codes are not as described, or of different widths.

    Example:
        >>> import numpy as np
        >>> queries = np.array([[0b00001111]], dtype=np.uint8)
        >>> hamming_distances(queries, np.array([[0b00001111], [0b00000001], [0]], dtype=np.uint8))
        array([[0, 3, 4]], dtype=uint8)

    Reference:
        R. W. Hamming: Error detecting and error correcting codes, Bell System Technical Journal
        29 (2), 1950.
    """
    queries, gallery = check_both(queries, gallery)
    words, gallery_words = as_words(queries), as_words(gallery)
    kind: Any = distance_type(8 * queries.shape[1])
    distances = np.empty((len(queries), len(gallery)), kind)

    def fill(part: slice) -> None:
        write_distances(words[:, part], gallery_words, distances[part])

    for_each(fill, chunks(len(queries), distances.itemsize * len(gallery), _PART_BYTES))
    return distances
