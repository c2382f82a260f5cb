"""A user's own data: a table with one instance in each row, beside the files it names."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_xmr.datasets.bad_rows import BadRow, short, tell
from keras_xmr.datasets.base import SPLITS, CrossModalData, MediumItems, Provenance
from keras_xmr.datasets.made_split import id_fault, made_split
from keras_xmr.datasets.media_files import (
    PICTURE_ENDINGS,
    check_picture,
    feature_row,
    file_inside,
    named_text,
    names_file,
    read_each,
)
from keras_xmr.datasets.sound_files import SOUND_ENDINGS, check_sound
from keras_xmr.datasets.table import Table, read_table
from keras_xmr.types import Array

RESERVED = ("id", "label", "split")
# What R, pandas, databases and spreadsheets write where there is nothing.
MISSING = ("NA", "<NA>", "NaN", "nan", "NULL", "#N/A", "#NV")
# Further media may lack items; a row without one of these is taken for a mistake.
REQUIRED = ("image", "text")


class _Row(NamedTuple):
    """A row of the table, and why it cannot be used."""

    line: int
    id: str
    labels: tuple[str, ...]
    split: str
    cells: dict[str, str]
    reasons: list[str]


class _Contents(NamedTuple):
    """What a column holds, `"texts"`, `"files"` or `"rows"`, and line to item.

    Items are texts, the absolute paths of files, or feature rows.
    """

    kind: str
    items: dict[int, Any]


def folder(path: str | Path, *, split_seed: int = 0, skip_bad: bool = False) -> CrossModalData:
    r"""Load a table of instances in CSV or TSV.

    The header line names the columns, in any order:

    - `label`: the class; several classes are separated by `|`, and then all labels become a 0/1
      matrix.
    - `id` (optional): a name of its own for each row. Without it, rows are called "1", "2", ...
      Name them where rows may be inserted later: a row keeps its part by its id.
    - `split` (optional): `train`, `validation` or `test`. Without it, parts are drawn: 80/10/10 %
      of each class, and at least one item each as soon as a class has three. They are kept beside
      the table in `<name>.split.csv` (`<name>.split_seed<n>.csv` for a seed other than 0) and
      taken from there at the next load, when parts are drawn for new ids only.
    - every further column is a medium, of texts or of files. `text`, and names that begin with
      `text` or end with `_text`, hold texts, and `image` files; what others hold is seen by their
      cells: most of them name files, by an ending or because they are there, or else they are
      texts. Files are named by paths relative to the table's folder, or absolute ones below it:
      of `.npy` files, each a feature row `(d,)`, or of any other files, which stay paths. Files
      of the column `image`, and those with the ending of a picture or a sound, are decoded once to
      see that they are whole; sounds need the extra `audio`. An empty cell, or `NA` and the like
      (`MISSING`), means that the instance lacks this medium, but `image` and `text` must be
      complete where they are given.

    Rows that cannot be used are collected and told together, before anything is written.

    Args:
        path: A `.csv`, `.tsv` or `.txt` file in UTF-8, or UTF-16 with its mark. Cells are separated
            by commas, semicolons or tabs, as the header line shows; in a `.tsv` file by tabs.
        split_seed: Seed of the drawn parts.
        skip_bad: Whether to leave bad rows out with a warning.

    Returns:
        A data set with the name of the file; rows are paired by id.

    Raises:
        BadRowsError: If rows cannot be used and `skip_bad` is false, or none is left.
        ModuleNotFoundError: If there are sounds and the extra `audio` is not installed.
        ValueError: If the file is not such a table.
        OSError: If the file cannot be read.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as place:
        ...     table = Path(place) / "pets.csv"
        ...     lines = ["id,text,label,split", "a,一只狗,dog,train", "b,a cat,cat,test"]
        ...     _ = table.write_text("\n".join(lines), encoding="utf-8")
        ...     data = folder(table)
        >>> data.name, data.class_names, data.media["text"].items.tolist()
        ('pets', ('cat', 'dog'), ['一只狗', 'a cat'])
    """
    path = Path(path)
    table = read_table(path)
    media = _media(table, path)
    rows = _rows(table, media)
    contents = {name: _contents(name, rows, path) for name in media}
    bad = [BadRow(row.id, "; ".join(row.reasons), row.line) for row in rows if row.reasons]
    tell(bad, name=path.name, total=len(rows), skip_bad=skip_bad)
    good = [row for row in rows if not row.reasons]
    return _assemble(path, good, contents, split_seed, told="split" in table.columns)


def _media(table: Table, path: Path) -> list[str]:
    media = [name for name in table.columns if name not in RESERVED]
    if "label" not in table.columns or not media:
        raise ValueError(
            "A table begins with a header line that names the column 'label' and at least one "
            "medium, such as 'image' or 'text', with commas, semicolons or tabs between them. "
            f"Received: {short(', '.join(table.columns))} as first line of {path.name!r}."
        )
    odd = [name for name in media if not name.isidentifier()]
    if odd:
        raise ValueError(
            "Columns name media: letters, digits and underscores. "
            f"Received: {short(odd[0])}, in {path.name!r}."
        )
    if not table.rows:
        raise ValueError(f"A table needs rows. Received: {path.name!r} with the header line only.")
    return media


def _holds_texts(name: str, cells: Sequence[str], root: Path) -> bool:
    """Whether the cells of a column are texts: its name tells, or else most of them."""
    if named_text(name) or name == "image":
        return name != "image"
    files = sum(names_file(cell) or _is_there(root, cell) for cell in cells)
    return 2 * files <= len(cells)


def _is_there(root: Path, cell: str) -> bool:
    try:
        return file_inside(root, cell).is_file()
    except ValueError:
        return False


def _rows(table: Table, media: Sequence[str]) -> list[_Row]:
    """All rows, with what is wrong with them as far as the table alone tells."""
    rows: list[_Row] = []
    line_of: dict[str, int] = {}
    for number, (line, cells) in enumerate(table.rows, start=1):
        fits = len(cells) == len(table.columns)
        # Nothing tells which cell is missing: the others may be in the wrong column.
        columns = table.columns if fits else table.columns[:1]
        named = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
        name = named.get("id", "") if "id" in table.columns else str(number)
        label = _filled(named.get("label", ""))
        labels = {name.strip() for name in label.split("|")} - {""}
        split = named.get("split", "train").lower()
        contents = {medium: _filled(named.get(medium, "")) for medium in media}
        row = _Row(line, name, tuple(sorted(labels)), split, contents, [])
        rows.append(row)
        if not fits:
            row.reasons.append(f"{len(cells)} cells, the header line has {len(table.columns)}")
            continue
        row.reasons.extend(_faults(row))
        if line_of.setdefault(name, line) != line:
            row.reasons.append(f"the id is that of line {line_of[name]}")
    return rows


def _filled(cell: str) -> str:
    """The cell; nothing where it stands for a missing value."""
    return "" if cell in MISSING else cell


def _faults(row: _Row) -> list[str]:
    faults = [
        id_fault(row.id),
        "" if row.labels else "missing label",
        "" if row.split in SPLITS else f"split {short(row.split)}, expected one of {SPLITS}",
        *(f"empty {name}" for name in REQUIRED if row.cells.get(name) == ""),
    ]
    return [fault for fault in faults if fault]


def _contents(name: str, rows: Sequence[_Row], path: Path) -> _Contents:
    """Items of one medium; what is wrong with one goes to the row's reasons."""
    filled = [row for row in rows if row.cells[name]]
    root = path.parent.resolve()
    if _holds_texts(name, [row.cells[name] for row in filled], root):
        return _Contents("texts", _texts(name, filled, root))
    # A column is of the one kind or the other, which its first cell shows.
    rows_of_numbers = bool(filled) and _is_numbers(filled[0].cells[name])
    read = partial(_read, root, name == "image", rows_of_numbers)
    outcomes = read_each(read, [row.cells[name] for row in filled])
    contents: dict[int, Any] = {}
    width = None
    for row in filled:
        outcome = outcomes[row.cells[name]]
        if isinstance(outcome, ValueError):
            row.reasons.append(f"{name}: {outcome}")
            continue
        if rows_of_numbers:
            width = width or len(outcome)
            if len(outcome) != width:
                row.reasons.append(f"{name}: {len(outcome)} numbers, the rows above have {width}")
                continue
        contents[row.line] = outcome
    return _Contents("rows" if rows_of_numbers else "files", contents)


def _texts(name: str, filled: Sequence[_Row], root: Path) -> dict[int, str]:
    """Line to text; a column that is named after no text holds neither numbers nor some files."""
    if not named_text(name) and filled and all(_is_number(row.cells[name]) for row in filled):
        raise ValueError(
            "A medium has texts or files. "
            f"Received: the column {name!r}, whose cells are numbers. Leave it out, or name "
            "'.npy' files with the numbers of each row."
        )
    for row in filled:
        if not named_text(name) and _is_there(root, row.cells[name]):
            cell = short(row.cells[name])
            row.reasons.append(f"{name}: the file {cell}, where most rows have texts")
    return {row.line: row.cells[name] for row in filled}


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _is_numbers(cell: str) -> bool:
    return cell.lower().endswith(".npy")


def _read(root: Path, must_be_picture: bool, rows_of_numbers: bool, cell: str) -> Array | str:
    if _is_numbers(cell) != rows_of_numbers:
        others = "are .npy files" if rows_of_numbers else "are no .npy files"
        raise ValueError(f"{short(cell)}, where the rows above {others}")
    try:
        file = file_inside(root, cell)
    except ValueError as error:
        if must_be_picture or names_file(cell):
            raise
        raise ValueError(f"{error}; if it is a text: most rows name files") from error
    if rows_of_numbers:
        return feature_row(file)
    if must_be_picture or file.suffix.lower() in PICTURE_ENDINGS:
        check_picture(file)
    elif file.suffix.lower() in SOUND_ENDINGS:
        check_sound(file)
    return str(file)


def _assemble(
    path: Path,
    rows: Sequence[_Row],
    contents: dict[str, _Contents],
    split_seed: int,
    *,
    told: bool,
) -> CrossModalData:
    present = {n: [row.line in found.items for row in rows] for n, found in contents.items()}
    rows_of = {name: np.array(has) for name, has in present.items() if any(has)}
    if not rows_of:
        raise ValueError(
            "At least one medium must have items. "
            f"Received: {path.name!r}, where the columns {sorted(contents)} are empty."
        )
    class_names = tuple(sorted({label for row in rows for label in row.labels}))
    labels = _label_numbers(rows, class_names)
    ids = np.array([row.id for row in rows])
    if told:
        split, origin = np.array([row.split for row in rows]), f"column split of {path.name}"
    else:
        split, origin = made_split(path, ids, labels, split_seed)
    media = {}
    for name, has in rows_of.items():
        kind, found = contents[name]
        items = [found[row.line] for row in rows if row.line in found]
        media[name] = MediumItems(
            np.stack(items) if kind == "rows" else items,
            labels[has],
            ids[has],
            split[has],
            pairs=ids[has],
            files=np.array(items) if kind == "files" else None,
        )
    return CrossModalData(path.stem, media, class_names, Provenance(split=origin))


def _label_numbers(rows: Sequence[_Row], class_names: tuple[str, ...]) -> Array:
    """Class numbers `(n,)`, or a 0/1 matrix `(n, classes)` if a row has several."""
    number = {name: column for column, name in enumerate(class_names)}
    if all(len(row.labels) == 1 for row in rows):
        return np.array([number[row.labels[0]] for row in rows])
    matrix = np.zeros((len(rows), len(class_names)), dtype=np.int64)
    for index, row in enumerate(rows):
        matrix[index, [number[label] for label in row.labels]] = 1
    return matrix
