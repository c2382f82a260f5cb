"""Trunks from the configuration that a preset keeps of them."""

import importlib
import json
from typing import Any

import keras

# Their layers are known to Keras once they are imported, which takes seconds.
LIBRARIES = ("keras_cv", "keras_hub")


def trunk_from_config(config: dict[str, Any]) -> keras.Model:
    """The counterpart of `keras.saving.serialize_keras_object`, with random weights.

    Args:
        config: The configuration of a trunk made of layers of Keras, of this package, of keras-cv
            or of keras-hub.

    Raises:
        ImportError: If it is of a library that is not installed.

    Example:
        >>> pixels = keras.Input((8, 8, 3))
        >>> trunk = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels))
        >>> trunk_from_config(keras.saving.serialize_keras_object(trunk)).output_shape
        (None, 3)
    """
    text = json.dumps(config)
    for library in LIBRARIES:
        if f'"{library}' in text:
            importlib.import_module(library)
    trunk: keras.Model = keras.saving.deserialize_keras_object(config)
    return trunk
