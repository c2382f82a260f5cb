"""Labels that look wrong."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from keras_xmr.comparison.diagnosis.nearest import common_media, one_class_each
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.index import ExactIndex
from keras_xmr.types import Array, FloatArray


class Suspect(NamedTuple):
    """An instance that may be labelled wrongly.

    Attributes:
        rows: Medium to the rows of its items.
        label: Name of the class that it is said to be of.
        nearest: Name of the class that all of its items are nearest to.
        margin: How much more similar, or less distant, the mean of that class is than that of its
            own; of the item where this is least.
    """

    rows: dict[str, list[int]]
    label: str
    nearest: str
    margin: float


def label_suspects(
    encoded: Mapping[str, Array],
    means: Mapping[str, FloatArray],
    part: CrossModalData,
    metric: str,
    count: int = 10,
) -> list[Suspect]:
    """Paired test instances that may be labelled wrongly: all their items speak for another class.

    All items of an instance, in every medium, are nearest to the mean of the same class, which is
    not theirs. Instances that some medium lacks are left out, and so are those whose class has no
    training items.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        means: Medium to the mean representations of its training items of each class
            `(classes, d)`.
        part: The test part.
        metric: `"cosine"` or `"euclidean"`; there are no means of codes for `"hamming"`.
        count: Number of instances, at most.

    Returns:
        `Suspect` for each, the largest margin first. None for `"hamming"`, where items have several
        classes, or where media are not paired.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {name: np.eye(4)[medium.labels] for name, medium in part.media.items()}
        >>> for rows in encoded.values():
        ...     rows[7] = np.eye(4)[3]
        >>> label_suspects(encoded, dict.fromkeys(encoded, np.eye(4)), part, "cosine")
        [Suspect(rows={'image': [7], 'text': [7]}, label='class1', nearest='class3', margin=1.0)]
    """
    media = common_media(encoded, part)
    if metric == "hamming" or not one_class_each(part, media):
        return []
    nearest, margin = {}, {}
    for name in media:
        labels = part.media[name].labels
        nearest[name], margin[name] = _nearest_class(encoded[name], means[name], labels, metric)
    suspects = []
    for rows in _instances(part, media):
        named = {int(c) for name in media for c in nearest[name][rows[name]]}
        least = min(float(margin[name][rows[name]].min()) for name in media)
        # A margin of an item that is nearest to its own class is 0, of one that has no class NaN.
        if len(named) == 1 and least > 0:
            label = part.media[media[0]].labels[rows[media[0]][0]]
            names = part.class_names
            suspects.append(Suspect(rows, names[label], names[named.pop()], least))
    return sorted(suspects, key=lambda suspect: -suspect.margin)[:count]


def _nearest_class(
    rows: Array, means: FloatArray, labels: Array, metric: str
) -> tuple[Array, FloatArray]:
    """The class of the nearest mean `(n,)`, and its lead over that of the label `(n,)`."""
    known = np.flatnonzero(~np.isnan(means).any(axis=1))
    found = ExactIndex(metric).add(means[known], known.astype(str)).search(rows, len(known))
    classes = found.ids.astype(int)
    # NaN stays where the class of the label is not known.
    own = np.full(len(rows), np.nan)
    own_row, own_rank = np.nonzero(classes == labels[:, None])
    own[own_row] = found.scores[own_row, own_rank]
    return classes[:, 0], found.scores[:, 0] - own


def _instances(part: CrossModalData, media: Sequence[str]) -> Iterator[dict[str, list[int]]]:
    """Rows of each instance that all media have; none where a medium has no pairs."""
    members: dict[str, dict[str, list[int]]] = {}
    for name in media:
        pairs = part.media[name].pairs
        if pairs is None:
            return
        for row, instance in enumerate(pairs.tolist()):
            members.setdefault(instance, {}).setdefault(name, []).append(row)
    yield from (rows for rows in members.values() if len(rows) == len(media))
