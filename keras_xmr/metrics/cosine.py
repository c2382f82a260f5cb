"""Cosine similarity whose every bit is reproducible.

Direction: higher is more similar, from -1 to 1. A zero row has similarity 0 to everything.

Why not `unit_queries @ unit_gallery.T`: a BLAS sums in an order that depends on the shape of the
block, the number of threads and the processor, so two equal items may get scores 1e-16 apart, and
their tie is then decided by noise. Rounding the product does not cure it: a value next to a
rounding border still falls on either side, once in some 30,000 pairs. So the sums themselves are
made exact. A unit row is stored in fixed point as two integers per feature,

    x = high * 2**-26 + low * 2**-44,    |high| <= 2**26,    |low| <= 2**17,

and `high @ high` and `high @ low + low @ high` are sums of whole numbers which stay below 2**53
up to 2**18 features (Cauchy-Schwarz): float64 holds every partial sum exactly, in any order. The
dropped `low @ low` is far below the last step. The result is rounded to multiples of 2**-38
(3.6e-12), which keeps the 1e-11 differences between saturated class posteriors, absorbs the last
bit of the normalisation (a row and three times that row tie), and leaves room for a gallery index
beside the score in one 64-bit sort key (`ranking.py`).

The price is three matrix products instead of one. The splitting is that of K. Ozaki, T. Ogita,
S. Oishi and S. M. Rump, "Error-free transformations of matrix multiplication by using fast
routines of matrix multiplication and its applications", Numerical Algorithms 59, 2012.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from keras_xmr.types import Array, FloatArray

SCORE_BITS = 38
"""Cosine scores are multiples of `2**-SCORE_BITS`."""

_HIGH_BITS = 26
_LOW_BITS = 18
_MOST_FEATURES = 2**18
_CHUNK_BYTES = 16 * 2**20


class FixedPoint(NamedTuple):
    """Unit rows as `high * 2**-26 + low * 2**-44`, both int32 `(n, d)`: the size of float64."""

    high: Array
    low: Array


def cosine_scores(queries: Array, gallery: Array) -> FloatArray:
    """Cosine similarity of every query to every gallery item, free of summation noise.

    Args:
        queries: Embeddings `(q, d)`, any real dtype; lengths do not matter.
        gallery: Embeddings `(g, d)`.

    Returns:
        float64 `(q, g)`, multiples of 2**-38, for up to 4,096 features within two such steps
        (7.3e-12) of the true cosine. 0 wherever one of the two rows is zero.

    Raises:
        ValueError: If an argument is not a finite matrix of real numbers, if the widths differ,
            or if there are more than 2**18 features.

    Example:
        >>> import numpy as np
        >>> queries = np.array([[3.0, 0.0], [0.0, 0.0]])
        >>> cosine_scores(queries, np.array([[5.0, 0.0], [0.0, 1.0], [-2.0, 0.0]]))
        array([[ 1.,  0., -1.],
               [ 0.,  0.,  0.]])

    Reference:
        C. D. Manning, P. Raghavan and H. Schütze, "Introduction to Information Retrieval",
        Cambridge University Press, 2008, section 6.3 (cosine); Ozaki et al. 2012 (exact sums).
    """
    queries, gallery = check_embeddings(queries, gallery)
    return multiply(to_fixed_point(queries), to_fixed_point(gallery))


def check_embeddings(queries: Any, gallery: Any) -> tuple[Array, Array]:
    """Return both as finite real matrices of one width, or raise."""
    queries, gallery = _as_matrix(queries, "queries"), _as_matrix(gallery, "gallery")
    if queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            "Expected queries and gallery to have the same number of features. "
            f"Received: queries.shape={queries.shape}, gallery.shape={gallery.shape}. "
            "Encode both with the same model."
        )
    if queries.shape[1] > _MOST_FEATURES:
        raise ValueError(
            f"Expected at most {_MOST_FEATURES} features, beyond which sums are not exact. "
            f"Received: queries.shape={queries.shape}. "
            "Reduce the dimension first, for example with a principal component analysis."
        )
    return queries, gallery


def _as_matrix(given: Any, name: str) -> Array:
    values = np.asarray(given)
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise ValueError(
            "Expected one row of real numbers per item. "
            f"Received: {name}.shape={values.shape}, {name}.dtype={values.dtype}. "
            "Pass what `encode` returns, as a NumPy array; a single item is `row[None, :]`."
        )
    for part in chunks(len(values), 8 * values.shape[1], _CHUNK_BYTES):
        finite = np.isfinite(values[part])
        if not finite.all():
            row, column = np.argwhere(~finite)[0] + (part.start, 0)
            raise ValueError(
                "Expected finite embeddings. "
                f"Received: {name}[{row}, {column}]={values[row, column]}. "
                "A NaN here mostly means that the training diverged; lower the learning rate."
            )
    return values


def chunks(rows: int, row_bytes: int, chunk_bytes: int) -> Iterator[slice]:
    """Cut `rows` rows into slices of about `chunk_bytes`, at least one row each."""
    step = max(1, chunk_bytes // max(1, row_bytes))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def to_fixed_point(rows: Array) -> FixedPoint:
    """Scale the rows of a finite matrix to length one and split them (see the module text)."""
    fixed = FixedPoint(np.empty(rows.shape, np.int32), np.empty(rows.shape, np.int32))
    for part in chunks(len(rows), 32 * rows.shape[1], _CHUNK_BYTES):
        scaled = _unit_rows(rows[part]) * 2.0**_HIGH_BITS
        high = np.rint(scaled)
        fixed.high[part] = high
        fixed.low[part] = np.rint((scaled - high) * 2.0**_LOW_BITS)
    return fixed


def _unit_rows(rows: Array) -> FloatArray:
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    # A power of two costs no precision, and squares of 1e200 or 1e-200 stay in range.
    _, exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True, initial=0.0))
    rows = np.ldexp(rows, -exponents)
    lengths = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    return rows / np.where(lengths > 0, lengths, 1.0)


def multiply(queries: FixedPoint, gallery: FixedPoint) -> FloatArray:
    """Cosine scores `(q, g)` of rows in fixed point; memory beyond the result is bounded."""
    scores = np.empty((len(queries.high), len(gallery.high)))
    # Powers of two change no digit, so scaling here keeps the products exact and saves passes.
    scale = 2.0 ** (SCORE_BITS - 2 * _HIGH_BITS)
    high = queries.high * scale
    high_low = np.hstack([high, queries.low * scale]) * 2.0**-_LOW_BITS
    row_bytes = 8 * (3 * high.shape[1] + 2 * len(high))
    for part in chunks(scores.shape[1], row_bytes, _CHUNK_BYTES):
        gallery_high = gallery.high[part].astype(np.float64)
        levels = high @ gallery_high.T
        # The one rounding before the last, and the same for each element wherever it stands.
        levels += high_low @ np.hstack([gallery.low[part], gallery_high]).T
        np.multiply(np.rint(levels, out=levels), 2.0**-SCORE_BITS, out=scores[:, part])
    return scores
