"""The margin loss and squared distances, against loops."""

import keras
import numpy as np

from keras_xmr.losses import margin_ranking
from keras_xmr.losses.margin_ranking import squared_distances

RNG = np.random.default_rng(0)
QUERY, MATCH = RNG.random(size=(2, 3, 16)).astype("float32")
OTHERS = RNG.random(size=(5, 16)).astype("float32")


def test_squared_distances():
    found = keras.ops.convert_to_numpy(squared_distances(QUERY, OTHERS))
    wanted = [[sum((a - b) ** 2 for a, b in zip(q, o, strict=True)) for o in OTHERS] for q in QUERY]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert keras.ops.convert_to_numpy(squared_distances(QUERY, QUERY)).min() >= 0


def test_they_are_hamming_distances_of_saturated_codes():
    codes = RNG.integers(0, 2, size=(6, 16))
    found = keras.ops.convert_to_numpy(squared_distances(codes, codes))
    np.testing.assert_allclose(found, (codes[:, None] != codes).sum(axis=2), atol=1e-5)


def test_margin_ranking():
    found = keras.ops.convert_to_numpy(margin_ranking(QUERY, MATCH, OTHERS, 0.5))
    for i, (query, match) in enumerate(zip(QUERY, MATCH, strict=True)):
        for j, other in enumerate(OTHERS):
            far = ((query - other) ** 2).sum()
            wanted = max(0.0, 0.5 + ((query - match) ** 2).sum() - far)
            np.testing.assert_allclose(found[i, j], wanted, rtol=1e-4, atol=1e-5)
    assert 0 < (found == 0).mean() < 1
