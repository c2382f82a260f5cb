"""Which part of a trunk is trained further."""

from collections.abc import Iterator

import keras


def train_from(trunk: keras.Model, first: str | None = None) -> keras.Model:
    """Freeze a trunk up to a layer, and the batch normalisation everywhere.

    Normalisation that is frozen uses its running statistics, which small data would spoil.

    Args:
        trunk: The trunk; it is changed in place.
        first: Name of the first layer that is trained; `None` trains all of them.

    Returns:
        The trunk.

    Raises:
        ValueError: If there is no such layer.

    Example:
        >>> pixels = keras.Input((8, 8, 3))
        >>> x = keras.layers.Conv2D(4, 3, name="lower")(pixels)
        >>> x = keras.layers.Conv2D(4, 3, name="upper")(x)
        >>> trunk = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x))
        >>> [weight.path for weight in train_from(trunk, "upper").trainable_weights]
        ['upper/kernel', 'upper/bias']

    Reference:
        J. Yosinski, J. Clune, Y. Bengio, H. Lipson: How transferable are features in deep neural
        networks?, NIPS 2014.
    """
    layers = list(_leaves(trunk))
    names = [layer.name for layer in layers]
    if first is not None and first not in names:
        raise ValueError(
            f"Training begins at a layer of the trunk {trunk.name!r}, one of {names}. "
            f"Received: first={first!r}."
        )
    start = 0 if first is None else names.index(first)
    trunk.trainable = True
    for number, layer in enumerate(layers):
        normalizes = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = number >= start and not normalizes
    return trunk


def _leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers in their order; in the place of a model inside, its layers."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer
