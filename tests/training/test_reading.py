"""`reading_weights`: what is loaded is the same as before, other threads draw as ever."""

import threading

import keras
import numpy as np
import pytest

import keras_xmr
from keras_xmr import presets
from keras_xmr.training import reading
from keras_xmr.training.reading import reading_weights

OF_KERAS = [
    name
    for name, facts in presets.bundled().items()
    if issubclass(getattr(keras_xmr, facts["class_name"]), keras.Model)
]


@pytest.mark.parametrize("name", OF_KERAS)
def test_every_variable_of_a_preset_is_read(name, monkeypatch):
    """What was not read would have the value that is put in the place of initial ones here."""
    mark = 77.0
    monkeypatch.setattr(
        reading, "_zeros", lambda shape, dtype=None: np.full(shape, mark, "float32")
    )
    loaded = presets.load(name)
    assert loaded.variables
    for variable in loaded.variables:
        assert not np.any(keras.ops.convert_to_numpy(variable) == mark), variable.path


def test_layers_inside_have_zeros_and_those_after_do_not():
    with reading_weights():
        inside = keras.layers.Dense(3)
        inside.build((None, 2))
    after = keras.layers.Dense(3)
    after.build((None, 2))
    assert not np.any(keras.ops.convert_to_numpy(inside.kernel))
    assert np.any(keras.ops.convert_to_numpy(after.kernel))


def test_other_threads_draw_their_weights_meanwhile():
    drawn = []

    def make():
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        layer.kernel.assign(layer.kernel + 1)
        drawn.append(keras.ops.convert_to_numpy(layer.kernel))

    with reading_weights():
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
    assert np.all(drawn[0])


def test_an_error_inside_leaves_everything_as_it_was():
    before = keras.layers.Layer.add_weight, keras.Variable.assign
    with pytest.raises(RuntimeError, match="broken"), reading_weights():
        raise RuntimeError("broken")
    assert (keras.layers.Layer.add_weight, keras.Variable.assign) == before


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "bool"])
def test_variables_of_any_type_take_what_a_file_holds(dtype):
    with reading_weights():
        layer = keras.layers.Layer()
        variable = layer.add_weight(shape=(2,), initializer="zeros", dtype=dtype, trainable=False)
        variable.assign(np.array([1, 0], "float16"))
    assert keras.backend.standardize_dtype(variable.dtype) == dtype
    found = keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32"))
    np.testing.assert_array_equal(found, [1, 0])
