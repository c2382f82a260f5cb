"""`PixelNormalization`: pixels 0..255 -> the numbers a network was trained on."""

from collections.abc import Sequence

import keras

from keras_xmr.types import Config, Tensor

CHANNELS = 3


@keras.saving.register_keras_serializable(package="keras_xmr")
class PixelNormalization(keras.layers.Layer):
    """Put the channels in order, subtract a mean from each and divide by a deviation.

    A trunk carries it inside, so that every trunk takes the same pixels.

    Args:
        mean: One number, or one for each channel, in the order after `reverse_channels`.
        deviation: Likewise, what is divided by.
        reverse_channels: Whether RGB becomes BGR first, as networks trained with Caffe expect.
        **kwargs: What every Keras layer takes.

    Input shape:
        `(n, height, width, 3)`.

    Output shape:
        `(n, height, width, 3)`.

    Example:
        >>> import numpy as np
        >>> pixels = np.array([[[[0.0, 255.0, 51.0]]]])
        >>> layer = PixelNormalization(127.5, 127.5)
        >>> [round(float(value), 2) for value in layer(pixels)[0, 0, 0]]
        [-1.0, 1.0, -0.6]
    """

    def __init__(
        self,
        mean: float | Sequence[float] = 0.0,
        deviation: float | Sequence[float] = 1.0,
        reverse_channels: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.mean = _for_each_channel("mean", mean)
        self.deviation = _for_each_channel("deviation", deviation)
        self.reverse_channels = reverse_channels

    def call(self, inputs: Tensor) -> Tensor:
        if self.reverse_channels:
            inputs = keras.ops.flip(inputs, axis=-1)
        mean = keras.ops.convert_to_tensor(self.mean, dtype=inputs.dtype)
        deviation = keras.ops.convert_to_tensor(self.deviation, dtype=inputs.dtype)
        return (inputs - mean) / deviation

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "mean": self.mean,
            "deviation": self.deviation,
            "reverse_channels": self.reverse_channels,
        }


def _for_each_channel(name: str, value: float | Sequence[float]) -> list[float]:
    values = [float(value)] * CHANNELS if isinstance(value, int | float) else [*map(float, value)]
    if len(values) != CHANNELS:
        raise ValueError(
            f"Pixels have {CHANNELS} channels: give one number, or {CHANNELS}. "
            f"Received: {name}={value}."
        )
    return values
