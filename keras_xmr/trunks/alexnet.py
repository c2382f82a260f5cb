"""AlexNet with batch normalisation: the convolutions of the CHTN and MHTN releases."""

from collections.abc import Mapping

import keras

from keras_xmr.layers.channel_scale import ChannelScale
from keras_xmr.layers.pixel_normalization import CHANNELS, PixelNormalization
from keras_xmr.trunks.convolution import (
    Msra,
    Weights,
    array_of,
    load_weights,
    max_pool,
    set_convolution,
)
from keras_xmr.types import Array

INPUT_SIZE = 224
SMALLEST_INPUT = 39
# Filters, window, stride, padding, groups, and whether pooling follows.
CONVOLUTIONS = {
    "conv1": (96, 11, 4, 0, 1, True),
    "conv2": (256, 5, 1, 2, 2, True),
    "conv3": (384, 3, 1, 1, 1, False),
    "conv4": (384, 3, 1, 1, 2, False),
    "conv5": (256, 3, 1, 1, 2, True),
}
FROZEN_BN = ("inference", "batch")


def alexnet(
    weights: Weights | None = None,
    *,
    frozen_bn: str = "inference",
    input_size: int = INPUT_SIZE,
    seed: int | None = None,
    name: str = "alexnet",
    dtype: object = None,
) -> keras.Model:
    """The five convolutions of AlexNet, each normalised over the batch, on pixels.

    None of its weights is trained, as in the release. There the normalisation of these frozen
    layers nevertheless used the statistics of the batch in training, and went on measuring the
    running ones: `frozen_bn="batch"` does the same. With `"inference"`, features of a picture are
    the same at any time and in any company, so that they can be kept.

    Args:
        weights: Arrays in the layout of Caffe: a mapping, or the path of an `.npz` file of them.
            `conv1` to `conv5` have `<layer>/w` (out, in / groups, height, width) and `<layer>/b`;
            they and `data`, the pixels (blue, green, red), have the three blobs of Caffe's batch
            normalisation: `<layer>/mean`, `<layer>/variance`, and `<layer>/factor`, by which the
            two are to be divided; and there are `data/gamma` and `data/beta`. Or the path of a
            `.weights.h5` file that Keras wrote. Random weights if `None`.
        frozen_bn: `"inference"`: running statistics always; `"batch"`: those of the batch in
            training. Setting `trainable` of the whole model to `False` makes it `"inference"`.
        input_size: Height and width of the pictures, at least 39.
        seed: Seed of the random weights.
        name: Name of the model.
        dtype: What every Keras layer takes.

    Returns:
        A model from pixels `(n, input_size, input_size, 3)`, RGB 0..255, to features `(n, 9216)`:
        the pooled activations of `conv5`, 6 x 6 x 256 at the size 224, flattened channel by channel
        as Caffe does, so that its next layer, `fc6`, can follow.

    Raises:
        ValueError: If an argument is none of these, or an array is missing or has another shape.
        OSError: If there is no such file.

    Example:
        >>> trunk = alexnet(seed=0)
        >>> trunk.output.shape, trunk.count_params(), trunk.trainable_weights
        ((None, 9216), 2336844, [])

    Reference:
        A. Krizhevsky, I. Sutskever, G. E. Hinton, NeurIPS 2012; with batch normalisation:
        M. Simon, E. Rodner, J. Denzler, arXiv 1612.01452, 2016.
    """
    if frozen_bn not in FROZEN_BN:
        raise ValueError(f"Frozen normalisations are {FROZEN_BN}. Received: {frozen_bn=}.")
    if input_size < SMALLEST_INPUT:
        raise ValueError(
            f"AlexNet needs pictures of at least {SMALLEST_INPUT} x {SMALLEST_INPUT}. "
            f"Received: {input_size=}."
        )
    # Layers
    pixels = keras.Input((input_size, input_size, CHANNELS), name="pixels")
    x = PixelNormalization(reverse_channels=True, name="bgr", dtype=dtype)(pixels)
    x = _normalization("data", frozen_bn, dtype)(x)
    x = ChannelScale(trainable=False, name="data_scale", dtype=dtype)(x)
    for number, (layer, shape) in enumerate(CONVOLUTIONS.items()):
        filters, window, stride, padding, groups, pooled = shape
        if padding:
            x = keras.layers.ZeroPadding2D(
                padding, data_format="channels_last", name=f"{layer}_edge", dtype=dtype
            )(x)
        x = keras.layers.Conv2D(
            filters,
            window,
            strides=stride,
            groups=groups,
            kernel_initializer=Msra(None if seed is None else seed + number),
            data_format="channels_last",
            trainable=False,
            name=layer,
            dtype=dtype,
        )(x)
        x = _normalization(layer, frozen_bn, dtype)(x)
        x = keras.layers.ReLU(name=f"{layer}_relu", dtype=dtype)(x)
        if pooled:
            x = max_pool(x, name=f"{layer}_pool", dtype=dtype)
    x = keras.layers.Permute((3, 1, 2), name="channels_first", dtype=dtype)(x)
    x = keras.layers.Flatten(data_format="channels_last", name="flatten", dtype=dtype)(x)
    # Functional graph
    model = keras.Model(pixels, x, name=name)
    load_weights(model, weights, set_weights)
    return model


def _normalization(layer: str, frozen_bn: str, dtype: object) -> keras.layers.Layer:
    # It has nothing to train either way. What is not trainable, Keras runs with the running
    # statistics.
    return keras.layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        center=False,
        scale=False,
        trainable=frozen_bn == "batch",
        name=f"{layer}_bn",
        dtype=dtype,
    )


def set_weights(model: keras.Model, arrays: Mapping[str, Array]) -> None:
    """Give an AlexNet the arrays of a mapping; see `alexnet`.

    Raises:
        ValueError: If an array is missing, of another shape, or not finite.
    """
    for layer, (filters, *_) in CONVOLUTIONS.items():
        set_convolution(model.get_layer(layer), arrays, f"{layer}/w", f"{layer}/b")
        _set_statistics(model, arrays, layer, filters)
    _set_statistics(model, arrays, "data", CHANNELS)
    model.get_layer("data_scale").set_weights(
        [array_of(arrays, f"data/{part}", (CHANNELS,)) for part in ("gamma", "beta")]
    )


def _set_statistics(
    model: keras.Model, arrays: Mapping[str, Array], layer: str, channels: int
) -> None:
    mean = array_of(arrays, f"{layer}/mean", (channels,))
    variance = array_of(arrays, f"{layer}/variance", (channels,))
    # Caffe accumulates sums, and here the weight they have gathered.
    factor = float(array_of(arrays, f"{layer}/factor", (1,))[0])
    if factor <= 0:
        raise ValueError(
            f"The array '{layer}/factor' must hold the positive weight that the statistics have "
            f"gathered. Received: {factor}. The network was saved before it was trained."
        )
    model.get_layer(f"{layer}_bn").set_weights([mean / factor, variance / factor])
