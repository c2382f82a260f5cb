"""Callbacks for `fit`."""

from collections.abc import Callable
from typing import Any

import keras

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.evaluation import evaluate
from keras_xmr.layers.gradient_reversal import GradientReversal
from keras_xmr.training.progress import TrainingProgress


class RetrievalMAP(keras.callbacks.Callback):
    """Measure MAP@all on a part of the data after each epoch, as the log entry `val_map`.

    Put it before the callbacks that watch it: `keras.callbacks.EarlyStopping` and
    `ModelCheckpoint` with `monitor="val_map", mode="max"`.

    Args:
        data: The data set.
        split: The part to measure on.
        every: Number of epochs between two measurements; in between the last value stands.

    Example:
        >>> import numpy as np
        >>> class Oracle:
        ...     media = ("image", "text")
        ...     def encode(self, x, media):
        ...         return np.eye(x.num_classes)[x.medium(media).labels]
        >>> from keras_xmr.datasets import toy
        >>> measure, logs = RetrievalMAP(toy()), {}
        >>> measure.set_model(Oracle())
        >>> measure.on_epoch_end(0, logs)
        >>> round(logs["val_map"], 3)
        1.0
    """

    def __init__(self, data: CrossModalData, *, split: str = "validation", every: int = 1) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"Measurements are at least one epoch apart. Received: {every=}.")
        self.data = data
        self.split = split
        self.every = every
        self._last: dict[str, float] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add `val_map` and `val_map_<direction>` to the logs."""
        if epoch % self.every == 0 or not self._last:
            report = evaluate(self.model, self.data, split=self.split, recall_at=())
            self._last = {"val_map": report.map} | {
                f"val_map_{d.query}_to_{d.gallery}": d.metrics["MAP@all"] for d in report.directions
            }
        if logs is not None:
            logs.update(self._last)


class StopWhereWorse(keras.callbacks.Callback):
    """Measure the MAP of held-out items in the course of a training, and stop it where told to.

    The end is left out: what is trained is evaluated then anyway.

    Args:
        data: The data set.
        looks: How often it would be measured with the end.
        is_worse: Takes the MAP; whether to stop.
        split: The part that is measured.

    Attributes:
        stopped: Whether it was.
    """

    def __init__(
        self,
        data: CrossModalData,
        looks: int,
        is_worse: Callable[[float], bool],
        split: str = "validation",
    ) -> None:
        super().__init__()
        self.data = data
        self.split = split
        self.looks = looks
        self.is_worse = is_worse
        self.stopped = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure, if it is time."""
        epochs, done = self.params["epochs"], epoch + 1
        due = done * self.looks // epochs > epoch * self.looks // epochs
        if due and done < epochs:
            report = evaluate(self.model, self.data, split=self.split, recall_at=())
            self.stopped = self.is_worse(report.map)
            self.model.stop_training = self.stopped


class PlanReversals(keras.callbacks.Callback):
    """Tell the reversal layers of a model how long its training will be."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Plan, before the first step."""
        for layer in self.model.layers:
            if isinstance(layer, GradientReversal):
                steps = self.params["steps"]
                passes = steps and steps * self.model.passes_per_batch
                layer.plan(passes, self.params["epochs"])


def watching(data: CrossModalData, epochs: int) -> list[keras.callbacks.Callback]:
    """What shows the progress of a training, with the validation MAP ten times."""
    measure = [RetrievalMAP(data, every=max(1, epochs // 10))] if data.has("validation") else []
    return [*measure, TrainingProgress()]
