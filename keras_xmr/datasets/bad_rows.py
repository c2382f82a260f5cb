"""Rows of a user's data that cannot be used: all collected first, then told together."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

SHOWN = 20
SHORT = 120


class BadRow(NamedTuple):
    """A row that cannot be used.

    Attributes:
        id: Its id, empty where it has none.
        reason: What is wrong with it.
        line: Line of the table where it begins; `None` where the data are no table.
    """

    id: str
    reason: str
    line: int | None = None

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return f"{place}id {short(self.id)}: {self.reason}"


class BadRowsError(ValueError):
    """Some rows cannot be used. The message lists the first of them, `rows` holds all."""

    def __init__(self, message: str, rows: Sequence[BadRow] = ()) -> None:
        super().__init__(message)
        self.rows = list(rows)


def short(text: str) -> str:
    """`text` in quotes and on one line, cut where it is long: cells may hold anything."""
    return repr(text if len(text) <= SHORT else f"{text[:SHORT]}...")


def listing(bad: Sequence[BadRow]) -> str:
    """The first of the rows, a line for each, and how many there are beside."""
    lines = [f"  {row}" for row in bad[:SHOWN]]
    if len(bad) > SHOWN:
        lines.append(f"  and {len(bad) - SHOWN} more")
    return "\n".join(lines)


def tell(bad: Sequence[BadRow], *, name: str, total: int, skip_bad: bool) -> None:
    """Raise for bad rows, or warn of them where they are to be skipped.

    Args:
        bad: The rows that cannot be used.
        name: What the message calls the data.
        total: Number of rows, bad ones included.
        skip_bad: Whether to warn and go on.

    Raises:
        BadRowsError: If there are bad rows and they are not skipped, or no row would be left.
    """
    if not bad:
        return
    listed = listing(bad)
    if len(bad) == total:
        raise BadRowsError(
            f"At least one row of {short(name)} must be usable. "
            f"Received: {total} rows, none of which is:\n{listed}\nCorrect them.",
            bad,
        )
    if not skip_bad:
        raise BadRowsError(
            f"Every row of {short(name)} must be usable. "
            f"Received: {len(bad)} of {total} rows that are not:\n{listed}\n"
            "Correct them, or leave them out with skip_bad=True.",
            bad,
        )
    warnings.warn(
        f"{len(bad)} of {total} rows of {short(name)} are left out:\n{listed}",
        UserWarning,
        stacklevel=3,
    )
