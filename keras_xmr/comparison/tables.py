"""The tables of a report: the ranking, what help is worth, and what methods cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras_xmr.comparison.comparison import Comparison, Entry
from keras_xmr.comparison.content import Cell, Column, Row, Table

DAGGER = "selected on the test part"
FURTHER = ("MAP@50/hits", "MAP@50/min", "partner@1", "partner@5", "partner@10")


def ranking(comparison: Comparison) -> Table:
    """A row for each method, the best first."""
    rows = [row for row in comparison.rows() if not row["help"]]
    of_runs = "splits" if comparison.plan.splits > 1 else "seeds"
    columns = [
        Column("method"),
        Column("MAP", "mean average precision on the test part, of both directions", ".3f", True),
        Column("spread", f"standard deviation of MAP over {of_runs}"),
        *(Column(name, "MAP of this direction", ".3f", True) for name in rows[0] if "->" in name),
        # Codes have figures of their own.
        *(Column(n, "", ".3f", True) for n in FURTHER if any(n in row for row in rows)),
        Column("validation MAP", "on the validation part", ".3f", True),
        Column("behind the best", "difference in average precision to the first row", "+.3f"),
        Column("95 % interval", "of that difference"),
        Column("p", "that there is none, corrected for the number of methods", ".2g"),
    ]
    level = comparison.level_with_best()[1:]
    return _table(
        "Methods, one model each",
        columns,
        [_with_interval(row) for row in rows],
        {row["method"]: {"MAP"} for row in rows if row["method"] in level},
        comparison,
    )


def help_is_worth(comparison: Comparison) -> Table | None:
    """A row for each readout and ensemble, beside the method without it."""
    rows = [row for row in comparison.rows() if row["help"]]
    if not rows:
        return None
    columns = [
        Column("method"),
        Column("help"),
        Column("MAP", "with this help", ".3f", True),
        Column("without", "of one model by the readout that was tuned"),
        Column("gain", "in average precision", "+.3f"),
        Column("95 % interval", "of the gain"),
        Column("p", "that there is none, not corrected", ".2g"),
    ]
    told = [
        _with_interval(row) | {"without": comparison.map(Entry(row["method"])), "gain": row["mean"]}
        for row in rows
    ]
    return _table("What help is worth", columns, told, {}, comparison)


def costs(comparison: Comparison) -> Table:
    """A row for each method."""
    columns = [
        Column("method"),
        Column("tuning, s", "seconds of all trials, on one split", ".1f"),
        Column("training, s", "seconds of one training", ".1f"),
        Column("encoding, s", "seconds for all items of the test part", ".2f"),
        Column("memory, MB", "by which the process grew in training and encoding, at most", ".0f"),
        Column("preset, MB", "on disk", ".2f"),
    ]
    names = ("method", "tune_s", "train_s", "encode_s", "memory_mb", "preset_mb")
    found = comparison.costs()
    rows = [
        Row(tuple(row[name] for name in names), _lowest(row, found, names, columns))
        for row in found
    ]
    return Table("What methods cost", tuple(columns), tuple(rows))


def _lowest(
    row: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    columns: Sequence[Column],
) -> frozenset[str]:
    of_numbers = list(zip(names, columns, strict=True))[1:]
    return frozenset(c.name for n, c in of_numbers if row[n] == min(r[n] for r in rows))


def _with_interval(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "behind the best": row["mean"],
        "95 % interval": f"{row['low']:+.3f} to {row['high']:+.3f}",
    }


def _table(
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    level: Mapping[str, set[str]],
    comparison: Comparison,
) -> Table:
    """A table of rows by name; the highest is the best one where a column says so."""
    highest = {
        column.name: max(_number(row.get(column.name)) for row in rows)
        for column in columns
        if column.higher_is_better
    }
    marked = DAGGER if comparison.plan.select_on == "test" else ""
    return Table(
        title,
        tuple(columns),
        tuple(
            Row(
                tuple(row.get(column.name) for column in columns),
                frozenset(n for n, value in highest.items() if _number(row.get(n)) == value),
                frozenset(level.get(row["method"], ())),
                marked,
            )
            for row in rows
        ),
    )


def _number(cell: Cell) -> float:
    return cell if isinstance(cell, float) and not math.isnan(cell) else -math.inf
