"""Trials of a tuning: the record on disk that it goes on from, and a picture of it."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.methods.settings import Settings
from keras_xmr.presets import save_whole
from keras_xmr.types import Array, Config, FloatArray

RECORD = "trials.csv"
QUERIES = "queries.npy"
PLOT = "trials.png"
COLUMNS = ("trial", "map", "pruned", "seconds", "scores", "parameters", "settings")


@dataclass(frozen=True, eq=False)
class Trial:
    """One choice of settings, and how good it was.

    Attributes:
        parameters: Name of each parameter to what was drawn; `None` for settings out of range.
        settings: The settings that these stand for, as `as_json` gives them.
        scores: MAP after each fold, on average so far, or in the course of a training.
        seconds: How long it took.
        queries: Average precision of each query `(n,)`; none if it was stopped early, others having
            been better by then.
    """

    parameters: Config | None
    settings: Config
    scores: tuple[float, ...]
    seconds: float
    queries: FloatArray | None

    @property
    def pruned(self) -> bool:
        """Whether it was stopped early."""
        return self.queries is None

    @property
    def map(self) -> float:
        """MAP, of all folds or at the end of the training."""
        return self.scores[-1]


def as_json(settings: Settings) -> Config:
    """Settings as a record has them: a tuple is a list there."""
    written: Config = json.loads(json.dumps(settings.to_dict()))
    return written


def write_trials(folder: Path, trials: Sequence[Trial]) -> None:
    """Write the record: `trials.csv`, and `queries.npy` with a row for each trial.

    Each file appears whole or not at all, the one that says how many trials there are last.
    """

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for number, trial in enumerate(trials):
                told = [number, trial.map, int(trial.pruned), round(trial.seconds, 2)]
                values = (list(trial.scores), trial.parameters, trial.settings)
                writer.writerow([*told, *map(json.dumps, values)])

    save_whole(folder / QUERIES, lambda path: np.save(path, _queries(trials)))
    save_whole(folder / RECORD, write)


def read_trials(folder: Path) -> list[Trial]:
    """The trials of a record; none where there is none.

    Raises:
        ValueError: If it is damaged.
    """
    path = folder / RECORD
    if not path.exists():
        return []
    try:
        queries = np.load(folder / QUERIES, allow_pickle=False)
        with path.open(encoding="utf-8", newline="") as file:
            return [_read(row, queries[int(row["trial"])]) for row in csv.DictReader(file)]
    except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(
            f"The trials in {str(folder)!r} cannot be read: {error}. Remove the folder to start "
            "anew."
        ) from error


def best_so_far(trials: Sequence[Trial]) -> list[float]:
    """The best MAP after each trial; those that were stopped do not count."""
    found = [-np.inf if trial.pruned else trial.map for trial in trials]
    return [float(best) for best in np.maximum.accumulate(found)]


def plot_trials(folder: Path, trials: Sequence[Trial], title: str) -> None:
    """Draw the MAP of all trials into `trials.png`; needs matplotlib."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    numbers = np.arange(len(trials))
    found = np.array([trial.map for trial in trials])
    pruned = np.array([trial.pruned for trial in trials])
    axes.plot(numbers, best_so_far(trials), drawstyle="steps-post", color="C0", label="best so far")
    axes.plot(numbers[~pruned], found[~pruned], "o", color="C0", alpha=0.6, label="trial")
    if pruned.any():
        axes.plot(numbers[pruned], found[pruned], "x", color="C7", label="stopped early")
    axes.axhline(found[0], color="C1", linestyle="--", label="start")
    axes.set(xlabel="trial", ylabel="held-out MAP", title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    save_whole(folder / PLOT, lambda path: figure.savefig(path, dpi=120))


def _queries(trials: Sequence[Trial]) -> Array:
    """Average precisions `(trials, queries)`; NaN where a trial was stopped."""
    width = max(0 if t.queries is None else len(t.queries) for t in trials)
    rows = np.full((len(trials), width), np.nan)
    for row, trial in zip(rows, trials, strict=True):
        if trial.queries is not None:
            row[:] = trial.queries
    return rows


def _read(row: dict[str, Any], queries: Array) -> Trial:
    return Trial(
        json.loads(row["parameters"]),
        json.loads(row["settings"]),
        tuple(json.loads(row["scores"])),
        float(row["seconds"]),
        None if row["pruned"] == "1" else queries,
    )
