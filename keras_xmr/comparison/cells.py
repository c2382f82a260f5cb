"""What is written into the cells of a table, and what stands below it, in every format."""

import math
from numbers import Integral
from typing import NamedTuple

from keras_xmr.comparison.content import Cell, Column, Table

MARK = (
    "Settings were selected on the test part: the figures are better than those of new items will "
    "be, and must not be compared with figures of methods that did not see the test part."
)
MINUS, NOTHING = "\N{MINUS SIGN}", "\N{EN DASH}"
EMPHASIS = "{best} is the best of a column; what is {level} does not differ significantly from it."


class Shown(NamedTuple):
    """What is written into a cell, and how."""

    text: str
    is_number: bool
    best: bool
    level: bool
    dagger: bool


def shown(table: Table, marked: bool) -> list[list[Shown]]:
    """All cells of a table; `marked` says that all its numbers have a dagger."""
    rows = []
    for row in table.rows:
        dagger = marked or bool(row.marked)
        rows.append(
            [
                Shown(
                    _written(cell, column),
                    not isinstance(cell, str),
                    column.name in row.best,
                    column.name in row.level - row.best,
                    # Nobody selects whole numbers, which are counts, nor costs.
                    dagger and _is_float(cell) and column.higher_is_better is not False,
                )
                for cell, column in zip(row.cells, table.columns, strict=True)
            ]
        )
    return rows


def _is_float(cell: Cell) -> bool:
    return not (cell is None or isinstance(cell, str | Integral) or math.isnan(cell))


def _written(cell: Cell, column: Column) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None or math.isnan(cell):
        return NOTHING
    text = str(cell) if isinstance(cell, Integral) else format(cell, column.format)
    return text.replace("-", MINUS)


def heading(column: Column) -> str:
    """The name of a column, and an arrow to where it is better."""
    arrows = {True: " ↑", False: " ↓", None: ""}
    return column.name + arrows[column.higher_is_better]


def notes_of(table: Table, marked: bool) -> list[str]:
    """What stands below a table, apart from what its emphasis means."""
    marks = dict.fromkeys(row.marked for row in table.rows if row.marked)
    if marked and not marks:
        marks = {"Settings were selected on the test part.": None}
    return [*filter(None, [table.note]), *(f"† {mark}" for mark in marks)]


def emphasised(table: Table) -> bool:
    """Whether `EMPHASIS` has to be explained."""
    return any(row.best or row.level for row in table.rows)


def numeric(table: Table) -> list[bool]:
    """Whether a column holds numbers, which are set to the right."""
    return [
        not any(isinstance(row.cells[place], str) for row in table.rows)
        for place in range(len(table.columns))
    ]
