"""Settings of networks that follow from the data, where nobody has tuned them."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.settings import TrainingSettings

# Hidden layers are wider where the rows are: shallow features leave little to learn, and wide
# layers only learn the training items by heart.
NARROW, WIDE = 128, 256
# What a training takes at least, so that few pairs are seen often enough.
STEPS = 200


def for_data(
    defaults: TrainingSettings, data: CrossModalData, **arguments: Any
) -> TrainingSettings:
    """Defaults with further arguments of the class, and with enough epochs for the data.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> for_data(TrainingSettings(batch_size=64), toy(), hidden_units=128).epochs
        200
    """
    epochs = enough_epochs(data, defaults.epochs, defaults.batch_size)
    return replace(defaults, arguments=defaults.arguments | arguments, epochs=epochs)


def hub_of(data: CrossModalData) -> str:
    """The medium that the others are paired with: pictures, or else the first there is.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> hub_of(toy()), hub_of(toy(["audio", "video"]))
        ('image', 'audio')
    """
    return "image" if "image" in data.media else next(iter(data.media))


def hidden_width(data: CrossModalData) -> int:
    """Units of hidden layers: 128 where some medium has rows of at most 128 features, else 256.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> hidden_width(toy())
        128
    """
    return NARROW if has_narrow_rows(data) else WIDE


def has_narrow_rows(data: CrossModalData) -> bool:
    """Whether some medium has rows of at most 128 features.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> has_narrow_rows(toy())
        True
    """
    return min(row_widths(data).values(), default=WIDE) <= NARROW


def row_widths(data: CrossModalData) -> dict[str, int]:
    """Widths of the media that are feature rows already.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> row_widths(toy())
        {'image': 12}
    """
    return {
        name: medium.items.shape[1]
        for name, medium in data.media.items()
        if isinstance(medium.items, np.ndarray) and medium.items.ndim == 2
    }


def enough_epochs(data: CrossModalData, epochs: int, batch_size: int) -> int:
    """The number of epochs, or more of them where the training part is small.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> enough_epochs(toy(), 20, 64)
        200
    """
    largest = max(len(medium) for medium in data.part("train").media.values())
    return max(epochs, math.ceil(STEPS / math.ceil(largest / batch_size)))
