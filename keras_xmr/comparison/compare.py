"""`compare`: methods tuned, trained and evaluated with equal effort on one data set."""

import json
import math
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_xmr.comparison.comparison import Comparison
from keras_xmr.comparison.environment import environment
from keras_xmr.comparison.plan import Plan, Variant, named
from keras_xmr.comparison.record import Record
from keras_xmr.comparison.unit import Job, Unit, records_of, work
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.folds import with_validation
from keras_xmr.datasets.redrawn import with_parts_redrawn
from keras_xmr.encoders.keras_network import KerasNetwork
from keras_xmr.methods.catalogue import method_class
from keras_xmr.presets import save_whole
from keras_xmr.progress import Progress
from keras_xmr.transforms.encoder import Encoder
from keras_xmr.transforms.extraction import with_features
from keras_xmr.transforms.given_encoders import given_encoders, of_features, to_fit
from keras_xmr.tuning.budget import Budget
from keras_xmr.tuning.trials import best_so_far, read_trials
from keras_xmr.tuning.tune import TRIALS

# Seconds between two looks at what is done.
PERIOD = 0.5
# Where TensorFlow and XLA, for JAX, look for a number of threads.
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")
ENVIRONMENT = "environment.json"


def compare(
    data: CrossModalData,
    methods: str | Sequence[str] = "all",
    source: CrossModalData | None = None,
    *,
    seeds: int = 5,
    splits: int = 1,
    budget: str | int = TRIALS,
    select_on: str = "validation",
    variants: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
    trunks: Mapping[str, Any] | None = None,
    encoders: Mapping[str, Any] | None = None,
    folder: str | Path | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> Comparison:
    """Tune, train and evaluate methods with equal effort.

    Every method has the same number of trials of `tune` on each split, one network where it could
    average several, and is then trained with each seed. The test part is looked at once, when all
    that is over. Other readouts of the same models, and ensembles of them, have rows of their own.

    Args:
        data: The data set.
        methods: Names, or `"all"` that take such media: those for rows of one space are among them
            where all media are feature rows of one width.
        source: Labelled data of one of the media, for methods that learn from such.
        seeds: How often each method is trained on each split.
        splits: Number of splits: that of the data, and others with as many items of each class in
            each part.
        budget: A number of trials for each method; a time for all of it, such as `"30m"`; or both,
            as `"20,30m"`. Within a time every method has as much of it as any other; what it has no
            need of is left to those after it, and what was left out is told.
        select_on: The part that settings are chosen on. `"test"` is for figures of papers that did
            so; every table then says it.
        variants: Names of further rows, such as ablations, to a method and those of its settings
            that are not tuned: `{"narrow": ("chtn", {"shared_units": (64,)})}`.
        trunks: Medium to a network that stays as it is; its features are what all methods get.
        encoders: Medium to an encoder, as in `train`, whose rows all methods get.
        folder: Where to keep it. It goes on from what is there; `None` for a temporary one.
        jobs: Processes at a time; each has its share of the cores.
        progress: Whether to show on standard error how much is done, and the time left.

    Returns:
        The comparison.

    Raises:
        ValueError: If there is no such method or setting, one class only, the folder holds another
            comparison, or all methods fail.
        ImportError: If Optuna or psutil is not installed.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> found = compare(data, "cca,cfa", seeds=1, budget=1, progress=False)
        >>> sorted(found.methods())
        ['cca', 'cfa']
    """
    shown = Progress("comparison", shown=progress)
    _check(data)
    given = given_encoders(data, encoders or {})
    front = {m: Encoder(KerasNetwork(trunk)) for m, trunk in (trunks or {}).items()}
    for medium, encoder in (front | of_features(given)).items():
        data = with_features(data, encoder, medium, progress=progress)
        if source is not None and medium in source.media:
            source = with_features(source, encoder, medium, progress=progress)
    if not data.has("validation"):
        shown.say("no validation part: a tenth of the training part is held out, drawn by hash")
        data = with_validation(data)
    if jobs < 1:
        raise ValueError(f"There is at least one process. Received: {jobs=}.")
    limit = Budget.of(budget)
    trials = TRIALS if limit.trials == math.inf else int(limit.trials)
    more = {name: Variant(*of) for name, of in (variants or {}).items()}
    names = (*named(methods, data), *more)
    plan = Plan(names, seeds, splits, trials, select_on, more)
    for method, changes in more.values():
        cls = method_class(method)
        cls.defaults.changed(changes, cls.settable())
    with tempfile.TemporaryDirectory() as temporary:
        job = Job(data, source, plan, Path(folder or temporary), to_fit(given))
        plan.keep(job.folder, data, source, job.transforms)
        text = json.dumps(environment(data), indent=1) + "\n"
        save_whole(job.folder / ENVIRONMENT, lambda draft: draft.write_text(text, "utf-8"))
        failures = _worked(job, limit.seconds, jobs, shown)
        return _read(job, failures)


def _check(data: CrossModalData) -> None:
    if data.num_classes < 2:
        raise ValueError(
            "A comparison needs items of two classes at least: with one, every ranking is right. "
            f"Received: {data.name!r} with the classes {list(data.class_names)}."
        )
    if len(data.media) < 2:
        raise ValueError(
            f"A comparison needs two media. Received: {data.name!r} with {list(data.media)}."
        )
    data.part("test")


def _units(plan: Plan) -> list[Unit]:
    """All there is to do; what takes least comes first, so that time it leaves is used."""
    ordered = sorted(plan.methods, key=lambda name: (plan.about(name).kind != "linear", name))
    return [Unit(method, split) for split in range(plan.splits) for method in ordered]


def _worked(job: Job, seconds: float, jobs: int, shown: Progress) -> dict[Unit, str]:
    """Do all units; the reasons of methods that failed."""
    from sklearn.utils.parallel import Parallel, delayed

    units = _units(job.plan)
    paths = [path for unit in units for path in records_of(unit, job)]
    start, ended = time.perf_counter(), 0

    def shared() -> Iterator[Any]:
        """Each unit when its turn has come, with as much of the time left as each of the others."""
        for unit in units:
            left = max(0.0, seconds - (time.perf_counter() - start))
            share = min(left, left * jobs / (len(units) - ended))
            yield delayed(_tried)(unit, job, share, jobs > 1)

    failures = {}
    # Its processes share the cores: all their threads together are as many.
    parallel = Parallel(
        n_jobs=jobs, return_as="generator_unordered", pre_dispatch=jobs, batch_size=1
    )
    with shown.over(len(paths)), _counted(shown, paths):
        for unit, reason in parallel(shared()):
            ended += 1
            if reason:
                failures[unit] = reason
                shown.say(f"{_name(unit, job)} failed: {reason}")
    return failures


def _name(unit: Unit, job: Job) -> str:
    return f"{unit.method}, split {unit.split}" if job.plan.splits > 1 else unit.method


def _tried(unit: Unit, job: Job, seconds: float, elsewhere: bool) -> tuple[Unit, str]:
    """Do a unit, here or in another process; with the reason where it fails."""
    if elsewhere:
        limit_threads()
    try:
        work(unit, job, seconds)
    except Exception as error:
        return unit, f"{type(error).__name__}: {error}"
    return unit, ""


def limit_threads() -> None:
    """Make backends of this process, before they are loaded, take as many threads as NumPy has.

    Joblib, which starts the processes, tells libraries that use OpenMP; these are told here.
    """
    for name in THREADS:
        os.environ.setdefault(name, os.environ.get("OMP_NUM_THREADS", "1"))


@contextmanager
def _counted(shown: Progress, paths: Sequence[Path]) -> Iterator[None]:
    """Show again and again how many of the files are there."""
    over = threading.Event()

    def count() -> int:
        return sum(path.exists() for path in paths)

    def look() -> None:
        while not over.wait(PERIOD):
            shown.move_to(count())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        shown.move_to(count())


def _read(job: Job, failed: Mapping[Unit, str]) -> Comparison:
    """What the folder holds."""
    records, cut, tuning = [], [], {}
    for unit in _units(job.plan):
        planned = records_of(unit, job)
        found = [path for path in planned if path.exists()]
        records += [Record.read(path) for path in found]
        trials = read_trials(job.folder / unit.place / "tuning")
        if unit.split == 0 and found:
            tuning[unit.method] = best_so_far(trials)
        counts = {
            "trials": (len(trials), job.plan.trials),
            "trainings": (len(found), len(planned)),
        }
        told = [f"{n} of {of} {name}" for name, (n, of) in counts.items() if n < of]
        if told and unit not in failed:
            cut.append(f"{unit.method}, split {unit.split}: {' and '.join(told)}")
    failures = {_name(unit, job): reason for unit, reason in failed.items()}
    sets = [with_parts_redrawn(job.data, split) for split in range(job.plan.splits)]
    told_of = json.loads((job.folder / ENVIRONMENT).read_text(encoding="utf-8"))
    comparison = Comparison(sets, job.plan, records, tuning, failures, cut, told_of)
    if not comparison.reports:
        raise ValueError(f"None of the methods could be trained. Received: {failures or cut}.")
    return comparison
