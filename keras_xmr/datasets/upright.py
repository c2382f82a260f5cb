"""Arrays of a file with one column for each item -> with one row, where the labels tell it."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from keras_xmr.datasets.array_names import part_and_base
from keras_xmr.types import Array

# What describes items, besides the labels: vectors, whose axis tells nothing.
VECTORS = ("ids", "pairs", "split", "class_names")


class TurnedArraysWarning(UserWarning):
    """Arrays were turned, for their columns are the items."""


class _Reading(NamedTuple):
    """A way to take a group of arrays: the number of items, and what has them in columns."""

    items: int
    turned: list[str]
    # What has as many rows as columns.
    square: list[str]


def upright(arrays: Mapping[str, Array], file: str) -> dict[str, Array]:
    """The arrays with one row for each item.

    What fits the labels row by row stays as it is. Else arrays are turned, with a warning, where
    there is a single way to make them all fit.

    Args:
        arrays: Name to array, with marks of parts in the names or without.
        file: Name of the file.

    Raises:
        ValueError: If there are several ways.

    Example:
        >>> import numpy as np
        >>> arrays = {"image": np.ones((2, 5)), "labels": np.arange(5)}
        >>> with warnings.catch_warnings(action="ignore"):
        ...     upright(arrays, "a.mat")["image"].shape
        (5, 2)
    """
    parts: dict[str, dict[str, Array]] = {}
    for key, array in arrays.items():
        part, base = part_and_base(key)
        parts.setdefault(base, {})[part] = array
    turned = [
        base for labels, media in _groups(parts) for base in _turned(parts, labels, media, file)
    ]
    if turned:
        shapes = [f"{b!r} {array.shape}" for b in turned for array in parts[b].values()]
        warnings.warn(
            f"Columns are taken for the items in {file!r}, as the labels tell: "
            f"{', '.join(shapes)}.",
            TurnedArraysWarning,
            stacklevel=3,
        )
    return {k: array.T if part_and_base(k)[1] in turned else array for k, array in arrays.items()}


def _groups(parts: Mapping[str, object]) -> Iterator[tuple[str, list[str]]]:
    """Names of labels, and of the media that they are the labels of."""
    media = [base for base in parts if not base.lower().startswith((*VECTORS, "labels_"))]
    common = [base for base in media if base == "labels"]
    media = [base for base in media if base not in common]
    own = [base for base in media if f"labels_{base}" in parts]
    yield from ((f"labels_{base}", [base]) for base in own)
    yield from ((labels, [base for base in media if base not in own]) for labels in common[:1])


def _turned(
    parts: Mapping[str, Mapping[str, Array]], labels: str, media: Sequence[str], file: str
) -> list[str]:
    """Names of the arrays of a group that have their items in columns."""
    if any(parts[base].keys() != parts[labels].keys() for base in media):
        return []
    columns = {base: [parts[base][part] for part in parts[labels]] for base in media}
    readings = list(_readings(labels, list(parts[labels].values()), columns))
    if not readings or not all(reading.turned for reading in readings):
        return []
    first, *others = readings
    if others or first.square:
        shapes = {base: array.shape for base in (labels, *media) for array in parts[base].values()}
        ways = [f"{r.items} items, with {' and '.join(r.turned)} in columns" for r in readings]
        ways += [f"items in the rows or the columns of {base!r}" for base in first.square]
        raise ValueError(
            "Arrays have a row for each item, or labels that leave one way to turn them. "
            f"Received: {shapes} in {file!r}, which may be {', or '.join(ways)}. "
            "Save all of them with a row for each item."
        )
    return first.turned


def _readings(
    labels: str, own: list[Array], media: Mapping[str, list[Array]]
) -> Iterator[_Reading]:
    for counts, across in _counts(own):
        ways = {base: _ways(arrays, counts) for base, arrays in media.items()}
        if all(ways.values()):
            turned = [base for base, found in ways.items() if False not in found]
            square = [base for base, found in ways.items() if len(found) > 1]
            yield _Reading(sum(counts), [*([labels] if across else []), *turned], square)


def _counts(labels: list[Array]) -> Iterator[tuple[list[int], bool]]:
    """The numbers of items that labels may be of, and whether these are in columns then."""
    sizes = [array.size for array in labels]
    vectors = all(array.size == max(array.shape, default=0) for array in labels)
    if vectors:
        yield sizes, False
    rows = [len(array) for array in labels if array.ndim == 2]
    # A row may be the classes of a single item, too.
    if _widths(labels, 1) and not (vectors and rows == sizes):
        yield rows, False
    if _widths(labels, 0) and not vectors:
        yield [array.shape[1] for array in labels], True


def _ways(arrays: list[Array], counts: list[int]) -> set[bool]:
    """Whether the items may be in the rows (`False`), the columns (`True`), or both."""
    # The axis of a list of texts tells nothing.
    if all(array.ndim == 1 or array.dtype.kind in "OUS" for array in arrays):
        return {False} if [array.size for array in arrays] == counts else set()
    return {
        bool(axis)
        for axis in (0, 1)
        if _widths(arrays, 1 - axis) and [array.shape[axis] for array in arrays] == counts
    }


def _widths(arrays: list[Array], axis: int) -> bool:
    """Whether all parts are matrices, and have one size along that axis."""
    shapes = {array.shape[axis] if array.ndim == 2 else None for array in arrays}
    return len(shapes) == 1 and None not in shapes
