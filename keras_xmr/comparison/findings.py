"""The findings of a report: why methods rank as they do, on the split of the data as given."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_xmr.comparison.comparison import Comparison
from keras_xmr.comparison.content import Cell, Column, Finding, Gallery, Item, Row, Table, thumbnail
from keras_xmr.comparison.diagnosis.confusions import confusions
from keras_xmr.comparison.diagnosis.hubs import hubs
from keras_xmr.comparison.diagnosis.label_suspects import label_suspects
from keras_xmr.comparison.diagnosis.media_gap import media_gap
from keras_xmr.comparison.diagnosis.sides import sides
from keras_xmr.comparison.diagnosis.worst_queries import worst_queries
from keras_xmr.comparison.record import Record
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.types import Array

# Characters of a text in a gallery.
LONGEST = 200
# MAP by which one side must be worse than the others for that to be a finding.
CLEAR = 0.01


def findings(comparison: Comparison) -> list[Finding]:
    """What there is to say; of one model of each method, or of the best method."""
    part = comparison.data[0].part("test")
    models = [comparison.first_run(method) for method in comparison.methods()]
    best = models[0]
    found = [
        _sides(models, part),
        _spaces(models, part),
        _confusions(best, part),
        _suspects(best, part),
        _hubs(best, part),
        _worst(best, part),
    ]
    return [finding for finding in found if finding]


def of_test(record: Record) -> dict[str, Array]:
    """Medium to the representations of the test part."""
    return _below(record, "test/")


def _below(record: Record, prefix: str) -> dict[str, Array]:
    return {
        name.removeprefix(prefix): rows
        for name, rows in record.encoded.items()
        if name.startswith(prefix)
    }


def _sides(models: Sequence[Record], part: CrossModalData) -> Finding | None:
    """How much of the error is each medium's."""
    of_method = {m.method: sides(of_test(m), _below(m, "means/"), part, m.metric) for m in models}
    known = {method: figures for method, figures in of_method.items() if figures}
    if not known:
        return None
    names = list(next(iter(known.values())))
    gains: dict[str, float] = {
        name: float(np.mean([figures[name] - figures[names[0]] for figures in known.values()]))
        for name in names[1:]
    }
    worst, *others = sorted(gains, key=lambda name: -gains[name])
    medium = worst.removesuffix(" replaced by the truth")
    clear = gains[worst] > CLEAR + max(0.0, *(gains[name] for name in others))
    return Finding(
        f"Most of the error is on the side of {medium}" if clear else "Whose side the error is on",
        f"Were all items of {medium} represented as what they are, by the mean of their class in "
        f"the training part, MAP would change by {gains[worst]:+.3f} on average over the methods.",
        _table("MAP with one side replaced by the truth", ("method", *names), known, ".3f"),
    )


def _spaces(models: Sequence[Record], part: CrossModalData) -> Finding | None:
    """Hubs, and the gap between media."""
    rows = {}
    for model in models:
        encoded = of_test(model)
        found, gap = (
            hubs(encoded, part, model.metric),
            media_gap(encoded, model.metric),
        )
        skewness = float(max(found.skewness.values()))
        rows[model.method] = {
            "skewness of hubs": skewness,
            "never found": float(np.mean(list(found.never.values()))),
            **{name: gap.get(name) for name in ("same medium", "same medium by chance", "gap")},
        }
    names = ("method", *next(iter(rows.values())))
    return Finding(
        "Hubs, and the gap between media",
        "Hubs are items that are among the first 10 of many queries; a skewness above 1 is much. "
        "The share of nearest neighbours that are of the same medium, beside that by chance, and "
        "the distance of the media's mean directions tell whether media are mixed. Retrieval "
        "between media needs no mixing, but ranking them together does.",
        _table("Common spaces", names, rows, ".3f"),
    )


def _confusions(model: Record, part: CrossModalData) -> Finding | None:
    found = confusions(of_test(model), part, model.metric)
    if not found:
        return None
    rows = {f"{c.queries} → {c.found}": {"share of the first 10": c.share} for c in found}
    first = found[0]
    return Finding(
        f"Most confused: {first.queries} with {first.found}",
        f"What {model.method} finds among the first 10, of another class than the query's.",
        _table("Confused classes", ("query → found", "share of the first 10"), rows, ".0%"),
    )


def _suspects(model: Record, part: CrossModalData) -> Finding | None:
    encoded, means = of_test(model), _below(model, "means/")
    found = label_suspects(encoded, means, part, model.metric)
    if not found:
        return None
    galleries = tuple(
        Gallery(
            f"labelled {suspect.label}, looks like {suspect.nearest}",
            *_shown(part, [(medium, rows[0]) for medium, rows in suspect.rows.items()]),
        )
        for suspect in found
    )
    return Finding(
        f"{len(found)} labels to look at again",
        f"Test items that {model.method} finds nearest to another class in every medium, the "
        "clearest first. The label may be wrong, or the item is of both.",
        galleries=galleries,
    )


def _hubs(model: Record, part: CrossModalData) -> Finding | None:
    found = hubs(of_test(model), part, model.metric)
    rows = {
        f"{hub.medium}: {part.medium(hub.medium).ids[hub.row]}": {"queries": hub.queries}
        for hub in found.largest
    }
    return Finding(
        "The largest hubs",
        f"Items that {model.method} finds among the first 10 of most queries.",
        _table("Largest hubs", ("item", "queries"), rows, ".0f"),
    )


def _worst(model: Record, part: CrossModalData) -> Finding | None:
    galleries = tuple(
        Gallery(
            f"{query.medium} → {query.gallery}, {_classes(part, query.medium, query.row)}: average "
            f"precision {query.average_precision:.3f}",
            _item(part, query.medium, query.row),
            tuple(
                _item(part, query.gallery, int(row), bool(relevant))
                for row, relevant in zip(query.found, query.relevant, strict=True)
            ),
        )
        for query in worst_queries(of_test(model), part, model.metric)
    )
    return Finding(
        "The worst queries",
        f"What {model.method} finds first for them, one query of a class.",
        galleries=galleries,
    )


def _shown(
    part: CrossModalData, places: Sequence[tuple[str, int]]
) -> tuple[Item, tuple[Item, ...]]:
    first, *others = (_item(part, medium, row) for medium, row in places)
    return first, tuple(others)


def _item(part: CrossModalData, medium: str, row: int, relevant: bool | None = None) -> Item:
    """A text or a picture where there is one, else the name."""
    items = part.medium(medium).items
    name = str(part.medium(medium).ids[row])
    file = part.file_of(medium, row)
    text = name
    if isinstance(items, WordCounts):
        text = ", ".join(items.words_of(row)) or name
    elif file is None and items.dtype == object and isinstance(items[row], str):
        text = items[row]
    short = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return Item(short, _thumbnail(file), relevant)


def _thumbnail(file: Any) -> str:
    try:
        return thumbnail(file) if file is not None else ""
    except (OSError, ValueError):
        # Files of sounds and other media; a damaged picture was told of before.
        return ""


def _classes(part: CrossModalData, medium: str, row: int) -> str:
    labels = part.medium(medium).labels[row]
    numbers = [int(labels)] if np.ndim(labels) == 0 else np.flatnonzero(labels).tolist()
    return ", ".join(part.class_names[number] for number in numbers)


def _table(title: str, names: Sequence[str], rows: Any, form: str) -> Table:
    """A table of row name to column name to number."""

    def cells(name: str, figures: Any) -> Iterator[Cell]:
        yield name
        for column in names[1:]:
            value = figures.get(column)
            yield None if value is None else float(value)

    columns = (Column(names[0]), *(Column(name, format=form) for name in names[1:]))
    return Table(title, columns, tuple(Row(tuple(cells(*row))) for row in rows.items()))
