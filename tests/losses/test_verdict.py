"""The verdict loss against probabilities, and far away from zero."""

import keras
import numpy as np
import pytest

from keras_xmr.losses import verdict_loss

LOGITS = np.array([[0.5], [-2.0], [3.0]], dtype="float32")


def number(value):
    return float(keras.ops.convert_to_numpy(value))


@pytest.mark.parametrize("real", [True, False])
def test_it_is_the_cross_entropy_of_the_sigmoid(real):
    shares = 1 / (1 + np.exp(-LOGITS[:, 0].astype("float64")))
    wanted = -np.log(shares if real else 1 - shares)
    assert number(verdict_loss(LOGITS, real)) == pytest.approx(wanted.mean(), rel=1e-6)
    present = np.array([1.0, 0.0, 1.0], dtype="float32")
    found = number(verdict_loss(LOGITS, real, present))
    assert found == pytest.approx(wanted[[0, 2]].mean(), rel=1e-6)


def test_rows_that_are_all_missing_count_nothing():
    assert number(verdict_loss(LOGITS, True, np.zeros(3, "float32"))) == 0


def test_extreme_verdicts_are_finite():
    extreme = np.array([[1e4], [-1e4]], dtype="float32")
    assert number(verdict_loss(extreme, True)) == pytest.approx(5e3)
    assert number(verdict_loss(extreme.astype("float16"), False)) == pytest.approx(5e3)
