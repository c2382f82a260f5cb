"""`SharedLayers`: fc8 and fc9, the same weights for every medium."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_xmr.layers.fully_connected import FullyConnected, Shape
from keras_xmr.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class SharedLayers(FullyConnected):
    """fc8 and fc9, through which the rows of all media pass.

    Call it once, on the rows of all media stacked: normalisation then sees their mixture, as in
    the releases, and one large product is faster than several small ones. CHTN does not normalise
    these layers, MHTN does.

    Args:
        units: Width of each layer.
        batch_normalization: Whether to normalise before each ReLU.
        with_raw: Whether to return also what the last layer has before normalisation and ReLU,
            which MHTN's adversary sees.
        **kwargs: Further arguments of `FullyConnected`.

    Call arguments:
        inputs: Rows `(n, d)` of all media.
        present: Which rows are there, as in `BatchNormalization`; `None` for all.

    Returns:
        fc9, `(n, units[-1])`; with `with_raw` a list of it and of raw fc9.

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
        with_raw: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, batch_normalization, **kwargs)
        self.with_raw = with_raw

    def call(
        self, inputs: Tensor, present: Tensor | None = None, training: bool | None = None
    ) -> Any:
        raw, active = self.steps(inputs, present, training)[-1]
        return [active, raw] if self.with_raw else active

    def compute_output_shape(self, input_shape: Shape) -> Any:
        last = self._shapes(input_shape)[-1]
        return [last, last] if self.with_raw else last

    def get_config(self) -> Config:
        return {**super().get_config(), "with_raw": self.with_raw}
