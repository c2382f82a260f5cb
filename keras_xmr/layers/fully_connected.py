"""`FullyConnected`: a stack of affine maps, each normalised and rectified."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_xmr.layers.batch_normalization import BatchNormalization
from keras_xmr.layers.grouped_dense import GroupedDense
from keras_xmr.types import Config, Tensor

Shape = tuple[int | None, ...]

INITIALIZERS = ("msra", "identity")


@keras.saving.register_keras_serializable(package="keras_xmr")
class FullyConnected(keras.layers.Layer):
    """Layers of dropout, affine map, batch normalisation without scale and shift, and ReLU.

    Args:
        units: Width of each layer.
        members: Number of independent stacks side by side, each of these widths; no weight leads
            from one to another.
        batch_normalization: Whether to normalise before each ReLU.
        dropout: Share of the inputs dropped before each layer but the first; CHTN has none.
        input_dropout: Share of the inputs dropped before the first layer.
        initializer: `"msra"`, as in the release, or `"identity"`: layers that at first hand on what
            it gets, which spares small data sets the noise of random layers.
        seed: Seed of the initial weights and of dropout.
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: Rows `(n, d)`.
        present: Which rows are there, as in `BatchNormalization`; `None` for all.

    Returns:
        A list with the activations `(n, width)` of every layer.

    Example:
        >>> import numpy as np
        >>> [layer.shape[1] for layer in FullyConnected((5, 4))(np.ones((2, 3)))]
        [5, 4]

    Reference:
        X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 3; the normalisation is that of the release.
    """

    # Whether the input consists of one part for each member, rather than being the same for all.
    input_of_members = False

    def __init__(
        self,
        units: Sequence[int] = (4096, 4096),
        batch_normalization: bool = True,
        members: int = 1,
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
        self.members = members
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
            affine(
                width,
                members,
                # Members read the same input, unless it is made of members' parts already.
                separate=i > 0 or self.input_of_members,
                kernel_initializer="identity" if initializer == "identity" else msra(seeds[i]),
                dtype=policy,
            )
            for i, width in enumerate(self.units)
        ]
        # Epsilon and momentum are the release's.
        self.normalizations = [
            BatchNormalization(momentum=0.9, epsilon=1e-5, center=False, scale=False, dtype=policy)
            for _ in (self.units if batch_normalization else ())
        ]

    def build(self, input_shape: Shape) -> None:
        shapes = [input_shape, *self._shapes(input_shape)]
        for layer, shape in zip(self.affine, shapes, strict=False):
            layer.build(shape)
        for normalization, shape in zip(self.normalizations, shapes[1:], strict=False):
            normalization.build(shape)
        super().build(input_shape)

    def call(
        self, inputs: Tensor, present: Tensor | None = None, training: bool | None = None
    ) -> Any:
        return [active for _, active in self.steps(inputs, present, training)]

    def steps(
        self, inputs: Tensor, present: Tensor | None, training: bool | None
    ) -> list[tuple[Tensor, Tensor]]:
        """What the affine map of each layer gives, and the activation that comes of it."""
        steps = []
        for i, (drop, layer) in enumerate(zip(self.drops, self.affine, strict=True)):
            if drop.rate:
                inputs = drop(inputs, training=training)
            raw = inputs = layer(inputs)
            if self.batch_normalization:
                inputs = self.normalizations[i](inputs, training=training, present=present)
            inputs = keras.ops.relu(inputs)
            steps.append((raw, inputs))
        return steps

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return self._shapes(input_shape)

    def _shapes(self, input_shape: Shape) -> list[Shape]:
        return [(*input_shape[:-1], width * self.members) for width in self.units]

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "units": self.units,
            "batch_normalization": self.batch_normalization,
            "members": self.members,
            "dropout": self.dropout,
            "input_dropout": self.input_dropout,
            "initializer": self.initializer,
            "seed": self.seed,
        }


def affine(units: int, members: int, *, separate: bool, **kwargs: object) -> keras.layers.Layer:
    """An affine map to `units` numbers for each member, from all of the input or from its part."""
    if separate and members > 1:
        return GroupedDense(units, members, **kwargs)
    return keras.layers.Dense(units * members, **kwargs)


def msra(seed: int | None) -> keras.initializers.Initializer:
    """Caffe's "msra" filler: a normal of variance 2 / fan-in; `he_normal` would truncate it."""
    return keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal", seed=seed)
