"""`FullyConnected`: a stack of affine maps, each normalised and rectified."""

from collections.abc import Sequence

import keras

from keras_xmr.types import Config, Tensor

Shape = tuple[int | None, ...]

INITIALIZERS = ("msra", "identity")


@keras.saving.register_keras_serializable(package="keras_xmr")
class FullyConnected(keras.layers.Layer):
    """Layers of dropout, affine map, batch normalisation without scale and shift, and ReLU.

    Args:
        units: Width of each layer.
        batch_normalization: Whether to normalise before each ReLU.
        dropout: Share of the inputs dropped before each layer but the first; CHTN has none.
        input_dropout: Share of the inputs dropped before the first layer.
        initializer: `"msra"`, as in the release, or `"identity"`: layers that at first hand on what
            it gets, which spares small data sets the noise of random layers.
        seed: Seed of the initial weights and of dropout.
        **kwargs: What every Keras layer takes.

    Input shape:
        `(rows, d)`.

    Output shape:
        A list with the activations `(rows, width)` of every layer.

    Example:
        >>> import numpy as np
        >>> [layer.shape[1] for layer in FullyConnected((5, 4))(np.ones((2, 3)))]
        [5, 4]

    Reference:
        X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 3; the normalisation is that of the release.
    """

    def __init__(
        self,
        units: Sequence[int] = (4096, 4096),
        batch_normalization: bool = True,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        initializer: str = "msra",
        seed: int | None = None,
        **kwargs: object,
    ) -> None:
        if initializer not in INITIALIZERS:
            raise ValueError(f"Initializers are {INITIALIZERS}. Received: {initializer=}.")
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.batch_normalization = batch_normalization
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.initializer = initializer
        self.seed = seed
        seeds = [None if seed is None else seed + i for i in range(len(self.units))]
        policy = self.dtype_policy
        self.drops = [
            keras.layers.Dropout(dropout if i else input_dropout, seed=seeds[i], dtype=policy)
            for i in range(len(self.units))
        ]
        self.affine = [
            keras.layers.Dense(
                width,
                kernel_initializer="identity" if initializer == "identity" else msra(seed),
                dtype=policy,
            )
            for width, seed in zip(self.units, seeds, strict=True)
        ]
        # Epsilon and momentum are the release's.
        self.normalizations = [
            keras.layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, center=False, scale=False, dtype=policy
            )
            for _ in (self.units if batch_normalization else ())
        ]

    def build(self, input_shape: Shape) -> None:
        widths = (input_shape[-1], *self.units)
        for i, affine in enumerate(self.affine):
            affine.build((*input_shape[:-1], widths[i]))
        for normalization, width in zip(self.normalizations, self.units, strict=False):
            normalization.build((*input_shape[:-1], width))
        super().build(input_shape)

    def call(self, inputs: Tensor, training: bool | None = None) -> list[Tensor]:
        activations = []
        for i, (drop, affine) in enumerate(zip(self.drops, self.affine, strict=True)):
            inputs = affine(drop(inputs, training=training))
            if self.batch_normalization:
                inputs = self.normalizations[i](inputs, training=training)
            inputs = keras.ops.relu(inputs)
            activations.append(inputs)
        return activations

    def compute_output_shape(self, input_shape: Shape) -> list[Shape]:
        return [(*input_shape[:-1], width) for width in self.units]

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "units": self.units,
            "batch_normalization": self.batch_normalization,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
            "initializer": self.initializer,
            "seed": self.seed,
        }


def msra(seed: int | None) -> keras.initializers.Initializer:
    """Caffe's "msra" filler: a normal of variance 2 / fan-in; `he_normal` would truncate it."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=seed)
