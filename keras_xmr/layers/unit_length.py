"""`UnitLength`: rows scaled to length 1."""

import keras
from keras import ops

from keras_xmr.types import Tensor

# The square of a length below which rows are not scaled up, so that rows of zeros have gradients.
LEAST = 1e-12


@keras.saving.register_keras_serializable(package="keras_xmr")
class UnitLength(keras.layers.Layer):
    """Divide each row by its Euclidean length; rows of zeros stay.

    Lengths are computed in full precision: Keras' `UnitNormalization` exceeds the range of half
    precision, and has no finite gradient where a row is zero.

    Args:
        **kwargs: What every Keras layer takes.

    Input shape:
        `(rows, d)`.

    Output shape:
        `(rows, d)`.

    Example:
        >>> import numpy as np
        >>> found = UnitLength()(np.array([[1.0, 1.0, -1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]))
        >>> keras.ops.convert_to_numpy(found).tolist()
        [[0.5, 0.5, -0.5, 0.5], [0.0, 0.0, 0.0, 0.0]]
    """

    def call(self, inputs: Tensor) -> Tensor:
        rows = ops.cast(inputs, "float32")
        squares = ops.sum(ops.square(rows), axis=-1, keepdims=True)
        return ops.cast(rows * ops.rsqrt(ops.maximum(squares, LEAST)), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape
