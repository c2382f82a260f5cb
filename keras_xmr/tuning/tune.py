"""`tune`: the settings of a method for a data set, chosen without its test part."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.folds import with_validation
from keras_xmr.methods.catalogue import method_class
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Space
from keras_xmr.progress import Progress
from keras_xmr.tuning.budget import Budget
from keras_xmr.tuning.search import FOLDS, Search, uses_folds
from keras_xmr.tuning.trials import Trial, as_json, plot_trials, read_trials, write_trials

TRIALS = 20
SELECT_ON = ("validation", "test")


def tune(
    data: CrossModalData,
    method: str,
    source: CrossModalData | None = None,
    *,
    budget: str | int | Budget = TRIALS,
    trunks: Mapping[str, Any] | None = None,
    encoders: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    select_on: str = "validation",
    seed: int = 0,
    folder: str | Path | None = None,
    progress: bool = True,
    **changes: Any,
) -> Settings:
    """Choose the settings of a method on a data set, by the MAP of held-out items.

    The first trial has the settings that the search starts from, so that none are chosen that do
    worse on what is held out. Linear methods are trained four times for each trial, with other
    parts of training and validation held out, and so are networks of several members, with one of
    them; others once, and their validation part counts; if there is none, it is a tenth of the
    training part, drawn by hash. The test part is not looked at. A trial that does worse than the
    median of the others, when it is as far, is stopped.

    Args:
        data: The data.
        method: Name of the method, such as `"chtn"`. Its class says in `tunable` what is tuned.
        source: As in `train`.
        budget: A number of trials, or a time such as `"90s"`, `"5m"` or `"1h"`, within which the
            last trial is likely to end; or both, as `"20,5m"`: what is first.
        trunks: As in `train`.
        encoders: As in `train`; give them to `train`, too.
        settings: What to start from; `None` for what `train` takes for these data.
        select_on: `"validation"`; or `"test"`, to reproduce papers that chose their settings on the
            test part, whose figures then say nothing of new data.
        seed: Seed of all that is random. Equal seeds and numbers of trials give equal settings.
        folder: Where to keep the trials: `trials.csv`, `trials.png`, and what is needed to go on
            from there after an interruption. `None` keeps none.
        progress: Whether to show the progress on standard error.
        **changes: As in `train`; what is told here is not tuned.

    Returns:
        The best settings; `chosen` tells how they were found, and how sure that is.

    Raises:
        ValueError: If there is no such method or part to select on, or the budget is none, or the
            trials in the folder are of something else.
        ImportError: If Optuna is not installed.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> settings = tune(data, "semantic_matching", budget=2, progress=False)
        >>> model = keras_xmr.train(data, "semantic_matching", settings=settings, progress=False)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 6)

    Reference:
        T. Akiba et al.: Optuna: a next-generation hyperparameter optimization framework, KDD 2019;
        J. Bergstra et al.: Algorithms for hyper-parameter optimization, NIPS 2011 (its sampler).
    """
    cls = method_class(method)
    limit = Budget.of(budget)
    if select_on not in SELECT_ON:
        raise ValueError(f"Settings are selected on one of {SELECT_ON}. Received: {select_on!r}.")
    shown = Progress(f"tuning {method}", shown=progress)
    frozen, start = cls.prepared(
        data, source, trunks, settings, changes, encoders=encoders, progress=progress
    )
    if select_on == "validation" and not data.has("validation"):
        share = "a tenth of the training part"
        if uses_folds(cls, start):
            share = f"each of {FOLDS} parts of the training part in turn"
        else:
            frozen = frozen._replace(data=with_validation(frozen.data, seed=seed))
        shown.say(f"no validation part: {share} is held out, drawn by hash")
    space = Space(cls, start, frozen.data, fixed=changes)
    if not space.distributions():
        limit = replace(limit, trials=1)
    search = Search(space, frozen, select_on, seed)
    place = Path(folder) if folder is not None else None
    trials = read_trials(place) if place else []
    if trials:
        _check_resumed(trials, start, folder)
        shown.say(f"{len(trials)} trials are there already")
    with shown.over(100):
        while _leaves_time(limit, trials):
            trials.append(search.trial(trials))
            if place:
                write_trials(place, trials)
            figures = f"{len(trials)} trials, held-out MAP {_best(trials).map:.3f}"
            shown.move_to(_percent(limit, trials), figures)
    if place:
        plot_trials(place, trials, f"{method} on {data.name}")
    told = _told(trials, select_on)
    shown.say(told)
    return replace(type(start)(**_best(trials).settings), chosen=told)


def _leaves_time(budget: Budget, trials: Sequence[Trial]) -> bool:
    """Whether one more trial is likely to end in time; the first one is in any case."""
    if not trials:
        return True
    took = [trial.seconds for trial in trials]
    in_time = sum(took) + statistics.median(took) <= budget.seconds
    return in_time and len(trials) < budget.trials


def _percent(budget: Budget, trials: Sequence[Trial]) -> int:
    """How much of the budget is used."""
    spent = sum(trial.seconds for trial in trials) / max(budget.seconds, 1.0)
    return min(100, int(100 * max(spent, len(trials) / budget.trials)))


def _best(trials: Sequence[Trial]) -> Trial:
    """The first of the best of those that were not stopped."""
    return max((trial for trial in trials if not trial.pruned), key=lambda trial: trial.map)


def _told(trials: Sequence[Trial], select_on: str) -> str:
    """Which settings are the best, and how sure that is."""
    best, default = _best(trials), trials[0]
    of = f"of {len(trials)} trials of keras_xmr.tune"
    figure = "held-out MAP" if select_on == "validation" else "selected on the TEST part, MAP"
    if best is default:
        return f"The settings at the start: the best {of}, {figure} {best.map:.4f}."
    assert best.queries is not None
    assert default.queries is not None
    gain = best.queries - default.queries
    error = gain.std(ddof=1) / math.sqrt(len(gain))
    return (
        f"Trial {trials.index(best)} {of}: {figure} {best.map:.4f}, {gain.mean():+.4f} against "
        f"the settings at the start, with a standard error of {error:.4f} over {len(gain)} queries."
    )


def _check_resumed(trials: Sequence[Trial], settings: Settings, folder: str | Path | None) -> None:
    if trials[0].settings != as_json(settings):
        raise ValueError(
            f"The trials in {str(folder)!r} began with other settings. Received: "
            f"{as_json(settings)}. Give another folder, or remove it to start anew."
        )
