"""What each instance adds to the MAP: a picture and its texts are one."""

from collections.abc import Sequence

import numpy as np

from keras_xmr.comparison.diagnosis.nearest import has_relevant
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.report import Direction
from keras_xmr.types import FloatArray


def by_instance(directions: Sequence[Direction], part: CrossModalData) -> FloatArray:
    """A value for each instance that has queries `(instances,)`; their mean is the average MAP.

    All queries with items of an instance, in whatever direction, are alike: a test that took them
    for independent ones would find too much. Directions count the same, however many queries they
    have, as in the average.

    Args:
        directions: Of a report on the part.
        part: The test part.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> queries = np.linspace(0, 1, 20)
        >>> there = Direction("image", "text", {}, [], queries)
        >>> back = Direction("text", "image", {}, [], queries[::-1])
        >>> by_instance([there, back], part).round(3).tolist()[:3]
        [0.5, 0.5, 0.5]
    """
    names, scores = [], []
    for direction in directions:
        medium = part.medium(direction.query)
        kept = has_relevant(part, direction.query, direction.gallery)
        instances = medium.pairs
        if instances is None:
            instances = np.array([f"{direction.query}/{name}" for name in medium.ids.tolist()])
        names.append(instances[kept].astype(str))
        scores.append(direction.average_precisions / (kept.sum() * len(directions)))
    found, number = np.unique(np.concatenate(names), return_inverse=True)
    return np.asarray(np.bincount(number, np.concatenate(scores)) * float(len(found)))
