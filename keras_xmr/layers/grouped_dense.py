"""`GroupedDense`: several affine maps side by side, each on its own part of the input."""

import keras

from keras_xmr.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class GroupedDense(keras.layers.Layer):
    """An affine map whose matrix is zero outside equal blocks on the diagonal.

    Args:
        units: Width of the output of each group.
        groups: Number of groups; it divides the width of the input.
        kernel_initializer: Initialiser of each group's matrix, a Keras initialiser or its name.
        **kwargs: What every Keras layer takes.

    Input shape:
        `(rows, groups * d)`.

    Output shape:
        `(rows, groups * units)`.

    Example:
        >>> import numpy as np
        >>> tuple(GroupedDense(3, groups=2)(np.eye(4)).shape)
        (4, 6)
    """

    def __init__(
        self,
        units: int,
        groups: int = 1,
        kernel_initializer: object = "glorot_uniform",
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.groups = groups
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = input_shape[-1] or 0
        if width % self.groups:
            raise ValueError(
                f"The input's width must be a multiple of groups={self.groups}. "
                f"Received: input_shape={input_shape}."
            )

        shape = (self.groups, width // self.groups, self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self._matrices)
        self.bias = self.add_weight(
            name="bias", shape=(self.groups * self.units,), initializer="zeros"
        )
        super().build(input_shape)

    def _matrices(self, shape: tuple[int, int, int], dtype: object = None) -> Tensor:
        # Initialisers take their fan from a matrix, not from a stack of them; and a random one
        # gives the same again when called again, so that all groups are drawn at once.
        groups, rows, columns = shape
        if isinstance(self.kernel_initializer, keras.initializers.Identity):
            return keras.ops.stack([self.kernel_initializer((rows, columns), dtype)] * groups)
        drawn = self.kernel_initializer((rows, groups * columns), dtype)
        return keras.ops.swapaxes(keras.ops.reshape(drawn, (rows, groups, columns)), 0, 1)

    def call(self, inputs: Tensor) -> Tensor:
        groups = keras.ops.reshape(inputs, (-1, self.groups, self.kernel.shape[1]))
        mapped = keras.ops.einsum("ngi,gio->ngo", groups, self.kernel)
        return keras.ops.reshape(mapped, (-1, self.groups * self.units)) + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.groups * self.units)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "units": self.units,
            "groups": self.groups,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
