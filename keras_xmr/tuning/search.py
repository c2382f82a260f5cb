"""`Search`: what to try next of a method, by Optuna, and how good it is on held-out items."""

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.folds import folds
from keras_xmr.evaluation import evaluate
from keras_xmr.methods.method import Frozen, Method
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Space
from keras_xmr.report import Report
from keras_xmr.tuning.trials import Trial, as_json
from keras_xmr.types import FloatArray

if TYPE_CHECKING:
    import optuna

# Takes one more score; whether the trial is to be stopped.
Worse = Callable[[float], bool]
# Where a training costs little.
FOLDS = 4
# How often a training is looked at.
LOOKS = 10
# Trials before the sampler goes by those there are, and before any is stopped.
AT_RANDOM = 6


def uses_folds(method: type[Method], settings: Settings) -> bool:
    """Whether trials are measured on folds: of linear methods, and of networks that are averaged.

    One network on four folds costs no more than five on one validation part, and tells more: the
    folds have all items of training and validation for queries.
    """
    return method.about.kind == "linear" or settings.arguments.get("members", 1) > 1


class Search:
    """Tries settings one after the other; what is tried next depends on those before.

    Args:
        space: The settings to search.
        frozen: The data, whose pictures are features where the trunk stays as it is.
        select_on: The part whose MAP counts: `"validation"` or `"test"`.
        seed: Seed of the sampler, of the folds and of each training.

    Raises:
        ImportError: If Optuna is not installed.
    """

    def __init__(self, space: Space, frozen: Frozen, select_on: str, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise ImportError("Tuning needs Optuna: pip install 'keras-xmr[tune]'") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space = space
        self.frozen = frozen
        self.select_on = select_on
        self.seed = seed

    def trial(self, before: Sequence[Trial]) -> Trial:
        """The next trial: the settings at the start, or what Optuna asks for."""
        if not before:
            return self._tried(self.space.parameters(), self.space.start, None)
        asked = self._study(before).ask(self.space.distributions())
        settings = self.space.settings(asked.params)
        try:
            return self._tried(asked.params, settings, asked)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            # Such as a singular matrix, or a network that diverged: these settings are no good.
            return Trial(asked.params, as_json(settings), (-math.inf,), 0.0, None)

    def _study(self, before: Sequence[Trial]) -> "optuna.Study":
        """Optuna's view of the trials there are; the seed is another one for each of them."""
        import optuna

        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(
                seed=self.seed + len(before), n_startup_trials=AT_RANDOM
            ),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=AT_RANDOM),
        )
        states = optuna.trial.TrialState
        for trial in before:
            if trial.parameters is not None:
                study.add_trial(
                    optuna.trial.create_trial(
                        state=states.PRUNED if trial.pruned else states.COMPLETE,
                        params=trial.parameters,
                        distributions=self.space.distributions(),
                        value=trial.map,
                        intermediate_values=dict(enumerate(trial.scores)),
                    )
                )
        return study

    def _tried(
        self,
        parameters: dict[str, Any] | None,
        settings: Settings,
        asked: "optuna.Trial | None",
    ) -> Trial:
        scores: list[float] = []

        def is_worse(score: float) -> bool:
            """Whether it is to be stopped, after one more score."""
            scores.append(score)
            if asked is None:
                return False
            asked.report(score, len(scores) - 1)
            return bool(asked.should_prune())

        start = time.perf_counter()
        in_folds = (
            uses_folds(self.space.method, self.space.start) and self.select_on == "validation"
        )
        try_out = self._by_folds if in_folds else self._by_part
        queries = try_out(settings, is_worse)
        seconds = time.perf_counter() - start
        return Trial(parameters, as_json(settings), tuple(scores), seconds, queries)

    def _by_folds(self, settings: Settings, is_worse: Worse) -> FloatArray | None:
        """Average precisions of the queries of all folds; none if it was stopped."""
        if settings.arguments.get("members", 1) > 1:
            settings = settings.changed({"members": 1}, ["members"])
        queries: list[FloatArray] = []
        found: list[float] = []
        for fold in folds(self.frozen.data, FOLDS, seed=self.seed):
            report = self._report(fold, settings, "validation")
            queries.append(report.average_precisions())
            found.append(report.map)
            if is_worse(float(np.mean(found))) and len(found) < FOLDS:
                return None
        return np.concatenate(queries)

    def _by_part(self, settings: Settings, is_worse: Worse) -> FloatArray | None:
        """Average precisions of the queries of the part; none if it was stopped."""
        watch = None
        if self.space.method.about.kind != "linear":
            from keras_xmr.training.callbacks import StopWhereWorse

            watch = StopWhereWorse(self.frozen.data, LOOKS, is_worse, split=self.select_on)
        report = self._report(self.frozen.data, settings, self.select_on, [watch] if watch else ())
        if watch and watch.stopped:
            return None
        is_worse(report.map)
        return report.average_precisions()

    def _report(
        self,
        data: CrossModalData,
        settings: Settings,
        split: str,
        callbacks: Sequence[Any] = (),
    ) -> Report:
        """Train on the training part of `data`, and evaluate on another one."""
        model = self.space.method.train(
            data,
            self.frozen.source,
            trunks=self.frozen.trunks,
            settings=settings,
            seed=self.seed,
            callbacks=callbacks,
            progress=False,
        )
        return evaluate(model, data, split=split)
