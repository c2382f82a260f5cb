"""Maximum mean discrepancy: worked values, an independent double loop, invariances, gradients."""

import keras
import numpy as np
import pytest

from keras_xmr.losses import maximum_mean_discrepancy
from keras_xmr.losses.mmd import ESTIMATORS
from tests.gradients import gradients_at
from tests.losses import reference

DETERMINISTIC = ("quadratic_unbiased", "quadratic_biased", "linear")
# Worked by hand from the formulas: gamma is 30 / 226.
S = np.array([[0, 0], [1, 0], [0, 1]], "float32")
T = np.array([[2, 2], [3, 2], [2, 4]], "float32")
WORKED = [
    ("quadratic_unbiased", 1, 0.9394653085),
    ("quadratic_biased", 1, 1.1064799590),
    ("linear", 1, 0.9495928506),
    ("quadratic_unbiased", 5, 3.7857713173),
    ("quadratic_biased", 5, 4.7830818956),
]


def mmd(source, target, **arguments):
    return float(maximum_mean_discrepancy(source, target, **arguments))


def samples(n=7, m=5, width=4, shift=0.5, seed=0):
    """Two samples on a grid of 1/64: sums with a large offset are exact in float32."""
    rng = np.random.default_rng(seed)
    source, target = rng.normal(size=(n, width)), rng.normal(size=(m, width)) + shift
    return tuple((np.round(rows * 64) / 64).astype("float32") for rows in (source, target))


@pytest.mark.parametrize(("estimator", "num_kernels", "value"), WORKED)
def test_worked_values(estimator, num_kernels, value):
    found = mmd(S, T, estimator=estimator, num_kernels=num_kernels)
    assert found == pytest.approx(value, rel=1e-6)
    assert reference.mmd(S, T, estimator, num_kernels=num_kernels) == pytest.approx(value, rel=1e-9)


def test_gamma_of_the_worked_example():
    assert reference.inverse_mean_distance(S, T) == pytest.approx(30 / 226, rel=1e-12)


def test_a_sample_and_itself():
    assert mmd(S, S, estimator="quadratic_biased") == pytest.approx(0, abs=1e-6)
    assert mmd(S, S) == pytest.approx(-0.4585408399, rel=1e-6)


@pytest.mark.parametrize("num_kernels", [1, 2, 5])
@pytest.mark.parametrize("multiplier", [2.0, 3.0])
@pytest.mark.parametrize("estimator", DETERMINISTIC)
def test_equals_the_double_loop(estimator, num_kernels, multiplier):
    source, target = samples(m=7 if estimator == "linear" else 5)
    kernel = {"num_kernels": num_kernels, "multiplier": multiplier}
    expected = reference.mmd(source, target, estimator, **kernel)
    assert mmd(source, target, estimator=estimator, **kernel) == pytest.approx(expected, abs=2e-6)


CHANGES = {
    "permutation": lambda s, t: (s[::-1], np.roll(t, 2, axis=0)),
    "offset": lambda s, t: (s + 1000, t + 1000),
    "scale": lambda s, t: (37 * s, 37 * t),
    "small scale": lambda s, t: (s / 1024, t / 1024),
    "rotation": lambda s, t: (s @ ROTATION, t @ ROTATION),
    "exchange": lambda s, t: (t, s),
}
ROTATION = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0].astype("float32")


@pytest.mark.parametrize("estimator", ["quadratic_unbiased", "quadratic_biased"])
@pytest.mark.parametrize("change", CHANGES)
def test_does_not_change_with(change, estimator):
    source, target = samples()
    value = mmd(source, target, estimator=estimator, num_kernels=3)
    changed = mmd(*CHANGES[change](source, target), estimator=estimator, num_kernels=3)
    assert changed == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0])
def test_grows_with_the_shift_of_the_mean(shift):
    rng = np.random.default_rng(0)
    source, target = (rng.normal(size=(64, 1024)) for _ in range(2))
    # In many dimensions d, distances are nearly 2 d within a sample and (2 + shift^2) d across.
    gamma = 1 / (2 + shift**2 / 2)
    expected = 2 * np.exp(-2 * gamma) - 2 * np.exp(-(2 + shift**2) * gamma)
    assert mmd(source, target + shift) == pytest.approx(expected, abs=1e-2)


def test_rectified_samples_of_one_distribution_are_near():
    rng = np.random.default_rng(0)
    source, target = (np.maximum(rng.normal(size=(64, 1024)), 0) for _ in range(2))
    assert abs(mmd(source, target)) < 1e-2


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("row", [[0.0, 0.0], [1000.5, -3.0]])
def test_coinciding_rows_give_zero_and_finite_gradients(estimator, row):
    rows = np.tile(np.array(row, "float32"), (4, 1))
    value, gradients = gradients_at(
        lambda s, t: maximum_mean_discrepancy(s, t, estimator=estimator, seed=0), rows, rows
    )
    assert value == 0
    assert np.isfinite(gradients).all()


@pytest.mark.parametrize("estimator", DETERMINISTIC)
def test_gradient_is_that_with_a_constant_gamma(estimator):
    source, target = samples(m=7 if estimator == "linear" else 5)
    gamma = reference.inverse_mean_distance(source, target)
    kernel = {"estimator": estimator, "num_kernels": 2}
    _, (of_source, of_target) = gradients_at(
        lambda s, t: maximum_mean_discrepancy(s, t, **kernel), source, target
    )
    frozen = {**kernel, "gamma": gamma}
    expected = (
        reference.differences(lambda s: reference.mmd(s, target, **frozen), source),
        reference.differences(lambda t: reference.mmd(source, t, **frozen), target),
    )
    np.testing.assert_allclose(of_source, expected[0], atol=1e-6)
    np.testing.assert_allclose(of_target, expected[1], atol=1e-6)
    assert min(np.abs(of_source).max(), np.abs(of_target).max()) > 1e-3
    moving = reference.differences(lambda s: reference.mmd(s, target, **kernel), source)
    assert np.abs(moving - expected[0]).max() > 2e-5, "the case does not tell the two apart"


def test_random_quadruples_have_the_right_mean():
    source, target = samples(n=12, m=600)
    seed = keras.random.SeedGenerator(0)
    draws = [mmd(source, target, estimator="linear_random", seed=seed) for _ in range(30)]
    error = np.std(draws, ddof=1) / np.sqrt(len(draws))
    assert 0 < error < 0.02
    expected = reference.mmd_of_random_quadruples(source, target)
    assert abs(np.mean(draws) - expected) < 4 * error
    assert expected == pytest.approx(mmd(source, target), abs=0.02)


def test_seeds_reproduce_random_quadruples():
    source, target = samples()

    def draw(seed):
        return mmd(source, target, estimator="linear_random", seed=seed)

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)
    first, second = keras.random.SeedGenerator(3), keras.random.SeedGenerator(3)
    sequence = [draw(first) for _ in range(3)]
    assert sequence == [draw(second) for _ in range(3)]
    assert len(set(sequence)) == 3


@pytest.mark.parametrize("estimator", ["quadratic_unbiased", "linear_random"])
def test_gradient_reaches_both_samples(estimator):
    _, gradients = gradients_at(
        lambda s, t: maximum_mean_discrepancy(s, t, estimator=estimator, seed=0), *samples()
    )
    assert all(np.abs(gradient).max() > 1e-3 for gradient in gradients)


@pytest.mark.parametrize("estimator", DETERMINISTIC)
def test_half_precision_is_computed_in_full(estimator):
    # Squared distances of these rows are beyond float16.
    source, target = (np.round(300 * rows).astype("float16") for rows in samples(m=7))
    found = maximum_mean_discrepancy(
        keras.ops.convert_to_tensor(source),
        keras.ops.convert_to_tensor(target),
        estimator=estimator,
    )
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    full = mmd(source.astype("float32"), target.astype("float32"), estimator=estimator)
    assert float(found) == full


def test_an_unknown_estimator_is_an_error():
    with pytest.raises(ValueError, match=r"Estimators are .*'linear'.* Received: estimator='mean'"):
        maximum_mean_discrepancy(S, T, estimator="mean")
