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
beside the score in one 64-bit sort key (`_sort_keys.py`).

The price is three matrix products instead of one; a ranking needs them for few pairs only
(`_cosine_order.py`). The splitting is that of K. Ozaki, T. Ogita,
S. Oishi and S. M. Rump, "Error-free transformations of matrix multiplication by using fast
routines of matrix multiplication and its applications", Numerical Algorithms 59, 2012.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from keras_xmr.metrics._threads import chunks, for_each
from keras_xmr.types import Array, FloatArray

SCORE_BITS = 38
"""Cosine scores are multiples of `2**-SCORE_BITS`."""

_HIGH_BITS = 26
_LOW_BITS = 18
_MOST_FEATURES = 2**18
_SCALE = 2.0 ** (SCORE_BITS - 2 * _HIGH_BITS)
# Of the gallery in float64. A BLAS wakes its threads for each product: few large ones.
_CHUNK_BYTES = 64 * 2**20
# What a thread works on fits into its processor's cache.
_CACHE_BYTES = 2**19


class FixedPoint(NamedTuple):
    """Unit rows as `high * 2**-26 + low * 2**-44`, both whole numbers in float64 `(n, d)`."""

    high: FloatArray
    low: FloatArray


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
    levels = exact_levels(UnitRows(queries)[:], UnitRows(gallery))
    levels *= 2.0**-SCORE_BITS
    return levels


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
    for part in chunks(len(values), values.itemsize * values.shape[1], _CACHE_BYTES):
        finite = np.isfinite(values[part])
        if not finite.all():
            row, column = np.argwhere(~finite)[0] + (part.start, 0)
            raise ValueError(
                "Expected finite embeddings. "
                f"Received: {name}[{row}, {column}]={values[row, column]}. "
                "A NaN here mostly means that the training diverged; lower the learning rate."
            )
    return values


class UnitRows:
    """Rows of a finite matrix, scaled to length one where and when they are looked at.

    A copy of a large gallery would take memory, and longer to write than to compute again.

    Args:
        rows: Any real dtype, `(n, d)`.
    """

    def __init__(self, rows: Array) -> None:
        self.rows = _in_range(rows)
        self.lengths = np.empty((len(rows), 1))
        for_each(self._measure, self._cut(slice(0, len(rows))))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: slice | Array) -> FloatArray:
        """Unit rows in float64; a zero row stays zero."""
        if not isinstance(part, slice):
            return self.rows[part].astype(np.float64) / self.lengths[part]
        start, stop, _ = part.indices(len(self))
        return self.write(slice(start, stop), np.empty((stop - start, self.rows.shape[1])))

    def write(self, part: slice, unit: FloatArray) -> FloatArray:
        """Write the unit rows of a slice into `unit`, and return it."""

        def scale(few: slice) -> None:
            target = unit[few.start - part.start : few.stop - part.start]
            target[...] = self.rows[few]
            target /= self.lengths[few]

        for_each(scale, self._cut(part))
        return unit

    def _measure(self, part: slice) -> None:
        rows = np.ascontiguousarray(self.rows[part], dtype=np.float64)
        lengths = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
        self.lengths[part] = np.where(lengths > 0, lengths, 1.0)

    def _cut(self, part: slice) -> Iterator[slice]:
        for few in chunks(part.stop - part.start, 16 * self.rows.shape[1], _CACHE_BYTES):
            yield slice(part.start + few.start, part.start + few.stop)


def _in_range(rows: Array) -> Array:
    """The same directions, with squares that float64 can hold."""
    if rows.dtype.itemsize < 8 or rows.dtype.kind != "f" or not rows.size:
        return rows
    largest = np.maximum(rows.max(axis=1, keepdims=True), -rows.min(axis=1, keepdims=True))
    if not ((largest > 1e100) | ((largest < 1e-100) & (largest > 0))).any():
        return rows
    # A power of two costs no precision.
    return np.asarray(np.ldexp(rows, -np.frexp(largest)[1]))


def to_fixed_point(unit: FloatArray) -> FixedPoint:
    """Split unit rows (see the module text)."""
    scaled = unit * 2.0**_HIGH_BITS
    high = np.rint(scaled)
    scaled -= high
    scaled *= 2.0**_LOW_BITS
    return FixedPoint(high, np.rint(scaled, out=scaled))


def exact_levels(queries: FloatArray, gallery: UnitRows | FloatArray) -> FloatArray:
    """Cosine scores of unit rows in steps of `2**-SCORE_BITS`; memory beyond them is bounded."""
    levels = np.empty((len(queries), len(gallery)))
    high, low = to_fixed_point(queries)
    # Powers of two change no digit, so scaling here keeps the products exact and saves passes.
    high *= _SCALE
    high_low = np.hstack([high, low * _SCALE]) * 2.0**-_LOW_BITS
    row_bytes = 8 * (6 * queries.shape[1] + 2 * len(queries))
    for part in chunks(len(gallery), row_bytes, _CHUNK_BYTES):
        gallery_high, gallery_low = to_fixed_point(gallery[part])
        products = high @ gallery_high.T
        # The one rounding before the last, and the same for each element wherever it stands.
        products += high_low @ np.hstack([gallery_low, gallery_high]).T
        np.rint(products, out=levels[:, part])
    return levels


def rough_levels(queries: FloatArray, gallery: UnitRows) -> FloatArray:
    """`exact_levels`, neither rounded nor exact: one product, summed as the BLAS likes."""
    levels = np.empty((len(queries), len(gallery)))
    scaled = queries * 2.0**SCORE_BITS
    parts = list(chunks(len(gallery), 8 * queries.shape[1], _CHUNK_BYTES))
    # The same memory for each part: new memory costs as much time as what is written to it.
    unit = np.empty((parts[0].stop if parts else 0, queries.shape[1]))
    for part in parts:
        rows = gallery.write(part, unit[: part.stop - part.start])
        np.matmul(scaled, rows.T, out=levels[:, part])
    return levels
