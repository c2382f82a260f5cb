"""`PhaseLosses`: the losses of all phases, and their terms, as one metric."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_xmr.training.phases import Phase
from keras_xmr.types import Tensor


class PhaseLosses(keras.metrics.Metric):
    """Means over batches of `<phase>_loss`, of the terms of each phase, and of `loss`.

    `loss` is the sum of the losses of all phases. In a game it says little about progress, but
    where any player's loss is no number it is none either, which `TerminateOnNaN` looks at.

    One metric for all: an update costs the same few operations for two values as for twenty.

    Args:
        phases: The phases, in their order.
        **kwargs: `name` and `dtype`, as every Keras metric takes them.

    Example:
        >>> import keras
        >>> from keras_xmr.training.phases import Phase
        >>> weight = keras.Variable(0.0)
        >>> losses = PhaseLosses([Phase("p", [weight], terms=["pull"]), Phase("q", [weight])])
        >>> losses.update_state(keras.ops.array([3.0, 1.0, 4.0]), rows=2)
        >>> {name: float(value) for name, value in losses.result().items()}
        {'loss': 7.0, 'p_loss': 3.0, 'pull': 1.0, 'q_loss': 4.0}
    """

    def __init__(self, phases: Sequence[Phase], name: str = "loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.names = tuple(n for p in phases for n in (f"{p.name}_loss", *p.terms))
        first = 0
        self._losses = []
        for phase in phases:
            self._losses.append(first)
            first += 1 + len(phase.terms)
        self._total = self.add_variable((len(self.names),), initializer="zeros", name="total")
        self._rows = self.add_variable((), initializer="zeros", name="rows")

    def update_state(self, values: Tensor, rows: Any) -> None:
        """Add the values of one batch.

        Args:
            values: Loss and terms of each phase, one after the other: `(values,)`.
            rows: Rows of the batch.
        """
        rows = ops.cast(rows, self.dtype)
        self._total.assign_add(ops.cast(values, self.dtype) * rows)
        self._rows.assign_add(rows)

    def result(self) -> dict[str, Tensor]:
        """Name to mean."""
        means = ops.unstack(ops.divide_no_nan(self._total, self._rows), len(self.names))
        total = sum((means[i] for i in self._losses[1:]), means[0])
        return {"loss": total, **dict(zip(self.names, means, strict=True))}
