"""`MMDLoss`: the formula as a layer, with its own random state."""

import keras
import numpy as np
import pytest

from keras_xmr.layers import MMDLoss
from keras_xmr.losses import maximum_mean_discrepancy
from tests.tiny import rows

S, T = rows(6, 3), rows(6, 3, seed=1) + 1


@pytest.mark.parametrize("estimator", ["quadratic_unbiased", "quadratic_biased", "linear"])
def test_is_the_function(estimator):
    kernel = {"num_kernels": 3, "multiplier": 3.0, "estimator": estimator}
    assert float(MMDLoss(**kernel)(S, T)) == float(maximum_mean_discrepancy(S, T, **kernel))


def test_random_draws_differ_by_call_and_repeat_by_seed():
    def values(seed):
        layer = MMDLoss(estimator="linear_random", seed=seed)
        return [float(layer(S, T)) for _ in range(3)]

    assert values(1) == values(1)
    assert len({*values(1), *values(2)}) == 6


def test_only_the_random_estimator_has_state():
    assert MMDLoss(estimator="linear_random", seed=0).variables
    assert not MMDLoss().variables


def test_inputs_are_not_cast_down_under_mixed_precision():
    # Differences of 1/16 at 1000 are below the resolution of float16.
    source, target = 1000 + S / 16, 1000 + T / 16
    half = float(MMDLoss(dtype="mixed_float16")(source, target))
    assert half == float(MMDLoss()(source, target))
    down = maximum_mean_discrepancy(source.astype("float16"), target.astype("float16"))
    assert abs(half - float(down)) > 1e-3


def test_gives_a_scalar_in_a_functional_model():
    inputs = keras.Input((3,)), keras.Input((3,))
    model = keras.Model(inputs, MMDLoss()(*inputs))
    assert np.shape(model([S, T])) == ()


def test_wrong_arguments_are_errors():
    with pytest.raises(ValueError, match=r"Estimators are .* Received: estimator='mean'"):
        MMDLoss(estimator="mean")
    with pytest.raises(ValueError, match=r"at least one Gaussian\. Received: num_kernels=0"):
        MMDLoss(num_kernels=0)
