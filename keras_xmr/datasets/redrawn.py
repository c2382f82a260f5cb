"""The same data drawn anew: other parts, or training items with replacement."""

from collections import Counter
from dataclasses import replace

import numpy as np

from keras_xmr.datasets.base import SPLITS, CrossModalData, MediumItems, hashed_order
from keras_xmr.datasets.folds import by_class, class_of, names
from keras_xmr.types import Array


def with_parts_redrawn(data: CrossModalData, number: int) -> CrossModalData:
    """The data with other items in each part, as many of each class as before.

    Instances stay together: a picture and its texts are in one part.

    Args:
        data: The data set.
        number: Of the split. 0 is that of the data; others are drawn by `hashed_order`.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> other = with_parts_redrawn(toy(), 1)
        >>> len(other.part("test").medium("text")), other.split_hash() == toy().split_hash()
        (20, False)
    """
    if number == 0:
        return data
    drawn: dict[str, str] = {}
    part_of: dict[str, str] = {}
    seen_in: dict[str, list[str]] = {}
    for medium, items in data.media.items():
        for name, split in zip(names(items).tolist(), items.split.tolist(), strict=True):
            part_of.setdefault(name, split)
            seen_in.setdefault(name, []).append(medium)
    for members in by_class(data).values():
        # Instances of the same media among themselves: no medium gets more of a part than before.
        alike: dict[tuple[str, ...], list[str]] = {}
        for name in members:
            alike.setdefault(tuple(dict.fromkeys(seen_in[name])), []).append(name)
        for some in alike.values():
            counts = Counter(part_of[name] for name in some)
            parts = [part for part in reversed(SPLITS) for _ in range(counts[part])]
            drawn |= dict(zip(hashed_order(some, number), parts, strict=True))
    media = {
        medium: replace(m, split=np.array([drawn[name] for name in names(m).tolist()]))
        for medium, m in data.media.items()
    }
    return replace(data, media=media)


def bootstrapped(data: CrossModalData, seed: int) -> CrossModalData:
    """The data with as many training instances drawn with replacement; other parts as they are.

    Args:
        data: The data set.
        seed: Seed of NumPy's generator.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> ids = bootstrapped(toy(), 0).part("train").medium("text").ids
        >>> len(ids), len({name.split("~")[0] for name in ids.tolist()}) < len(ids)
        (40, True)

    Reference:
        L. Breiman: Bagging predictors, Machine Learning 24, 1996.
    """
    instances = list(class_of(data.part("train")))
    drawn = np.random.default_rng(seed).integers(len(instances), size=len(instances))
    times = Counter(instances[place] for place in drawn.tolist())
    return replace(data, media={name: _copied(m, times) for name, m in data.media.items()})


def _copied(medium: MediumItems, times: Counter[str]) -> MediumItems:
    """A medium with each training item as often as its instance was drawn."""
    counts = np.array([times[name] for name in names(medium).tolist()])
    index = np.repeat(np.arange(len(medium)), np.where(medium.split == "train", counts, 1))
    # The number of a copy, so that names stay unique and copies of partners stay partners.
    number = np.arange(len(index)) - np.searchsorted(index, index)

    def numbered(column: Array) -> Array:
        copies = zip(column[index].tolist(), number.tolist(), strict=True)
        return np.array([f"{name}~{n}" if n else f"{name}" for name, n in copies])

    return replace(
        medium,
        items=medium.items[index],
        labels=medium.labels[index],
        ids=numbered(medium.ids),
        split=medium.split[index],
        pairs=None if medium.pairs is None else numbered(medium.pairs),
        files=None if medium.files is None else medium.files[index],
        targets=None if medium.targets is None else medium.targets[index],
    )
