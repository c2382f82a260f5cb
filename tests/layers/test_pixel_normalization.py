"""`PixelNormalization` and `ChannelScale`."""

import keras
import numpy as np
import pytest

from keras_xmr.layers.channel_scale import ChannelScale
from keras_xmr.layers.pixel_normalization import PixelNormalization

PIXELS = np.array([[[[10.0, 20.0, 30.0]]], [[[0.0, 255.0, 1.0]]]], dtype="float32")


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_channels_are_reversed_before_their_mean_is_subtracted():
    layer = PixelNormalization((1, 2, 3), (1, 2, 3), reverse_channels=True)
    wanted = [[29.0, 9.0, 7 / 3], [0.0, 253 / 2, -1.0]]
    np.testing.assert_allclose(numbers(layer(PIXELS))[:, 0, 0], wanted, rtol=1e-6)


def test_one_number_holds_for_all_channels():
    found = numbers(PixelNormalization(10, 5)(PIXELS))
    np.testing.assert_allclose(found[:, 0, 0], [[0, 2, 4], [-2, 49, -1.8]], rtol=1e-6)


def test_pixels_stay_as_they_are_by_default():
    np.testing.assert_array_equal(numbers(PixelNormalization()(PIXELS)), PIXELS)


@pytest.mark.parametrize("arguments", [{"mean": (1.0, 2.0)}, {"deviation": (1.0,) * 4}])
def test_a_number_too_many_or_too_few_is_named(arguments):
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=rf"3 channels: give one number, or 3\. Received: {name}="):
        PixelNormalization(**arguments)
    assert len(value) != 3


@pytest.mark.parametrize(
    "layer", [PixelNormalization((1, 2, 3), 2, reverse_channels=True), ChannelScale()]
)
def test_a_saved_layer_gives_the_same(layer, tmp_path):
    pixels = keras.Input((1, 1, 3))
    model = keras.Model(pixels, layer(pixels))
    model.set_weights([np.array([2.0, 3.0, 4.0]) + i for i in range(len(model.weights))])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].get_config() == layer.get_config()
    np.testing.assert_array_equal(numbers(loaded(PIXELS)), numbers(model(PIXELS)))


def test_each_channel_has_its_factor_and_summand():
    layer = ChannelScale()
    np.testing.assert_array_equal(numbers(layer(PIXELS)), PIXELS)
    layer.set_weights([np.array([1.0, 2.0, 3.0]), np.array([0.0, -1.0, 1.0])])
    np.testing.assert_array_equal(numbers(layer(PIXELS))[0, 0, 0], [10, 39, 91])


@pytest.mark.parametrize("kind", [PixelNormalization, ChannelScale])
def test_declared_shape_and_number_format_are_the_real_ones(kind):
    layer = kind(dtype="mixed_float16")
    declared, real = layer(keras.Input((1, 1, 3))), layer(PIXELS)
    assert declared.dtype == keras.backend.standardize_dtype(real.dtype) == "float16"
    assert layer.compute_output_shape(PIXELS.shape) == tuple(real.shape) == PIXELS.shape
