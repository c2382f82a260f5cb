"""`ChannelScale`: a factor and a summand for each channel."""

import keras

from keras_xmr.types import Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class ChannelScale(keras.layers.Layer):
    """Multiply each channel by a weight and add another: the `Scale` layer of Caffe.

    Args:
        **kwargs: What every Keras layer takes.

    Input shape:
        `(n, height, width, channels)`.

    Output shape:
        `(n, height, width, channels)`.

    Example:
        >>> import numpy as np
        >>> layer = ChannelScale()
        >>> layer.build((None, 1, 1, 2))
        >>> layer.set_weights([np.array([2.0, 3.0]), np.array([0.0, 1.0])])
        >>> keras.ops.convert_to_numpy(layer(np.ones((1, 1, 1, 2)))).ravel().tolist()
        [2.0, 4.0]
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = (input_shape[-1],)
        self.gamma = self.add_weight(name="gamma", shape=width, initializer="ones")
        self.beta = self.add_weight(name="beta", shape=width, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.gamma + self.beta

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape
