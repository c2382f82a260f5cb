"""`Search`: what to try next of a method, by Optuna, and how good it is on held-out items."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.folds import folds
from keras_xmr.evaluation import evaluate
from keras_xmr.methods.method import Frozen
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Space
from keras_xmr.report import Report
from keras_xmr.tuning.trials import Trial, as_json
from keras_xmr.types import FloatArray

if TYPE_CHECKING:
    import optuna

# Takes one more score; whether the trial is to be stopped.
Worse = Callable[[float], bool]
# Of a linear method, whose training costs little.
FOLDS = 4
# How often a training is looked at.
LOOKS = 10
# Trials before the sampler goes by those there are, and before any is stopped.
AT_RANDOM = 6


class Search:
    """Tries settings one after the other; what is tried next depends on those before.

    Args:
        space: The settings to search.
        frozen: The data, whose pictures are features where the trunk stays as it is.
        seed: Seed of the sampler, of the folds and of each training.

    Raises:
        ImportError: If Optuna is not installed.
    """

    def __init__(self, space: Space, frozen: Frozen, seed: int) -> None:
        try:
            import optuna
        except ImportError as error:
            raise ImportError("Tuning needs Optuna: pip install 'keras-xmr[tune]'") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space = space
        self.frozen = frozen
        self.seed = seed

    def trial(self, before: Sequence[Trial]) -> Trial:
        """The next trial: the settings at the start, or what Optuna asks for."""
        if not before:
            return self._tried(self.space.parameters(), self.space.start, None)
        asked = self._study(before).ask(self.space.distributions())
        return self._tried(asked.params, self.space.settings(asked.params), asked)

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
        try_out = self._by_folds if self.space.method.about.kind == "linear" else self._by_epochs
        queries = try_out(settings, is_worse)
        seconds = time.perf_counter() - start
        return Trial(parameters, as_json(settings), tuple(scores), seconds, queries)

    def _by_folds(self, settings: Settings, is_worse: Worse) -> FloatArray | None:
        """Average precisions of the queries of all folds; none if it was stopped."""
        queries: list[FloatArray] = []
        found: list[float] = []
        for fold in folds(self.frozen.data, FOLDS, seed=self.seed):
            report = self._report(fold, settings)
            queries.append(report.average_precisions())
            found.append(report.map)
            if is_worse(float(np.mean(found))) and len(found) < FOLDS:
                return None
        return np.concatenate(queries)

    def _by_epochs(self, settings: Settings, is_worse: Worse) -> FloatArray | None:
        """Average precisions of the validation queries; none if it was stopped."""
        from keras_xmr.training.callbacks import StopWhereWorse

        watch = StopWhereWorse(self.frozen.data, LOOKS, is_worse)
        report = self._report(self.frozen.data, settings, callbacks=[watch])
        if watch.stopped:
            return None
        is_worse(report.map)
        return report.average_precisions()

    def _report(self, data: CrossModalData, settings: Settings, **more: Any) -> Report:
        """Train on the training part of `data`, and evaluate on its validation part."""
        model = self.space.method.train(
            data,
            self.frozen.source,
            trunks=self.frozen.trunks,
            settings=settings,
            seed=self.seed,
            progress=False,
            **more,
        )
        return evaluate(model, data, split="validation")
