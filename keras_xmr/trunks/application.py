"""Any network of `keras.applications` as a trunk: average-pooled, its normalisation inside."""

import warnings
from pathlib import Path
from typing import Any

import keras

from keras_xmr.layers.pixel_normalization import PixelNormalization
from keras_xmr.training.reading import reading_weights
from keras_xmr.types import Config

# What `preprocess_input` of a family does to the pixels, as arguments of `PixelNormalization`.
# Keras calls these modes "tf", "caffe" and "torch".
SIGNED: Config = {"mean": 127.5, "deviation": 127.5}
CAFFE: Config = {"mean": (103.939, 116.779, 123.68), "reverse_channels": True}
TORCH: Config = {
    "mean": (255 * 0.485, 255 * 0.456, 255 * 0.406),
    "deviation": (255 * 0.229, 255 * 0.224, 255 * 0.225),
}
# Networks that normalise by themselves.
INSIDE: Config | None = None

APPLICATIONS: dict[str, tuple[str, Config | None]] = {
    "convnext_base": ("ConvNeXtBase", INSIDE),
    "convnext_large": ("ConvNeXtLarge", INSIDE),
    "convnext_small": ("ConvNeXtSmall", INSIDE),
    "convnext_tiny": ("ConvNeXtTiny", INSIDE),
    "convnext_xlarge": ("ConvNeXtXLarge", INSIDE),
    "densenet121": ("DenseNet121", TORCH),
    "densenet169": ("DenseNet169", TORCH),
    "densenet201": ("DenseNet201", TORCH),
    "efficientnet_b0": ("EfficientNetB0", INSIDE),
    "efficientnet_b1": ("EfficientNetB1", INSIDE),
    "efficientnet_b2": ("EfficientNetB2", INSIDE),
    "efficientnet_b3": ("EfficientNetB3", INSIDE),
    "efficientnet_b4": ("EfficientNetB4", INSIDE),
    "efficientnet_b5": ("EfficientNetB5", INSIDE),
    "efficientnet_b6": ("EfficientNetB6", INSIDE),
    "efficientnet_b7": ("EfficientNetB7", INSIDE),
    "efficientnet_v2_b0": ("EfficientNetV2B0", INSIDE),
    "efficientnet_v2_b1": ("EfficientNetV2B1", INSIDE),
    "efficientnet_v2_b2": ("EfficientNetV2B2", INSIDE),
    "efficientnet_v2_b3": ("EfficientNetV2B3", INSIDE),
    "efficientnet_v2_l": ("EfficientNetV2L", INSIDE),
    "efficientnet_v2_m": ("EfficientNetV2M", INSIDE),
    "efficientnet_v2_s": ("EfficientNetV2S", INSIDE),
    "inception_resnet_v2": ("InceptionResNetV2", SIGNED),
    "inception_v3": ("InceptionV3", SIGNED),
    "mobilenet": ("MobileNet", SIGNED),
    "mobilenet_v2": ("MobileNetV2", SIGNED),
    "mobilenet_v3_large": ("MobileNetV3Large", INSIDE),
    "mobilenet_v3_small": ("MobileNetV3Small", INSIDE),
    "nasnet_large": ("NASNetLarge", SIGNED),
    "nasnet_mobile": ("NASNetMobile", SIGNED),
    "resnet101": ("ResNet101", CAFFE),
    "resnet101_v2": ("ResNet101V2", SIGNED),
    "resnet152": ("ResNet152", CAFFE),
    "resnet152_v2": ("ResNet152V2", SIGNED),
    "resnet50": ("ResNet50", CAFFE),
    "resnet50_v2": ("ResNet50V2", SIGNED),
    "vgg16": ("VGG16", CAFFE),
    "vgg19": ("VGG19", CAFFE),
    "xception": ("Xception", SIGNED),
}


def application(
    name: str,
    weights: str | Path | None = "imagenet",
    *,
    input_size: int = 224,
    **options: Any,
) -> keras.Model:
    """A network of `keras.applications` without its classifier, average-pooled, on pixels.

    Args:
        name: The network, in snake case: `"mobilenet_v2"`, `"resnet50_v2"`, `"efficientnet_b0"`.
        weights: `"imagenet"`, which Keras downloads; or the path of a weights file of this trunk or
            of the whole classifier. Random weights if `None`.
        input_size: Height and width of the pictures.
        **options: What the function of Keras takes besides, such as `alpha`.

    Returns:
        A model from pixels `(n, input_size, input_size, 3)`, RGB 0..255, to features `(n, d)`.

    Raises:
        ValueError: If there is no such network, or the weights are those of another.
        OSError: If the file is missing, or the weights cannot be downloaded.

    Example:
        >>> trunk = application("mobilenet_v2")  # doctest: +SKIP
        >>> application("mobilenet_v9")
        Traceback (most recent call last):
        ValueError: Networks are ['convnext_base', ...]. Received: name='mobilenet_v9'.
    """
    if name not in APPLICATIONS:
        raise ValueError(f"Networks are {sorted(APPLICATIONS)}. Received: {name=}.")
    _, normalization = APPLICATIONS[name]
    pixels = keras.Input((input_size, input_size, 3), name="pixels")
    normalized = pixels
    if normalization is not None:
        normalized = PixelNormalization(**normalization, name="normalization")(pixels)
    if weights is None or weights == "imagenet":
        return _network(name, pixels, normalized, weights, options)
    with reading_weights():
        trunk = _network(name, pixels, normalized, None, options)
        _load(trunk, name, Path(weights))
    return trunk


def _network(
    name: str, pixels: Any, normalized: Any, weights: str | Path | None, options: Config
) -> keras.Model:
    """The network, with random weights or those that Keras downloads."""
    function, _ = APPLICATIONS[name]
    try:
        network = getattr(keras.applications, function)(
            include_top=False,
            pooling="avg",
            weights=weights,
            input_shape=pixels.shape[1:],
            input_tensor=normalized,
            **options,
        )
    except (TypeError, ValueError):
        raise
    except Exception as error:
        # Keras reports a failed download by an exception of no particular class.
        raise OSError(
            f"Expected to download the weights of {name!r}, which Keras keeps for later. "
            f"Received: {error} Give the path of a weights file as `weights`."
        ) from error
    return keras.Model(pixels, network.output, name=name)


def _load(trunk: keras.Model, name: str, path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"Weights of {name!r} must be 'imagenet' or the path of a file. "
            f"Received: weights={str(path)!r}, which does not exist."
        )
    # Keras finds layers by kind and order: the classifier's own, which come last, are left out.
    try:
        with warnings.catch_warnings():
            # Where a layer does not fit, Keras warns of further places before it raises.
            warnings.filterwarnings("ignore", "Skipping nested container at '_operations_by_depth")
            trunk.load_weights(path)
    except ValueError as error:
        # The rest of Keras' message lists every layer.
        reason = str(error).split("\n", maxsplit=1)[0]
        raise ValueError(
            f"Expected the weights of {name!r}. Received: weights={str(path)!r}. Keras: {reason}"
        ) from error
