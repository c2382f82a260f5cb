"""GroupedDense against separate matrices, and its initialisation."""

import keras
import numpy as np
import pytest

from keras_xmr.layers.fully_connected import msra
from keras_xmr.layers.grouped_dense import GroupedDense


def built(groups=3, units=4, width=6, **kwargs):
    layer = GroupedDense(units, groups, **kwargs)
    layer.build((None, width))
    return layer


def test_each_group_sees_its_own_part_alone():
    layer = built()
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 2, 4)), rng.normal(size=12)
    layer.set_weights([kernel, bias])
    rows = rng.normal(size=(5, 6))
    parts = [rows[:, 2 * g : 2 * g + 2] @ kernel[g] for g in range(3)]
    expected = np.concatenate(parts, axis=1) + bias
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(rows)), expected, rtol=1e-5)


def test_groups_start_differently_with_the_fan_of_a_group():
    layer = built(groups=4, units=200, width=800, kernel_initializer=msra(0))
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / 200), rel=0.02)
    correlations = np.corrcoef(kernel.reshape(4, -1))
    assert np.abs(correlations[~np.eye(4, dtype=bool)]).max() < 0.05


def test_identity_hands_every_group_on():
    layer = built(groups=2, units=3, width=6, kernel_initializer="identity")
    rows = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(rows)), rows, rtol=1e-6)


def test_a_width_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"multiple of groups=3.*Received: input_shape"):
        built(width=7)
