"""`LearnedTemperature`: similarities over a temperature that is trained."""

import math

import keras
from keras import ops

from keras_xmr.types import Config, Tensor

# CLIP lets no similarity count for more than a hundred.
LEAST = 0.01


@keras.saving.register_keras_serializable(package="keras_xmr")
class LearnedTemperature(keras.layers.Layer):
    """Divide by a temperature whose logarithm is a weight; it does not fall below 0.01.

    Args:
        initial: The temperature at the start.
        **kwargs: What every Keras layer takes.

    Input shape:
        `(rows, d)`.

    Output shape:
        `(rows, d)`.

    Example:
        >>> import numpy as np
        >>> layer = LearnedTemperature(0.5)
        >>> keras.ops.convert_to_numpy(layer(np.array([[1.0, 3.0]]))).round(4).tolist()
        [[2.0, 6.0]]

    Reference:
        A. Radford et al.: Learning transferable visual models from natural language supervision,
        ICML 2021, section 2.5.
    """

    def __init__(self, initial: float = 0.07, **kwargs: object) -> None:
        if initial < LEAST:
            raise ValueError(f"A temperature is at least {LEAST}. Received: {initial=}.")
        super().__init__(**kwargs)
        self.initial = initial

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        initializer = keras.initializers.Constant(-math.log(self.initial))
        self.log_scale = self.add_weight(name="log_scale", shape=(), initializer=initializer)

    def call(self, inputs: Tensor) -> Tensor:
        log_scale = ops.minimum(ops.convert_to_tensor(self.log_scale), -math.log(LEAST))
        return inputs * ops.cast(ops.exp(log_scale), inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> Config:
        return {**super().get_config(), "initial": self.initial}
