"""Pairwise transfer: half the mean squared distance of paired rows."""

import keras
import numpy as np
import pytest

from keras_xmr.losses import pairwise_transfer
from tests.gradients import gradients_at


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=(5, 3)).astype("float32") for _ in range(2))


def test_identical_rows_give_zero(pair):
    assert float(pairwise_transfer(pair[0], pair[0])) == 0


def test_half_the_mean_squared_distance(pair):
    distances = [
        sum((a - b) ** 2) for a, b in zip(*(p.astype("float64") for p in pair), strict=True)
    ]
    assert float(pairwise_transfer(*pair)) == pytest.approx(0.5 * np.mean(distances), rel=1e-6)


def test_rows_are_compared_in_their_order(pair):
    assert float(pairwise_transfer(pair[0], pair[0][::-1])) > 0.1


def test_gradient_is_the_difference_over_rows_and_its_opposite(pair):
    first, second = pair
    _, (of_first, of_second) = gradients_at(pairwise_transfer, first, second)
    np.testing.assert_allclose(of_first, (first - second) / 5, atol=1e-7)
    np.testing.assert_array_equal(of_second, -of_first)


def test_half_precision_is_computed_in_full():
    rows = keras.ops.convert_to_tensor(np.full((2, 4), 300, "float16"))
    value = pairwise_transfer(rows, -rows)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    assert float(value) == 0.5 * 4 * 600**2
