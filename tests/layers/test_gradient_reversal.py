"""`GradientReversal`: the same values forward, the factor and the sign backward, the schedules."""

import keras
import numpy as np
import pytest

from keras_xmr.layers import GradientReversal
from keras_xmr.layers.gradient_reversal import reversal_factor
from tests.gradients import gradients_at

ROWS = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
UPSTREAM = np.random.default_rng(1).normal(size=(3, 4)).astype("float32")


def at(count, schedule="dann", **arguments):
    """A layer that has counted so many batches."""
    layer = GradientReversal(schedule, **arguments)
    layer.build((None, 4))
    layer.count.assign(float(count))
    return layer


def multiplier(layer):
    """What the gradient is multiplied with, sign included; it must be the same everywhere."""
    _, (gradient,) = gradients_at(
        lambda x: keras.ops.sum(keras.ops.multiply(layer(x), UPSTREAM)), ROWS
    )
    ratios = gradient / UPSTREAM
    assert np.ptp(ratios) <= 1e-5 * np.abs(ratios).max() + 1e-12
    return float(ratios.mean())


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("maximum", [0.0, 0.3, 1.0, 1e4])
def test_values_are_handed_on_bit_for_bit(dtype, maximum):
    rows = np.concatenate([ROWS, [[0.0, 1e4, -1e-4, 7.0]]]).astype(dtype)
    layer = GradientReversal("constant", maximum, dtype=dtype)
    found = keras.ops.convert_to_numpy(layer(rows))
    assert found.dtype == rows.dtype
    np.testing.assert_array_equal(found, rows)


@pytest.mark.parametrize(
    ("progress", "factor"), [(0, 0.0), (0.1, 0.4621), (0.25, 0.8483), (0.5, 0.9866), (1, 0.99991)]
)
def test_dann_ramp(progress, factor):
    # Reference values: Ganin and Lempitsky's formula, worked by hand.
    assert multiplier(at(100 * progress, steps=100)) == pytest.approx(-factor, abs=5e-5)
    longer = at(300, steps=100)
    assert multiplier(longer) == pytest.approx(-0.99991, abs=5e-5)


@pytest.mark.parametrize(
    ("count", "factor"),
    [(0, 0.0), (1, 5.0), (100, 499.996), (1000, 4995.84), (5000, 24491.87), (9000, 24491.87)],
)
def test_the_release_s_schedule_does_not_reverse(count, factor):
    assert multiplier(at(count, "caffe")) == pytest.approx(factor, rel=2e-5, abs=1e-6)


def test_constant_and_maximum():
    assert multiplier(at(0, "constant")) == pytest.approx(-1)
    assert multiplier(at(0, "constant", maximum=0.25)) == pytest.approx(-0.25)
    assert multiplier(at(10, steps=100, maximum=2.0)) == pytest.approx(-2 * 0.4621, abs=1e-4)
    assert multiplier(at(0, "constant", maximum=0.0)) == 0


def test_two_in_a_row_cancel():
    one, other = at(0, "constant"), at(0, "constant")
    _, (gradient,) = gradients_at(
        lambda x: keras.ops.sum(keras.ops.multiply(other(one(x)), UPSTREAM)), ROWS
    )
    np.testing.assert_allclose(gradient, UPSTREAM, rtol=1e-6)


def test_training_calls_are_counted_and_no_others():
    layer = at(0)
    for _ in range(3):
        layer(ROWS, training=True)
        layer(ROWS, training=False)
        layer(ROWS)
    assert float(layer.count.value) == 3


def test_by_epoch_the_factor_waits_for_the_next_one():
    layer = at(0, by_epoch=True)
    layer.plan(batches=10, epochs=5)
    factors = []
    for count in range(50):
        layer.count.assign(float(count))
        factors.append(float(layer.factor()))
    wanted = [2 / (1 + np.exp(-10 * epoch / 5)) - 1 for epoch in range(5)]
    np.testing.assert_allclose(factors, np.repeat(wanted, 10), atol=1e-6)


def test_a_plan_is_made_once():
    layer = at(5)
    layer.plan(batches=10, epochs=1)
    half = float(layer.factor())
    assert half == pytest.approx(0.9866, abs=1e-4)
    layer.plan(batches=1000, epochs=1)
    assert float(layer.factor()) == half
    given = at(5, steps=20)
    given.plan(batches=None, epochs=1)
    assert float(given.factor()) == pytest.approx(0.8483, abs=1e-4)


def test_an_unknown_number_of_batches_is_an_error():
    with pytest.raises(ValueError, match=r"must be known\. Received: batches=None\. Pass steps_p"):
        at(0).plan(batches=None, epochs=3)


def test_schedules_are_named():
    with pytest.raises(ValueError, match=r"Schedules are .*'dann'.* Received: schedule='linear'"):
        GradientReversal("linear")


def test_the_factor_s_formula():
    # 2 h / (1 + exp(-alpha p)) - h + lower, with h = 4, lower 1: at 0 it is lower.
    assert float(reversal_factor(0.0, 1.0, 5.0, 3.0)) == pytest.approx(1.0)
    assert float(reversal_factor(0.5, 1.0, 5.0, 3.0)) == pytest.approx(8 / (1 + np.exp(-1.5)) - 3)
