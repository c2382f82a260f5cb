"""Pooling, initialiser and weights of the networks of Caffe."""

import random

import keras
import numpy as np
import pytest

from keras_xmr.trunks.convolution import Msra, array_of, max_pool, set_convolution
from tests.trunks import reference


@pytest.mark.parametrize(("size", "wanted"), [(3, 1), (4, 2), (5, 2), (6, 3), (2, 1)])
def test_the_last_window_may_hang_over_the_edge(size, wanted):
    pixels = keras.Input((size, size, 1))
    model = keras.Model(pixels, max_pool(pixels, name="pool"))
    numbers = np.arange(size * size, dtype="float32").reshape(1, size, size, 1)
    found = keras.ops.convert_to_numpy(model(numbers))
    assert found.shape == (1, wanted, wanted, 1)
    # The numbers grow to the right and downwards: the last of each window is the largest.
    ends = np.minimum(2 * np.arange(wanted) + 2, size - 1)
    np.testing.assert_array_equal(found[0, :, :, 0], size * ends[:, None] + ends[None, :])


def test_edges_are_treated_apart():
    pixels = keras.Input((4, 5, 2))
    model = keras.Model(pixels, max_pool(pixels, name="pool"))
    numbers = np.random.default_rng(0).uniform(0, 1, (2, 4, 5, 2)).astype("float32")
    wanted = reference.channels_last(reference.max_pool(numbers.transpose(0, 3, 1, 2)))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(numbers)), wanted)


def test_a_kernel_of_caffe_is_turned():
    generator = np.random.default_rng(0)
    kernel, bias = reference.filters(generator, 4, 3, 2)
    layer = keras.layers.Conv2D(4, 2, groups=2, data_format="channels_last")
    layer.build((None, 5, 5, 6))
    set_convolution(layer, {"a": kernel, "b": bias}, "a", "b")
    pixels = generator.normal(size=(2, 5, 5, 6)).astype("float32")
    wanted = reference.convolution(pixels.transpose(0, 3, 1, 2), kernel, bias, groups=2)
    found = keras.ops.convert_to_numpy(layer(pixels))
    np.testing.assert_allclose(found, reference.channels_last(wanted), atol=1e-5)


def test_initial_kernels_are_normals_of_variance_2_over_fan_in():
    numbers = keras.ops.convert_to_numpy(Msra(0)((3, 3, 50, 400)))
    deviation = np.sqrt(2 / 450)
    assert numbers.dtype == np.float32
    assert numbers.std() == pytest.approx(deviation, rel=0.01)
    assert np.abs(numbers).max() > 3.5 * deviation


def test_the_fan_in_of_a_depthwise_kernel_is_its_window():
    numbers = keras.ops.convert_to_numpy(Msra(0, depthwise=True)((3, 3, 4000, 1)))
    assert numbers.std() == pytest.approx(np.sqrt(2 / 9), rel=0.02)
    assert Msra.from_config(Msra(0, depthwise=True).get_config()).depthwise


def test_the_initialiser_repeats_with_its_seed_and_from_its_config():
    one, other = Msra(), Msra()
    again = Msra.from_config(one.get_config())
    numbers = [keras.ops.convert_to_numpy(i((5, 5))) for i in (one, again, other)]
    np.testing.assert_array_equal(numbers[0], numbers[1])
    assert not np.array_equal(numbers[0], numbers[2])
    # As `keras.utils.set_random_seed` does.
    random.seed(3)
    first = Msra().seed
    random.seed(3)
    assert Msra().seed == first


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"c": np.ones(1)},
            r"array 'a' of shape \(2,\)\. Received: arrays=\['c'\], 1 in all\. Ren",
        ),
        ({"a": np.ones(3)}, r"array 'a' to have the shape \(2,\)\. Received: shape=\(3,\)\. These"),
        ({"a": [1.0, np.nan]}, r"array 'a' must hold finite numbers\. Received: nan or inf\. The"),
    ],
)
def test_a_wrong_array_is_named(arrays, message):
    with pytest.raises(ValueError, match=message):
        array_of(arrays, "a", (2,))
