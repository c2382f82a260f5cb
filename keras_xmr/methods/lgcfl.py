"""LGCFL: consistent feature learning with a local-group prior, after Kang et al. (TMM 2015)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights, centre, hot
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Range, Tunable
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Array, FloatArray

Groups = int | Sequence[int]


def group_sparse_regression(
    rows: FloatArray,
    targets: FloatArray,
    groups: Array,
    penalty: float,
    *,
    iterations: int = 500,
    tolerance: float = 1e-4,
) -> FloatArray:
    """Minimise `||rows @ U - targets||^2 + penalty * sum of the lengths of the groups of U`.

    A group is what one column of `U` has for one group of features. Accelerated proximal gradient:
    groups that do not help are nought exactly.

    Args:
        rows: `(n, d)`, centred.
        targets: `(n, k)`.
        groups: Number of the group `(d,)` of each feature.
        penalty: Weight of the lengths.
        iterations: Most iterations.
        tolerance: Change of `U`, relative to its length, below which it stops.

    Returns:
        `U`, `(d, k)`.

    Example:
        >>> rows = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
        >>> found = group_sparse_regression(rows, rows[:, :1], np.array([0, 1]), 0.1)
        >>> bool(found[0, 0] > 0.9), found[1].tolist()
        (True, [0.0])

    Reference:
        A. Beck, M. Teboulle: A fast iterative shrinkage-thresholding algorithm for linear inverse
        problems, SIAM Journal on Imaging Sciences, 2009. With restarts: B. O'Donoghue, E. Candès,
        Foundations of Computational Mathematics, 2015.
    """
    _, groups = np.unique(groups, return_inverse=True)
    # Rows of one group side by side, so that their squares are summed by slices.
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(groups)))
    rows = np.ascontiguousarray(rows[:, order])
    rate = 1 / (2 * largest_eigenvalue(rows))
    found = np.zeros((rows.shape[1], targets.shape[1]))
    ahead, momentum = found, 1.0
    for _ in range(iterations):
        stepped = ahead - 2 * rate * (rows.T @ (rows @ ahead - targets))
        lengths = np.sqrt(np.add.reduceat(np.square(stepped), starts, axis=0))
        kept = np.maximum(1 - rate * penalty / np.maximum(lengths, 1e-300), 0)
        new = stepped * np.repeat(kept, sizes, axis=0)
        change = new - found
        if np.sum((ahead - new) * change) > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / following * change
        found, momentum = new, following
        if np.linalg.norm(change) <= tolerance * np.linalg.norm(found):
            break
    result = np.empty_like(found)
    result[order] = found
    return result


def largest_eigenvalue(rows: FloatArray) -> float:
    """Of `rows.T @ rows`, slightly too large rather than too small, and above 0."""
    n, d = rows.shape
    if min(n, d) < 3 or not rows.any():
        return max(float(np.square(rows).sum()), 1e-300)
    operator = LinearOperator((d, d), matvec=lambda v: rows.T @ (rows @ v), dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(d)
    value = eigsh(operator, 1, which="LA", v0=start, tol=1e-3, return_eigenvectors=False)
    return float(value[0]) * 1.01


class LGCFL(LinearMethod):
    """Consistent feature learning with a local-group prior: a reconstruction.

    Where this departs from the paper is not known, since neither its text nor code of its authors
    was at hand. What is certain, from its abstract: each medium is tied to the labels rather than
    to the other medium, so that data need not be paired, and a prior exploits that descriptors come
    in blocks. This is implemented as

        sum over media of ||X_m U_m - S||^2 / n_m + penalty * sum over groups of ||U_g||

    where `n_m` are the numbers of items, `S` are centred one-hot labels, and a group is what one
    class has for a block of features. Blocks of one feature make it the lasso. Figures of it are
    not figures of the paper's method.

    Args:
        penalty: Weight of the group norms: one number, or medium to number.
        groups: Width of the blocks of adjacent features, or the number of the block of each feature
            `(d,)`; one for all media, or medium to either.
        iterations: Most iterations.
        tolerance: Relative change of the solution below which it stops.
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.

    Raises:
        ValueError: If an argument is outside its range; from `fit`, if block numbers do not match
            the features.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> baseline = LGCFL(groups={"image": 4, "text": 1}).fit(toy())
        >>> baseline.encode_text(["class2 thing1"]).argmax(axis=1).tolist()
        [2]

    Reference:
        C. Kang, S. Xiang, S. Liao, C. Xu, C. Pan: Learning consistent feature representation for
        cross-modal multimedia retrieval, IEEE Transactions on Multimedia, 2015. Reconstructed.
    """

    about = About(
        name="lgcfl",
        title="consistent features with a local-group prior, reconstructed",
        year=2015,
        reference="reconstructed after Kang, Xiang, Liao, Xu, Pan: IEEE TMM 2015",
        kind="linear",
        learns_from=("labels",),
        media="any",
        returns="class scores",
    )
    defaults = Settings(arguments={"penalty": 0.0005})
    tunable: ClassVar[Mapping[str, Tunable]] = {"penalty": Range(1e-4, 0.3)}

    def __init__(
        self,
        penalty: float | Mapping[str, float] = 0.005,
        groups: Groups | Mapping[str, Groups] = 1,
        iterations: int = 500,
        tolerance: float = 1e-4,
        preprocessor: Preprocessor | None = None,
    ) -> None:
        penalties = penalty.values() if isinstance(penalty, Mapping) else [penalty]
        if min(penalties) < 0 or iterations < 1:
            raise ValueError(
                "A penalty is not negative, and there is at least one iteration. "
                f"Received: {penalty=}, {iterations=}."
            )
        super().__init__(preprocessor)
        self.penalty = penalty
        self.groups = groups
        self.iterations = iterations
        self.tolerance = tolerance

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        weights = {}
        for name, own in rows.items():
            targets, _ = centre(hot(part.medium(name).labels, part.num_classes))
            centred, mean = centre(own.astype(np.float64))
            kernel = group_sparse_regression(
                centred,
                targets,
                self._groups(name, own.shape[1]),
                self._of("penalty", name) * len(own),
                iterations=self.iterations,
                tolerance=self.tolerance,
            )
            weights[name] = (kernel, -mean @ kernel)
        return weights

    def _groups(self, medium: str, width: int) -> Array:
        given = self._of("groups", medium)
        if isinstance(given, int):
            if given < 1:
                raise ValueError(f"Blocks are one feature wide or more. Received: groups={given}.")
            return np.arange(width) // given
        if len(given) != width:
            raise ValueError(
                f"Medium {medium!r} has {width} features, each in a block. "
                f"Received: groups with {len(given)} numbers."
            )
        return np.asarray(given)
