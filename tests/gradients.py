"""The one place of the tests that calls a backend by name: gradients of a loss."""

import keras
import numpy as np


def loss_and_gradients(loss, variables):
    """Value of `loss()` and its gradient in each of `variables`, as NumPy arrays.

    A variable that the loss does not depend on has a gradient of exact zeros.
    """
    differentiate = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
    value, gradients = differentiate[keras.config.backend()](loss, variables)
    return float(value), [
        np.zeros(v.shape, "float32") if g is None else keras.ops.convert_to_numpy(g)
        for v, g in zip(variables, gradients, strict=True)
    ]


def gradients_at(function, *arrays):
    """Value of `function` at float32 `arrays` and its gradient in each of them."""
    variables = [keras.Variable(np.asarray(array, "float32")) for array in arrays]
    return loss_and_gradients(lambda: function(*(v.value for v in variables)), variables)


def _jax(loss, variables):
    import jax

    def stateless(values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return loss()

    return jax.value_and_grad(stateless)([v.value for v in variables])


def _tensorflow(loss, variables):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss()
    return value, tape.gradient(value, [v.value for v in variables])


def _torch(loss, variables):
    import torch

    value = loss()
    if not value.requires_grad:
        return value, [None] * len(variables)
    return value.detach(), torch.autograd.grad(
        value, [v.value for v in variables], allow_unused=True
    )
