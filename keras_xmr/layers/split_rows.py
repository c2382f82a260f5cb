"""`SplitRows`: undo the stacking of several media's rows."""

import keras

from keras_xmr.types import Tensor


def split_rows(stacked: Tensor, like: list[Tensor]) -> list[Tensor]:
    """The blocks of stacked rows, as many rows in each as in the tensors of `like`."""
    blocks, start = [], 0
    for tensor in like:
        rows = keras.ops.shape(tensor)[0]
        blocks.append(stacked[start : start + rows])
        start = start + rows
    return blocks


@keras.saving.register_keras_serializable(package="keras_xmr")
class SplitRows(keras.layers.Layer):
    """Cut stacked rows into the blocks they were stacked from.

    Row counts are read off `like`, so media may differ in rows and the batch size stays free.

    Args:
        **kwargs: What every Keras layer takes.

    Call arguments:
        stacked: Rows `(n_1 + n_2 + ..., d)`.
        like: Tensors with `n_1`, `n_2`, ... rows.

    Returns:
        A list of tensors `(n_i, d)`.

    Example:
        >>> import numpy as np
        >>> one, two = SplitRows()(np.ones((5, 3)), [np.ones((2, 7)), np.ones((3, 7))])
        >>> one.shape == (2, 3), two.shape == (3, 3)
        (True, True)
    """

    def call(self, stacked: Tensor, like: list[Tensor]) -> list[Tensor]:
        return split_rows(stacked, like)

    def compute_output_spec(
        self, stacked: keras.KerasTensor, like: list[keras.KerasTensor]
    ) -> list[keras.KerasTensor]:
        return [
            keras.KerasTensor((tensor.shape[0], *stacked.shape[1:]), stacked.dtype)
            for tensor in like
        ]
