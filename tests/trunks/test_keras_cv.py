"""keras-cv on every backend: its backbones as trunks, its augmentation on pixels."""

import importlib.util
import json

import keras
import numpy as np
import pytest

from keras_xmr.trunks import check_trunk, pooled, trunk_fingerprint
from tests.trunks import reference

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("keras_cv") is None,
    reason="keras-cv is not installed: pip install 'keras-xmr[cv]'",
)

SIZE = 32
PIXELS = reference.pictures(8, SIZE)
LABELS = np.arange(8) % 2


def trunk():
    """A small ResNet-V2, built from its arguments: its presets would be downloaded."""
    from keras_cv.models import ResNetV2Backbone

    backbone = ResNetV2Backbone(
        stackwise_filters=[8, 16],
        stackwise_blocks=[2, 2],
        stackwise_strides=[1, 2],
        include_rescaling=False,
        input_shape=(SIZE, SIZE, 3),
    )
    return pooled(backbone, SIZE, deviation=255)


@pytest.fixture(scope="module")
def trained():
    """A trunk that was trained a little, inside a model, and the losses."""
    inside = trunk()
    inputs = keras.Input((SIZE, SIZE, 3))
    classifier = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inside(inputs)))
    classifier.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    history = classifier.fit(PIXELS, LABELS, batch_size=8, epochs=4, verbose=0).history
    return inside, history["loss"]


def test_a_backbone_is_a_trunk_that_learns(trained):
    inside, losses = trained
    check_trunk(inside)
    assert inside.output_shape == (None, 64)
    assert losses[-1] < 0.8 * losses[0]


def test_its_config_and_weights_restore_it(trained, tmp_path):
    inside, _ = trained
    inside.save_weights(tmp_path / "trunk.weights.h5")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(inside)))
    again = keras.saving.deserialize_keras_object(config)
    again.load_weights(tmp_path / "trunk.weights.h5")
    np.testing.assert_array_equal(again.predict_on_batch(PIXELS), inside.predict_on_batch(PIXELS))
    assert trunk_fingerprint(again) == trunk_fingerprint(inside)
    assert trunk_fingerprint(trunk()) != trunk_fingerprint(inside)


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [("RandomFlip", {}), ("RandAugment", {"value_range": (0, 255)})],
)
def test_its_augmentation_takes_and_gives_pixels(layer, arguments):
    import keras_cv

    augment = getattr(keras_cv.layers, layer)(**arguments, seed=1)
    changed = keras.ops.convert_to_numpy(augment(PIXELS, training=True))
    assert changed.shape == PIXELS.shape
    assert 0 <= changed.min() < changed.max() <= 255
    assert np.abs(changed - PIXELS).max() > 10
