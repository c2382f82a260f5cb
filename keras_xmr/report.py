"""`Report`: the figures of an evaluation, as a table, a file or a picture."""

import csv
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.types import FloatArray

# What the columns are; k stands for their numbers.
LEGEND = {
    "direction": "medium of the queries -> medium of the gallery; relevant items share a class",
    "queries": "queries with a relevant item in the gallery, over which means are taken",
    "ties": "expected: the mean over all orders of items at equal distance",
    "MAP@all": "mean average precision of the whole ranking",
    "MAP@k/hits": "that of the first k ranks, divided by the relevant items among them",
    "MAP@k/min": "that of the first k ranks, divided by the smaller of k and all relevant items",
    "recall@k": "share of all relevant items that stand on the first k ranks",
    "partner@k": "share of the queries with a partner, such as the caption of a picture, that have"
    " it among the first k (R@k of image-text retrieval)",
    "precision@radiusk": "share of relevant items among those up to Hamming distance k",
}
RECALL_LEVELS = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True)
class Direction:
    """Retrieval with queries of one medium in a gallery of another.

    Attributes:
        query: Medium of the queries.
        gallery: Medium of the gallery.
        metrics: Metric name to its mean over queries.
        precision: Interpolated precision at the recall levels 0, 0.1, ..., 1, mean over queries.
        average_precisions: Average precision of each query, in the order of the data; queries
            without a relevant item are left out.
        ties: How items at equal distance from a query were counted: `"order"` of their rows, or
            `"expected"`, the mean over all orders.
    """

    query: str
    gallery: str
    metrics: dict[str, float]
    precision: list[float]
    average_precisions: FloatArray = field(repr=False)
    ties: str = "order"

    @property
    def name(self) -> str:
        """`"image->text"`."""
        return f"{self.query}->{self.gallery}"


@dataclass(frozen=True)
class Report:
    """The result of `evaluate`.

    Attributes:
        data: Name of the data set.
        split: The part evaluated on.
        split_hash: `CrossModalData.split_hash` of the whole data set.
        directions: One entry for each ordered pair of media.

    Example:
        >>> metrics = {"MAP@all": 0.5}
        >>> there = Direction("image", "text", metrics, [1.0] * 11, np.array([0.5]))
        >>> Report("toy", "test", "", (there,)).map
        0.5
    """

    data: str
    split: str
    split_hash: str
    directions: tuple[Direction, ...]

    @property
    def map(self) -> float:
        """MAP@all averaged over the directions."""
        return float(np.mean([d.metrics["MAP@all"] for d in self.directions]))

    def average_precisions(self) -> FloatArray:
        """Average precision of every query, direction after direction."""
        return np.concatenate([d.average_precisions for d in self.directions])

    def rows(self) -> list[dict[str, Any]]:
        """One row per direction and one with their average; `None` where a direction lacks one."""
        names = list(dict.fromkeys(name for d in self.directions for name in d.metrics))
        rows: list[dict[str, Any]] = [
            {
                "direction": d.name,
                "queries": len(d.average_precisions),
                # Only where it is not the usual rule.
                **({} if d.ties == "order" else {"ties": d.ties}),
                **{name: d.metrics.get(name) for name in names},
            }
            for d in self.directions
        ]
        means = {
            name: float(np.mean([row[name] for row in rows if row[name] is not None]))
            for name in names
        }
        total = sum(row["queries"] for row in rows)
        return [*rows, {**rows[0], "direction": "average", "queries": total, **means}]

    def table(self) -> str:
        """The figures as a Markdown table."""
        rows = self.rows()
        lines = [list(rows[0])] + [[_written(value) for value in row.values()] for row in rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        padded = [
            [
                cell.ljust(w) if i == 0 else cell.rjust(w)
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            ]
            for line in lines
        ]
        rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
        return "\n".join(f"| {' | '.join(line)} |" for line in [padded[0], rule, *padded[1:]])

    def legend(self) -> str:
        """What the columns of the table are, a line for each kind."""
        names = dict.fromkeys(re.sub(r"\d+", "k", name) for name in self.rows()[0])
        return "\n".join(f"{name}: {LEGEND[name]}" for name in names if name in LEGEND)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the single queries, JSON-serialisable."""
        return {
            "data": self.data,
            "split": self.split,
            "split_hash": self.split_hash,
            "results": self.rows(),
            "recall_levels": RECALL_LEVELS.round(1).tolist(),
            "precision": {d.name: d.precision for d in self.directions},
        }

    def to_record(self) -> dict[str, Any]:
        """All of it, JSON-serialisable."""
        directions = [
            vars(d) | {"average_precisions": d.average_precisions.tolist()} for d in self.directions
        ]
        return vars(self) | {"directions": directions}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Report":
        """The counterpart of `to_record`."""
        directions = tuple(
            Direction(**d | {"average_precisions": np.array(d["average_precisions"])})
            for d in record["directions"]
        )
        return cls(**record | {"directions": directions})

    def to_json(self, path: str | Path) -> None:
        """Write `to_dict` as JSON."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")

    def to_csv(self, path: str | Path) -> None:
        """Write `rows` as CSV."""
        rows = self.rows()
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def plot(self, path: str | Path) -> None:
        """Draw the precision-recall curves into a picture file; needs matplotlib."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5, 4), layout="constrained")
        axes = figure.subplots()
        for d in self.directions:
            label = f"{d.query} → {d.gallery} (MAP {d.metrics['MAP@all']:.3f})"
            axes.plot(RECALL_LEVELS, d.precision, marker="o", markersize=3, label=label)
        axes.set(
            xlabel="recall",
            ylabel="interpolated precision",
            xlim=(0, 1),
            ylim=(0, 1.02),
            title=f"{self.data}, {self.split}",
        )
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, dpi=150)


def _written(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
