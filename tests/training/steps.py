"""A tiny CHTN and some steps of it."""

import keras
import numpy as np

from keras_xmr.optimizers import SGD
from tests.methods.small import batch, small

STEPS = 4


def batches(steps=STEPS):
    """Inputs and labels of some steps."""
    model = small()
    return [batch(model, seed, seed) for seed in range(steps)]


class Steps(keras.utils.PyDataset):
    """The batches, one after the other."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def __len__(self):
        return len(self.steps)

    def __getitem__(self, index):
        return self.steps[index]


def trained(optimizer=None, *, steps=None, epochs=1, compiled=None, **arguments):
    """The model after some steps, and the history of losses."""
    model = small(**arguments)
    model.compile(optimizer or SGD(0.05, 0.9), **(compiled or {}))
    steps = Steps(steps or batches())
    history = model.fit(steps, epochs=epochs, shuffle=False, verbose=0)
    return model, history.history


def weights(model):
    return [weight.astype("float64") for weight in model.get_weights()]


def assert_close(one, other, tolerance=1e-5):
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)
