"""Which medium the errors are of."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from keras_xmr.comparison.diagnosis.nearest import common_media, one_class_each
from keras_xmr.comparison.diagnosis.precisions import average_precisions
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.types import Array, FloatArray


def sides(
    encoded: Mapping[str, Array],
    means: Mapping[str, FloatArray],
    part: CrossModalData,
    metric: str,
) -> dict[str, float]:
    """Which medium the errors are of: what if one were always encoded as what it shows?

    All items of a medium are replaced by the mean of the training items, of that medium, of their
    class; where a class has none they stay as they are. The more MAP this gains, the more of the
    error is that medium's.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        means: Medium to the mean representations of its training items of each class
            `(classes, d)`.
        part: The test part.
        metric: `"cosine"` or `"euclidean"`; there are no means of codes for `"hamming"`.

    Returns:
        `"as it is"`, and `"image replaced by the truth"` for each medium, to the MAP averaged over
        ordered pairs of media. Empty for `"hamming"`, or where items have several classes.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {name: np.eye(4)[medium.labels] for name, medium in part.media.items()}
        >>> encoded["image"][:, 2:] = 0.5  # Pictures tell little of the last two classes.
        >>> found = sides(encoded, dict.fromkeys(encoded, np.eye(4)), part, "cosine")
        >>> [(name, round(value, 2)) for name, value in found.items()]
        [('as it is', 0.84),
         ('image replaced by the truth', 1.0),
         ('text replaced by the truth', 0.84)]
    """
    media = common_media(encoded, part)
    if metric == "hamming" or not one_class_each(part, media):
        return {}
    found = {"as it is": _average_map(encoded, part, media, metric)}
    for name in media:
        truth = means[name][part.media[name].labels]
        kept = np.where(np.isnan(truth), encoded[name], truth)
        replaced = {**encoded, name: kept}
        found[f"{name} replaced by the truth"] = _average_map(replaced, part, media, metric)
    return found


def _average_map(
    encoded: Mapping[str, Array], part: CrossModalData, media: Sequence[str], metric: str
) -> float:
    pairs = itertools.permutations(media, 2)
    precisions = [average_precisions(encoded, part, *pair, metric) for pair in pairs]
    return float(np.mean([values[~np.isnan(values)].mean() for values in precisions]))
