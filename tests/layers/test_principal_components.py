"""Principal components, against an eigendecomposition."""

import keras
import numpy as np
import pytest

from keras_xmr.layers import PrincipalComponents

ROWS = (
    np.random.default_rng(0).normal(size=(50, 6)) * [5, 3, 2, 1, 0.5, 0.1] + [1, 2, 3, 4, 5, 6]
).astype("float32")


@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_components_are_those_of_the_covariance(ridge):
    layer = PrincipalComponents(3, ridge=ridge, length=4.0).fit(ROWS)
    found = keras.ops.convert_to_numpy(layer(ROWS))
    values, vectors = np.linalg.eigh(np.cov(ROWS.T.astype("float64"), bias=True))
    strongest = np.argsort(-values)[:3]
    wanted = (ROWS - ROWS.mean(axis=0)) @ vectors[:, strongest]
    wanted /= np.sqrt(values[strongest] + ridge * values.mean())
    wanted *= 4.0 / np.sqrt((wanted**2).sum(axis=1).mean())
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), rtol=1e-3, atol=1e-3)
    spread = found.std(axis=0)
    assert spread[0] == pytest.approx(spread[2], rel=1e-3) if ridge == 0 else spread[0] > spread[2]


def test_they_are_not_trained():
    layer = PrincipalComponents(2, seed=0)
    layer.build((None, 6))
    assert not layer.trainable_weights
    assert len(layer.weights) == 2


def test_there_are_no_more_than_directions():
    with pytest.raises(ValueError, match=r"components=5, rows \(4, 6\) of rank 3"):
        PrincipalComponents(5).fit(ROWS[:4])
