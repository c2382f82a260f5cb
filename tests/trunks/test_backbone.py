"""Networks from anywhere as trunks."""

import json

import keras
import numpy as np
import pytest

from keras_xmr.trunks import check_trunk, pooled
from tests.trunks import reference

PIXELS = reference.pictures(2, 6)


def backbone(*layers):
    picture = keras.Input((None, None, 3))
    return keras.Model(picture, keras.Sequential(layers)(picture), name="mine")


def test_pixels_are_normalised_and_maps_averaged():
    arguments = {"mean": (1, 2, 3), "deviation": (2, 4, 8), "reverse_channels": True}
    trunk = pooled(backbone(keras.layers.ReLU(threshold=10)), 6, **arguments)
    check_trunk(trunk)
    assert trunk.input_shape == (None, 6, 6, 3)
    assert trunk.name == "mine"
    mapped = (PIXELS[..., ::-1] - [1, 2, 3]) / [2, 4, 8]
    wanted = np.where(mapped > 10, mapped, 0).mean(axis=(1, 2))
    found = keras.ops.convert_to_numpy(trunk(PIXELS))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_without_more_pixels_stay_as_they_are():
    trunk = pooled(backbone(keras.layers.ReLU()), 6, name="plain")
    assert trunk.name == "plain"
    found = keras.ops.convert_to_numpy(trunk(PIXELS))
    np.testing.assert_allclose(found, PIXELS.mean(axis=(1, 2)), rtol=1e-5)


def test_a_trunk_is_restored_from_its_config_and_weights(tmp_path):
    trunk = pooled(backbone(keras.layers.Conv2D(4, 3)), 6, deviation=255)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trunk)))
    again = keras.saving.deserialize_keras_object(config)
    trunk.save_weights(tmp_path / "trunk.weights.h5")
    again.load_weights(tmp_path / "trunk.weights.h5")
    found, wanted = (keras.ops.convert_to_numpy(t(PIXELS)) for t in (again, trunk))
    np.testing.assert_array_equal(found, wanted)


def test_a_backbone_without_a_feature_map_is_refused():
    flat = backbone(keras.layers.GlobalAveragePooling2D())
    with pytest.raises(
        ValueError, match=r"one feature map .* Received: output shape \(None, 3\) of"
    ):
        pooled(flat, 6)
    picture = keras.Input((6, 6, 3))
    several = keras.Model(picture, [picture, picture], name="pyramid")
    with pytest.raises(
        ValueError, match=r"Received: output shape None of 'pyramid'\. Take the out"
    ):
        pooled(several, 6)
