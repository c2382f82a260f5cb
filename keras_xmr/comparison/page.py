"""The report of a comparison as one file of HTML.

It needs nothing besides: no host, no script, no file. Names and texts come from the data of users,
and are escaped wherever they are written.
"""

import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files

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
from keras_xmr.comparison.content import Column, Content, Figure, Finding, Gallery, Item, Table

# Nothing is loaded, and no script runs, whatever a name says.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
# Figures wider than this (points) scroll, where a screen is narrower.
NARROW = 360
# Longer texts in a cell may have several lines.
LONG = 32


def page(content: Content) -> str:
    """The report as one HTML file.

    Args:
        content: What it says.

    Returns:
        The file, which a browser shows without any other.
    """
    sections = [
        ("summary", "Summary", _list(content.summary)),
        ("ranking", "Ranking", _table(content.table, content.marked)),
        ("figures", "Figures", _figures(content.figures)),
        ("tables", "Further tables", _join(_table(t, content.marked) for t in content.tables)),
        ("findings", "Why they rank so", _join(_finding(f, content) for f in content.findings)),
        ("failures", "Methods that failed", _terms(content.failures.items())),
        ("cut", "What was left out", _list(content.cut)),
        ("terms", "Definitions", _terms(content.definitions)),
    ]
    filled = [section for section in sections if section[2]]
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in filled)
    body = "\n".join(
        f'<section id="{name}"><h2>{title}</h2>\n{inner}</section>' for name, title, inner in filled
    )
    warning = f'<p class="banner" role="alert"><strong>†</strong> {MARK}</p>'
    css = files("keras_xmr.comparison").joinpath("page.css").read_text(encoding="utf-8")
    title = escape(content.title)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
<header><h1>{title}</h1>
{warning if content.marked else ""}
<nav aria-label="Contents"><ul>{links}</ul></nav></header>
<main>
{body}
</main>
</body>
</html>
"""


def _join(parts: Iterable[str]) -> str:
    return "\n".join(parts)


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in sentences)
    return f"<ul>\n{items}</ul>\n" if items else ""


def _terms(pairs: Iterable[tuple[str, str]]) -> str:
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>\n" for term, text in pairs)
    return f"<dl>\n{items}</dl>\n" if items else ""


def _table(table: Table, marked: bool) -> str:
    head = "".join(map(_head_cell, table.columns, numeric(table)))
    body = "".join(f"<tr>{_cells(row)}</tr>\n" for row in shown(table, marked))
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in notes_of(table, marked))
    if emphasised(table):
        words = EMPHASIS.format(best="<strong>Bold</strong>", level="<u>underlined</u>")
        notes = f"<p>{words}</p>\n{notes}"
    legends = [(column.name, column.legend) for column in table.columns if column.legend]
    if legends:
        notes += f"<details><summary>What the columns are</summary>{_terms(legends)}</details>\n"
    title = escape(table.title)
    return f"""<div class="scroll" role="region" tabindex="0" aria-label="{title}"><table>
<caption><span>{title}</span></caption>
<thead><tr>{head}</tr></thead>
<tbody>
{body}</tbody>
</table></div>
<div class="notes">{notes}</div>
"""


def _head_cell(column: Column, numeric: bool) -> str:
    kind = ' class="number"' if numeric else ""
    legend = f' title="{escape(column.legend)}"' if column.legend else ""
    return f'<th scope="col"{kind}{legend}>{escape(heading(column))}</th>'


def _cells(row: list[Shown]) -> str:
    first, *others = row
    cells = [f'<th scope="row">{_cell(first)}</th>']
    for cell in others:
        name = "number" if cell.is_number else "long" if len(cell.text) > LONG else ""
        kind = f' class="{name}"' if name else ""
        cells.append(f"<td{kind}>{_cell(cell)}</td>")
    return "".join(cells)


def _cell(cell: Shown) -> str:
    text = escape(cell.text)
    if cell.best:
        text = f"<strong>{text}</strong>"
    if cell.level:
        text = f"<u>{text}</u>"
    return f"{text}<sup>†</sup>" if cell.dagger else text


def _figures(figures: Iterable[Figure]) -> str:
    inner = _join(_figure(number, figure) for number, figure in enumerate(figures, 1))
    return f'<div class="figures">\n{inner}\n</div>\n' if inner else ""


def _figure(number: int, figure: Figure) -> str:
    width = re.search(r'\bwidth="([\d.]+)pt"', figure.svg)
    wide = ' class="wide"' if width and float(width[1]) > NARROW else ""
    title, caption = escape(figure.title), escape(figure.caption)
    return (
        f'<figure{wide}><div class="card" role="img" tabindex="0" aria-label="{title}. {caption}">'
        f"{figure.svg}</div><figcaption><strong>Figure {number}: {title}.</strong> {caption}"
        "</figcaption></figure>"
    )


def _finding(finding: Finding, content: Content) -> str:
    table = _table(finding.table, content.marked) if finding.table else ""
    galleries = _join(map(_gallery, finding.galleries))
    return (
        f"<article><h3>{escape(finding.title)}</h3>\n<p>{escape(finding.text)}</p>\n"
        f"{table}{galleries}</article>"
    )


def _gallery(gallery: Gallery) -> str:
    results = "\n".join(f"<li>{_item(item)}</li>" for item in gallery.results)
    return (
        f"<details><summary>{escape(gallery.title)}</summary>\n"
        f'<div class="query"><span class="mark">query</span>{_item(gallery.query)}</div>\n'
        f'<ol class="results">\n{results}\n</ol></details>'
    )


def _item(item: Item) -> str:
    alt = escape(item.text or "picture without a text")
    picture = f'<img src="{escape(item.thumbnail)}" alt="{alt}">' if item.thumbnail else ""
    text = f"<span>{escape(item.text)}</span>" if item.text else ""
    return f"{_relevance(item)}{picture}{text}"


def _relevance(item: Item) -> str:
    if item.relevant is None:
        return ""
    kind, words = ("yes", "✓ relevant") if item.relevant else ("no", "✗ not relevant")
    return f'<span class="mark {kind}">{words}</span>'
