"""Networks of `keras.applications` as trunks: names, normalisation, weights."""

import warnings

import keras
import numpy as np
import pytest

from keras_xmr.datasets.locate import data_root
from keras_xmr.layers.pixel_normalization import PixelNormalization
from keras_xmr.trunks import application, check_trunk
from keras_xmr.trunks.application import APPLICATIONS
from tests.trunks import reference

# Module of Keras to the networks it has.
FAMILIES = {
    "convnext": "convnext_tiny convnext_small convnext_base convnext_large convnext_xlarge",
    "densenet": "densenet121 densenet169 densenet201",
    "efficientnet": " ".join(f"efficientnet_b{size}" for size in range(8)),
    "efficientnet_v2": " ".join(
        f"efficientnet_v2_{size}" for size in ["b0", "b1", "b2", "b3", "s", "m", "l"]
    ),
    "inception_resnet_v2": "inception_resnet_v2",
    "inception_v3": "inception_v3",
    "mobilenet": "mobilenet",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3": "mobilenet_v3_small mobilenet_v3_large",
    "nasnet": "nasnet_mobile nasnet_large",
    "resnet": "resnet50 resnet101 resnet152",
    "resnet_v2": "resnet50_v2 resnet101_v2 resnet152_v2",
    "vgg16": "vgg16",
    "vgg19": "vgg19",
    "xception": "xception",
}
FAMILY_OF = {name: family for family, names in FAMILIES.items() for name in names.split()}
SIZE = 32
TINY = {"input_size": SIZE, "alpha": 0.35}
PIXELS = reference.pictures(2, SIZE)


def test_every_network_has_a_name():
    assert sorted(APPLICATIONS) == sorted(FAMILY_OF)
    functions = [function for function, _ in APPLICATIONS.values()]
    assert len(set(functions)) == len(APPLICATIONS) == 40
    for name, (function, _) in APPLICATIONS.items():
        assert callable(getattr(keras.applications, function))
        assert name.replace("_", "") == function.lower()


@pytest.mark.parametrize("name", APPLICATIONS)
def test_pixels_are_normalised_as_the_family_does(name):
    wanted = getattr(keras.applications, FAMILY_OF[name]).preprocess_input(PIXELS.copy())
    arguments = APPLICATIONS[name][1]
    found = PIXELS
    if arguments is not None:
        found = keras.ops.convert_to_numpy(PixelNormalization(**arguments)(PIXELS))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.fixture
def averages(monkeypatch):
    """Every network only averages its input; a list of the arguments it gets."""
    calls = []

    def network(input_tensor, **arguments):
        calls.append(arguments)
        pool = keras.layers.GlobalAveragePooling2D(data_format="channels_last")
        return keras.Model(keras.utils.get_source_inputs(input_tensor), pool(input_tensor))

    for name, _ in APPLICATIONS.values():
        monkeypatch.setattr(keras.applications, name, network)
    return calls


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "mobilenet", "vgg16"])
def test_the_normalisation_is_inside_once(averages, name):
    trunk = application(name, None, input_size=SIZE, alpha=0.75)
    check_trunk(trunk)
    assert trunk.name == name
    found = keras.ops.convert_to_numpy(trunk(PIXELS))
    means = PIXELS.mean(axis=(1, 2))
    wanted = {
        "mobilenet_v3_small": means,
        "mobilenet": means / 127.5 - 1,
        "vgg16": means[:, ::-1] - [103.939, 116.779, 123.68],
    }
    np.testing.assert_allclose(found, wanted[name], rtol=0, atol=1e-3)
    assert averages == [
        {
            "include_top": False,
            "pooling": "avg",
            "weights": None,
            "input_shape": (SIZE, SIZE, 3),
            "alpha": 0.75,
        }
    ]


def test_imagenet_weights_are_left_to_keras(averages):
    application("mobilenet_v2")
    assert averages[0]["weights"] == "imagenet"
    assert averages[0]["input_shape"] == (224, 224, 3)


@pytest.fixture(scope="module")
def network():
    """A small classifier of Keras, every weight of it random."""
    network = keras.applications.MobileNetV2(
        input_shape=(SIZE, SIZE, 3), alpha=0.35, weights=None, classes=7
    )
    generator = np.random.default_rng(0)
    network.set_weights(
        [(w + generator.uniform(0, 0.1, w.shape)).astype("float32") for w in network.get_weights()]
    )
    return network


@pytest.fixture(scope="module")
def wanted(network):
    """What the network gives to its classifier."""
    pooled = keras.Model(network.input, network.layers[-2].output)
    return pooled.predict_on_batch(PIXELS / 127.5 - 1)


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "classifier.weights.h5"
    network.save_weights(path)
    return path


def test_the_weights_of_the_whole_classifier_load(file, wanted, tmp_path):
    trunk = application("mobilenet_v2", file, **TINY)
    check_trunk(trunk)
    found = trunk.predict_on_batch(PIXELS)
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    # And those of the trunk itself.
    trunk.save_weights(tmp_path / "trunk.weights.h5")
    again = application("mobilenet_v2", tmp_path / "trunk.weights.h5", **TINY)
    np.testing.assert_array_equal(again.predict_on_batch(PIXELS), found)


def test_the_weights_of_another_network_are_refused(tmp_path):
    pixels = keras.Input((SIZE, SIZE, 3))
    keras.Model(pixels, keras.layers.Conv2D(4, 3)(pixels)).save_weights(tmp_path / "a.weights.h5")
    message = r"weights of 'mobilenet_v2'\. Received: weights='.*a\.weights\.h5'\. Keras: A total"
    with pytest.raises(ValueError, match=message) as caught:
        application("mobilenet_v2", tmp_path / "a.weights.h5", **TINY)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_those_known():
    with pytest.raises(
        ValueError, match=r"\['convnext_base', .*'xception'\]\. Received: name='alex"
    ):
        application("alexnet")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'imagenet' or the path .* which does not exist"):
        application("mobilenet_v2", tmp_path / "nothing.weights.h5", **TINY)


def test_a_failed_download_says_what_to_do(monkeypatch):
    def fail(*_, **__):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "MobileNetV2", fail)
    message = r"download the weights of 'mobilenet_v2'.* Received: URL fetch failure.* path of a"
    with pytest.raises(OSError, match=message):
        application("mobilenet_v2")


def test_errors_of_arguments_stay_what_they_are():
    with pytest.raises(ValueError, match="alpha") as caught:
        application("mobilenet", alpha=0.3)
    assert not isinstance(caught.value, OSError)
    with pytest.raises(TypeError, match="unknown"):
        application("mobilenet", None, unknown=1)


@pytest.mark.data
def test_the_real_weights_give_the_features_of_the_real_classifier():
    path = data_root() / "backbones/mobilenet_v2_1.0_224_from_tf2_ptq.weights.h5"
    pixels = reference.pictures(1, 224)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # How Keras makes arrays of PyTorch's and JAX' is not ours.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        found = application("mobilenet_v2", path).predict_on_batch(pixels)
    classifier = keras.applications.MobileNetV2(weights=None, classes=1000)
    classifier.load_weights(path)
    pooled = keras.Model(classifier.input, classifier.layers[-2].output)
    wanted = pooled.predict_on_batch(pixels / 127.5 - 1)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * wanted.max())
