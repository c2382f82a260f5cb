"""KCCA: kernel canonical correlation analysis of Hardoon, Szedmak and Shawe-Taylor (2004)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.cca import check_components
from keras_xmr.methods.linear_algebra import (
    Factor,
    common_directions,
    factorise,
    whiten,
)
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights, centre, paired
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Choice, Range, Tunable
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Config, FloatArray

POLYNOMIAL: Config = {"kernel": "poly", "degree": 3, "coef0": 1.0}
GAUSSIAN: Config = {"kernel": "rbf"}
"""Arguments of `KCCA` for the two kernels of the papers' tables, which give no parameters."""

# Rows from which the median distance of a pair is taken.
SAMPLE = 500
SCALED = ("rbf", "laplacian")


class Kernel(NamedTuple):
    """A kernel of scikit-learn, with its parameters.

    Attributes:
        name: Its name in `sklearn.metrics.pairwise.pairwise_kernels`.
        gamma: Its coefficient, where it has one.
        degree: Of the polynomial kernel.
        coef0: Of the polynomial and the sigmoid kernel.
    """

    name: str
    gamma: float
    degree: float
    coef0: float

    def __call__(self, rows: FloatArray, support: FloatArray) -> FloatArray:
        """Values `(n, m)` between rows `(n, d)` and `(m, d)`."""
        from sklearn.metrics.pairwise import pairwise_kernels

        values: FloatArray = pairwise_kernels(
            rows,
            support,
            metric=self.name,
            filter_params=True,
            gamma=self.gamma,
            degree=self.degree,
            coef0=self.coef0,
        )
        return values


def usual_gamma(name: str, rows: FloatArray) -> float:
    """The kernel coefficient by the median distance of two rows; otherwise 1 / width.

    For `"rbf"` it is `1 / (2 median^2)`, for `"laplacian"` one over the median of the sums of
    absolute differences.
    """
    if name not in SCALED:
        return float(1 / rows.shape[1])
    from scipy.spatial.distance import pdist

    some = rows[:: max(1, len(rows) // SAMPLE)]
    middle = float(np.median(pdist(some, "euclidean" if name == "rbf" else "cityblock")))
    if not middle:
        return 1.0
    return 1 / (2 * middle * middle) if name == "rbf" else 1 / middle


class KernelMap(NamedTuple):
    """From rows to scores: kernel values with some rows, times coefficients, plus a bias.

    Attributes:
        support: `(m, d)`.
        kernel: `(m, k)`.
        bias: `(k,)`.
    """

    support: FloatArray
    kernel: FloatArray
    bias: FloatArray


def kernel_canonical_maps(
    rows: Sequence[FloatArray],
    kernels: Sequence[Kernel],
    regularization: float,
    n_components: int | None,
    usual: int = 10,
    *,
    landmarks: int | None = None,
    random_state: int = 0,
) -> list[KernelMap]:
    """Canonical directions in the feature spaces of kernels: a map for each medium.

    Args:
        rows: Rows `(n, d)` of each medium, aligned.
        kernels: The kernel of each medium.
        regularization: As in `KCCA`.
        n_components: Number of directions; `None` for `usual`, or as many as there are.
        usual: See `n_components`.
        landmarks: As in `KCCA`.
        random_state: As in `KCCA`.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((20, 3))
        >>> maps = kernel_canonical_maps([rows, rows], [Kernel("rbf", 0.5, 3, 1.0)] * 2, 0.1, 2)
        >>> [own.kernel.shape for own in maps]
        [(20, 2), (20, 2)]
    """
    factors, whitened = [], []
    for own, kernel in zip(rows, kernels, strict=True):
        factors.append(kernel_factor(own, kernel, landmarks, random_state))
        scores, _ = centre(factors[-1].scores)
        ridge = regularization * np.square(scores).mean(axis=0).sum() / max(1, len(own) - 1)
        whitened.append(whiten(scores, 1.0, float(ridge)))
    found = common_directions([own.scores for own in whitened], n_components, usual, "KCCA")
    maps = []
    for own, factor, basis, direction in zip(rows, factors, whitened, found[1], strict=True):
        lifted = basis.lift(direction)
        bias = -factor.scores.mean(axis=0) @ lifted
        maps.append(KernelMap(own[factor.pivots], factor.dual(lifted), bias))
    return maps


def kernel_factor(
    rows: FloatArray, kernel: Kernel, landmarks: int | None, random_state: int
) -> Factor:
    """The kernel matrix of rows `(n, d)`, or Nystroem's approximation of it, as a factor."""
    if landmarks is None or landmarks >= len(rows):
        return factorise(kernel(rows, rows))
    rng = np.random.default_rng(random_state)
    chosen = np.sort(rng.permutation(len(rows))[:landmarks])
    among = factorise(kernel(rows[chosen], rows[chosen]))
    # Some landmarks may be the same, or nearly so.
    kept = chosen[among.pivots]
    corner = among.scores[among.pivots]
    scores = solve_triangular(corner, kernel(rows, rows[kept]).T, lower=True).T
    return Factor(scores, kept)


class KCCA(LinearMethod):
    """Kernel canonical correlation analysis, with any kernel of scikit-learn.

    CCA in the feature spaces of the kernels: for kernel matrices `K`, centred there, it maximises

        a' K_x K_y b  subject to  a' (K_x^2 + kappa K_x) a = b' (K_y^2 + kappa K_y) b = 1

    where `kappa` is `regularization * trace(K) / n`; without it all correlations would be 1. The
    kernel matrix is factorised, `K = F F'`, and CCA of the rows of `F` solved by Cholesky factors
    and an iterative eigensolver. With `landmarks` it is Nystroem's approximation, of that many
    random training items, in time and memory proportional to the number of items. With more than
    two media it is multiset CCA, as in `CCA`. Classes are not looked at.

    Where this departs from the papers that compare with KCCA: they name the kernels, but neither
    their parameters nor the regularisation, which are arguments here.

    Args:
        kernel: `"rbf"`, `"poly"`, `"laplacian"`, `"linear"`, `"cosine"`, `"sigmoid"`, ...; this
            and the next three are one value for all media, or medium to value.
        gamma: Kernel coefficient; `None` for one by the median distance (`"rbf"`, `"laplacian"`),
            or 1 / width.
        degree: Of the polynomial kernel.
        coef0: Of the polynomial and the sigmoid kernel.
        n_components: Number of directions; `None` for the number of classes. There are at most as
            many as the lowest rank of a kernel matrix; if more are asked for, a warning tells.
        regularization: 0.1 to 10 is the useful range.
        landmarks: Number of training items of Nystroem's approximation; `None` for the exact
            solution, which keeps all of them.
        random_state: Seed of the choice of landmarks.
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.

    Raises:
        ValueError: If an argument is outside its range; from `fit`, if there is one medium, a
            medium without pairs, one of equal items, or no such kernel.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> KCCA("poly", n_components=3).fit(toy()).encode_text(["class2 thing1"]).shape
        (1, 3)

    Reference:
        D. Hardoon, S. Szedmak, J. Shawe-Taylor: Canonical correlation analysis: an overview with
        application to learning methods, Neural Computation, 2004.
    """

    about = About(
        name="kcca",
        title="kernel canonical correlation analysis",
        year=2004,
        reference="Hardoon, Szedmak, Shawe-Taylor: Neural Computation 2004",
        kind="linear",
        learns_from=("pairs",),
        media="any",
        returns="correlated directions",
    )
    defaults = Settings(arguments={"regularization": 10.0})
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "kernel": Choice(("rbf", "poly")),
        "regularization": Range(0.1, 1000.0),
    }

    ARRAYS = ("support", "kernel", "bias", "gamma")

    def __init__(
        self,
        kernel: str | Mapping[str, str] = "rbf",
        gamma: float | Mapping[str, float] | None = None,
        degree: float | Mapping[str, float] = 3,
        coef0: float | Mapping[str, float] = 1.0,
        n_components: int | None = None,
        regularization: float = 1.0,
        landmarks: int | None = None,
        random_state: int = 0,
        preprocessor: Preprocessor | None = None,
    ) -> None:
        check_components(n_components)
        if regularization <= 0:
            raise ValueError(
                f"Regularization is above 0: without it all correlations are 1. Received: "
                f"{regularization=}."
            )
        if landmarks is not None and landmarks < 2:
            raise ValueError(f"Nystroem needs two landmarks or more. Received: {landmarks=}.")
        super().__init__(preprocessor)
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.n_components = n_components
        self.regularization = regularization
        self.landmarks = landmarks
        self.random_state = random_state

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        aligned = paired(rows, part, "KCCA")
        gammas = {name: self._gamma(name, own) for name, own in aligned.items()}
        maps = kernel_canonical_maps(
            list(aligned.values()),
            [self._kernel(name, gamma) for name, gamma in gammas.items()],
            self.regularization,
            self.n_components,
            part.num_classes,
            landmarks=self.landmarks,
            random_state=self.random_state,
        )
        return {
            name: (*own, np.array([gamma]))
            for (name, gamma), own in zip(gammas.items(), maps, strict=True)
        }

    def _gamma(self, medium: str, rows: FloatArray) -> float:
        given = self._of("gamma", medium)
        return usual_gamma(self._of("kernel", medium), rows) if given is None else float(given)

    def _kernel(self, medium: str, gamma: float) -> Kernel:
        name, degree, coef0 = (self._of(key, medium) for key in ("kernel", "degree", "coef0"))
        return Kernel(name, gamma, degree, coef0)

    def _map(self, rows: FloatArray, medium: str) -> FloatArray:
        """Kernel values with the support `(m, d)`, times the coefficients."""
        support, kernel, bias, gamma = self.weights[medium]
        values = self._kernel(medium, float(gamma[0]))(rows, support)
        represented: FloatArray = values @ kernel + bias
        return represented
