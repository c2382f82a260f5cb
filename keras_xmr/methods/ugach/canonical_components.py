"""Canonical components: the directions in which paired media vary together."""

from collections.abc import Mapping

import numpy as np

from keras_xmr.methods.cca import canonical_directions
from keras_xmr.types import FloatArray


def canonical_components(
    rows: Mapping[str, FloatArray], count: int, *, shrinkage: float = 0.8, length: float = 12.0
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """The directions of `CCA`, of any number of paired media, each times its correlation.

    So what the media have in common weighs most. No label is looked at.

    Args:
        rows: Medium to rows `(n, d)`; row `i` of each is of instance `i`.
        count: Directions for each medium.
        shrinkage: As in `keras_xmr.CCA`; it keeps directions of little variance down.
        length: Root of the mean squared length that projected rows have.

    Returns:
        Medium to the mean `(d,)` and the projection `(d, count)`, float32. Where the rows of a
        medium span fewer directions, the last columns are zero.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> common = rng.normal(size=(200, 1))
        >>> rows = {m: np.hstack([common, rng.normal(size=(200, 2))]) for m in ("image", "text")}
        >>> found = canonical_components(rows, 1)
        >>> [int(np.abs(projection).argmax()) for _, projection in found.values()]
        [0, 0]

    Reference:
        H. Hotelling: Relations between two sets of variates, Biometrika 28, 1936.
    """
    means = {name: own.mean(axis=0, dtype=np.float64) for name, own in rows.items()}
    centred = [own - mean for own, mean in zip(rows.values(), means.values(), strict=True)]
    directions, correlations = canonical_directions(centred, shrinkage, None, count)
    found: dict[str, tuple[FloatArray, FloatArray]] = {}
    for (name, mean), own, kernel in zip(means.items(), centred, directions, strict=True):
        projection = kernel * correlations
        projection *= length / np.sqrt(np.square(own @ projection).sum(axis=1).mean())
        missing = count - projection.shape[1]
        projection = np.pad(projection, ((0, 0), (0, missing))).astype(np.float32)
        found[name] = mean.astype(np.float32), projection
    return found
