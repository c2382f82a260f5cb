"""`PrincipalComponents`: feature rows -> their strongest directions, partly whitened."""

from typing import Self

import keras
import numpy as np

from keras_xmr.types import Config, FloatArray, Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class PrincipalComponents(keras.layers.Layer):
    """Subtract the training mean and project onto principal components, partly whitened.

    A component of variance `v` is divided by `sqrt(v + ridge * mean variance)`: the strong ones
    come out with equal variance, the weak ones with less. All is then scaled by one number. The
    weights are measured by `fit`, not trained; until then the projection is a random one.

    Args:
        components: Width of the output.
        ridge: 0 for full whitening, a large number for the plain components.
        length: Root of the mean squared length of training rows in the output.
        seed: Seed of the projection before `fit`.
        **kwargs: What every Keras layer takes.

    Input shape:
        `(rows, d)`.

    Output shape:
        `(rows, components)`.

    Example:
        >>> rows = np.array([[3.0, 1.0], [1.0, 1.0]], dtype="float32")
        >>> layer = PrincipalComponents(1, ridge=0.0, length=5.0).fit(rows)
        >>> sorted(float(z) for z in keras.ops.convert_to_numpy(layer(rows)).ravel().round(4))
        [-5.0, 5.0]

    Reference:
        I. T. Jolliffe: Principal component analysis, Springer 2002, sections 1.1 and 2.3.
    """

    def __init__(
        self,
        components: int = 128,
        ridge: float = 10.0,
        length: float = 16.0,
        seed: int | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.components = components
        self.ridge = ridge
        self.length = length
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = input_shape[-1]
        self.mean = self.add_weight(name="mean", shape=(width,), initializer="zeros")
        self.projection = self.add_weight(
            name="projection",
            shape=(width, self.components),
            initializer=keras.initializers.GlorotUniform(seed=self.seed),
        )
        # Gradients would be computed for nothing.
        self.trainable = False

    def fit(self, rows: FloatArray) -> Self:
        """Measure training rows `(n, d)`; returns `self`.

        Raises:
            ValueError: If rows span fewer directions than `components`.
        """
        if not self.built:
            self.build(rows.shape)
        mean = rows.mean(axis=0, dtype=np.float64)
        _, singular, directions = np.linalg.svd(rows - mean, full_matrices=False)
        variances = np.square(singular) / len(rows)
        rank = int((variances > variances.max(initial=0.0) * 1e-9).sum())
        if rank < self.components:
            raise ValueError(
                "There are no more components than directions in the training rows. "
                f"Received: components={self.components}, rows {rows.shape} of rank {rank}."
            )
        kept = variances[: self.components]
        scales = 1.0 / np.sqrt(kept + self.ridge * variances.mean())
        scales *= self.length / np.sqrt(np.sum(kept * np.square(scales)))
        self.mean.assign(mean)
        self.projection.assign(directions[: self.components].T * scales)
        return self

    def call(self, inputs: Tensor) -> Tensor:
        return keras.ops.matmul(
            inputs - keras.ops.cast(self.mean, inputs.dtype),
            keras.ops.cast(self.projection, inputs.dtype),
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.components)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "components": self.components,
            "ridge": self.ridge,
            "length": self.length,
            "seed": self.seed,
        }
