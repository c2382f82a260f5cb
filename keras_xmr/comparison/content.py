"""`Content`: what a report of a comparison says, whatever it is written as."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageOps

SIDE = 120

Cell: TypeAlias = str | float | None
"""A text; a whole number, written as it is; a float, by the format of its column; or nothing."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        legend: What it is, in a sentence.
        format: How its floats are written, as `format` takes it.
        higher_is_better: Whether larger numbers are better ones; `None` where neither is.
    """

    name: str
    legend: str = ""
    format: str = ".3f"
    higher_is_better: bool | None = None


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        cells: One for each column; the first is the name of the row.
        best: Names of the columns where no row is better.
        level: Names of those where it does not differ significantly from the best row.
        marked: Why its numbers have a dagger; `""` where they have none.
    """

    cells: tuple[Cell, ...]
    best: frozenset[str] = frozenset()
    level: frozenset[str] = frozenset()
    marked: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a title.

    Attributes:
        title: What it shows.
        columns: Its columns.
        rows: Its rows.
        note: What a reader must know besides, below the table.

    Raises:
        ValueError: If a row does not fit the columns.

    Example:
        >>> Table("MAP", (Column("method"), Column("MAP")), (Row(("cca", 0.5)),)).columns[1].name
        'MAP'
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        for row in self.rows:
            unknown = sorted((row.best | row.level) - set(names))
            if len(row.cells) != len(names) or unknown:
                raise ValueError(
                    f"The columns are {names}. Received: {len(row.cells)} cells, and {unknown} as "
                    "names of columns."
                )


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        title: What it shows.
        caption: How to read it.
        svg: The SVG, as the functions of `keras_xmr.comparison.plots` draw it.
    """

    title: str
    caption: str
    svg: str = field(repr=False)


@dataclass(frozen=True)
class Item:
    """An item of a data set: a text, a picture, or both.

    Attributes:
        text: The text, or what tells which item it is.
        thumbnail: What `thumbnail` made of its picture.
        relevant: Whether it is relevant to the query; `None` of the query itself.
    """

    text: str = ""
    thumbnail: str = field(default="", repr=False)
    relevant: bool | None = None


@dataclass(frozen=True)
class Gallery:
    """A query and what was found.

    Attributes:
        title: By which method, for example.
        query: The query.
        results: What was found, the first first.
    """

    title: str
    query: Item
    results: tuple[Item, ...]


@dataclass(frozen=True)
class Finding:
    """A reason why methods rank as they do.

    Attributes:
        title: The finding.
        text: What it is based on.
        table: The figures behind it.
        galleries: Examples.
    """

    title: str
    text: str
    table: Table | None = None
    galleries: tuple[Gallery, ...] = ()


@dataclass(frozen=True)
class Content:
    """What a report says; `keras_xmr.comparison.page` writes it.

    Attributes:
        title: Its title.
        summary: The results, a sentence each.
        table: The ranking.
        tables: What help is worth, costs, statistics.
        figures: Its figures.
        findings: Why methods rank as they do.
        definitions: Terms and what they mean.
        failures: Name of a method to the reason why it failed.
        cut: What was left out, a sentence each.
        marked: Whether settings were selected on the test part: a warning stands above all, and a
            dagger at each number.
    """

    title: str
    summary: tuple[str, ...]
    table: Table
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    findings: tuple[Finding, ...] = ()
    definitions: tuple[tuple[str, str], ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    marked: bool = False


def thumbnail(file: str | Path) -> str:
    """A picture file as a small JPEG in a data URI, which a page can hold.

    Args:
        file: A picture of any kind that Pillow reads; it is shown on white where it is transparent.

    Returns:
        `"data:image/jpeg;base64,..."`; no side has more than 120 pixels.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "red.png"
        ...     Image.new("RGB", (400, 200), "red").save(file)
        ...     thumbnail(file)[:23]
        'data:image/jpeg;base64,'
    """
    with Image.open(file) as picture:
        small = ImageOps.exif_transpose(picture).convert("RGBA")
    small.thumbnail((SIDE, SIDE))
    flat = Image.new("RGB", small.size, "white")
    flat.paste(small, mask=small.getchannel("A"))
    coded = io.BytesIO()
    flat.save(coded, "JPEG", quality=75, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(coded.getvalue()).decode()}"
