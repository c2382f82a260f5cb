"""`evaluate`: how good retrieval is between every ordered pair of media."""

import csv
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.metrics import (
    average_precision,
    comparable,
    metric_name,
    precision_recall_curve,
    ranked_relevance_blocks,
    recall_at_k,
)
from keras_xmr.types import FloatArray

RECALL_LEVELS = np.linspace(0.0, 1.0, 11)


class Encoder(Protocol):
    """Anything that maps items of a medium into a common representation."""

    @property
    def media(self) -> Any:
        """Names of the media it knows."""

    def encode(self, x: Any, media: str) -> FloatArray:
        """Common representation `(n, d)` of the items of one medium."""


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
    """

    query: str
    gallery: str
    metrics: dict[str, float]
    precision: list[float]
    average_precisions: FloatArray = field(repr=False)

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
        """One row per direction and one with their average."""
        rows: list[dict[str, Any]] = [
            {"direction": d.name, "queries": len(d.average_precisions), **d.metrics}
            for d in self.directions
        ]
        names = self.directions[0].metrics
        means = {name: float(np.mean([row[name] for row in rows])) for name in names}
        total = sum(row["queries"] for row in rows)
        return [*rows, {"direction": "average", "queries": total, **means}]

    def table(self) -> str:
        """The figures as a Markdown table."""
        rows = self.rows()
        lines = [list(rows[0])] + [
            [f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows
        ]
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


def evaluate(
    model: Encoder,
    data: CrossModalData,
    *,
    split: str = "test",
    map_at: Sequence[int] = (50,),
    recall_at: Sequence[int] = (1, 5, 10),
) -> Report:
    """Evaluate retrieval between every ordered pair of the media that model and data share.

    The gallery is ranked by the model's metric: by cosine, or by Euclidean distance where the model
    says so. An item is relevant to a query if they have a class in common. The whole part is the
    gallery; the item paired with a query is not removed. Ties go to the lower row number.

    Args:
        model: A model or baseline: anything with `media` and `encode`.
        data: The data set.
        split: The part to evaluate on.
        map_at: Ranks of further MAP figures; they are divided by the relevant items found
            (`MAP@50/hits`), as in much of the literature.
        recall_at: Ranks of recall figures.

    Returns:
        A `Report`.

    Raises:
        ValueError: If model and data share fewer than two media.

    Example:
        >>> from keras_xmr import SemanticMatching, datasets
        >>> data = datasets.toy()
        >>> report = evaluate(SemanticMatching().fit(data), data)
        >>> report.map > 0.8
        True

    Reference:
        X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 4.3.
    """
    part = data.part(split)
    media = [name for name in part.media if name in model.media]
    if len(media) < 2:
        raise ValueError(
            "Evaluation needs two media that model and data share. "
            f"Received: model with {sorted(model.media)}, data with {sorted(part.media)}."
        )
    encoded = {name: model.encode(part, media=name) for name in media}
    directions = []
    for query, gallery in itertools.permutations(media, 2):
        rows = comparable(encoded[query], encoded[gallery], getattr(model, "metric", "cosine"))
        blocks = ranked_relevance_blocks(
            *rows, part.media[query].labels, part.media[gallery].labels
        )
        directions.append(_direction(query, gallery, blocks, map_at, recall_at))
    return Report(data.name, split, data.split_hash(), tuple(directions))


def _direction(
    query: str, gallery: str, blocks: Any, map_at: Sequence[int], recall_at: Sequence[int]
) -> Direction:
    collected: dict[str, list[FloatArray]] = {}
    curves = []
    for _, ranked in blocks:
        ranked = ranked[ranked.any(axis=1)]
        values = {metric_name(): average_precision(ranked)}
        for k in map_at:
            values[metric_name(k, "hits")] = average_precision(ranked, k, "hits")
        for k in recall_at:
            values[f"recall@{k}"] = recall_at_k(ranked, k)
        for name, value in values.items():
            collected.setdefault(name, []).append(value)
        curves.append(precision_recall_curve(ranked, RECALL_LEVELS))
    per_query = {name: np.concatenate(values) for name, values in collected.items()}
    if not per_query or not len(per_query["MAP@all"]):
        raise ValueError(
            f"No query has a relevant item. Received: {query} queries and {gallery} gallery "
            "without a common class."
        )
    return Direction(
        query,
        gallery,
        {name: float(values.mean()) for name, values in per_query.items()},
        np.concatenate(curves).mean(axis=0).tolist(),
        per_query["MAP@all"],
    )


def compare(reports: Mapping[str, Report]) -> list[str]:
    """How the first of several reports on the same queries stands against each other one.

    Returns:
        A line for each other report: the difference of the MAP averages, and the p-value of
        `paired_test` over the queries of all directions.
    """
    (first, report), *others = reports.items()
    lines = []
    for name, other in others:
        if (report.split_hash, report.split) != (other.split_hash, other.split):
            lines.append(f"{first} and {name} were evaluated on different splits")
            continue
        p = paired_test(report.average_precisions(), other.average_precisions())
        lines.append(
            f"{first} against {name}: MAP {report.map:.4f} against {other.map:.4f} "
            f"({report.map - other.map:+.4f}, p = {p:.4f})"
        )
    return lines


def paired_test(first: FloatArray, second: FloatArray, *, seed: int = 0) -> float:
    """Two-sided paired randomisation test of a difference in mean average precision.

    The signs of the differences per query are flipped at random 10,000 times.

    Args:
        first: Average precision of each query `(n,)` by one method.
        second: The same queries `(n,)` by the other.
        seed: Seed of the flips.

    Returns:
        The p-value.

    Raises:
        ValueError: If the two do not have the same number of queries.

    Example:
        >>> paired_test(np.linspace(0.5, 0.9, 50), np.linspace(0.4, 0.8, 50)) < 0.01
        True

    Reference:
        M. Smucker, J. Allan, B. Carterette: A comparison of statistical significance tests for
        information retrieval evaluation, CIKM 2007, section 3.1.
    """
    from scipy.stats import permutation_test

    if np.shape(first) != np.shape(second):
        raise ValueError(
            "A paired test needs both methods on the same queries. "
            f"Received: shapes {np.shape(first)} and {np.shape(second)}."
        )
    result = permutation_test(
        (np.asarray(first) - np.asarray(second),),
        lambda difference, axis: difference.mean(axis=axis),
        permutation_type="samples",
        n_resamples=9_999,
        vectorized=True,
        batch=1_000,
        rng=seed,
    )
    return float(result.pvalue)
