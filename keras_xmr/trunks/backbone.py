"""A network from anywhere as a trunk: keras-cv, keras-hub, or one's own."""

from collections.abc import Sequence

import keras

from keras_xmr.layers.pixel_normalization import CHANNELS, PixelNormalization


def pooled(
    backbone: keras.Model,
    input_size: int,
    *,
    mean: float | Sequence[float] = 0.0,
    deviation: float | Sequence[float] = 1.0,
    reverse_channels: bool = False,
    name: str | None = None,
) -> keras.Model:
    """Put the normalisation of the pixels before a backbone, and average pooling after it.

    Args:
        backbone: A Keras model from a picture `(n, height, width, 3)` to a feature map
            `(n, rows, columns, d)`.
        input_size: Height and width of the pictures.
        mean: What the backbone wants subtracted from the pixels 0..255; one number, or one for each
            channel.
        deviation: What it wants them divided by then: 255 for pixels 0..1.
        reverse_channels: Whether it wants BGR.
        name: Name of the trunk; that of the backbone if `None`.

    Returns:
        A model from pixels `(n, input_size, input_size, 3)`, RGB 0..255, to features `(n, d)`.

    Raises:
        ValueError: If the backbone's output is no feature map.

    Example:
        >>> picture = keras.Input((None, None, 3))
        >>> backbone = keras.Model(picture, keras.layers.Conv2D(4, 3)(picture))
        >>> pooled(backbone, 32, deviation=255).output.shape
        (None, 4)
    """
    pixels = keras.Input((input_size, input_size, CHANNELS), name="pixels")
    normalization = PixelNormalization(mean, deviation, reverse_channels, name="normalization")
    features = backbone(normalization(pixels))
    shape = getattr(features, "shape", None)
    if shape is None or len(shape) != 4:
        raise ValueError(
            "A backbone gives one feature map (n, rows, columns, d). "
            f"Received: output shape {shape} of {backbone.name!r}. Take the output of a layer that "
            "gives one: keras.Model(backbone.input, backbone.get_layer(...).output)."
        )
    average = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name="average")
    return keras.Model(pixels, average(features), name=name or backbone.name)
