"""The models that are trained in stages, small, and their batches."""

import keras
import numpy as np

from keras_xmr import CMDN, BimodalAE, CorrAE, MultimodalDBN

SMALL = {
    BimodalAE: {"pathway_units": (6, 5), "code_units": 4},
    CMDN: {
        "separate_units": (6, 5),
        "pathway_units": (6,),
        "joint_units": 5,
        "fused_units": 6,
        "classifier_units": (6, 5),
        "code_units": (5, 4),
        "mean_field_steps": 2,
    },
    CorrAE: {"pathway_units": (6, 5), "code_units": 4},
    MultimodalDBN: {"pathway_units": (6, 5), "joint_units": 4},
}
MEDIA = {"image": 5, "text": 4}
ROWS = 6


def small(kind, media=MEDIA, **more):
    """A model of 3 classes whose weights, biases too, are far from zero."""
    model = kind(media, 3, **{**SMALL[kind], "seed": 0, **more})
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if "normalization" not in layer.name:
            weights = [w + 0.5 * rng.normal(size=w.shape) for w in layer.get_weights()]
            layer.set_weights(weights)
    return model


def batch(media=MEDIA):
    """Rows and labels of each medium; all of them are counts, so that any kind may be visible."""
    rng = np.random.default_rng(1)
    x = {name: rng.integers(4, size=(ROWS, d)).astype("float32") for name, d in media.items()}
    labels = np.eye(3, dtype="float32")[rng.integers(3, size=ROWS)]
    return x, dict.fromkeys(media, labels)


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor).astype("float64")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(model, name, rows, activation=sigmoid):
    """What a layer, taken by its name, does, in NumPy."""
    kernel, bias = (numpy(w) for w in model.get_layer(name).weights)
    return activation(rows @ kernel + bias)


def hidden(model, name, rows, per_word=False):
    """What a machine does; its weights are kernel, visible bias and hidden bias."""
    kernel, _, bias = (numpy(w) for w in model.get_layer(name).weights)
    if model.get_layer(name).visible == "gaussian":
        rows = rows / model.noise
    return sigmoid(rows @ kernel + (rows.sum(axis=1, keepdims=True) if per_word else 1) * bias)


def climbed(model, x, words=()):
    """The last activations of the stack of each medium."""
    codes = {}
    for medium, stack in model.stacks.items():
        rows = x[medium].astype("float64")
        for i, machine in enumerate(stack):
            rows = hidden(model, machine.name, rows, per_word=medium in words and not i)
        codes[medium] = rows
    return codes


def squared(first, second):
    """Mean over rows of the squared distance."""
    return np.mean(np.sum((first - second) ** 2, axis=1))


def terms(model):
    """The terms of the loss of the present stage, for a batch."""
    x, y = batch(model.media)
    found = model.loss_terms(y, model(x, training=True))
    return {name: float(numpy(value)) for name, value in found.items()}


def learned(kind, data, **more):
    """A model that is trained for seconds."""
    settings = {"pathway_units": (16,), "pretraining_epochs": 10, "pretraining_rate": 1e-2}
    model = kind.for_data(data, seed=0, **(settings | more))
    model.compile(keras.optimizers.Adam(2e-2))
    model.fit(model.batches(data, batch_size=40), epochs=20, verbose=0)
    return model
