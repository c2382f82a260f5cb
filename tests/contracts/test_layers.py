"""Every public layer: config, declared output, mixed precision, saving."""

import json

import keras
import numpy as np
import pytest

from tests.contracts.public import LAYERS, argument_names
from tests.tiny import TINY


@pytest.fixture(params=LAYERS)
def name(request):
    return request.param


def make(name, **more):
    return LAYERS[name](**TINY[name].arguments, **more)


def symbolic(inputs):
    """Keras inputs like the arrays `inputs`, with their full shape."""
    return keras.tree.map_structure(
        lambda array: keras.Input(batch_shape=array.shape, dtype=str(array.dtype)), inputs
    )


def signatures(tensors):
    """Shape and dtype of each tensor."""
    return [
        (tuple(t.shape), keras.backend.standardize_dtype(t.dtype))
        for t in keras.tree.flatten(tensors)
    ]


def numbers(tensors):
    return [keras.ops.convert_to_numpy(t).astype("float32") for t in keras.tree.flatten(tensors)]


def test_config_survives_json(name):
    layer = make(name)
    config = json.loads(json.dumps(layer.get_config()))
    again = LAYERS[name].from_config(config)
    assert again.get_config() == layer.get_config()
    assert json.loads(json.dumps(again.get_config())) == config


def test_arguments_are_attributes_and_config_keys(name):
    layer = make(name)
    assert LAYERS[name].__init__ is not keras.layers.Layer.__init__ or not TINY[name].arguments
    for argument, value in TINY[name].arguments.items():
        assert getattr(layer, argument) == value
        assert layer.get_config()[argument] == value
    own = set(argument_names(LAYERS[name].__init__)) - set(argument_names(keras.layers.Layer))
    assert own <= set(layer.get_config()) & set(dir(layer))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_declared_output_is_the_real_one(name, policy):
    layer, inputs = make(name, dtype=policy), TINY[name].inputs
    assert signatures(layer(*symbolic(inputs))) == signatures(layer(*inputs))


def test_declared_shape_is_the_real_one(name):
    layer, inputs = make(name), TINY[name].inputs
    if "compute_output_spec" in vars(LAYERS[name]):
        declared = layer.compute_output_spec(*symbolic(inputs))
        shapes = [shape for shape, _ in signatures(declared)]
    else:
        declared = layer.compute_output_shape(*(array.shape for array in inputs))
        shapes = declared if isinstance(declared, list) else [declared]
    assert shapes == [shape for shape, _ in signatures(layer(*inputs))]


def test_half_precision_is_close_and_keeps_full_weights(name):
    full, half = make(name), make(name, dtype="mixed_float16")
    inputs = TINY[name].inputs
    # Seeds are the same, so initial weights and random draws are.
    pairs = zip(numbers(half(*inputs)), numbers(full(*inputs)), strict=True)
    for found, wanted in pairs:
        np.testing.assert_allclose(found, wanted, atol=5e-3 * max(1.0, np.abs(wanted).max()))
    assert all(weight.dtype == "float32" for weight in half.weights)


def test_a_saved_functional_model_gives_the_same_output(name, tmp_path):
    inputs = keras.tree.flatten(TINY[name].inputs)
    placeholders = symbolic(TINY[name].inputs)
    model = keras.Model(keras.tree.flatten(placeholders), make(name)(*placeholders))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[-1]) is LAYERS[name]
    for found, wanted in zip(numbers(loaded(inputs)), numbers(model(inputs)), strict=True):
        np.testing.assert_array_equal(found, wanted)
