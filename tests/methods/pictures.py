"""A small picture network and a data set of coloured squares with captions, in memory."""

import io

import keras
import numpy as np
from PIL import Image

from keras_xmr.datasets import CrossModalData, MediumItems

SIZE = 8
COLOURS = {"red": (230, 40, 30), "green": (30, 200, 60), "blue": (20, 60, 220)}


def trunk(seed=0, name="tiny_trunk", normalize=True):
    """A convolutional network from pixels `(8, 8, 3)` to 6 features."""
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    initializer = keras.initializers.GlorotUniform(seed)
    x = keras.layers.Conv2D(6, 3, kernel_initializer=initializer)(x)
    if normalize:
        x = keras.layers.BatchNormalization(momentum=0.5)(x)
    x = keras.layers.ReLU()(x)
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x), name=name)


def picture(colour, rng):
    """The bytes of a noisy square picture of one colour."""
    pixels = np.clip(rng.normal(colour, 20, size=(12, 12, 3)), 0, 255).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, format="png")
    return encoded.getvalue()


def coloured(media=("image", "text"), per_class=12, seed=0):
    """Pictures of three colours, with captions where `media` has "text"."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(COLOURS)), per_class)
    ids = np.array([f"item{row}" for row in range(len(labels))])
    part = ["train"] * (per_class - 4) + ["validation"] * 2 + ["test"] * 2
    split = np.tile(part, len(COLOURS))
    names = list(COLOURS)
    items = {
        "image": [picture(COLOURS[names[label]], rng) for label in labels],
        "text": [f"a {names[label]} square number {row % 5}" for row, label in enumerate(labels)],
    }
    return CrossModalData(
        name="coloured",
        media={m: MediumItems(items[m], labels, ids, split, pairs=ids) for m in media},
        class_names=tuple(names),
    )
