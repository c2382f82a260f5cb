"""`GradientReversal`: what makes an adversary of a classifier."""

from typing import Any

import keras
from keras import ops

from keras_xmr.types import Config, Tensor

SCHEDULES: dict[str, Config] = {
    "dann": {"lower": 0.0, "upper": 1.0, "alpha": 10.0, "steps": None},
    "constant": {"lower": 1.0, "upper": 1.0, "alpha": 0.0, "steps": 1},
    "caffe": {"lower": 0.0, "upper": 1e5, "alpha": -0.5, "steps": 5000},
}


def reversal_factor(progress: Tensor, lower: float, upper: float, alpha: float) -> Tensor:
    """What a gradient is multiplied with, apart from the sign.

    `c(p) = 2 h / (1 + exp(-alpha * min(1, p))) - h + lower` with `h = upper - lower`.

    Args:
        progress: Share `p` of the schedule that is over.
        lower: Value at the begin.
        upper: Value that the schedule tends to, if alpha is positive.
        alpha: How steep it is.

    Example:
        >>> round(float(reversal_factor(0.1, 0.0, 1.0, 10.0)), 4)
        0.4621

    Reference:
        Y. Ganin, V. Lempitsky: Unsupervised domain adaptation by backpropagation, ICML 2015,
        equation (14), which has lower 0, upper 1 and alpha 10.
    """
    # As a tanh, which is exact where the terms of the fraction would nearly cancel.
    return (upper - lower) * ops.tanh(0.5 * alpha * ops.minimum(1.0, progress)) + lower


@keras.saving.register_keras_serializable(package="keras_xmr")
class GradientReversal(keras.layers.Layer):
    """Hands rows on as they are, and their gradient back with the opposite sign.

    What follows this layer learns to lower its loss; what comes before it learns to raise that
    loss, `reversal_factor` times as strongly. The factor follows a schedule over the training
    batches, which the layer counts in a weight: it is saved, and a resumed training goes on at the
    same factor.

    | schedule | factor |
    |---|---|
    | `"dann"` | from 0 to 1 over the whole training, steeply at first |
    | `"constant"` | 1 |
    | `"caffe"` | as the release of MHTN has it, (0, 1e5, -0.5, 5000) |

    **`"caffe"` does not reverse.** Its alpha is negative, and so is its factor: gradients keep
    their sign, and are multiplied with 5 in batch 1, with 500 in batch 100 and with 24,492 from
    batch 5000 on, so that both sides help each other. It is there for study. The release counts
    updates of 16 batches each; to follow it there, give 80,000 `steps`.

    Args:
        schedule: Name of a schedule above.
        maximum: What its factor is multiplied with.
        steps: Number of training batches that the schedule takes. `None` is that of the schedule;
            `"dann"` takes as long as the first `fit` of a `CrossModalModel` does.
        by_epoch: Whether the factor changes after each epoch, rather than after each batch.
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: Rows `(n, d)`, or any other tensor.
        training: Whether to count this call.

    Returns:
        The same values.

    Raises:
        ValueError: If there is no such schedule.

    Example:
        >>> import numpy as np
        >>> layer = GradientReversal("constant")
        >>> float(layer(np.array([2.0]))[0])
        2.0

    Reference:
        Y. Ganin, V. Lempitsky: Unsupervised domain adaptation by backpropagation, ICML 2015,
        section 3.
    """

    def __init__(
        self,
        schedule: str = "dann",
        maximum: float = 1.0,
        steps: int | None = None,
        by_epoch: bool = False,
        **kwargs: Any,
    ) -> None:
        if schedule not in SCHEDULES:
            raise ValueError(f"Schedules are {sorted(SCHEDULES)}. Received: {schedule=}.")
        super().__init__(**kwargs)
        self.schedule = schedule
        self.maximum = maximum
        self.steps = steps
        self.by_epoch = by_epoch

    def build(self, input_shape: Any) -> None:
        # Numbers that change in training are weights: others would be compiled in.
        self.count = self._number("count")
        self.length: Any = self._length() or self._number("length")
        if self.by_epoch:
            self.epochs = self._number("epochs")
        super().build(input_shape)

    def _length(self) -> int | None:
        """Steps of the schedule, where they do not depend on the training."""
        length: int | None = self.steps or SCHEDULES[self.schedule]["steps"]
        return length

    def _number(self, name: str) -> Any:
        return self.add_weight(
            name=name, initializer="zeros", dtype="float32", trainable=False, autocast=False
        )

    def plan(self, batches: int | None, epochs: int) -> None:
        """Tell the layer how long its training will be; a later, further training changes nothing.

        Args:
            batches: Training batches of an epoch; `None` if nobody knows.
            epochs: Number of epochs.

        Raises:
            ValueError: If the schedule depends on a number of batches that nobody knows.
        """
        if self._length() is None and batches is None:
            raise ValueError(
                f"The schedule {self.schedule!r} takes as long as the training, whose number of "
                "batches must be known. Received: batches=None. Pass steps_per_epoch to `fit`, or "
                "give the layer its number of steps."
            )
        if self._length() is None and not float(self.length.value):
            self.length.assign(float(epochs * (batches or 0)))
        if self.by_epoch and not float(self.epochs.value):
            self.epochs.assign(float(epochs))

    def factor(self) -> Tensor:
        """The present factor, float32."""
        progress = self.count / ops.maximum(self.length, 1.0)
        if self.by_epoch:
            epochs = ops.maximum(self.epochs, 1.0)
            progress = ops.floor(progress * epochs) / epochs
        of_schedule = {k: v for k, v in SCHEDULES[self.schedule].items() if k != "steps"}
        return self.maximum * reversal_factor(progress, **of_schedule)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        factor = ops.cast(self.factor(), inputs.dtype)
        if training:
            self.count.assign(self.count + 1.0)
        fixed = ops.stop_gradient(inputs)
        # The difference is exactly zero; its gradient is not.
        return fixed - factor * (inputs - fixed)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "schedule": self.schedule,
            "maximum": self.maximum,
            "steps": self.steps,
            "by_epoch": self.by_epoch,
        }
