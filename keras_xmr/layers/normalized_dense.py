"""`NormalizedDense`: an affine map, batch normalisation and a leaky ReLU, which media may share."""

from typing import Any

import keras
from keras import ops

from keras_xmr.layers.fully_connected import Shape
from keras_xmr.types import Config, Tensor

# Of the release, whose framework calls the share of the new statistics momentum.
MOMENTUM, EPSILON = 0.9, 1e-5


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

    def build(self, input_shape: Shape) -> None:
        width, policy = (self.units,), self.variable_dtype
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=fan_in_uniform(self.seed),
            name="kernel",
        )
        # Normalisation takes the bias away again, whatever it is at first.
        self.bias = self.add_weight(shape=width, initializer="zeros", name="bias")
        if self.batch_normalization:
            scale = keras.initializers.RandomNormal(
                1.0, 0.02, None if self.seed is None else self.seed + 1
            )
            self.gamma = self.add_weight(shape=width, initializer=scale, name="gamma")
            self.beta = self.add_weight(shape=width, initializer="zeros", name="beta")
        self.statistics = [
            tuple(
                self.add_weight(
                    shape=width,
                    initializer=initial,
                    dtype=policy,
                    trainable=False,
                    autocast=False,
                    name=f"moving_{name}{number}",
                )
                for name, initial in (("mean", "zeros"), ("variance", "ones"))
            )
            for number in range(self.media if self.batch_normalization else 0)
        ]
        super().build(input_shape)

    def call(self, inputs: Tensor, medium: int = 0, training: bool | None = None) -> Tensor:
        rows = ops.matmul(inputs, self.kernel) + self.bias
        if self.batch_normalization:
            rows = self._normalized(rows, self.statistics[medium], bool(training))
        return ops.leaky_relu(rows, negative_slope=self.slope)

    def _normalized(self, rows: Tensor, running: tuple[Any, Any], training: bool) -> Tensor:
        """Here and not by a layer of its own: on PyTorch calls of layers take much of the time."""
        dtype = rows.dtype
        rows = ops.cast(rows, "float32")
        mean, variance = running
        if training and self.trainable:
            mean, variance = ops.moments(rows, axes=(0,))
            for old, new in zip(running, (mean, variance), strict=True):
                old.assign(old + (1 - MOMENTUM) * (ops.stop_gradient(new) - old))
        gamma, beta = (ops.cast(weight, "float32") for weight in (self.gamma, self.beta))
        normalized = ops.batch_normalization(
            rows, mean, variance, axis=-1, offset=beta, scale=gamma, epsilon=EPSILON
        )
        return ops.cast(normalized, dtype)

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
