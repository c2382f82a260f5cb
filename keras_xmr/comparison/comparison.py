"""`Comparison`: what came out of comparing methods, entry by entry."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_xmr.comparison.ensemble import members, report_of
from keras_xmr.comparison.instances import by_instance
from keras_xmr.comparison.plan import Plan
from keras_xmr.comparison.record import Record
from keras_xmr.comparison.statistics import Difference, holm, over_queries, over_splits
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.report import Report
from keras_xmr.types import FloatArray

# Methods whose difference from the best may be chance have at least this p-value.
LEVEL = 0.05


class Entry(NamedTuple):
    """What has a row of its own: a method, and what helps it.

    Attributes:
        method: Name of the method, or of a variant of one.
        help: `""` for one model by the readout that was tuned; `"readout knn"` for another readout
            of the same models; `"ensemble"` for the mean similarity of several of them.
    """

    method: str
    help: str = ""

    @property
    def label(self) -> str:
        """`"jrl"`, or `"jrl, ensemble"`."""
        return ", ".join(filter(None, self))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Methods that were compared on one data set; `compare` makes it.

    Attributes:
        data: The data set, split by split; the first is as it was given.
        plan: What was compared, and with how much effort.
        records: All models that were trained.
        tuning: Name of a method to the best held-out MAP after each trial, on the first split.
        failures: Name of a method to the reason why it failed.
        cut: What was left out for want of time, a sentence each.
        environment: What it ran on.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> found = keras_xmr.compare(data, "cfa,lgcfl", seeds=2, budget=1, progress=False)
        >>> [entry.label for entry in found.entries() if entry.method == "cfa"]
        ['cfa', 'cfa, ensemble']
    """

    data: Sequence[CrossModalData]
    plan: Plan
    records: Sequence[Record]
    tuning: Mapping[str, Sequence[float]] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    cut: Sequence[str] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def reports(self) -> dict[Entry, dict[int, list[Report]]]:
        """Entry to split to the reports on its test part: one for each seed, of ensembles one.

        Those that lack a split, since the method failed there or there was no time, are left out.
        """
        found: dict[Entry, dict[int, list[Report]]] = {}
        for record in self.records:
            if record.bagged:
                continue
            for readout, report in record.reports.items():
                entry = Entry(record.method, f"readout {readout}" if readout else "")
                found.setdefault(entry, {}).setdefault(record.split, []).append(report)
        for method in dict.fromkeys(record.method for record in self.records):
            linear = self.plan.about(method).kind == "linear"
            for models in members([r for r in self.records if r.method == method], bagged=linear):
                reports = [report_of(models, self.data[models[0].split])]
                found.setdefault(Entry(method, "ensemble"), {})[models[0].split] = reports
        every = set(range(self.plan.splits))
        complete = {entry: of for entry, of in found.items() if set(of) == every}
        return {
            entry: of
            for entry, of in complete.items()
            if Entry(entry.method) in complete and not self._is_tuned(entry)
        }

    def _is_tuned(self, entry: Entry) -> bool:
        """Whether it is the readout that all settings have anyway."""
        tuned = {r.settings.get("arguments", {}).get("readout") for r in self.runs(entry.method)}
        return {entry.help} == {f"readout {readout}" for readout in tuned}

    def methods(self) -> list[str]:
        """Methods that have a model on each split, the best MAP on the test part first."""
        found = {entry.method for entry in self.reports}
        return sorted(found, key=lambda method: (-self.map(Entry(method)), method))

    def entries(self) -> list[Entry]:
        """All entries: the methods, the best first; then readouts; then ensembles, likewise."""
        rank = {method: place for place, method in enumerate(self.methods())}
        helps = {"": 0, "readout": 1, "ensemble": 2}
        return sorted(
            self.reports, key=lambda e: (helps[e.help.split(" ")[0]], rank[e.method], e.help)
        )

    def runs(self, method: str) -> list[Record]:
        """Models of a method that were trained on all training items."""
        return [r for r in self.records if r.method == method and not r.bagged]

    def first_run(self, method: str) -> Record:
        """Its model of the first seed on the first split: what is looked at closely."""
        return min(self.runs(method), key=lambda record: (record.split, record.seed))

    def map(self, entry: Entry) -> float:
        """Average MAP on the test part: of each split the mean over seeds, of which the mean."""
        return float(np.mean([np.mean([r.map for r in of]) for of in self.reports[entry].values()]))

    def spread(self, entry: Entry) -> float:
        """Standard deviation over splits, or over seeds where there is one split."""
        by_split = [[report.map for report in of] for of in self.reports[entry].values()]
        found = by_split[0] if len(by_split) == 1 else [float(np.mean(of)) for of in by_split]
        return float(np.std(found, ddof=1)) if len(found) > 1 else float("nan")

    def validation(self, method: str) -> float:
        """Mean MAP on the validation part."""
        return float(np.mean([record.validation for record in self.runs(method)]))

    def by_instance(self, entry: Entry, split: int) -> FloatArray:
        """What each test instance of a split adds to the MAP `(instances,)`; means over seeds."""
        part = self.data[split].part("test")
        of_seeds = [by_instance(report.directions, part) for report in self.reports[entry][split]]
        mean: FloatArray = np.mean(of_seeds, axis=0)
        return mean

    def difference(self, one: Entry, other: Entry) -> Difference:
        """Mean difference in average precision, `one` less `other`, with its interval and p-value.

        Of one split it is over its instances; of several over splits, which share items.
        """
        pairs = [
            (self.by_instance(one, split), self.by_instance(other, split))
            for split in range(self.plan.splits)
        ]
        if len(pairs) == 1:
            return over_queries(*pairs[0])
        return over_splits(np.array([np.mean(a - b) for a, b in pairs]), self._test_share())

    def _test_share(self) -> float:
        """Test items for each training item."""
        medium = next(iter(self.data[0].media.values()))
        return float((medium.split == "test").sum() / (medium.split == "train").sum())

    @functools.cached_property
    def against_best(self) -> dict[str, Difference]:
        """Each method but the best to what it lacks, p-values corrected for their number."""
        best, *others = self.methods()
        found = [self.difference(Entry(best), Entry(method)) for method in others]
        corrected = holm(np.array([d.p for d in found])).tolist() if found else []
        return {
            method: d._replace(p=p) for method, d, p in zip(others, found, corrected, strict=True)
        }

    def level_with_best(self) -> list[str]:
        """The best method, and those whose difference from it may be chance."""
        best = self.methods()[0]
        return [best, *(m for m, d in self.against_best.items() if d.p >= LEVEL)]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each entry, without anything that differs from run to run.

        `MAP` and the figures of each direction are means of all models; `difference`, `low`, `high`
        and `p` are those of the method itself less the best one, or of help less the method.
        """
        return [self._row(entry) for entry in self.entries()]

    def _row(self, entry: Entry) -> dict[str, Any]:
        reports = [report for of in self.reports[entry].values() for report in of]
        figures = [report.rows() for report in reports]
        row: dict[str, Any] = {
            "method": entry.method,
            "help": entry.help,
            "models": len(reports),
            "MAP": self.map(entry),
            "spread": self.spread(entry),
            "validation MAP": None if entry.help else self.validation(entry.method),
        }
        *directions, average = zip(*figures, strict=True)
        for direction in directions:
            row[direction[0]["direction"]] = _mean(direction, "MAP@all")
        for name in average[0]:
            if "@" in name and name != "MAP@all":
                row[name] = _mean(average, name)
        difference = Difference(0.0, 0.0, 0.0, 1.0)
        if entry.help:
            difference = self.difference(entry, Entry(entry.method))
        elif entry.method in self.against_best:
            mean, low, high, p = self.against_best[entry.method]
            difference = Difference(-mean, -high, -low, p)
        row |= difference._asdict()
        row["selected_on"] = self.plan.select_on
        return row

    def costs(self) -> list[dict[str, Any]]:
        """A row for each method: means of its models, seconds and megabytes."""
        rows = []
        for method in self.methods():
            costs = [record.costs for record in self.runs(method)]
            rows.append(
                {
                    "method": method,
                    "tune_s": float(np.mean([c.tune for c in costs])),
                    "train_s": float(np.mean([c.train for c in costs])),
                    "encode_s": float(np.mean([c.encode for c in costs])),
                    "memory_mb": max(c.memory for c in costs) / 1e6,
                    "preset_mb": max(c.size for c in costs) / 1e6,
                }
            )
        return rows

    def table(self) -> str:
        """One row for each method, as a Markdown table."""
        from keras_xmr.comparison.markdown import markdown_table
        from keras_xmr.comparison.tables import ranking

        return markdown_table(ranking(self), self.plan.select_on == "test")

    def report(self, folder: str | Path) -> Path:
        """Write the report: `report.html`, `report.md`, `results.csv`, `costs.csv`, `results.tex`.

        Returns:
            The path of `report.html`.

        Raises:
            ImportError: If matplotlib is not installed.
        """
        from keras_xmr.comparison.files import write_report

        return write_report(self, Path(folder))


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(np.mean([row[name] for row in rows]))
