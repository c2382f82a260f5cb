"""`mirrored`: the mean of a picture's features and of its mirror image's."""

import keras
import numpy as np

from keras_xmr.trunks import check_trunk, mirrored, trunk_fingerprint
from tests.methods.pictures import SIZE, trunk


def pixels(rows=5):
    return np.random.default_rng(0).uniform(0, 255, size=(rows, SIZE, SIZE, 3)).astype("float32")


def features(model, x):
    return keras.ops.convert_to_numpy(model(x))


def test_it_is_the_mean_over_both_sides():
    network, x = trunk(), pixels()
    wanted = (features(network, x) + features(network, x[:, :, ::-1])) / 2
    found = features(mirrored(network), x)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert np.abs(found - features(network, x)).max() > 1e-3


def test_mirror_images_have_the_same_features():
    model, x = mirrored(trunk()), pixels()
    np.testing.assert_allclose(features(model, x), features(model, x[:, :, ::-1]), atol=1e-6)


def test_it_is_a_trunk_that_is_saved_and_shares_its_weights(tmp_path):
    network = trunk()
    model = mirrored(network)
    check_trunk(model)
    model.save(tmp_path / "trunk.keras")
    again = keras.saving.load_model(tmp_path / "trunk.keras")
    np.testing.assert_allclose(features(again, pixels()), features(model, pixels()), atol=1e-6)
    assert trunk_fingerprint(again) == trunk_fingerprint(model) != trunk_fingerprint(network)
    network.set_weights([w * 0 for w in network.get_weights()])
    assert np.ptp(features(model, pixels())) == 0
