"""`SharedLayers`: fc8 and fc9, the same weights for every medium."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_xmr.layers.fully_connected import FullyConnected, Shape
from keras_xmr.types import Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class SharedLayers(FullyConnected):
    """fc8 and fc9, through which the rows of all media pass.

    Call it once, on the rows of all media stacked: normalisation then sees their mixture, as in
    the releases, and one large product is faster than several small ones. The arguments are those
    of `FullyConnected`; CHTN does not normalise these layers, MHTN does.

    Input shape:
        `(rows, d)`.

    Output shape:
        `(rows, units[-1])`.

    Example:
        >>> import numpy as np
        >>> tuple(SharedLayers(units=(8, 4))(np.ones((6, 3))).shape)
        (6, 4)

    Reference:
        X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 3.2 and figure 2.
    """

    input_of_members = True

    def __init__(
        self,
        units: Sequence[int] = (4096, 4096),
        batch_normalization: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, batch_normalization, **kwargs)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        return super().call(inputs, training=training)[-1]

    def compute_output_shape(self, input_shape: Shape) -> Any:
        return self._shapes(input_shape)[-1]
