"""Media of another data set for the classes that both have."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.types import Array


def add_media(
    data: CrossModalData, other: CrossModalData, *, renamed: Mapping[str, str] | None = None
) -> CrossModalData:
    """The media of `data` and those of `other`, by the classes of `data`.

    Classes that `other` lacks have no items of its media: they are then missing media, and queries
    of such a class find nothing relevant among them, so that evaluation leaves these queries out.
    Rows keep their parts, and are not paired with those of `data` unless their `pairs` say so.

    Args:
        data: A data set.
        other: Another, with media of other names.
        renamed: Class of `other` to the class of `data`, where their names differ.

    Raises:
        ValueError: If a medium is in both, or a class of `other` is none of `data`.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> data = add_media(toy(), toy(["audio"], num_classes=2))
        >>> {name: np.unique(medium.labels).tolist() for name, medium in data.media.items()}
        {'image': [0, 1, 2, 3], 'text': [0, 1, 2, 3], 'audio': [0, 1]}
    """
    both = sorted(data.media.keys() & other.media.keys())
    if both:
        raise ValueError(
            f"Media must be of one data set only. Received: {both} in {data.name!r} and "
            f"{other.name!r}. Rename them in one of the two."
        )
    names = [(renamed or {}).get(name, name) for name in other.class_names]
    unknown = sorted({*names, *(renamed or {}).values()} - set(data.class_names))
    unused = sorted(set(renamed or {}) - set(other.class_names))
    if unknown or unused:
        raise ValueError(
            f"Classes of {other.name!r} must be classes of {data.name!r}. Received: "
            f"{unknown + unused} that are not. Name their counterparts with renamed=."
        )
    column = np.array([data.class_names.index(name) for name in names])
    added = {
        name: replace(
            medium,
            labels=_relabelled(medium.labels, column, data.num_classes),
            targets=_retargeted(medium.targets, column, data.num_classes),
        )
        for name, medium in other.media.items()
    }
    provenance = replace(
        data.provenance,
        **{
            field: f"{getattr(data.provenance, field)}; {', '.join(added)}: {own}"
            for field in ("home_page", "citation", "licence", "features", "split")
            if (own := getattr(other.provenance, field))
        },
    )
    name = f"{data.name}+{other.name}"
    return replace(data, name=name, media={**data.media, **added}, provenance=provenance)


def _relabelled(labels: Array, column: Array, classes: int) -> Array:
    if labels.ndim == 1:
        return column[labels]
    matrix = np.zeros((len(labels), classes), dtype=labels.dtype)
    # Two classes may have become one.
    np.maximum.at(matrix.T, column, labels.T)
    return matrix


def _retargeted(targets: Array | None, column: Array, classes: int) -> Array | None:
    if targets is None:
        return None
    matrix = np.zeros((len(targets), classes), dtype=targets.dtype)
    np.add.at(matrix.T, column, targets.T)
    return matrix
