"""Fingerprints: equal for equal networks, wherever they are made, and for no others."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_xmr.trunks import alexnet, pooled, trunk_fingerprint
from tests.processes import python_path


def network(
    mean=0.0, skipped=0, activation="relu", dtype=None, last=None, names="", weight=0.5, **more
):
    """A network of three equal convolutions, one of which is also added to the last."""
    pixels = keras.Input((4, 4, 3))
    x = keras.layers.Rescaling(2.0, offset=mean, dtype=dtype)(pixels)
    maps = []
    for number in range(3):
        name = f"{names}{number}" if names else None
        x = keras.layers.Conv2D(3, 1, activation=activation, name=name, dtype=dtype, **more)(x)
        maps.append(x)
    x = keras.layers.Add(dtype=dtype)([x, maps[skipped]])
    x = keras.layers.GlobalAveragePooling2D(dtype=last or dtype)(x)
    model = keras.Model(pixels, x, name=names or None)
    model.set_weights([np.full(w.shape, weight, "float32") for w in model.weights])
    return model


WANTED = trunk_fingerprint(network())


def test_it_is_a_sha256():
    assert len(WANTED) == 64
    assert int(WANTED, 16) > 0


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"names": "other"},
        {"names": "relu"},
        {"trainable": False},
        {"kernel_initializer": "zeros", "kernel_regularizer": "l2", "bias_constraint": "non_neg"},
    ],
)
def test_equal_networks_have_equal_fingerprints(arguments):
    assert trunk_fingerprint(network(**arguments)) == WANTED


@pytest.mark.parametrize(
    "arguments",
    [
        {"mean": 1.0},
        {"skipped": 1},
        {"activation": "tanh"},
        {"dtype": "mixed_float16"},
        {"last": "float16"},
        {"weight": 0.25},
        {"strides": 2},
    ],
)
def test_other_networks_have_other_fingerprints(arguments):
    assert trunk_fingerprint(network(**arguments)) != WANTED


def test_every_weight_counts():
    model = network()
    for number in range(len(model.weights)):
        weights = [w.copy() for w in model.get_weights()]
        weights[number].flat[-1] += 1e-6
        other = network()
        other.set_weights(weights)
        assert trunk_fingerprint(other) != WANTED


def test_training_settings_do_not_count_but_training_does():
    model = network()
    model.compile(optimizer="sgd", loss="mse")
    model.trainable = False
    assert trunk_fingerprint(model) == WANTED
    model.trainable = True
    model.compile(optimizer="sgd", loss="mse")
    model.train_on_batch(np.ones((2, 4, 4, 3), "float32"), np.zeros((2, 3), "float32"))
    assert trunk_fingerprint(model) != WANTED


def test_names_inside_a_model_in_a_model_do_not_count():
    def nested(outer=None, **arguments):
        maps_of = maps(network(**arguments))
        trunk = pooled(maps_of, 4, deviation=255)
        if outer:
            # The same trunk, one of whose own layers has the name of an inner one.
            trunk.layers[-1].name = outer
        return trunk_fingerprint(trunk)

    def maps(model):
        return keras.Model(model.input, model.layers[-2].output)

    assert nested() == nested(names="other") == nested(names="other", outer="other0")
    assert nested() != nested(skipped=1)
    assert nested() != nested(weight=0.25)


def test_a_restored_network_keeps_it(tmp_path):
    network().save(tmp_path / "network.keras")
    assert trunk_fingerprint(keras.models.load_model(tmp_path / "network.keras")) == WANTED


@pytest.mark.once
@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_it_is_the_same_in_another_process_on_any_backend(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    script = (
        "import keras; from keras_xmr.trunks import alexnet, trunk_fingerprint\n"
        "keras.layers.Flatten(), keras.layers.Conv2D(2, 3)\n"
        "print(trunk_fingerprint(alexnet(input_size=39, seed=0)))"
    )
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": python_path()}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-1] == trunk_fingerprint(alexnet(input_size=39, seed=0))
