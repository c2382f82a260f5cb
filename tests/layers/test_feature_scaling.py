"""`FeatureScaling`: the same numbers as `FeatureScaler`, and gradients that stay finite."""

import itertools

import keras
import numpy as np
import pytest

from keras_xmr.layers import FeatureScaling
from keras_xmr.transforms import FeatureScaler
from tests.gradients import loss_and_gradients

# Zeros, negative numbers, a row of zeros and very different magnitudes.
ROWS = np.array([[0.0, 4.0, -9.0], [0.0, 0.0, 0.0], [1e-3, 50.0, 2.0], [3.0, 0.0, 1e4]], "float32")


@pytest.mark.parametrize(
    ("square_root", "norm", "standardize"),
    list(itertools.product([True, False], ["l2", "none"], [True, False])),
)
def test_the_layer_scales_as_the_scaler_does(square_root, norm, standardize):
    scaler = FeatureScaler(square_root=square_root, norm=norm, standardize=standardize).fit(ROWS)
    layer = FeatureScaling.of(scaler)
    found = keras.ops.convert_to_numpy(layer(ROWS))
    np.testing.assert_allclose(found, scaler(ROWS), rtol=1e-5, atol=1e-6)
    assert len(layer.weights) == (2 if standardize else 0)
    assert not layer.trainable_weights


def test_values_by_hand():
    layer = FeatureScaling(square_root=True, norm="l2", standardize=False)
    found = keras.ops.convert_to_numpy(layer(np.array([[9.0, -16.0]], "float32")))
    np.testing.assert_allclose(found, [[0.6, -0.8]], rtol=1e-6)  # (3, -4) / 5


def test_gradients_are_finite_where_features_are_zero():
    features = keras.Variable(ROWS)
    layer = FeatureScaling(standardize=False)
    _, (gradient,) = loss_and_gradients(lambda: keras.ops.sum(layer(features)[:, 1]), [features])
    assert np.isfinite(gradient).all()
    assert np.any(gradient != 0)


def test_unknown_norms_are_refused():
    with pytest.raises(ValueError, match=r"Norms are .*Received: norm='l3'"):
        FeatureScaling(norm="l3")
