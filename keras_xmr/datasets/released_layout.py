"""Arrays as authors release them, one for training and one for test -> one, and its parts."""

from collections.abc import Collection, Mapping

import numpy as np

from keras_xmr.datasets.array_names import PARTS, part_and_base
from keras_xmr.datasets.bad_rows import short
from keras_xmr.types import Array

# What tells something of the items of media.
OF_ITEMS = ("labels", "ids", "pairs")
# What is told of all parts at once.
WHOLE = ("class_names",)


def joined_parts(arrays: Mapping[str, Array], name: str) -> dict[str, Array]:
    """The arrays, those of parts put together, with the array `split` that tells the parts.

    `train_image` and `test_image`, `image_tr` and `image_te`, or `trainImages` and `testImages`
    become `image`; `I`, `T` and `L` stand for images, texts and labels (`part_and_base`). Arrays
    without any part in their names stay as they are.

    Args:
        arrays: Name to array; rows are items.
        name: Name of the file.

    Raises:
        ValueError: If arrays have different parts, some have parts and others none, or two are the
            same.

    Example:
        >>> arrays = {"I_tr": np.ones((2, 3)), "I_te": np.ones((1, 3)),
        ...           "L_tr": np.array([0, 1]), "L_te": np.array([1])}
        >>> joined = joined_parts(arrays, "a.mat")
        >>> joined["image"].shape, joined["labels"].tolist(), joined["split"].tolist()
        ((3, 3), [0, 1, 1], ['train', 'train', 'test'])
    """
    found: dict[str, dict[str, Array]] = {}
    rest: dict[str, Array] = {}
    for key, array in arrays.items():
        part, base = part_and_base(key)
        if part and "split" in arrays:
            # It tells the parts; names do not.
            part, base = "", key
        if part:
            _check_new(key, part, found.setdefault(base, {}), name)
            found[base][part] = _as_column(base, array)
        else:
            _check_new(key, base, rest, name)
            rest[base] = array
    if not found:
        return rest
    _check(found, rest, name)
    order = [part for part in dict.fromkeys(PARTS.values()) if part in next(iter(found.values()))]
    joined = {}
    for base, parts in found.items():
        own = [parts[part] for part in order]
        joined[base] = np.concatenate(own)
        if base == "labels" or base.startswith("labels_"):
            lengths = [len(array) for array in own]
            joined[base.replace("labels", "split")] = np.repeat(order, lengths)
    return rest | joined


def _as_column(base: str, array: Array) -> Array:
    """The array; a vector that MATLAB has as a row or a column `(n,)`, unless it is features."""
    vector = array.size == max(array.shape, default=0)
    of_names = base.startswith(OF_ITEMS) or array.dtype.kind in "OUS"
    return array.ravel() if vector and of_names else array


def _check(found: Mapping[str, Mapping[str, Array]], rest: Mapping[str, Array], name: str) -> None:
    parts = {base: sorted(own) for base, own in found.items()}
    parts |= {key: [] for key in rest if key not in WHOLE}
    first = next(iter(found))
    odd = next((key for key, own in parts.items() if own != parts[first]), None)
    if odd is not None:
        raise ValueError(
            "Either all arrays have the parts in their names, such as 'train_image' and "
            "'test_image', or none has, and 'split' tells the part of each row. "
            f"Received: {name!r}, where {short(first)} has {parts[first]} and {short(odd)} has "
            f"{parts[odd] or 'none'}. Rename the arrays."
        )
    for base, own in found.items():
        _check_shapes(base, own, found.get(_labels_of(base, found), own), name)


def _labels_of(base: str, found: Collection[str]) -> str:
    own = f"labels_{base.partition('_')[2] if base.startswith(OF_ITEMS) else base}"
    return own if own in found else "labels"


def _check_shapes(
    base: str, own: Mapping[str, Array], labels: Mapping[str, Array], name: str
) -> None:
    """Raise where the parts of an array do not fit each other, or the labels of the same part."""
    odd = [part for part in own if len(own[part]) != len(labels[part])]
    if odd or len({array.shape[1:] for array in own.values()}) > 1:
        shapes = {part: array.shape for part, array in own.items()}
        counts = {part: len(array) for part, array in labels.items()}
        raise ValueError(
            "All parts of an array have the same columns, and a row for each of their labels. "
            f"Received: {short(base)} of shapes {shapes} and labels of {counts} items, in "
            f"{name!r}. Correct the arrays."
        )


def _check_new(key: str, new: str, known: Collection[str], name: str) -> None:
    if new in known:
        raise ValueError(
            "Each medium, and the labels, have one array in each part. "
            f"Received: {name!r}, where {short(key)} is a second one. Leave one of them out."
        )
