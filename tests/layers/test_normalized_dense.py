"""A layer that media share: one map, statistics of each."""

import keras
import numpy as np

from keras_xmr.layers import NormalizedDense
from keras_xmr.layers.normalized_dense import dense

RNG = np.random.default_rng(0)
ROWS = [RNG.normal(size=(8, 5)).astype("float32"), 3 * RNG.normal(size=(6, 5)).astype("float32")]


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def by_hand(layer, rows, mean=None, variance=None):
    affine = rows.astype("float64") @ numpy(layer.kernel) + numpy(layer.bias)
    if mean is None:
        mean, variance = affine.mean(axis=0), affine.var(axis=0)
    normal = (affine - mean) / np.sqrt(variance + 1e-5)
    scaled = normal * numpy(layer.gamma) + numpy(layer.beta)
    return np.where(scaled > 0, scaled, 0.2 * scaled), affine


def made():
    layer = NormalizedDense(4, media=2, seed=0)
    layer.build((None, 5))
    layer.beta.assign(np.linspace(-1, 1, 4, dtype="float32"))
    layer.bias.assign(np.linspace(2, -2, 4, dtype="float32"))
    return layer


def test_training_normalises_each_batch_by_itself():
    layer = made()
    for medium, rows in enumerate(ROWS):
        wanted, _ = by_hand(layer, rows)
        found = numpy(layer(rows, medium=medium, training=True))
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_running_statistics_are_those_of_the_medium():
    layer = made()
    layer(ROWS[1], medium=1, training=True)
    _, affine = by_hand(layer, ROWS[1])
    untouched, mine = layer.statistics
    np.testing.assert_array_equal(numpy(untouched[0]), 0)
    np.testing.assert_array_equal(numpy(untouched[1]), 1)
    np.testing.assert_allclose(numpy(mine[0]), 0.1 * affine.mean(axis=0), rtol=1e-4, atol=1e-6)
    wanted, _ = by_hand(layer, ROWS[0], numpy(mine[0]), numpy(mine[1]))
    np.testing.assert_allclose(
        numpy(layer(ROWS[0], medium=1, training=False)), wanted, rtol=1e-4, atol=1e-5
    )


def test_map_scale_and_shift_are_in_common():
    layer = made()
    assert len(layer.trainable_variables) == 4
    assert len(layer.non_trainable_variables) == 2 * 2
    assert layer.count_params() == 5 * 4 + 4 + 2 * 4 + 2 * 2 * 4


def test_initial_weights_are_those_of_torch():
    layer = NormalizedDense(2000, seed=0)
    layer.build((None, 25))
    kernel, scale = numpy(layer.kernel), numpy(layer.gamma)
    assert 0.19 < np.abs(kernel).max() <= 0.2
    np.testing.assert_allclose(kernel.var(), 0.2**2 / 3, rtol=0.02)
    np.testing.assert_allclose([scale.mean(), scale.std()], [1.0, 0.02], rtol=0.1)
    last = dense(2000, 25, seed=0)
    last.build((None, 25))
    for weight in (last.kernel, last.bias):
        assert 0.19 < np.abs(numpy(weight)).max() <= 0.2
