"""Held-out parts drawn by hash: where data have none, and several times over."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from keras_xmr.datasets.base import CrossModalData, MediumItems, hashed_order
from keras_xmr.types import Array

# One in so many is held out where a data set has no validation part.
SHARE = 10


def with_validation(data: CrossModalData, *, seed: int = 0) -> CrossModalData:
    """The data, with a tenth of the training instances for validation if there are none.

    Args:
        data: The data set.
        seed: Seed of `hashed_order`.

    Raises:
        ValueError: If there are too few instances for that.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> data = toy().with_validation_as_training()
        >>> len(with_validation(data).part("validation").medium("text"))
        6
    """
    if data.has("validation"):
        return data
    fold = fold_of(data.part("train"), SHARE, seed=seed)
    media = {
        name: replace(
            m, split=np.where((m.split == "train") & _is_in(m, fold, 0), "validation", m.split)
        )
        for name, m in data.media.items()
    }
    return _checked(replace(data, media=media))


def folds(data: CrossModalData, count: int, *, seed: int = 0) -> Iterator[CrossModalData]:
    """Training and validation parts taken together, and drawn anew `count` times.

    Each instance is for validation once. The test part is left out.

    Args:
        data: The data set.
        count: Number of folds.
        seed: Seed of `hashed_order`.

    Raises:
        ValueError: If there are too few instances for that.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> [len(fold.part("validation").medium("text")) for fold in folds(toy(), 3)]
        [20, 20, 20]
    """
    pool = data.part("train", "validation")
    fold = fold_of(pool, count, seed=seed)
    for number in range(count):
        media = {
            name: replace(m, split=np.where(_is_in(m, fold, number), "validation", "train"))
            for name, m in pool.media.items()
        }
        yield _checked(replace(pool, media=media))


def names(medium: MediumItems) -> Array:
    """What stays together, `(n,)`: instances of pairs, or else items.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> len(names(toy().medium("text")))
        80
    """
    return (medium.ids if medium.pairs is None else medium.pairs).astype(str)


def class_of(data: CrossModalData) -> dict[str, str]:
    """Name of each instance to its class, or its classes, written out.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> sorted(set(class_of(toy()).values()))
        ['0', '1', '2', '3']
    """
    classes: dict[str, str] = {}
    for medium in data.media.values():
        for name, label in zip(names(medium).tolist(), medium.labels.tolist(), strict=True):
            classes.setdefault(name, str(label))
    return classes


def by_class(data: CrossModalData) -> dict[str, list[str]]:
    """Class, or classes written out, to the names of its instances.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> len(by_class(toy())["0"])
        20
    """
    of_class: dict[str, list[str]] = {}
    for name, label in class_of(data).items():
        of_class.setdefault(label, []).append(name)
    return of_class


def fold_of(data: CrossModalData, count: int, *, seed: int = 0) -> dict[str, int]:
    """Name of each instance to the number of its fold; classes are spread over all folds.

    Args:
        data: The data set.
        count: Number of folds.
        seed: Seed of `hashed_order`.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> list(fold_of(toy(), 4).values()).count(3)
        20
    """
    of_class = by_class(data)
    ordered = [name for label in sorted(of_class) for name in hashed_order(of_class[label], seed)]
    return {name: place % count for place, name in enumerate(ordered)}


def _is_in(medium: MediumItems, fold: dict[str, int], number: int) -> Array:
    return np.array([fold.get(name) == number for name in names(medium).tolist()], bool)


def _checked(data: CrossModalData) -> CrossModalData:
    if not (data.has("train") and data.has("validation")):
        count = min(len(medium) for medium in data.media.values())
        raise ValueError(
            f"Data set {data.name!r} has too few items to hold some out. Received: {count} of a "
            "medium. Give it a validation part."
        )
    return data
