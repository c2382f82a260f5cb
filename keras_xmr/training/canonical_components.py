"""Canonical components: the directions in which paired media vary together."""

from collections.abc import Mapping

import numpy as np

from keras_xmr.types import Array, FloatArray


def canonical_components(
    rows: Mapping[str, FloatArray], count: int, *, ridge: float = 3.0, length: float = 12.0
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Regularised canonical correlation analysis of any number of paired media.

    Each medium is whitened, a variance `v` to `v / (v + ridge * mean variance)`, and then turned to
    the directions that correlate with those of the other media. Each direction is multiplied by
    its correlation, so that what the media have in common weighs most. No label is looked at.

    Args:
        rows: Medium to rows `(n, d)`; row `i` of each is of instance `i`.
        count: Directions for each medium.
        ridge: What keeps directions of little variance down.
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
        H. Hotelling: Relations between two sets of variates, Biometrika 28, 1936; ridge: H. D.
        Vinod, Journal of Econometrics 4, 1976; several sets: J. R. Kettenring, Biometrika 58, 1971.
    """
    means = {name: r.mean(axis=0, dtype=np.float64) for name, r in rows.items()}
    whitened, maps = {}, {}
    for name, of_medium in rows.items():
        left, singular, right = np.linalg.svd(of_medium - means[name], full_matrices=False)
        variances = np.square(singular) / len(of_medium)
        real = variances > variances.max(initial=0.0) * 1e-9
        scales = 1.0 / np.sqrt(variances[real] + ridge * variances.mean())
        whitened[name] = left[:, real] * np.sqrt(variances[real]) * scales
        maps[name] = right[real].T * scales
    spanned = min(count, *(w.shape[1] for w in whitened.values()))
    directions = _common_directions(whitened, spanned)
    found = {}
    for name, of_medium in rows.items():
        projection = np.pad(maps[name] @ directions[name], ((0, 0), (0, count - spanned)))
        projected = (of_medium - means[name]) @ projection
        projection *= length / np.sqrt(np.square(projected).sum(axis=1).mean())
        found[name] = means[name].astype(np.float32), projection.astype(np.float32)
    return found


def _common_directions(whitened: Mapping[str, FloatArray], count: int) -> dict[str, Array]:
    """For each medium `(d, count)`: unit directions, times their correlation.

    Eigenvectors of the correlations between media, those within media left out. Of two media these
    are the singular vectors of the matrix of correlations.
    """
    ends = np.cumsum([w.shape[1] for w in whitened.values()])
    stacked = np.concatenate(list(whitened.values()), axis=1)
    between = stacked.T @ stacked
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        between[start:end, start:end] = 0.0
    values, vectors = np.linalg.eigh(between)
    strongest = np.argsort(-values, kind="stable")[:count]
    weights = np.maximum(values[strongest], 0.0)
    directions = {}
    blocks = np.split(vectors[:, strongest], ends[:-1])
    for name, block in zip(whitened, blocks, strict=True):
        norms = np.linalg.norm(block, axis=0)
        directions[name] = block / np.where(norms > 0, norms, 1.0) * weights
    return directions
