"""Features of a picture and of its mirror image, averaged."""

import keras
from keras import ops


def mirrored(trunk: keras.Model) -> keras.Model:
    """The mean of the features of each picture and of its mirror image, at twice the work.

    What a picture shows is the same in the mirror; features are not quite, and their mean is better
    than either.

    Args:
        trunk: A trunk; its weights are shared.

    Returns:
        A trunk from the same pixels to features of the same width.

    Example:
        >>> pixels = keras.Input((8, 8, 3))
        >>> features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(pixels))
        >>> mirrored(keras.Model(pixels, features, name="mine")).name
        'mirrored_mine'

    Reference:
        K. Simonyan, A. Zisserman: Very deep convolutional networks for large-scale image
        recognition, ICLR 2015, section 3.2.
    """
    pixels = keras.Input(trunk.input_shape[1:], name="pixels")
    both = trunk(ops.concatenate([pixels, ops.flip(pixels, axis=2)], axis=0))
    features = ops.mean(ops.reshape(both, (2, -1, trunk.output_shape[-1])), axis=0)
    return keras.Model(pixels, features, name=f"mirrored_{trunk.name}")
