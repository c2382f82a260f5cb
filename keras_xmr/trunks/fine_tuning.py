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
    names = [layer.name for layer in trunk.layers]
    if first is not None and first not in names:
        raise ValueError(
            f"Training begins at a layer of the trunk {trunk.name!r}, one of {names}. "
            f"Received: first={first!r}."
        )
    start = 0 if first is None else names.index(first)
    for number, layer in enumerate(trunk.layers):
        layer.trainable = number >= start
        if layer.trainable:
            for part in _parts(layer):
                if isinstance(part, keras.layers.BatchNormalization):
                    part.trainable = False
    return trunk


def _parts(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layer, and the layers inside it if it is a model."""
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from _parts(inner)
