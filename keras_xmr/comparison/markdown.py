"""The report of a comparison as Markdown."""

import re
from collections.abc import Iterable

from keras_xmr.comparison.cells import (
    EMPHASIS,
    MARK,
    Shown,
    emphasised,
    heading,
    notes_of,
    numeric,
    shown,
)
from keras_xmr.comparison.content import Content, Table


def markdown(content: Content) -> str:
    """The report as Markdown, without pictures.

    Args:
        content: What it says.

    Returns:
        The file.
    """
    marked = content.marked
    parts = [f"# {_plain(content.title)}"]
    parts += [f"**† {MARK}**"] if marked else []
    parts += [_bullets(content.summary), markdown_table(content.table, marked)]
    parts += [markdown_table(table, marked) for table in content.tables]
    for finding in content.findings:
        parts += [f"## {_plain(finding.title)}", _plain(finding.text)]
        parts += [markdown_table(finding.table, marked)] if finding.table else []
    pairs = {
        "Methods that failed": tuple(content.failures.items()),
        "Definitions": content.definitions,
    }
    for title, of in pairs.items():
        lines = [f"- {_plain(term)}: {_plain(text)}" for term, text in of]
        parts += [f"## {title}", "\n".join(lines)] if lines else []
    parts += ["## What was left out", _bullets(content.cut)] if content.cut else []
    return "\n\n".join(filter(None, parts)) + "\n"


def markdown_table(table: Table, marked: bool = False) -> str:
    """A table as Markdown, which a terminal shows as well.

    Args:
        table: The table.
        marked: Whether all its numbers have a dagger.

    Returns:
        Its title, the table, and its notes.
    """
    lines = [[_plain(heading(column)) for column in table.columns]]
    lines += [[_stressed(cell) for cell in row] for row in shown(table, marked)]
    widths = [max(3, *map(len, cells)) for cells in zip(*lines, strict=True)]
    right = numeric(table)
    padded = [
        [
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(line, widths, right, strict=True)
        ]
        for line in lines
    ]
    rule = ["-" * (w - n) + ":" * n for w, n in zip(widths, right, strict=True)]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in [padded[0], rule, *padded[1:]])
    notes = [_plain(note) for note in notes_of(table, marked)]
    if emphasised(table):
        notes = [EMPHASIS.format(best="**Bold**", level="*in italics*"), *notes]
    return "\n\n".join([f"**{_plain(table.title)}**", drawn, *notes])


def _stressed(cell: Shown) -> str:
    stars = "**" if cell.best else "*" if cell.level else ""
    return f"{stars}{_plain(cell.text)}{stars}{'†' if cell.dagger else ''}"


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)


def _plain(text: str) -> str:
    """A text that Markdown takes as it is; underscores within words are none of its signs."""
    text = re.sub(r"([\\`*\[\]<|#~&]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", " ".join(text.split()))
    # What stands on the right of an arrow is not quoted.
    return re.sub(r"^(>|[-+](?= )|\d+[.)](?= ))", r"\\\1", text)
