"""One method on one split: tuned, trained with each seed, and evaluated at the end."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_xmr.comparison.memory import PeakMemory
from keras_xmr.comparison.plan import Plan
from keras_xmr.comparison.record import Costs, Record
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.redrawn import bootstrapped, with_parts_redrawn
from keras_xmr.evaluation import evaluate
from keras_xmr.methods.catalogue import method_class
from keras_xmr.methods.method import Method
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Choice
from keras_xmr.transforms.transform import Transform
from keras_xmr.tuning.budget import Budget
from keras_xmr.tuning.trials import read_trials
from keras_xmr.tuning.tune import tune
from keras_xmr.types import Array


class Unit(NamedTuple):
    """A method, or a variant of one, on a split."""

    method: str
    split: int

    @property
    def place(self) -> Path:
        """Its folder, below that of the comparison."""
        return Path("runs") / self.method / f"split{self.split}"


@dataclass(frozen=True)
class Job:
    """What all units of a comparison have in common.

    Attributes:
        data: The data set.
        source: Labelled data of one medium, for methods that learn from such.
        plan: What is compared, and with how much effort.
        folder: Where it is kept.
        transforms: Medium to the transform that each training fits.
    """

    data: CrossModalData
    source: CrossModalData | None
    plan: Plan
    folder: Path
    transforms: Mapping[str, Transform] = field(default_factory=dict)


class Step(NamedTuple):
    """One training of a unit, with a seed; bagged on items drawn with replacement."""

    seed: int
    bagged: bool

    @property
    def file(self) -> str:
        """Name of its record, without an ending."""
        return f"{'bag' if self.bagged else 'seed'}{self.seed}"


def steps(plan: Plan, method: str) -> list[Step]:
    """The trainings of a unit, the indispensable one first.

    Networks differ by their seed. What is linear hardly does: it has as many models more, each of
    items drawn with replacement, so that it, too, may be an ensemble, if it learns anything.
    """
    about = plan.about(method)
    found = [Step(seed, False) for seed in range(plan.seeds)]
    if about.kind == "linear" and about.learns_from and plan.seeds > 1:
        found += [Step(seed, True) for seed in range(plan.seeds)]
    return found


def work(unit: Unit, job: Job, seconds: float) -> None:
    """Do what is not done yet of a unit, and keep it in the folder of the comparison.

    Args:
        unit: The method and the split.
        job: What it is a part of.
        seconds: How long it may take; at least one trial is made, and one model trained.
    """
    start = time.perf_counter()
    method, changes = job.plan.variant(unit.method)
    cls: type[Method] = method_class(method)
    data = with_parts_redrawn(job.data, unit.split)
    source = job.source if "source" in cls.about.learns_from else None
    place = job.folder / unit.place
    planned = steps(job.plan, unit.method)
    there = [place / step.file for step in planned if (place / f"{step.file}.json").exists()]
    if len(there) == len(planned):
        return
    # Averages of several networks are ensembles: rows of their own.
    single: dict[str, Any] = {"members": 1} if "members" in cls.settable() else {}
    # A trial costs about as much as a training.
    share = seconds * job.plan.trials / (job.plan.trials + len(planned))
    # All models of a unit have the same settings, even if there is more time now.
    settings = (
        type(cls.defaults)(**Record.read(there[0]).settings)
        if there
        else tune(
            data,
            method,
            source,
            encoders=job.transforms,
            budget=Budget(job.plan.trials, share),
            select_on=job.plan.select_on,
            folder=place / "tuning",
            progress=False,
            **single | dict(changes),
        )
    )
    settings = replace(settings, given=job.transforms)
    took = sum(trial.seconds for trial in read_trials(place / "tuning"))
    longest = 0.0
    for number, step in enumerate(planned):
        if (place / f"{step.file}.json").exists():
            continue
        left = seconds - (time.perf_counter() - start)
        if number and left < longest:
            return
        began = time.perf_counter()
        _trained(cls, unit, step, data, source, settings, took).write(place / step.file)
        longest = max(longest, time.perf_counter() - began)


def _trained(
    cls: type[Method],
    unit: Unit,
    step: Step,
    data: CrossModalData,
    source: CrossModalData | None,
    settings: Settings,
    tuning: float,
) -> Record:
    """One training, and all that is to be known of it."""
    on = bootstrapped(data, step.seed) if step.bagged else data
    with PeakMemory() as memory:
        start = time.perf_counter()
        model = cls.train(on, source, settings=settings, seed=step.seed, progress=False)
        trained = time.perf_counter()
        encoded = _encoded(model, data, "test")
        done = time.perf_counter()
    costs = Costs(tuning, trained - start, done - trained, memory.peak, _size(model))
    history = getattr(getattr(model, "history", None), "history", {})
    return Record(
        unit.method,
        unit.split,
        step.seed,
        step.bagged,
        settings.to_dict(),
        costs,
        {name: [float(v) for v in values] for name, values in history.items()},
        {name: evaluate(m, data) for name, m in _read_outs(model, step.bagged)},
        evaluate(model, data, split="validation").map if data.has("validation") else float("nan"),
        model.metric,
        encoded | _means(model, data),
    )


def _read_outs(model: Any, bagged: bool) -> Iterator[tuple[str, Any]]:
    """The model by the readout of its settings, and by each one that is worth tuning."""
    yield "", model
    choice: Any = type(model).tunable.get("readout")
    if isinstance(choice, Choice) and not bagged:
        for name in choice.values:
            yield name, model if name == model.readout else model.with_readout(name)


def _encoded(model: Any, data: CrossModalData, split: str) -> dict[str, Array]:
    part = data.part(split)
    media = [name for name in part.media if name in model.media]
    return {f"{split}/{name}": model.encode(part, name) for name in media}


def _means(model: Any, data: CrossModalData) -> dict[str, Array]:
    """The mean representation of each class's training items `(classes, d)`; none for codes."""
    if model.metric == "hamming":
        return {}
    part = data.part("train")
    means = {}
    for name, rows in _encoded(model, data, "train").items():
        medium = name.removeprefix("train/")
        labels = part.medium(medium).labels
        of_class = np.eye(data.num_classes)[labels] if labels.ndim == 1 else labels
        counts = of_class.sum(axis=0)[:, None]
        with np.errstate(invalid="ignore"):
            means[f"means/{medium}"] = (of_class.T @ rows / counts).astype(np.float32)
    return means


def _size(model: Any) -> int:
    """Bytes of the model as a preset."""
    with tempfile.TemporaryDirectory() as folder:
        path = model.for_retrieval().save_to_preset(Path(folder) / "preset")
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def records_of(unit: Unit, job: Job) -> list[Path]:
    """The files of a unit's records, whether they are there already or not."""
    planned = steps(job.plan, unit.method)
    return [job.folder / unit.place / f"{step.file}.json" for step in planned]
