"""A small CHTN, a batch for it, and what it returns, as NumPy."""

import keras
import numpy as np

from keras_xmr import CHTN
from tests.gradients import loss_and_gradients

SMALL = {
    "media": {"image": 5, "text": 4},
    "num_classes": 3,
    "source_classes": 2,
    "pathway_units": (6, 4),
    "shared_units": (5, 4),
    "seed": 0,
}
ROWS = 8


def small(**arguments):
    return CHTN(**{**SMALL, **arguments})


def one_hot(rng, rows, classes):
    return np.eye(classes, dtype="float32")[rng.integers(classes, size=rows)]


def batch(model, seed=0, source_seed=0):
    """Random rows and labels for every input of a model."""
    rng = np.random.default_rng([1, seed])
    x, y = {}, {}
    labels = one_hot(rng, ROWS, model.num_classes)
    for name, width in model.media.items():
        x[name] = rng.normal(size=(ROWS, width)).astype("float32")
        y[name] = labels
    if model.source_classes:
        rng = np.random.default_rng([2, source_seed])
        x["source"] = rng.normal(size=(ROWS, model.media[model.hub])).astype("float32") + 1
        y["source"] = one_hot(rng, ROWS, model.source_classes)
    return x, y


def outputs(model, x, training=False):
    """Everything that a model returns, as NumPy."""
    found = model(x, training=training)
    return {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}


def total(model, x, y):
    """The loss, as `fit` computes it."""
    return model.compute_loss(x, y, model(x, training=True), training=True)


def gradients(model, loss):
    """Name of a layer to the gradients in its trainable weights."""
    layers = [layer for layer in model.layers if layer.trainable_weights]
    variables = [v for layer in layers for v in layer.trainable_weights]
    found = iter(loss_and_gradients(loss, variables)[1])
    return {layer.name: [next(found) for _ in layer.trainable_weights] for layer in layers}


def reached(found):
    """Names of the layers that have a gradient other than zero."""
    return {name for name, values in found.items() if any(np.any(v) for v in values)}
