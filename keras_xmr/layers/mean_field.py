"""`MeanField`: what a joint machine makes of one medium, the others being inferred."""

from typing import Any

import keras
from keras import ops

from keras_xmr.layers.rbm import RBM
from keras_xmr.types import Tensor


class MeanField(keras.layers.Layer):
    """Infer hidden and missing visible units of a joint machine from one group of visible ones.

    The known group is clamped. The others begin at what their biases alone say, and then hidden
    and missing units are replaced by their probabilities given each other, in turn.

    Args:
        machine: A joint machine of Bernoulli units, which this layer shares.
        before: Number of visible units before the known ones.
        after: Number of visible units after the known ones.
        steps: Updates of hidden and missing units.
        **kwargs: What every Keras layer takes.

    Call arguments:
        known: The known group `(n, d)`.

    Returns:
        Hidden units `(n, units)`, and all visible ones `(n, before + d + after)`.

    Reference:
        N. Srivastava, R. Salakhutdinov: Multimodal learning with deep Boltzmann machines, NIPS
        2012, section 3.1.
    """

    def __init__(self, machine: RBM, before: int, after: int, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.machine = machine
        self.before = before
        self.after = after
        self.steps = steps

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = self.before + int(input_shape[-1] or 0) + self.after
        if not self.machine.built:
            self.machine.build((None, width))
        super().build(input_shape)

    def call(self, known: Tensor) -> tuple[Tensor, Tensor]:
        sides = [[0, 0], [self.before, self.after]]
        clamped = ops.pad(known, sides)
        missing = ops.pad(ops.zeros_like(known), sides, constant_values=1.0)
        given = ops.sigmoid(ops.cast(self.machine.visible_bias, known.dtype))
        visible = clamped + missing * given
        for _ in range(self.steps):
            given = ops.sigmoid(self.machine.visible_input(self.machine(visible)))
            visible = clamped + missing * given
        return self.machine(visible), visible

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        width = self.before + int(input_shape[-1] or 0) + self.after
        return (*input_shape[:-1], self.machine.units), (*input_shape[:-1], width)


def mean_fields(
    machine: RBM, widths: dict[str, int], steps: int, name: str, dtype: Any
) -> dict[str, MeanField]:
    """The layer of each medium, whose units come in the order of `widths`."""
    total, before, layers = sum(widths.values()), 0, {}
    for medium, width in widths.items():
        after = total - before - width
        layers[medium] = MeanField(
            machine, before, after, steps, name=f"{medium}_{name}", dtype=dtype
        )
        before += width
    return layers
