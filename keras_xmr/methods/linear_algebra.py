"""The solvers that the linear baselines share: thin bases, whitening, leading directions."""

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.linalg
from scipy.linalg import lapack, solve_triangular
from scipy.sparse.linalg import LinearOperator, eigsh

from keras_xmr.types import Array, FloatArray

# Share of the largest eigenvalue of a Gram matrix below which an eigenvalue is rounding: rows come
# as float32, whose relative precision, squared, is 1e-14, over some thousand rows.
TOLERANCE = 1e-11
# Below that many rows, a dense solver is faster than an iterative one.
DENSE = 2000
PRECISION = 1e-10


class Factor(NamedTuple):
    """A Gram matrix `K` as `scores @ scores.T`.

    Attributes:
        scores: `(n, r)`; `r` is the numerical rank of `K`.
        pivots: Rows `(r,)` whose scores make up a lower triangle.
    """

    scores: FloatArray
    pivots: Array

    def dual(self, directions: FloatArray) -> FloatArray:
        """Coefficients `(r, k)` with `K[:, pivots] @ dual == scores @ directions`, `(r, k)`."""
        corner = self.scores[self.pivots]
        solved: FloatArray = solve_triangular(corner, directions, lower=True, trans="T")
        return solved


def factorise(gram: FloatArray) -> Factor:
    """Incomplete Cholesky factorisation, with pivoting, of a positive semi-definite matrix.

    It takes a twentieth of the time of an eigendecomposition, and stops at the numerical rank.

    Args:
        gram: `(n, n)`. It may be overwritten.

    Example:
        >>> rows = np.array([[1.0, 0.0], [3.0, 4.0], [1.0, 0.0]])
        >>> scores, pivots = factorise(rows @ rows.T)
        >>> scores.shape, bool(np.allclose(scores @ scores.T, rows @ rows.T))
        ((3, 2), True)

    Reference:
        D. Hardoon, S. Szedmak, J. Shawe-Taylor: Canonical correlation analysis: an overview with
        application to learning methods, Neural Computation, 2004, section 4.2 (as partial
        Gram-Schmidt orthogonalisation).
    """
    limit = TOLERANCE * float(np.diag(gram).max())
    # Of a symmetric matrix the transpose is the same, in the order of memory that LAPACK wants.
    lower, order, rank, _ = lapack.dpstrf(gram.T, tol=limit, lower=1, overwrite_a=1)
    order = order - 1
    scores = np.empty((len(gram), rank))
    scores[order] = np.tril(lower)[:, :rank]
    return Factor(scores, order[:rank])


class Whitened(NamedTuple):
    """Rows in coordinates in which their regularised covariance is the identity.

    Attributes:
        scores: `(r, n)`, divided by the root of n - 1.
        lift: From directions `(r, k)` in these coordinates to directions `(d, k)` in the rows' own.
    """

    scores: FloatArray
    lift: Callable[[FloatArray], FloatArray]


def whiten(rows: FloatArray, keep: float, ridge: float) -> Whitened:
    """Whiten centred rows by `keep * covariance + ridge * identity`.

    By Cholesky factors; without a ridge by the pseudo-inverse on the numerical range.

    Args:
        rows: `(n, d)`, centred.
        keep: Factor on the covariance, whose denominator is n - 1.
        ridge: What is added to its diagonal.
    """
    n, d = rows.shape
    rows = rows / np.sqrt(max(1, n - 1))
    if not ridge:
        return _whiten_by_range(rows, np.sqrt(keep))
    if d > n:
        factor = factorise(rows @ rows.T)
        inner = _whiten_by_cholesky(factor.scores, keep, ridge)
        own = rows[factor.pivots].T
        return Whitened(inner.scores, lambda found: own @ factor.dual(inner.lift(found)))
    return _whiten_by_cholesky(rows, keep, ridge)


def _whiten_by_cholesky(rows: FloatArray, keep: float, ridge: float) -> Whitened:
    covariance = keep * (rows.T @ rows)
    covariance.flat[:: len(covariance) + 1] += ridge
    lower = scipy.linalg.cholesky(covariance, lower=True, overwrite_a=True)
    return Whitened(
        solve_triangular(lower, rows.T, lower=True),
        lambda found: solve_triangular(lower, found, lower=True, trans="T"),
    )


def _whiten_by_range(rows: FloatArray, keep: float) -> Whitened:
    wide = rows.shape[1] > len(rows)
    values, vectors = scipy.linalg.eigh(rows @ rows.T if wide else rows.T @ rows)
    there = values > TOLERANCE * max(values[-1], np.finfo(np.float64).tiny)
    vectors, deviations = vectors[:, there], keep * np.sqrt(values[there])
    if wide:
        back = rows.T @ (vectors / (np.sqrt(values[there]) * deviations))
        return Whitened(vectors.T / keep, lambda found: back @ found)
    back = vectors / deviations
    return Whitened(back.T @ rows.T, lambda found: back @ found)


def common_directions(
    scores: Sequence[FloatArray], n_components: int | None, usual: int, what: str
) -> tuple[FloatArray, list[FloatArray]]:
    """The `leading_directions` that the media have in common, at most as many as are wanted.

    Args:
        scores: Rows `(r_i, n)` of each medium.
        n_components: Number of directions. If there are fewer, a warning tells. `None` for `usual`,
            or what there is.
        usual: See `n_components`.
        what: Name of the method, for messages.

    Raises:
        ValueError: If there is none, as where a medium's items are all the same.
    """
    wanted = usual if n_components is None else n_components
    most = min(len(own) for own in scores)
    if not most or not all(own.any() for own in scores):
        raise ValueError(f"{what} needs items that differ. Received: a medium of equal items.")
    values, directions = leading_directions(scores, min(wanted, most))
    found = int((values > np.sqrt(TOLERANCE) * values[0]).sum())
    if n_components is not None and n_components > found:
        warnings.warn(
            f"{what} was asked for {n_components} components; there are {found}, and so many it "
            "has.",
            stacklevel=2,
        )
    return values[:found], [own[:, :found] for own in directions]


def leading_directions(
    scores: Sequence[FloatArray], n_components: int
) -> tuple[FloatArray, list[FloatArray]]:
    """Directions, one for each medium, along which the scores of the media agree most.

    They are the leading eigenvectors of the matrix whose block for the media i and j is
    `scores[i] @ scores[j].T`, and 0 for a medium with itself: for two media the singular vectors of
    their only block. Large matrices are never formed.

    Args:
        scores: Rows `(r_i, n)` of each medium.
        n_components: Number of directions.

    Returns:
        Eigenvalues `(n_components,)`, divided by the number of other media, and for each medium
        directions `(r_i, n_components)`, for two media of unit length.
    """
    edges = np.cumsum([0, *(len(own) for own in scores)])
    total = int(edges[-1])
    if total <= DENSE or n_components > total // 20:
        values, vectors = _dense(scores, edges, n_components)
    else:
        start = np.random.default_rng(0).standard_normal(total)
        values, vectors = eigsh(
            _operator(scores, edges), n_components, which="LA", v0=start, tol=PRECISION
        )
    order = np.argsort(-values)
    values, vectors = values[order], vectors[:, order]
    # Either sign is right: the largest entry shall be positive.
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(n_components)])
    vectors = vectors * np.sqrt(len(scores))
    return values / (len(scores) - 1), np.split(vectors, edges[1:-1])


def _dense(scores: Sequence[FloatArray], edges: Array, n: int) -> tuple[FloatArray, FloatArray]:
    together = np.concatenate(scores)
    blocks = together @ together.T
    for start, end in pairwise(edges):
        blocks[start:end, start:end] = 0
    last = len(blocks) - 1
    values, vectors = scipy.linalg.eigh(blocks, subset_by_index=(last - n + 1, last))
    return values, vectors


def _operator(scores: Sequence[FloatArray], edges: Array) -> LinearOperator:
    def times(vector: FloatArray) -> FloatArray:
        parts = np.split(vector.ravel(), edges[1:-1])
        seen = [part @ own for part, own in zip(parts, scores, strict=True)]
        everything = np.sum(seen, axis=0)
        return np.concatenate(
            [own @ (everything - part) for own, part in zip(scores, seen, strict=True)]
        )

    return LinearOperator((edges[-1], edges[-1]), matvec=times, dtype=np.float64)
