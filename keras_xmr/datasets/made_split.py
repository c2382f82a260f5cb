"""Parts for data that come without: drawn class by class, and kept in a file beside the data.

An id once drawn stays in its part, whatever is added to the data or removed from them later.
"""

import csv
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_xmr.datasets.bad_rows import short
from keras_xmr.datasets.base import SPLITS, hashed_order
from keras_xmr.datasets.table import read_table
from keras_xmr.presets import save_whole
from keras_xmr.types import Array

MAX_ID = 255


def id_fault(name: str) -> str:
    """Why `name` cannot be an id, or an empty string: ids are kept in a file and come back."""
    if not name:
        return "empty id"
    if len(name) > MAX_ID:
        return f"id of {len(name)} characters, the limit is {MAX_ID}"
    if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        return "id with characters that are no text"
    return ""


def split_file(data: Path, seed: int) -> Path:
    """Where the parts of the file `data` are kept; every seed but 0 has a file of its own."""
    ending = ".split.csv" if seed == 0 else f".split_seed{seed}.csv"
    return data.with_name(data.stem + ending)


def made_split(data: Path, ids: Array, labels: Array, seed: int) -> tuple[Array, str]:
    """The parts of items that come without: those kept beside `data`, and drawn for new ids.

    Args:
        data: The file that holds the items.
        ids: Item names `(n,)`, unique.
        labels: Class numbers `(n,)` or a 0/1 matrix `(n, classes)`.
        seed: Seed of the drawing.

    Returns:
        Part names `(n,)`, and in words how they were made.

    Raises:
        ValueError: If the file with the parts is damaged.
    """
    place = split_file(data, seed)
    kept = _read(place) if place.exists() else {}
    split = draw_split(ids, labels, seed, kept)
    drawn = dict(zip(ids.tolist(), split.tolist(), strict=True))
    told = f"80/10/10 % of each class, drawn by hash, split_seed={seed}"
    if drawn.keys() <= kept.keys():
        return split, f"{told}, kept in {place.name}"
    try:
        save_whole(place, lambda file: _write(file, {**kept, **drawn}))
    except OSError as error:
        warnings.warn(
            f"The parts drawn for {data.name!r} are not kept: {str(place)!r} cannot be written "
            f"({error.strerror or error}). They are the same again as long as the items are.",
            UserWarning,
            stacklevel=3,
        )
        return split, f"{told}, not kept"
    return split, f"{told}, kept in {place.name}"


def draw_split(ids: Array, labels: Array, seed: int, kept: Mapping[str, str]) -> Array:
    """Draw parts class by class, for the ids that `kept` does not have.

    A tenth of each class is for test and a tenth for validation: at least one item each, as soon
    as a class has two and three items. All others are for training, so that every class has one to
    train on. An item of several classes is drawn with its rarest one.

    Args:
        ids: Item names `(n,)`.
        labels: Class numbers `(n,)` or a 0/1 matrix `(n, classes)`.
        seed: Seed of the order in which items are taken.
        kept: Id to part, of ids drawn before.

    Returns:
        Part names `(n,)`.
    """
    parts = {name: kept[name] for name in ids.tolist() if name in kept}
    new = {name for name in ids.tolist() if name not in kept}
    member = labels.astype(bool) if labels.ndim == 2 else labels[:, None] == np.unique(labels)
    sizes = member.sum(axis=0)
    group = np.where(member, sizes, len(ids) + 1).argmin(axis=1)
    for label in np.unique(group):
        names = ids[group == label].tolist()
        _draw_class(names, hashed_order(new.intersection(names), seed), parts)
    for column in range(member.shape[1]):
        names = ids[member[:, column]].tolist()
        fresh = hashed_order(new.intersection(names), seed)
        # Its items may have been drawn with rarer classes, or have been held out before.
        if fresh and "train" not in {parts[name] for name in names}:
            parts[fresh[0]] = "train"
    return np.array([parts[name] for name in ids.tolist()], dtype="<U10")


def _draw_class(names: list[str], new: list[str], parts: dict[str, str]) -> None:
    """Add the parts of `new`, the undrawn among `names`, to `parts`."""
    there = [parts[name] for name in names if name in parts]
    tenth = max(1, (len(names) + 5) // 10)
    wanted = {"test": tenth if len(names) > 1 else 0, "validation": tenth if len(names) > 2 else 0}
    for part, count in wanted.items():
        missing = max(0, count - there.count(part))
        parts.update(dict.fromkeys(new[:missing], part))
        new = new[missing:]
    parts.update(dict.fromkeys(new, "train"))


def _write(file: Path, parts: Mapping[str, str]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("id", "split"), *parts.items()])


def _read(place: Path) -> dict[str, str]:
    columns, rows = read_table(place)
    parts = {line.cells[0].strip(): line.cells[-1].strip() for line in rows}
    wrong = [row for row in rows if len(row.cells) != 2 or row.cells[1].strip() not in SPLITS]
    if columns != ["id", "split"] or wrong or len(parts) < len(rows):
        found = f"line {wrong[0].number}" if wrong else short(", ".join(columns))
        raise ValueError(
            f"The parts kept in {place.name!r} must be rows id,split with each id once and splits "
            f"among {SPLITS}. Received: {found}. Delete the file to have the parts drawn anew."
        )
    return parts
