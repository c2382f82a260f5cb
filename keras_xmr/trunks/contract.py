"""What a trunk is: pixels in, feature rows out."""

import keras

from keras_xmr.layers.pixel_normalization import CHANNELS


def check_trunk(model: keras.Model) -> None:
    """Make sure that a model is a trunk: `(n, height, width, 3)` -> `(n, d)`.

    Args:
        model: A functional model whose input is RGB pixels 0..255, channels last.

    Raises:
        ValueError: If it has several inputs or outputs, or one of another shape.

    Example:
        >>> pixels = keras.Input((8, 8, 3))
        >>> check_trunk(keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels)))
        >>> check_trunk(keras.Model(pixels, keras.layers.Conv2D(4, 3)(pixels)))
        Traceback (most recent call last):
        ValueError: A trunk has one output (n, d). Received: outputs=[(None, 6, 6, 4)]. Pool ...
    """
    try:
        inputs = [tuple(tensor.shape) for tensor in model.inputs]
        outputs = [tuple(tensor.shape) for tensor in model.outputs]
    except (AttributeError, TypeError) as error:
        raise ValueError(
            "A trunk is a functional Keras model from pixels to feature rows. "
            f"Received: {type(model).__name__}. Build it as keras.Model(inputs, outputs)."
        ) from error
    if len(inputs) != 1 or len(inputs[0]) != 4 or inputs[0][3] != CHANNELS or None in inputs[0][1:]:
        raise ValueError(
            "A trunk has one input (n, height, width, 3) of fixed height and width. "
            f"Received: inputs={inputs}. Give the model an input of that shape."
        )
    if len(outputs) != 1 or len(outputs[0]) != 2 or outputs[0][1] is None:
        raise ValueError(
            f"A trunk has one output (n, d). Received: outputs={outputs}. "
            "Pool feature maps, as `keras_xmr.trunks.pooled` does."
        )
