"""`BatchNormalization`: rows that are not there count nowhere."""

import keras
import numpy as np
import pytest

from keras_xmr.layers import BatchNormalization
from tests.gradients import loss_and_gradients

ROWS = np.random.default_rng(0).normal(3.0, 2.0, size=(6, 4)).astype("float32")
PRESENT = np.array([1, 0, 1, 1, 0, 1], "float32")
THERE = PRESENT == 1


def layer(**arguments):
    made = BatchNormalization(**{"momentum": 0.5, "epsilon": 0.1, **arguments})
    made.build((None, 4))
    return made


def test_what_is_there_is_normalised_as_if_alone():
    spoilt = np.where(THERE[:, None], ROWS, 1e3).astype("float32")
    whole, alone = layer(), layer()
    found = keras.ops.convert_to_numpy(whole(spoilt, training=True, present=PRESENT))
    wanted = keras.ops.convert_to_numpy(alone(ROWS[THERE], training=True))
    np.testing.assert_allclose(found[THERE], wanted, rtol=1e-5, atol=1e-6)
    for one, other in zip(whole.weights, alone.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)


def test_gradients_are_those_of_what_is_there():
    weights = np.random.default_rng(1).normal(size=(6, 4)).astype("float32")

    def loss(of, rows, weights, present=None):
        return lambda: keras.ops.sum(
            keras.ops.multiply(of(rows, training=True, present=present), weights)
        )

    whole, alone = layer(), layer()
    there = weights * PRESENT[:, None]
    found = loss_and_gradients(loss(whole, ROWS, there, PRESENT), whole.trainable_weights)
    wanted = loss_and_gradients(loss(alone, ROWS[THERE], weights[THERE]), alone.trainable_weights)
    assert found[0] == pytest.approx(wanted[0], rel=1e-5, abs=1e-5)
    for one, other in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_rows_change_no_running_statistics(count):
    made = layer()
    present = np.arange(6) < count
    output = made(ROWS, training=True, present=present.astype("float32"))
    assert np.isfinite(keras.ops.convert_to_numpy(output)).all()
    np.testing.assert_array_equal(made.moving_mean.numpy(), np.zeros(4))
    np.testing.assert_array_equal(made.moving_variance.numpy(), np.ones(4))


@pytest.mark.parametrize("arguments", [{}, {"center": False, "scale": False}])
def test_without_absent_rows_it_is_the_layer_of_keras(arguments):
    mine, keras_own = (
        layer(**arguments),
        keras.layers.BatchNormalization(momentum=0.5, epsilon=0.1, **arguments),
    )
    for _ in range(2):
        all_there = mine(ROWS, training=True, present=np.ones(6, "float32"))
        wanted = keras_own(ROWS, training=True)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(all_there),
            keras.ops.convert_to_numpy(wanted),
            rtol=1e-5,
            atol=1e-6,
        )
    np.testing.assert_allclose(
        mine.moving_variance.numpy(), keras_own.moving_variance.numpy(), rtol=1e-5
    )


def test_frozen_and_in_inference_it_uses_running_statistics():
    made = layer()
    made.trainable = False
    for training in (True, False):
        found = made(ROWS, training=training, present=PRESENT)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(found), ROWS / np.sqrt(1.1), rtol=1e-5
        )
