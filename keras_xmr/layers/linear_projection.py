"""`LinearProjection`: feature rows -> fewer directions, found beforehand and not trained."""

from typing import Self

import keras

from keras_xmr.types import Config, FloatArray, Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class LinearProjection(keras.layers.Layer):
    """Subtract a mean and project: `(x - mean) @ projection`.

    Both are weights, but are not trained: `assign` sets them. Until then the mean is zero and the
    projection random.

    Args:
        units: Width of the output.
        seed: Seed of the projection before `assign`.
        **kwargs: What every Keras layer takes.

    Input shape:
        `(rows, d)`.

    Output shape:
        `(rows, units)`.

    Example:
        >>> import numpy as np
        >>> layer = LinearProjection(1).assign(np.array([1.0, 1.0]), np.array([[2.0], [1.0]]))
        >>> keras.ops.convert_to_numpy(layer(np.array([[2.0, 1.0], [1.0, 4.0]]))).tolist()
        [[2.0], [3.0]]
    """

    def __init__(self, units: int, seed: int | None = None, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = input_shape[-1]
        self.mean = self.add_weight(name="mean", shape=(width,), initializer="zeros")
        self.projection = self.add_weight(
            name="projection",
            shape=(width, self.units),
            initializer=keras.initializers.GlorotUniform(seed=self.seed),
        )
        # Gradients would be computed for nothing.
        self.trainable = False

    def assign(self, mean: FloatArray, projection: FloatArray) -> Self:
        """Set the mean `(d,)` and the projection `(d, units)`; returns `self`."""
        if not self.weights:
            self.build(projection.shape[:1])
        self.mean.assign(mean)
        self.projection.assign(projection)
        return self

    def project(self, rows: FloatArray) -> FloatArray:
        """What the layer returns, computed with NumPy: the same on every backend."""
        mean, projection = (keras.ops.convert_to_numpy(w) for w in (self.mean, self.projection))
        projected: FloatArray = (rows - mean) @ projection
        return projected

    def call(self, inputs: Tensor) -> Tensor:
        mean = keras.ops.cast(self.mean, inputs.dtype)
        return keras.ops.matmul(inputs - mean, keras.ops.cast(self.projection, inputs.dtype))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> Config:
        return {**super().get_config(), "units": self.units, "seed": self.seed}
