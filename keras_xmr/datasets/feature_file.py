"""A user's own features: one array per medium, in a file of arrays or in several."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_xmr.datasets.array_file import texts_of
from keras_xmr.datasets.array_folder import array_files, read_release
from keras_xmr.datasets.bad_rows import short
from keras_xmr.datasets.base import SPLITS, CrossModalData, MediumItems, Provenance
from keras_xmr.datasets.made_split import id_fault, made_split
from keras_xmr.datasets.media_files import finite, named_text, names_file
from keras_xmr.datasets.released_layout import joined_parts
from keras_xmr.datasets.upright import upright
from keras_xmr.types import Array

COLUMNS = ("labels", "ids", "pairs", "split")


class _Columns(NamedTuple):
    """What a medium has besides its features; `split` is `None` where it has to be drawn."""

    labels: Array
    ids: list[str]
    pairs: list[str] | None
    split: list[str] | None


def feature_file(path: str | Path, *, split_seed: int = 0) -> CrossModalData:
    """Load feature rows of any number of media.

    The file holds:

    - for each medium an array `(n, d)` of numbers, or of texts `(n,)`, under the medium's name.
      Numbers `(d, n)` are turned, with a warning, where the labels leave no doubt.
    - `labels`: class numbers or names `(n,)`, or a 0/1 matrix `(n, classes)`.
    - `class_names` (optional). With them, class numbers count from 0, or from 1 if there is no 0
      and the file is MATLAB's or the highest is the number of names. Without them, the classes are
      the different labels, in ascending order.
    - `ids` (optional), names of the rows; without them, "1", "2", ...
    - `pairs` (optional): rows of two media with equal entries belong together; the ids by default.
    - `split` (optional): `train`, `validation` or `test` for each row. Without it, parts are drawn
      and kept as `folder` does it; rows that belong together get into the same part.

    Row `i` of all media is the same instance then. Media that are not paired, or differ in size,
    have columns of their own: `labels_image`, `ids_image`, `pairs_image`, `split_image` for the
    medium `image`. A medium with its own labels has no pairs unless they are given, and its default
    ids are "image1", "image2", ... A vector may be a row or a column, as MATLAB writes it.

    Parts may have arrays of their own, as in releases of papers: `train_image` and `test_image`,
    `image_tr` and `image_te`, or `trainImages` and `testImages`, with `labels` in the same way.
    `I` or `images`, `T` or `texts`, and `L`, `gnd` or `label` are images, texts and labels, and
    `img_lab` the labels of images. Arrays may be the fields of a structure, and lie in several
    files of a folder; `train` and `test` in the name of a structure or file are as in that of an
    array.

    Args:
        path: A `.npz` file without pickled objects, a MATLAB file of version 5 to 7.3, or an HDF5
            file; or a folder of such. Sparse matrices become full ones, and cell arrays of strings
            texts.
        split_seed: Seed of the drawn parts.

    Returns:
        A data set with the name of the file or folder.

    Raises:
        ValueError: If the file holds anything else, an array that does not fit, or arrays whose
            items may be in the rows as well as in the columns.
        OSError: If the file cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     np.savez(f"{place}/pets.npz", image=np.eye(2), text=np.ones((2, 3)),
        ...              labels=["dog", "cat"], split=["train", "test"])
        ...     data = feature_file(f"{place}/pets.npz")
        >>> data.class_names, data.media["text"].items.shape, data.media["text"].labels.tolist()
        (('cat', 'dog'), (2, 3), [1, 0])
    """
    # A folder may be given as "."; it has a name all the same.
    path = Path(path).resolve() if Path(path).is_dir() else Path(path)
    arrays = joined_parts(upright(read_release(path), path.name), path.name)
    class_names = arrays.pop("class_names", None)
    media = {name: _items(name, array) for name, array in arrays.items() if _is_medium(name)}
    _check_names(arrays, media, path)
    columns = {name: _columns(name, len(rows), arrays) for name, rows in media.items()}
    names, labels = _classes(
        {name: column.labels for name, column in columns.items()},
        None if class_names is None else texts_of(class_names, "class_names"),
        from_one=all(file.suffix.lower() == ".mat" for file in array_files(path)),
    )
    split, origin = _split(path, columns, labels, split_seed)
    return CrossModalData(
        path.stem,
        {
            name: MediumItems(
                rows,
                labels[name],
                np.array(columns[name].ids),
                split[name],
                pairs=None if (pairs := columns[name].pairs) is None else np.array(pairs),
            )
            for name, rows in media.items()
        },
        names,
        Provenance(features=f"rows of {path.name}", split=origin),
    )


def _is_medium(name: str) -> bool:
    return not any(name == column or name.startswith(f"{column}_") for column in COLUMNS)


def _check_names(arrays: Mapping[str, Array], media: Mapping[str, Array], path: Path) -> None:
    known = {*media, *COLUMNS, *(f"{column}_{name}" for column in COLUMNS for name in media)}
    unknown = [name for name in arrays if name not in known or not name.isidentifier()]
    if unknown or not media:
        found = f"{short(unknown[0])} in " if unknown else ""
        raise ValueError(
            f"A file of features holds arrays named as media are, and {COLUMNS} for all media or, "
            "with the ending '_image', for the medium 'image'. "
            f"Received: {found}{path.name!r}, which holds {short(', '.join(sorted(arrays)))}."
        )


def _items(name: str, array: Array) -> Array:
    """Feature rows `(n, d)`, or texts `(n,)`."""
    if array.dtype.kind in "OUS" and array.size == max(array.shape, default=0):
        return _texts(name, texts_of(array, name))
    return _features(name, array)


def _texts(name: str, texts: list[str]) -> Array:
    empty = [row for row, text in enumerate(texts) if not text][:5]
    if empty:
        raise ValueError(
            "Texts must not be empty. "
            f"Received: {short(name)} with empty ones in rows {empty} (counted from 0)."
        )
    if name == "image" or (not named_text(name) and all(map(names_file, texts))):
        raise ValueError(
            "A file of arrays holds features and texts; files are named in the rows of a table. "
            f"Received: {short(name)} with names such as {short(texts[0])}. "
            f"Save them in a .csv file with the columns 'label' and {short(name)}."
        )
    return np.array(texts, dtype=object)


def _features(name: str, array: Array) -> Array:
    if array.ndim != 2 or array.dtype.kind not in "fiub" or not array.size:
        raise ValueError(
            "A medium is an array (n, d) of numbers, or texts (n,). "
            f"Received: {short(name)} of shape {array.shape} and type {array.dtype}."
        )
    try:
        return finite(array)
    except ValueError as error:
        rows = np.flatnonzero(~np.isfinite(array.astype(np.float64)).all(axis=1))[:5].tolist()
        raise ValueError(
            f"Features must be finite numbers that fit float32. "
            f"Received: {short(name)} with others, in rows {rows} (counted from 0)."
        ) from error


def _columns(medium: str, count: int, arrays: Mapping[str, Array]) -> _Columns:
    def column(name: str) -> list[str] | None:
        key = f"{name}_{medium}" if f"{name}_{medium}" in arrays else name
        if key not in arrays:
            return None
        texts = texts_of(arrays[key], key)
        _check_length(key, arrays[key], len(texts), medium, count)
        return texts

    own = f"labels_{medium}" in arrays
    key = f"labels_{medium}" if own else "labels"
    if key not in arrays:
        raise ValueError(
            f"Labels are needed: 'labels', or 'labels_{medium}'. "
            f"Received: {short(', '.join(sorted(arrays)))}."
        )
    labels = _labels(key, arrays[key], medium, count)
    prefix = medium if own else ""
    ids = column("ids") or [f"{prefix}{row}" for row in range(1, count + 1)]
    pairs = column("pairs") or (None if own else ids)
    split = column("split")
    _check_ids(ids, medium)
    for name in pairs or []:
        if fault := id_fault(name):
            raise ValueError(f"Pairs are names. Received: {fault}, for {short(medium)}.")
    if split is not None:
        split = [part.lower() for part in split]
        unknown = sorted(set(split) - set(SPLITS))
        if unknown:
            raise ValueError(f"Split names must be among {SPLITS}. Received: {short(unknown[0])}.")
    return _Columns(labels, ids, pairs, split)


def _check_length(key: str, array: Array, length: int, medium: str, count: int) -> None:
    if length != count:
        raise ValueError(
            f"{key!r} must have one entry for each of the {count} rows of {medium!r}. "
            f"Received: shape {array.shape}. If {medium!r} is no medium, leave it out of the file."
        )


def _check_ids(ids: Sequence[str], medium: str) -> None:
    faults = [f"{fault}, {short(name)}" for name in ids if (fault := id_fault(name))]
    names, counts = np.unique(np.array(ids), return_counts=True)
    faults.extend(f"{short(name)} more than once" for name in names[counts > 1].tolist())
    if faults:
        raise ValueError(
            f"Ids must be names, each of one row. Received for {medium!r}: {faults[0]}."
        )


def _labels(key: str, array: Array, medium: str, count: int) -> Array:
    """Labels as texts `(n,)`, whole numbers `(n,)` or a 0/1 matrix `(n, classes)`."""
    if array.size != count and array.ndim == 2 and len(array) == count:
        if array.dtype.kind not in "fiub" or not np.isin(array, (0, 1)).all():
            if count == 1:
                # Rather the labels of many items, and a medium that is none.
                _check_length(key, array, array.size, medium, count)
            raise ValueError(f"A label matrix must hold 0 and 1 only. Received: {key!r} with more.")
        without = np.flatnonzero(~array.any(axis=1))[:5].tolist()
        if without:
            raise ValueError(
                "Every row of a label matrix must have a class. "
                f"Received: {key!r} without any in rows {without} (counted from 0)."
            )
        return array.astype(np.int64)
    texts = texts_of(array, key)
    _check_length(key, array, len(texts), medium, count)
    if "" in texts:
        raise ValueError(f"Labels must not be empty. Received: {key!r} with an empty one.")
    if array.dtype.kind not in "fiub":
        return np.array(texts, dtype=object)
    try:
        return np.array([int(text) for text in texts], dtype=np.int64)
    except OverflowError as error:
        raise ValueError(f"Class numbers are small. Received: {key!r}: {error}.") from error


def _classes(
    labels: Mapping[str, Array], names: list[str] | None, *, from_one: bool
) -> tuple[tuple[str, ...], dict[str, Array]]:
    """Names of the classes, and the label numbers or matrix of each medium."""
    kinds = {(array.ndim, array.dtype == object) for array in labels.values()}
    widths = {array.shape[1:] for array in labels.values()}
    if len(kinds) > 1 or len(widths) > 1:
        raise ValueError(
            "Labels of all media must be of one kind. "
            f"Received: shapes { {name: array.shape for name, array in labels.items()} }."
        )
    if names is not None and (len(set(names)) < len(names) or "" in names):
        raise ValueError(f"Class names must differ. Received: {short(', '.join(names))}.")
    if kinds == {(2, False)}:
        return _of_matrix(labels, names)
    everything = np.concatenate(list(labels.values()))
    found = sorted(set(everything.tolist()))
    if names is None:
        number = {label: index for index, label in enumerate(found)}
        names = [str(label) for label in found]
    elif everything.dtype == object:
        number = {name: index for index, name in enumerate(names)}
    else:
        first = int(found[0] >= 1 and (from_one or found[-1] == len(names)))
        number = {index + first: index for index in range(len(names))}
    unknown = [label for label in found if label not in number]
    if unknown:
        raise ValueError(
            f"Labels must fit the {len(names)} class names. Received: {short(str(unknown[0]))}."
        )
    return tuple(names), {
        medium: np.array([number[label] for label in array.tolist()])
        for medium, array in labels.items()
    }


def _of_matrix(
    labels: Mapping[str, Array], names: list[str] | None
) -> tuple[tuple[str, ...], dict[str, Array]]:
    width = next(iter(labels.values())).shape[1]
    if names is None:
        names = [str(column) for column in range(width)]
    if len(names) != width:
        raise ValueError(
            f"A label matrix of {width} columns needs as many class names. Received: {len(names)}."
        )
    return tuple(names), dict(labels)


def _split(
    path: Path, columns: Mapping[str, _Columns], labels: Mapping[str, Array], seed: int
) -> tuple[dict[str, Array], str]:
    """Part names of each medium, and where they come from."""
    told = {name: column.split for name, column in columns.items() if column.split is not None}
    if told and len(told) < len(columns):
        raise ValueError(
            f"A split is needed for all media or none. Received: one for {sorted(told)} only."
        )
    if told:
        return {name: np.array(split) for name, split in told.items()}, f"split of {path.name}"
    # Rows that belong together are drawn once.
    label_of = {
        name: label
        for medium, column in columns.items()
        for name, label in zip(column.pairs or column.ids, labels[medium], strict=True)
    }
    drawn, origin = made_split(
        path, np.array(list(label_of)), np.array(list(label_of.values())), seed
    )
    part_of = dict(zip(label_of, drawn.tolist(), strict=True))
    return {
        medium: np.array([part_of[name] for name in column.pairs or column.ids])
        for medium, column in columns.items()
    }, origin
