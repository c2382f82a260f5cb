"""What networks of Caffe have in common: initialiser, pooling, and the layout of their weights.

Caffe keeps the kernel of a convolution as `(out, in / groups, height, width)`.
"""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from keras_xmr.types import Array, Config, Tensor

WINDOW, STRIDE = 3, 2

Weights = str | Path | Mapping[str, Array]
"""Arrays of a network by name, or the path of an `.npz` file of them or of a `.weights.h5` file."""


@keras.saving.register_keras_serializable(package="keras_xmr")
class Msra(keras.initializers.Initializer):
    """A normal of variance 2 / fan-in, drawn by NumPy.

    `keras.initializers.VarianceScaling` gives the same, but is compiled anew for each shape on JAX,
    which takes longer than anything else in building a network.

    Args:
        seed: Seed of the numbers. Without one, each instance draws others.
        depthwise: Whether the kernel is one `(height, width, channels, 1)` of a convolution that
            keeps the channels apart, so that the fan-in is the window.
    """

    def __init__(self, seed: int | None = None, depthwise: bool = False) -> None:
        # `random` is what `keras.utils.set_random_seed` controls.
        self.seed = random.randrange(2**31) if seed is None else seed
        self.depthwise = depthwise

    def __call__(self, shape: tuple[int, ...], dtype: object = None, **_: object) -> Tensor:
        """Numbers of this shape, whose last axis is the outputs."""
        deviation = np.sqrt(2 / np.prod(shape[: -2 if self.depthwise else -1]))
        numbers = np.random.default_rng(self.seed).normal(0, deviation, shape)
        return keras.ops.convert_to_tensor(numbers.astype("float32"), dtype=dtype)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {"seed": self.seed, "depthwise": self.depthwise}


def max_pool(inputs: Tensor, *, name: str, dtype: object = None) -> Tensor:
    """Pool windows of 3 x 3 every 2 pixels, the last one also where it hangs over the edge.

    Keras drops windows that hang over. Here the edge is extended by zeros, which change no maximum,
    because the inputs come out of a ReLU.

    Args:
        inputs: Activations `(n, height, width, channels)`, none of them negative.
        name: Name of the pooling layer.
        dtype: What every Keras layer takes.
    """
    height, width = inputs.shape[1:3]
    missing = [(size - WINDOW) % STRIDE for size in (height, width)]
    if any(missing):
        padding = [(0, rows) for rows in missing]
        inputs = keras.layers.ZeroPadding2D(
            padding, data_format="channels_last", name=f"{name}_edge", dtype=dtype
        )(inputs)
    return keras.layers.MaxPooling2D(
        WINDOW, STRIDE, data_format="channels_last", name=name, dtype=dtype
    )(inputs)


def array_of(arrays: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> Array:
    """The array `name`, which must have the given shape and be finite.

    Raises:
        ValueError: If it is missing, of another shape, or holds nan or inf.
    """
    if name not in arrays:
        raise ValueError(
            f"Expected an array {name!r} of shape {shape}. Received: arrays={sorted(arrays)[:8]}, "
            f"{len(arrays)} in all. Rename the arrays, or use those of this network."
        )
    array = np.asarray(arrays[name])
    if array.shape != shape:
        raise ValueError(
            f"Expected the array {name!r} to have the shape {shape}. "
            f"Received: shape={array.shape}. These are the weights of another network."
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"The array {name!r} must hold finite numbers. Received: nan or inf. "
            "The file is damaged: get it again."
        )
    return array


def set_convolution(
    layer: keras.layers.Layer, arrays: Mapping[str, Array], kernel: str, bias: str
) -> None:
    """Give a convolution the kernel and the bias of these names, in Caffe's layout."""
    height, width, inputs, outputs = layer.kernel.shape
    found = array_of(arrays, kernel, (outputs, inputs, height, width))
    layer.set_weights([found.transpose(2, 3, 1, 0), array_of(arrays, bias, (outputs,))])


def load_weights(
    model: keras.Model,
    weights: Weights | None,
    set_arrays: Callable[[keras.Model, Mapping[str, Array]], None],
) -> None:
    """Give a network its weights; see `Weights`.

    Args:
        model: The network.
        weights: Where the weights are; with `None`, nothing is done.
        set_arrays: What gives the network the arrays of such a mapping.
    """
    if isinstance(weights, Mapping):
        set_arrays(model, weights)
    elif weights is not None and str(weights).endswith(".h5"):
        model.load_weights(weights)
    elif weights is not None:
        with np.load(weights, allow_pickle=False) as file:
            set_arrays(model, {name: file[name] for name in file.files})
