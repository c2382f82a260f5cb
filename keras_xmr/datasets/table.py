"""Tables in CSV or TSV files -> named columns and rows of cells."""

import codecs
import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

from keras_xmr.datasets.bad_rows import short
from keras_xmr.datasets.unread_files import refuse_unread

# File ending to the delimiters it may stand for: the first that the header line holds is taken.
# Spreadsheets write semicolons where the comma is the decimal sign, and others save tabs as CSV.
DELIMITERS = {".csv": (",", ";", "\t"), ".tsv": ("\t",), ".txt": ("\t", ",", ";")}
# What "Unicode text" of a spreadsheet begins with; and UTF-32, whose mark begins with that.
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
# The line by which files tell Excel what is between their cells.
TOLD_DELIMITER = re.compile(r'"?sep=(.)"?(?=\r|\n)', re.IGNORECASE)


class Line(NamedTuple):
    """A row of a table: the line of the file where it begins, and its cells."""

    number: int
    cells: list[str]


class Table(NamedTuple):
    """Names of the columns, in lower case, and the rows. Rows may have too many or few cells."""

    columns: list[str]
    rows: list[Line]


def read_table(path: Path) -> Table:
    """Read a table with a header line; rows without any content are left out.

    Names of rows, as R and pandas write them before the first column, are its `id`, unless it has
    a column of that name. Columns at the end without a name or content are left out, as are blank
    cells behind the last column.

    Args:
        path: A `.csv`, `.tsv` or `.txt` file, in UTF-8 with or without byte order mark, or in
            UTF-16 or UTF-32 with one. A first line `sep=;` says what is between the cells.

    Raises:
        ValueError: If it is no such file, or holds no header.
        OSError: If it cannot be read.
    """
    refuse_unread(path)
    if path.suffix.lower() not in DELIMITERS:
        raise ValueError(
            f"A table is a file ending in {list(DELIMITERS)}. Received: path={str(path)!r}."
        )
    if not path.is_file():
        what = "a directory" if path.is_dir() else "no such file"
        raise ValueError(f"Expected the path of a table. Received: path={str(path)!r}, {what}.")
    lines = _lines(_decoded(path), path)
    if not lines:
        raise ValueError(
            "A table needs a header line with the names of its columns. "
            f"Received: {path.name!r}, which is empty."
        )
    columns = [cell.strip().lower() for cell in lines[0].cells]
    table = _with_row_names(_without_empty_ends(Table(columns, lines[1:])))
    _check_columns(table.columns, path)
    return table


def _without_empty_ends(table: Table) -> Table:
    """The table without columns at its end that have neither a name nor anything in them.

    Spreadsheets write such where a cell once held something, and others end each row by a comma.
    """
    width = max((i for i, name in enumerate(table.columns, start=1) if name), default=0)
    if any(cell.strip() for _, cells in table.rows for cell in cells[width:]):
        return table
    rows = [Line(number, cells[:width]) for number, cells in table.rows]
    return Table(table.columns[:width], rows)


def _with_row_names(table: Table) -> Table:
    """The table, with the row names that R and pandas write as `id`, or without them.

    Their column has no name in the header line, or no place there at all.
    """
    columns, rows = table
    if rows and all(len(cells) == len(columns) + 1 for _, cells in rows):
        columns = ["", *columns]
    if columns[0] or len(columns) < 2:
        return table
    if "id" not in columns:
        return Table(["id", *columns[1:]], rows)
    return Table(columns[1:], [Line(number, cells[1:]) for number, cells in rows])


def _decoded(path: Path) -> str:
    raw = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    refuse_unread(path, raw[:8])
    encoding = next((name for mark, name in MARKS.items() if raw.startswith(mark)), None)
    if encoding:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise ValueError(
                "A table must be whole text. "
                f"Received: {path.name!r}, which is no {encoding} from byte {error.start} on, "
                "though it begins with its mark. Save it as UTF-8."
            ) from error
    if b"\0" in raw:
        line = raw[: raw.index(b"\0")].count(b"\n") + 1
        raise ValueError(
            "A table must be text in UTF-8. "
            f"Received: {path.name!r}, which has NUL bytes from line {line} on, as UTF-16 has. "
            "Save it as UTF-8."
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(
            "A table must be text in UTF-8. "
            f"Received: {path.name!r} with the byte {raw[error.start]:#04x} in line {line}, "
            "which UTF-8 has not in that place. Save it as UTF-8: 'CSV UTF-8' in Excel, and with "
            "the character set UTF-8 elsewhere."
        ) from error


def _lines(text: str, path: Path) -> list[Line]:
    told = TOLD_DELIMITER.match(text)
    # Its line stays, as an empty one: lines are counted.
    text = text[told.end() :] if told else text
    delimiter = told[1] if told else _delimiter(text, path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines, start = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append(Line(start, cells))
            # A cell in quotes may go over several lines of the file.
            start = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"Expected rows of cells between {delimiter!r}, with text that holds one in quotes. "
            f"Received: {path.name!r}, in the row that begins in line {start}: {error}. "
            "Write a quote inside a quoted cell twice, as write.csv of R and to_csv of pandas do."
        ) from error
    return lines


def _delimiter(text: str, path: Path) -> str:
    # Before it there may be lines of commas only.
    first = re.search(r"[^\r\n]*\w[^\r\n]*", text)
    header = first[0] if first else ""
    candidates = DELIMITERS[path.suffix.lower()]
    found = next((mark for mark in candidates if mark in header), None)
    if header and not found:
        raise ValueError(
            f"The header line names several columns, with one of {candidates} between them. "
            f"Received: {short(header.strip())}, in {path.name!r}, without any. Save it as CSV, "
            "with write.csv in R."
        )
    return found or candidates[0]


def _check_columns(columns: list[str], path: Path) -> None:
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if "" in columns or repeated:
        found = "one without a name" if "" in columns else f"repeated {short(', '.join(repeated))}"
        raise ValueError(
            "The header line must give each column a name of its own. "
            f"Received: {found}, in {path.name!r}."
        )
