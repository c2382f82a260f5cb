"""SqueezeNet v1.0: the accuracy class of AlexNet in 1.2 million weights."""

import itertools
from collections.abc import Mapping

import keras

from keras_xmr.layers.pixel_normalization import PixelNormalization
from keras_xmr.trunks.convolution import Msra, Weights, load_weights, max_pool, set_convolution
from keras_xmr.types import Array, Tensor

INPUT_SIZE = 227
SMALLEST_INPUT = 21
CLASSES = 1000
# Blue, green, red: rounded means of the ImageNet training pictures.
MEAN = (104.0, 117.0, 123.0)
# Width of the squeeze layer, and of each of the two expand layers.
FIRES = {
    "fire2": (16, 64),
    "fire3": (16, 64),
    "fire4": (32, 128),
    "fire5": (32, 128),
    "fire6": (48, 192),
    "fire7": (48, 192),
    "fire8": (64, 256),
    "fire9": (64, 256),
}
POOLED_AFTER = ("conv1", "fire4", "fire8")


def squeezenet(
    weights: Weights | None = None,
    *,
    include_top: bool = False,
    input_size: int = INPUT_SIZE,
    seed: int | None = None,
    name: str = "squeezenet",
    dtype: object = None,
) -> keras.Model:
    """SqueezeNet v1.0 on pixels.

    Args:
        weights: Arrays `<layer>/w` (out, in, height, width) and `<layer>/b` of the 26 convolutions
            `conv1`, `fire2/conv1x1_1` (squeeze), `fire2/conv1x1_2` and `fire2/conv3x3_2` (expand),
            ..., `conv_final`: a mapping, or the path of an `.npz` file of them. Or the path of a
            `.weights.h5` file that Keras wrote. Random weights if `None`.
        include_top: Whether to give the logits of the 1000 classes of ImageNet instead of features;
            they are rectified, as in the release.
        input_size: Height and width of the pictures. The network was trained with 227; it takes any
            from 21.
        seed: Seed of the random weights.
        name: Name of the model.
        dtype: What every Keras layer takes.

    Returns:
        A model from pixels `(n, input_size, input_size, 3)`, RGB 0..255, to features `(n, 512)`:
        the activations of `fire9`, averaged over the places. With `include_top`, to logits
        `(n, 1000)`.

    Raises:
        ValueError: If the pictures are too small, or an array is missing or has another shape.
        OSError: If there is no such file.

    Example:
        >>> model = squeezenet(input_size=47)
        >>> model.output.shape, model.count_params()
        ((None, 512), 735424)

    Reference:
        F. Iandola et al.: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and < 0.5 MB
        model size, arXiv 1602.07360, 2016, table 1.
    """
    if input_size < SMALLEST_INPUT:
        raise ValueError(
            f"SqueezeNet needs pictures of at least {SMALLEST_INPUT} x {SMALLEST_INPUT}. "
            f"Received: {input_size=}."
        )
    # Layers
    layers = _Layers(seed, dtype)
    pixels = keras.Input((input_size, input_size, 3), name="pixels")
    x = PixelNormalization(MEAN, reverse_channels=True, name="normalization", dtype=dtype)(pixels)
    x = layers.convolution(x, "conv1", 96, 7, stride=2)
    x = max_pool(x, name="conv1_pool", dtype=dtype)
    for fire, (squeezed, expanded) in FIRES.items():
        x = layers.fire(x, fire, squeezed, expanded)
        if fire in POOLED_AFTER:
            x = max_pool(x, name=f"{fire}_pool", dtype=dtype)
    if include_top:
        x = layers.convolution(x, "conv_final", CLASSES, 1, padding=1)
    average = keras.layers.GlobalAveragePooling2D(
        data_format="channels_last", name="average", dtype=dtype
    )
    # Functional graph
    model = keras.Model(pixels, average(x), name=name)
    load_weights(model, weights, set_weights)
    return model


class _Layers:
    """Makes the convolutions, each with a seed of its own."""

    def __init__(self, seed: int | None, dtype: object) -> None:
        self.seeds = itertools.repeat(None) if seed is None else itertools.count(seed)
        self.dtype = dtype

    def fire(self, x: Tensor, name: str, squeezed: int, expanded: int) -> Tensor:
        x = self.convolution(x, f"{name}/conv1x1_1", squeezed, 1)
        small = self.convolution(x, f"{name}/conv1x1_2", expanded, 1)
        large = self.convolution(x, f"{name}/conv3x3_2", expanded, 3, padding=1)
        return keras.layers.Concatenate(name=name, dtype=self.dtype)([small, large])

    def convolution(
        self, x: Tensor, name: str, filters: int, size: int, *, stride: int = 1, padding: int = 0
    ) -> Tensor:
        name = _layer_name(name)
        if padding:
            # Not `padding="same"`, which pads nothing around the 1 x 1 kernel of the last layer.
            x = keras.layers.ZeroPadding2D(
                padding, data_format="channels_last", name=f"{name}_edge", dtype=self.dtype
            )(x)
        return keras.layers.Conv2D(
            filters,
            size,
            strides=stride,
            activation="relu",
            kernel_initializer=Msra(next(self.seeds)),
            data_format="channels_last",
            name=name,
            dtype=self.dtype,
        )(x)


def _layer_name(name: str) -> str:
    # Keras keeps the slash for its own use.
    return name.replace("/", "_")


def _array_names() -> list[str]:
    parts = ("conv1x1_1", "conv1x1_2", "conv3x3_2")
    return ["conv1", *(f"{fire}/{part}" for fire in FIRES for part in parts), "conv_final"]


def set_weights(model: keras.Model, arrays: Mapping[str, Array]) -> None:
    """Give a SqueezeNet the arrays of a mapping; see `squeezenet`.

    Raises:
        ValueError: If an array is missing, of another shape, or not finite.
    """
    layers = {layer.name: layer for layer in model.layers}
    for name in _array_names():
        if _layer_name(name) in layers:
            set_convolution(layers[_layer_name(name)], arrays, f"{name}/w", f"{name}/b")
