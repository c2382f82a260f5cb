"""`FeatureScaling`: the scaling of feature rows as a layer, behind a trunk."""

from typing import Any

import keras
from keras import ops

from keras_xmr.transforms.feature_scaler import NORMS, FeatureScaler
from keras_xmr.types import Config, Tensor

# Where roots and lengths are cut off, so that features of exactly zero have a finite gradient.
SMALLEST_FEATURE = 1e-8
SMALLEST_SQUARE = 1e-24


@keras.saving.register_keras_serializable(package="keras_xmr")
class FeatureScaling(keras.layers.Layer):
    """What `keras_xmr.transforms.FeatureScaler` does, in a model's graph.

    It lets a model that was trained on scaled features take raw pictures: trunk, this layer, model.
    Mean and scale are weights that are not trained.

    Args:
        square_root: As in `FeatureScaler`.
        norm: As in `FeatureScaler`.
        standardize: As in `FeatureScaler`.
        **kwargs: What every Keras layer takes.

    Input shape:
        `(rows, d)`.

    Output shape:
        `(rows, d)`.

    Example:
        >>> import numpy as np
        >>> FeatureScaling(standardize=False)(np.array([[9.0, -16.0]])).shape == (1, 2)
        True

    Reference:
        F. Perronnin, J. Sánchez, T. Mensink: Improving the Fisher kernel for large-scale image
        classification, ECCV 2010, sections 3.1 and 3.2.
    """

    def __init__(
        self,
        square_root: bool = True,
        norm: str = "l2",
        standardize: bool = True,
        **kwargs: object,
    ) -> None:
        if norm not in NORMS:
            raise ValueError(f"Norms are {NORMS}. Received: {norm=}.")
        super().__init__(**kwargs)
        self.square_root = square_root
        self.norm = norm
        self.standardize = standardize

    @classmethod
    def of(cls, scaler: FeatureScaler, **kwargs: Any) -> "FeatureScaling":
        """The layer that scales as a fitted `FeatureScaler` does."""
        layer = cls(**scaler.get_config(), **kwargs)
        layer.build((None, scaler.dim))
        if scaler.standardize:
            layer.set_weights([scaler.mean, scaler.scale])
        return layer

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if self.standardize:
            shape = (input_shape[-1],)
            self.mean = self.add_weight(
                name="mean", shape=shape, initializer="zeros", trainable=False
            )
            self.scale = self.add_weight(
                name="scale", shape=shape, initializer="ones", trainable=False
            )
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        if self.square_root:
            inputs = ops.sign(inputs) * ops.sqrt(ops.maximum(ops.abs(inputs), SMALLEST_FEATURE))
        if self.norm == "l2":
            square = ops.sum(ops.square(ops.cast(inputs, "float32")), axis=-1, keepdims=True)
            length = ops.sqrt(ops.maximum(square, SMALLEST_SQUARE))
            inputs = inputs / ops.cast(length, inputs.dtype)
        return (inputs - self.mean) / self.scale if self.standardize else inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "square_root": self.square_root,
            "norm": self.norm,
            "standardize": self.standardize,
        }
