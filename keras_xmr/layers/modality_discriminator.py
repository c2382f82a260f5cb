"""`ModalityDiscriminator`: from which medium does a row of the common space come?"""

from collections.abc import Sequence
from typing import Any

import keras

from keras_xmr.layers.fully_connected import Shape, affine, msra
from keras_xmr.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class ModalityDiscriminator(keras.layers.Layer):
    """Hidden layers and one logit for each medium; nothing is normalised.

    Args:
        media: Number of media.
        units: Width of each hidden layer.
        activation: What follows each hidden layer: the name of a Keras activation.
        members: Number of independent discriminators side by side, each for its part of the input.
        seed: Seed of the initial weights.
        **kwargs: What every Keras layer takes.

    Call arguments:
        inputs: Rows `(n, d)`; the same share of `d` belongs to each member.

    Returns:
        Logits `(n, members * media)`.

    Example:
        >>> import numpy as np
        >>> tuple(ModalityDiscriminator(media=3, units=(8,))(np.ones((2, 4))).shape)
        (2, 3)

    Reference:
        X. Huang, Y. Peng, M. Yuan: MHTN, IEEE Transactions on Cybernetics 50 (3), 2020; widths are
        those of its release.
    """

    def __init__(
        self,
        media: int = 2,
        units: Sequence[int] = (1024, 1024),
        activation: str = "relu",
        members: int = 1,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.media = media
        self.units = tuple(units)
        self.activation = activation
        self.members = members
        self.seed = seed
        self.affine = [
            affine(
                width,
                members,
                separate=True,
                kernel_initializer=msra(None if seed is None else seed + i),
                dtype=self.dtype_policy,
            )
            for i, width in enumerate((*self.units, media))
        ]

    def build(self, input_shape: Shape) -> None:
        for layer in self.affine:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        for layer in self.affine[:-1]:
            inputs = keras.activations.get(self.activation)(layer(inputs))
        return self.affine[-1](inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.media * self.members)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "media": self.media,
            "units": self.units,
            "activation": self.activation,
            "members": self.members,
            "seed": self.seed,
        }
