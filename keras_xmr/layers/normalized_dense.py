"""`NormalizedDense`: an affine map, batch normalisation and a leaky ReLU, which media may share."""

from typing import Any

import keras
from keras import ops

from keras_xmr.layers.batch_normalization import BatchNormalization
from keras_xmr.layers.fully_connected import Shape
from keras_xmr.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class NormalizedDense(keras.layers.Layer):
    """An affine map, batch normalisation with a scale and a shift, and a leaky ReLU.

    One layer may serve several media. They then have the affine map, scale and shift in common,
    while the running mean and variance are those of each medium.

    Args:
        units: Width of the output.
        media: Number of media that it serves.
        slope: Slope of the ReLU below zero.
        batch_normalization: Whether to normalise, and to scale and shift; if not, the bias does.
        seed: Seed of the initial weights.
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: Rows `(n, d)` of one medium.
        medium: Its number, below `media`.
        training: Whether to use, and to remember, the statistics of the batch.

    Returns:
        Activations `(n, units)`.

    Example:
        >>> import numpy as np
        >>> layer = NormalizedDense(3, media=2)
        >>> both = [layer(np.ones((4, 5)), medium=number) for number in (0, 1)]
        >>> both[0].shape == (4, 3), len(layer.trainable_weights), len(layer.weights)
        (True, 4, 8)

    Reference:
        Y. Peng, J. Qi: CM-GANs, ACM TOMM 15 (1), 2019; slope and normalisation are those of its
        release.
    """

    def __init__(
        self,
        units: int = 1024,
        media: int = 1,
        slope: float = 0.2,
        batch_normalization: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.media = media
        self.slope = slope
        self.batch_normalization = batch_normalization
        self.seed = seed
        policy = self.dtype_policy
        # Normalisation takes the bias away again, whatever it is at first.
        self.affine = keras.layers.Dense(
            units, kernel_initializer=fan_in_uniform(seed), name="affine", dtype=policy
        )
        # Epsilon and momentum are the release's.
        self.statistics = [
            BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False, dtype=policy)
            for _ in range(media if batch_normalization else 0)
        ]

    def build(self, input_shape: Shape) -> None:
        self.affine.build(input_shape)
        for statistics in self.statistics:
            statistics.build((*input_shape[:-1], self.units))
        if not self.batch_normalization:
            super().build(input_shape)
            return
        scale = keras.initializers.RandomNormal(
            1.0, 0.02, None if self.seed is None else self.seed + 1
        )
        self.gamma = self.add_weight(shape=(self.units,), initializer=scale, name="gamma")
        self.beta = self.add_weight(shape=(self.units,), initializer="zeros", name="beta")
        super().build(input_shape)

    def call(self, inputs: Tensor, medium: int = 0, training: bool | None = None) -> Tensor:
        rows = self.affine(inputs)
        if self.batch_normalization:
            rows = self.statistics[medium](rows, training=training) * self.gamma + self.beta
        return ops.leaky_relu(rows, negative_slope=self.slope)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "units": self.units,
            "media": self.media,
            "slope": self.slope,
            "batch_normalization": self.batch_normalization,
            "seed": self.seed,
        }


def fan_in_uniform(seed: int | None) -> keras.initializers.Initializer:
    """Torch's usual kernel: uniform between plus and minus `1 / sqrt(fan-in)`."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed=seed)


def dense(units: int, inputs: int, seed: int | None, **kwargs: Any) -> keras.layers.Dense:
    """A layer that starts as those of Torch do, kernel and bias alike."""
    bound = inputs**-0.5
    bias = keras.initializers.RandomUniform(-bound, bound, None if seed is None else seed + 1)
    return keras.layers.Dense(
        units, kernel_initializer=fan_in_uniform(seed), bias_initializer=bias, **kwargs
    )
