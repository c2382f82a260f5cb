"""CCA: canonical correlation analysis of Hotelling (1936), regularised, of two or more media."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.linear_algebra import common_directions, whiten
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights, centre, paired
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Range, Tunable
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Config, FloatArray

PAPER: Config = {"shrinkage": 0.0}
"""Arguments of `CCA` as in the papers' tables: without regularisation, near chance where there are
more features than pairs."""


def canonical_directions(
    rows: Sequence[FloatArray], shrinkage: float, n_components: int | None, usual: int = 10
) -> tuple[list[FloatArray], FloatArray]:
    """Directions of each medium, and their canonical correlations.

    Args:
        rows: Centred rows `(n, d)` of each medium, aligned.
        shrinkage: From 0, the covariance as it is, to 1, a multiple of the identity.
        n_components: Number of directions; `None` for `usual`, or as many as there are.
        usual: See `n_components`.

    Returns:
        For each medium `(d, n_components)`, and `(n_components,)`.

    Example:
        >>> rows = np.random.default_rng(0).standard_normal((50, 3))
        >>> rows -= rows.mean(axis=0)
        >>> _, correlations = canonical_directions([rows, rows[:, :2] * 7], 0.0, 2)
        >>> correlations.round(6).tolist()
        [1.0, 1.0]
    """
    whitened = [whiten(own, 1 - shrinkage, shrinkage * _mean_variance(own)) for own in rows]
    scores = [own.scores for own in whitened]
    correlations, directions = common_directions(scores, n_components, usual, "CCA")
    lifted = [own.lift(part) for own, part in zip(whitened, directions, strict=True)]
    return lifted, correlations


def _mean_variance(rows: FloatArray) -> float:
    """Of a column; what full shrinkage puts on the diagonal."""
    return float(np.square(rows).sum() / max(1, len(rows) - 1) / rows.shape[1])


class CCA(LinearMethod):
    """Canonical correlation analysis: directions along which paired media correlate most.

    For two media the directions `a` and `b` maximise

        a' C_xy b  subject to  a' C_x a = b' C_y b = 1,

    each pair uncorrelated with those before it. With more media it is multiset CCA: the sum over
    all pairs of media is maximised, subject to the sum of the constraints. Classes are not looked
    at.

    `C_x` is the covariance, shrunk: `(1 - shrinkage) C + shrinkage v I`, where `v` is the mean
    variance of a column, so that the units of the features do not matter. Without shrinkage it is
    the pseudo-inverse that is taken, on the numerical range.

    Where this departs from the papers that compare with CCA: their figures are of no shrinkage,
    though they do not say so: see `PAPER`. They do not give the number of directions either.

    Args:
        n_components: Number of directions; `None` for the number of classes. There are at most as
            many as the lowest rank of a medium; if more are asked for, a warning tells.
        shrinkage: From 0 to 1.
        correlation_power: Directions are weighted by their correlation to this power; 0 for equal
            weights.
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.

    Raises:
        ValueError: If an argument is outside its range; from `fit`, if there is one medium, a
            medium without pairs, or one of equal items.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> CCA(n_components=3).fit(toy()).encode_text(["class2 thing1"]).shape
        (1, 3)

    Reference:
        H. Hotelling: Relations between two sets of variates, Biometrika, 1936. For more media:
        J. Kettenring: Canonical analysis of several sets of variables, Biometrika, 1971.
    """

    about = About(
        name="cca",
        title="canonical correlation analysis",
        year=1936,
        reference="Hotelling: Biometrika 1936",
        kind="linear",
        learns_from=("pairs",),
        media="any",
        returns="correlated directions",
    )
    defaults = Settings(arguments={"shrinkage": 0.97})
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "shrinkage": Range(0.1, 0.999, log=False),
        "correlation_power": Range(0.0, 2.0, log=False),
    }

    def __init__(
        self,
        n_components: int | None = None,
        shrinkage: float = 0.5,
        correlation_power: float = 0.0,
        preprocessor: Preprocessor | None = None,
    ) -> None:
        check_components(n_components)
        if not 0 <= shrinkage <= 1:
            raise ValueError(f"Shrinkage is a number from 0 to 1. Received: {shrinkage=}.")
        super().__init__(preprocessor)
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.correlation_power = correlation_power

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        centred = {n: centre(own) for n, own in paired(rows, part, "CCA").items()}
        kernels, correlations = canonical_directions(
            [own for own, _ in centred.values()],
            self.shrinkage,
            self.n_components,
            part.num_classes,
        )
        weight = np.maximum(correlations, 0) ** self.correlation_power
        return {
            name: (kernel * weight, -mean @ (kernel * weight))
            for (name, (_, mean)), kernel in zip(centred.items(), kernels, strict=True)
        }


def check_components(n_components: int | None) -> None:
    """Raise a `ValueError` unless it is `None` or at least 1."""
    if n_components is not None and n_components < 1:
        raise ValueError(f"A baseline has at least one component. Received: {n_components=}.")
