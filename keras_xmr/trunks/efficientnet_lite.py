"""EfficientNet-Lite: five sizes of one network of inverted bottlenecks, without attention."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import keras

from keras_xmr.layers.pixel_normalization import CHANNELS, PixelNormalization
from keras_xmr.trunks.convolution import Msra, Weights, array_of, load_weights
from keras_xmr.types import Array, Tensor

CLASSES = 1000
SMALLEST_INPUT = 32
STEM, HEAD = 32, 1280
EXPANSION = 6
# The rounded mean of ImageNet pictures, and half the range of pixels, for all channels.
MEAN, DEVIATION = 127.0, 128.0
# Width and depth, as multiples of the smallest network, and the size of the pictures.
VARIANTS = {
    "lite0": (1.0, 1.0, 224),
    "lite1": (1.0, 1.1, 240),
    "lite2": (1.1, 1.2, 260),
    "lite3": (1.2, 1.4, 280),
    "lite4": (1.4, 1.8, 300),
}
# Filters, blocks, window, and the stride of the first block, in the smallest network.
STAGES = {
    "stage1": (16, 1, 3, 1),
    "stage2": (24, 2, 3, 2),
    "stage3": (40, 2, 5, 2),
    "stage4": (80, 3, 3, 2),
    "stage5": (112, 3, 5, 1),
    "stage6": (192, 4, 5, 2),
    "stage7": (320, 1, 3, 1),
}
NOT_DEEPER = ("stage1", "stage7")


def efficientnet_lite(
    weights: Weights | None = None,
    *,
    variant: str = "lite2",
    include_top: bool = False,
    input_size: int | None = None,
    seed: int | None = None,
    name: str | None = None,
    dtype: object = None,
) -> keras.Model:
    """EfficientNet-Lite on pixels.

    It is EfficientNet without squeeze-and-excitation, with ReLU6 in the place of swish, and with a
    stem and a head of one width. The release drops whole blocks at random in training, and a part
    of the features before the classifier; neither is done here.

    Args:
        weights: Arrays of each convolution `stem`, `stage1/block1/depthwise`,
            `stage1/block1/project`, `stage2/block1/expand`, `stage2/block1/depthwise`, ..., `head`:
            its kernel `<layer>/w` (out, in / groups, height, width), and `<layer>/gamma`, `beta`,
            `mean` and `variance` of the normalisation that follows it; and `classifier/w`
            (1000, 1280) and `classifier/b`. A mapping, or the path of an `.npz` file of them. Or
            the path of a `.weights.h5` file that Keras wrote. Random weights if `None`.
        variant: One of `"lite0"` to `"lite4"`.
        include_top: Whether to give the logits of the 1000 classes of ImageNet instead of features.
        input_size: Height and width of the pictures. `None` for those that the variant was trained
            with: 224, 240, 260, 280 and 300; it takes any from 32.
        seed: Seed of the random weights.
        name: Name of the model; `None` for that of the variant, `"efficientnet_lite2"`.
        dtype: What every Keras layer takes.

    Returns:
        A model from pixels `(n, input_size, input_size, 3)`, RGB 0..255, to features `(n, 1280)`:
        the activations of the head, averaged over the places. With `include_top`, to logits
        `(n, 1000)`.

    Raises:
        ValueError: If there is no such variant, the pictures are too small, or an array is missing
            or has another shape.
        OSError: If there is no such file.

    Example:
        >>> model = efficientnet_lite(variant="lite0", input_size=32)
        >>> model.name, model.output.shape, model.count_params()
        ('efficientnet_lite0', (None, 1280), 3413024)

    Reference:
        M. Tan, Q. V. Le: EfficientNet: Rethinking model scaling for convolutional neural networks,
        ICML 2019, arXiv 1905.11946, table 1 and equation 3. The Lite variants are those of
        `models/official/efficientnet/lite` in the repository `tensorflow/tpu`.
    """
    if variant not in VARIANTS:
        raise ValueError(f"Variants are {list(VARIANTS)}. Received: {variant=}.")
    if input_size is None:
        *_, input_size = VARIANTS[variant]
    if input_size < SMALLEST_INPUT:
        raise ValueError(
            f"EfficientNet-Lite needs pictures of at least {SMALLEST_INPUT} x {SMALLEST_INPUT}. "
            f"Received: {input_size=}."
        )
    # Layers
    layers = _Layers(seed, dtype)
    pixels = keras.Input((input_size, input_size, CHANNELS), name="pixels")
    x = PixelNormalization(MEAN, DEVIATION, name="normalization", dtype=dtype)(pixels)
    x = layers.stem(x)
    for block in _blocks(variant):
        x = layers.block(x, block)
    x = layers.pointwise(x, "head", HEAD)
    x = keras.layers.GlobalAveragePooling2D(
        data_format="channels_last", name="average", dtype=dtype
    )(x)
    if include_top:
        x = layers.classifier(x)
    # Functional graph
    model = keras.Model(pixels, x, name=name or f"efficientnet_{variant}")
    load_weights(model, weights, set_weights)
    return model


class _Block(NamedTuple):
    """An inverted bottleneck."""

    name: str
    filters: int
    size: int
    stride: int
    expansion: int


def _blocks(variant: str) -> Iterator[_Block]:
    """The blocks of a variant, in their order."""
    width, depth, _ = VARIANTS[variant]
    for stage, (filters, count, size, stride) in STAGES.items():
        expansion = 1 if stage == "stage1" else EXPANSION
        number = count if stage in NOT_DEEPER else math.ceil(depth * count)
        for block in range(1, number + 1):
            name = f"{stage}/block{block}"
            yield _Block(name, _rounded(width * filters), size, stride, expansion)
            stride = 1


def _rounded(filters: float) -> int:
    """The nearest multiple of 8, unless it is less than nine tenths."""
    nearest = int(filters + 4) // 8 * 8
    return nearest if nearest >= 0.9 * filters else nearest + 8


class _Layers:
    """Makes the layers, each with a seed of its own."""

    def __init__(self, seed: int | None, dtype: object) -> None:
        self.seeds = itertools.repeat(None) if seed is None else itertools.count(seed)
        self.dtype = dtype

    def block(self, x: Tensor, block: _Block) -> Tensor:
        # A model of its own: Keras keeps what the layers of a model give until all have run.
        inputs = keras.Input(x.shape[1:], name=f"{_layer_name(block.name)}_input", dtype=x.dtype)
        return keras.Model(inputs, self.bottleneck(inputs, block), name=_layer_name(block.name))(x)

    def bottleneck(self, inputs: Tensor, block: _Block) -> Tensor:
        x = inputs
        if block.expansion > 1:
            x = self.pointwise(x, f"{block.name}/expand", block.expansion * x.shape[-1])
        x = self.depthwise(x, f"{block.name}/depthwise", block.size, block.stride)
        x = self.pointwise(x, f"{block.name}/project", block.filters, rectified=False)
        if x.shape != inputs.shape:
            return x
        return keras.layers.Add(name=f"{_layer_name(block.name)}_add", dtype=self.dtype)(
            [inputs, x]
        )

    def stem(self, x: Tensor) -> Tensor:
        x = keras.layers.Conv2D(
            STEM,
            3,
            strides=2,
            padding="same",
            use_bias=False,
            kernel_initializer=Msra(next(self.seeds)),
            data_format="channels_last",
            name="stem",
            dtype=self.dtype,
        )(x)
        return self.normalized(x, "stem")

    def pointwise(self, x: Tensor, name: str, filters: int, *, rectified: bool = True) -> Tensor:
        # A convolution of 1 x 1 is a matrix product; as such Keras on PyTorch copies half as much.
        x = keras.layers.Dense(
            filters,
            use_bias=False,
            kernel_initializer=Msra(next(self.seeds)),
            name=_layer_name(name),
            dtype=self.dtype,
        )(x)
        return self.normalized(x, name, rectified=rectified)

    def depthwise(self, x: Tensor, name: str, size: int, stride: int) -> Tensor:
        x = keras.layers.DepthwiseConv2D(
            size,
            strides=stride,
            padding="same",
            use_bias=False,
            depthwise_initializer=Msra(next(self.seeds), depthwise=True),
            data_format="channels_last",
            name=_layer_name(name),
            dtype=self.dtype,
        )(x)
        return self.normalized(x, name)

    def normalized(self, x: Tensor, name: str, *, rectified: bool = True) -> Tensor:
        name = _layer_name(name)
        x = keras.layers.BatchNormalization(
            momentum=0.99, epsilon=1e-3, name=f"{name}_bn", dtype=self.dtype
        )(x)
        if not rectified:
            return x
        return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu6", dtype=self.dtype)(x)

    def classifier(self, x: Tensor) -> Tensor:
        return keras.layers.Dense(
            CLASSES,
            kernel_initializer=Msra(next(self.seeds)),
            name="classifier",
            dtype=self.dtype,
        )(x)


def _layer_name(name: str) -> str:
    # Keras keeps the slash for its own use.
    return name.replace("/", "_")


def _array_name(name: str) -> str:
    return name.replace("_", "/")


def set_weights(model: keras.Model, arrays: Mapping[str, Array]) -> None:
    """Give an EfficientNet-Lite the arrays of a mapping; see `efficientnet_lite`.

    Raises:
        ValueError: If an array is missing, of another shape, or not finite.
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            set_weights(layer, arrays)
        elif isinstance(layer, keras.layers.BatchNormalization):
            _set_normalization(layer, arrays)
        elif layer.name == "classifier":
            inputs, outputs = layer.kernel.shape
            kernel = array_of(arrays, "classifier/w", (outputs, inputs))
            layer.set_weights([kernel.T, array_of(arrays, "classifier/b", (outputs,))])
        elif layer.weights:
            _set_kernel(layer, arrays)


def _set_kernel(layer: keras.layers.Layer, arrays: Mapping[str, Array]) -> None:
    """Give a convolution its kernel; Keras has (height, width, inputs, outputs)."""
    *window, inputs, outputs = layer.kernel.shape
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        inputs, outputs = outputs, inputs
    height, width = window or (1, 1)
    shape = (outputs, inputs, height, width)
    kernel = array_of(arrays, f"{_array_name(layer.name)}/w", shape).transpose(2, 3, 1, 0)
    layer.set_weights([kernel.reshape(layer.kernel.shape)])


def _set_normalization(layer: keras.layers.Layer, arrays: Mapping[str, Array]) -> None:
    name = _array_name(layer.name.removesuffix("_bn"))
    parts = ("gamma", "beta", "mean", "variance")
    layer.set_weights([array_of(arrays, f"{name}/{part}", layer.gamma.shape) for part in parts])
