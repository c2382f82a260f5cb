"""The files of the hashing literature: features, tags and multi-labels, and queries drawn of them.

Read by `mirflickr` and `nus_wide`; their docstrings say what they expect.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_xmr.datasets.array_file import ENDINGS, read_arrays
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance, hashed_order
from keras_xmr.datasets.locate import DataNotFoundError, find
from keras_xmr.datasets.media_files import finite
from keras_xmr.types import Array

# What is needed, and the names that it has in files.
NAMES = {"image": ("XAll", "IAll"), "text": ("YAll", "TAll"), "labels": ("LAll",)}


def hashing_data(
    folder: str,
    *,
    queries: int | Sequence[int] | Array,
    training: int | None,
    seed: int,
    provenance: Provenance,
) -> CrossModalData:
    """The arrays of a folder below `KERAS_XMR_DATA`, with `queries` for test.

    See `mirflickr`, whose arguments these are.
    """
    place = find(folder, home_page=provenance.home_page)
    arrays = _turned(_arrays(place, provenance.home_page))
    labels = arrays.pop("labels")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"Labels are a 0/1 matrix (n, classes). Received: other values in {place.name!r}."
        )
    labels = labels.astype(np.uint8)
    ids = np.array([str(row) for row in range(1, len(labels) + 1)])
    split = _split(ids, queries, training, seed)
    return CrossModalData(
        name=folder,
        media={
            medium: MediumItems(finite(rows), labels, ids, split, pairs=ids)
            for medium, rows in arrays.items()
        },
        class_names=tuple(f"label{number}" for number in range(1, labels.shape[1] + 1)),
        provenance=replace(
            provenance,
            features="rows of the files",
            split=f"queries for test, {'drawn by hash' if isinstance(queries, int) else 'given'}, "
            f"{seed=}; the rest is the database",
        ),
    )


def _arrays(place: Path, home_page: str) -> dict[str, Array]:
    """Image features, tags and labels, from whichever files hold them."""
    known = [name for names in NAMES.values() for name in names]
    found: dict[str, Array] = {}
    for path, name, array in _named(place, known):
        if name in found:
            raise ValueError(
                f"Each array must be in one file of {place.name!r}. "
                f"Received: {name!r} in {path.name!r} once more."
            )
        found[name] = array
    arrays = {}
    for what, names in NAMES.items():
        there = [name for name in names if name in found]
        if not there:
            raise DataNotFoundError(
                f"Expected an array {' or '.join(map(repr, names))} in a file {ENDINGS} of "
                f"{place.name!r}. Received: {sorted(found)}. Get the data from {home_page}."
            )
        arrays[what] = found[there[0]]
        if arrays[what].ndim != 2 or arrays[what].dtype.kind not in "fiub":
            raise ValueError(
                "Expected rows of numbers: features of pictures, not pixels. "
                f"Received: {there[0]!r} of shape {arrays[what].shape}, "
                f"type {arrays[what].dtype}. Put the features into an array 'XAll'."
            )
    return arrays


def _named(place: Path, known: Sequence[str]) -> Iterator[tuple[Path, str, Array]]:
    for path in sorted(place.iterdir()):
        if path.suffix.lower() not in ENDINGS:
            continue
        for name, array in read_arrays(path, known, all_needed=False).items():
            yield path, name, array


def _turned(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays with one row per item: some files have one column per item."""
    shapes = [array.shape for array in arrays.values()]
    common = set(shapes[0]).intersection(*shapes)
    # An array of as many features as there are items is taken as it is.
    rows = {shape[0] for shape in shapes} if len(common) > 1 else common
    if len(rows) != 1:
        told = {what: array.shape for what, array in arrays.items()}
        raise ValueError(f"All arrays must be of the same items. Received: shapes {told}.")
    (count,) = rows
    return {what: a if len(a) == count else np.ascontiguousarray(a.T) for what, a in arrays.items()}


def _split(
    ids: Array, queries: int | Sequence[int] | Array, training: int | None, seed: int
) -> Array:
    """`"test"` for queries, `"train"` and `"validation"` for the database."""
    row_of = {name: row for row, name in enumerate(ids.tolist())}
    drawn = np.array([row_of[name] for name in hashed_order(row_of, seed)], dtype=np.intp)
    if isinstance(queries, int):
        rows = drawn[: max(0, queries)]
    else:
        rows = np.unique(np.asarray(queries))
        if rows.dtype.kind not in "iu" or len(rows) < len(queries):
            raise ValueError("Queries are different row numbers. Received: others.")
    if not 0 < len(rows) < len(ids) or rows[0] < 0 or rows.max() >= len(ids):
        raise ValueError(
            f"Queries are some of the {len(ids)} rows, counted from 0, and not all of them. "
            f"Received: {queries if isinstance(queries, int) else f'{len(rows)} row numbers'}."
        )
    database = drawn[~np.isin(drawn, rows)]
    if training is not None and not 0 < training <= len(database):
        raise ValueError(
            f"The training part is drawn from a database of {len(database)} items. "
            f"Received: {training=}."
        )
    split = np.full(len(ids), "validation", dtype="<U10")
    split[database[:training]] = "train"
    split[rows] = "test"
    return split
