"""AlexNet with batch normalisation, against NumPy; and that it stays frozen, and how."""

import json

import keras
import numpy as np
import pytest

from keras_xmr.trunks import alexnet, check_trunk
from keras_xmr.trunks.alexnet import set_weights
from tests.trunks import reference

# The smallest at which windows hang over the edge and the last map has 2 x 2 places.
SIZE = 71
PIXELS = reference.pictures(3, SIZE)
SHAPES = {
    "conv1": (96, 3, 11),
    "conv2": (256, 48, 5),
    "conv3": (384, 256, 3),
    "conv4": (384, 192, 3),
    "conv5": (256, 192, 3),
}
FACTOR = 2.5


def random_arrays(seed=0):
    """Weights as Caffe keeps them; the statistics are what such pixels have, roughly."""
    generator = np.random.default_rng(seed)
    arrays = {}
    for name, shape in SHAPES.items():
        arrays[f"{name}/w"], arrays[f"{name}/b"] = reference.filters(generator, *shape)
    for name, channels in (("data", 3), *((name, shape[0]) for name, shape in SHAPES.items())):
        mean, variance = (127.0, 5400.0) if name == "data" else (0.0, 1.0)
        spread = np.sqrt(variance)
        means = generator.normal(mean, 0.2 * spread, channels)
        arrays[f"{name}/mean"] = (FACTOR * means).astype("float32")
        variances = generator.uniform(0.5, 2, channels) * variance
        arrays[f"{name}/variance"] = (FACTOR * variances).astype("float32")
        arrays[f"{name}/factor"] = np.array([FACTOR], dtype="float32")
    arrays["data/gamma"] = np.array([0.9, 1.1, 1.3], dtype="float32")
    arrays["data/beta"] = np.array([0.1, -0.2, 0.3], dtype="float32")
    return arrays


ARRAYS = random_arrays()


def features(pixels, arrays, batch=False):
    """Features of the last layer, and the mean and variance of every batch on the way."""
    moments = {}

    def normalized(x, name):
        mean, variance = (arrays[f"{name}/{part}"] / FACTOR for part in ("mean", "variance"))
        moments[name] = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
        return reference.normalized(x, *(moments[name] if batch else (mean, variance)))

    x = normalized(reference.blue_green_red(pixels), "data")
    gamma, beta = (reference.per_channel(arrays[f"data/{part}"]) for part in ("gamma", "beta"))
    x = x * gamma + beta
    for name in SHAPES:
        stride = 4 if name == "conv1" else 1
        padding = {"conv1": 0, "conv2": 2}.get(name, 1)
        groups = 2 if name in ("conv2", "conv4", "conv5") else 1
        kernel, bias = arrays[f"{name}/w"], arrays[f"{name}/b"]
        x = reference.convolution(x, kernel, bias, stride=stride, padding=padding, groups=groups)
        x = np.maximum(normalized(x, name), 0)
        if name in ("conv1", "conv2", "conv5"):
            x = reference.max_pool(x)
    return x.reshape(len(x), -1), moments


WANTED, _ = features(PIXELS, ARRAYS)


def small(frozen_bn="inference", **more):
    return alexnet(ARRAYS, frozen_bn=frozen_bn, input_size=SIZE, **more)


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def assert_close(found, wanted):
    assert found.shape == wanted.shape
    assert wanted.max() > 0.1
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())


@pytest.fixture(scope="module")
def usual():
    return alexnet()


def test_features_are_what_numpy_gets():
    assert_close(numbers(small()(PIXELS)), WANTED)


def test_the_spatial_sizes_at_the_usual_size(usual):
    check_trunk(usual)
    names = [f"conv{number}{suffix}" for number in (1, 2, 5) for suffix in ("", "_pool")]
    sizes = [usual.get_layer(name).output.shape[1] for name in names]
    assert sizes == [54, 27, 27, 13, 13, 6]
    assert usual.input_shape == (None, 224, 224, 3)
    assert usual.output_shape == (None, 9216)


def test_a_crop_of_227_gives_as_many_features():
    assert alexnet(input_size=227).output_shape == (None, 9216)


def test_numbers_of_weights(usual):
    counts = [usual.get_layer(name).count_params() for name in SHAPES]
    assert counts == [34_944, 307_456, 885_120, 663_936, 442_624]
    assert sum(counts) == 2_334_080
    assert usual.get_layer("data_scale").count_params() == 6
    assert sum(w.shape[0] for w in usual.weights if w.path.endswith("moving_mean")) == 1379
    assert usual.count_params() == 2_334_080 + 6 + 2 * 1379
    fc6 = keras.layers.Dense(4096)
    assert (usual.output_shape[1] + 1) * fc6.units == 37_752_832


def whole(trunk):
    """A classifier on the trunk that starts from zero, and can be trained."""
    pixels = keras.Input(trunk.input_shape[1:])
    classes = keras.layers.Dense(2, kernel_initializer="zeros")(trunk(pixels))
    model = keras.Model(pixels, classes)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    return model


def through_config(trunk):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(trunk)))
    again = keras.saving.deserialize_keras_object(config)
    again.set_weights(trunk.get_weights())
    return again


def through_file(trunk, folder):
    trunk.save(folder / "trunk.keras")
    return keras.models.load_model(folder / "trunk.keras")


@pytest.fixture(params=["built", "from its config", "from its file"])
def restored(request, tmp_path):
    def get(frozen_bn):
        trunk = small(frozen_bn)
        if request.param == "built":
            return trunk
        return through_config(trunk) if "config" in request.param else through_file(trunk, tmp_path)

    return get


def test_nothing_is_trained_by_default(restored):
    trunk = restored("inference")
    before = trunk.get_weights()
    assert_close(numbers(trunk(PIXELS, training=True)), WANTED)
    model = whole(trunk)
    assert len(model.trainable_weights) == 2
    model.fit(PIXELS, np.ones((3, 2)), batch_size=3, verbose=0)
    for old, new in zip(before, trunk.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    # What the classifier learnt in one step from zero is the features it saw.
    kernel = model.layers[-1].get_weights()[0]
    assert_close(kernel[:, 0], 0.1 * WANTED.mean(axis=0))


def test_in_batch_mode_training_normalises_by_the_batch(restored):
    trunk = restored("batch")
    model = whole(trunk)
    assert len(model.trainable_weights) == 2
    model.fit(PIXELS, np.ones((3, 2)), batch_size=3, verbose=0)
    wanted, moments = features(PIXELS, ARRAYS, batch=True)
    kernel = model.layers[-1].get_weights()[0]
    assert_close(kernel[:, 0], 0.1 * wanted.mean(axis=0))
    for name in SHAPES:
        kernel, _ = trunk.get_layer(name).get_weights()
        np.testing.assert_array_equal(kernel, ARRAYS[f"{name}/w"].transpose(2, 3, 1, 0))
    for name, batch in moments.items():
        statistics = trunk.get_layer(f"{name}_bn").get_weights()
        for part, measured, kept in zip(("mean", "variance"), batch, statistics, strict=True):
            moved = 0.9 * ARRAYS[f"{name}/{part}"] / FACTOR + 0.1 * measured
            np.testing.assert_allclose(kept, moved, rtol=1e-4, atol=1e-4)


def test_in_batch_mode_inference_uses_the_running_statistics():
    assert_close(numbers(small("batch")(PIXELS)), WANTED)


def test_freezing_the_whole_ends_the_batch_mode():
    trunk = small("batch")
    trunk.trainable = False
    assert_close(numbers(trunk(PIXELS, training=True)), WANTED)


@pytest.mark.parametrize("suffix", ["npz", "weights.h5"])
def test_weights_come_from_files(tmp_path, suffix):
    path, trunk = tmp_path / f"alexnet.{suffix}", small()
    if suffix == "npz":
        np.savez(path, **ARRAYS)
    else:
        trunk.save_weights(path)
    loaded = alexnet(path, input_size=SIZE)
    for one, other in zip(loaded.get_weights(), trunk.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ARRAYS)
def test_every_array_is_needed_in_its_shape(usual, name):
    without = {key: array for key, array in ARRAYS.items() if key != name}
    with pytest.raises(ValueError, match=f"Expected an array '{name}' of shape"):
        set_weights(usual, without)
    with pytest.raises(ValueError, match=rf"array '{name}' to have the shape .*shape=\(7,\)"):
        set_weights(usual, {**without, name: np.ones(7)})


def test_statistics_without_weight_are_refused():
    arrays = {**ARRAYS, "conv3/factor": np.zeros(1)}
    with pytest.raises(ValueError, match=r"'conv3/factor' must hold the positive .*: 0\.0"):
        alexnet(arrays, input_size=SIZE)


def test_an_unknown_mode_is_named():
    with pytest.raises(ValueError, match=r"\('inference', 'batch'\)\. Received: frozen_bn='never'"):
        alexnet(frozen_bn="never")


def test_the_smallest_picture():
    assert alexnet(input_size=39).output_shape == (None, 256)
    with pytest.raises(ValueError, match=r"at least 39 x 39\. Received: input_size=38"):
        alexnet(input_size=38)


def test_half_precision_keeps_full_weights():
    half = small(dtype="mixed_float16")
    assert {weight.dtype for weight in half.weights} == {"float32"}
    found = numbers(half(PIXELS))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, WANTED, rtol=0, atol=1e-2 * WANTED.max())


def test_the_seed_decides_the_random_weights():
    one, same, other = (alexnet(input_size=39, seed=seed) for seed in (0, 0, 1))
    for first, second in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(
        one.get_layer("conv1").get_weights()[0], other.get_layer("conv1").get_weights()[0]
    )
