"""`train_from`: what is frozen, also inside models inside, and what is said of unknown layers."""

import keras
import pytest

from keras_xmr.trunks import mirrored, train_from


def network():
    pixels = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="lower")(pixels)
    x = keras.layers.BatchNormalization(name="lower_bn")(x)
    x = keras.layers.Conv2D(4, 3, name="upper")(x)
    x = keras.layers.BatchNormalization(name="upper_bn")(x)
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(x), name="mine")


def trained(trunk):
    return {weight.path.split("/")[0] for weight in trunk.trainable_weights}


@pytest.mark.parametrize("wrap", [lambda trunk: trunk, mirrored])
def test_layers_from_the_first_on_are_trained_and_no_normalisation(wrap):
    assert trained(train_from(wrap(network()))) == {"lower", "upper"}
    assert trained(train_from(wrap(network()), "upper")) == {"upper"}


def test_it_may_be_changed_again_and_undoes_a_freeze():
    trunk = network()
    trunk.trainable = False
    assert trained(train_from(trunk, "upper")) == {"upper"}
    assert trained(train_from(trunk)) == {"lower", "upper"}


def test_frozen_normalisation_uses_its_running_statistics():
    trunk = train_from(network())
    before = trunk.get_layer("upper_bn").get_weights()
    trunk(keras.random.normal((4, 8, 8, 3), seed=0), training=True)
    for old, new in zip(before, trunk.get_layer("upper_bn").get_weights(), strict=True):
        assert (old == new).all()


def test_unknown_layers_are_told():
    with pytest.raises(ValueError, match=r"'mine', one of .*Received: first='middle'"):
        train_from(network(), "middle")
