"""SqueezeNet, layer by layer against NumPy; and what it sees in real pictures."""

import itertools

import keras
import numpy as np
import pytest
from PIL import Image

from keras_xmr.datasets.locate import data_root
from keras_xmr.trunks import check_trunk, squeezenet
from tests.trunks import reference

# Windows hang over the edge at this size, though not at the usual one.
SIZE = 45
SQUEEZED = [16, 16, 32, 32, 48, 48, 64, 64]
PIXELS = reference.pictures(2, SIZE)


def random_arrays(seed=0):
    generator = np.random.default_rng(seed)
    shapes = {"conv1": (96, 3, 7)}
    width = 96
    for number, squeezed in enumerate(SQUEEZED, start=2):
        shapes[f"fire{number}/conv1x1_1"] = (squeezed, width, 1)
        shapes[f"fire{number}/conv1x1_2"] = (4 * squeezed, squeezed, 1)
        shapes[f"fire{number}/conv3x3_2"] = (4 * squeezed, squeezed, 3)
        width = 8 * squeezed
    shapes["conv_final"] = (1000, 512, 1)
    arrays = {}
    for name, shape in shapes.items():
        arrays[f"{name}/w"], arrays[f"{name}/b"] = reference.filters(generator, *shape)
    return arrays


ARRAYS = random_arrays()


def activations(pixels, arrays):
    """Name of a layer to what it gives, channels first."""

    def rectified(x, name, **how):
        found = reference.convolution(x, arrays[f"{name}/w"], arrays[f"{name}/b"], **how)
        return np.maximum(found, 0)

    result = {}
    x = reference.blue_green_red(pixels) - reference.per_channel((104, 117, 123))
    x = result["conv1"] = rectified(x, "conv1", stride=2)
    x = result["conv1_pool"] = reference.max_pool(x)
    for number in range(2, 10):
        fire = f"fire{number}"
        x = rectified(x, f"{fire}/conv1x1_1")
        parts = [
            rectified(x, f"{fire}/conv1x1_2"),
            rectified(x, f"{fire}/conv3x3_2", padding=1),
        ]
        x = result[fire] = np.concatenate(parts, axis=1)
        if number in (4, 8):
            x = result[f"{fire}_pool"] = reference.max_pool(x)
    result["features"] = x.mean(axis=(2, 3))
    result["conv_final"] = rectified(x, "conv_final", padding=1)
    result["logits"] = result["conv_final"].mean(axis=(2, 3))
    return result


@pytest.fixture(scope="module")
def found():
    """What the layers of the Keras model give."""
    whole = squeezenet(ARRAYS, include_top=True, input_size=SIZE)
    names = [layer.name for layer in whole.layers if layer.name in WANTED]
    outputs = {name: whole.get_layer(name).output for name in names}
    # Features and logits come out of layers that are called the same.
    outputs |= {"logits": whole.output}
    given = keras.Model(whole.input, outputs).predict_on_batch(PIXELS)
    return given | {"features": trunk().predict_on_batch(PIXELS)}


def trunk():
    return squeezenet(ARRAYS, input_size=SIZE)


WANTED = activations(PIXELS, ARRAYS)


@pytest.mark.parametrize("name", WANTED)
def test_every_layer_is_what_numpy_gets(found, name):
    wanted = WANTED[name]
    wanted = reference.channels_last(wanted) if wanted.ndim == 4 else wanted
    assert found[name].shape == wanted.shape
    np.testing.assert_allclose(found[name], wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_windows_hang_over_the_edge_here():
    assert [WANTED[name].shape[2] for name in ("conv1", "conv1_pool", "fire4_pool")] == [20, 10, 5]


@pytest.mark.parametrize(
    ("top", "width", "weights"), [(False, 512, 735_424), (True, 1000, 1_248_424)]
)
def test_widths_and_numbers_of_weights(top, width, weights):
    model = squeezenet(include_top=top)
    check_trunk(model)
    assert model.input_shape == (None, 227, 227, 3)
    assert model.output_shape == (None, width)
    assert model.count_params() == weights
    assert model.get_layer("fire9").output.shape == (None, 13, 13, 512)


@pytest.mark.parametrize("suffix", ["npz", "weights.h5"])
def test_weights_come_from_files(tmp_path, suffix):
    path, model = tmp_path / f"squeezenet.{suffix}", trunk()
    if suffix == "npz":
        np.savez(path, **ARRAYS)
    else:
        model.save_weights(path)
    loaded = squeezenet(path, input_size=SIZE)
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_of_objects_is_refused(tmp_path):
    arrays = {**ARRAYS, "conv1/w": np.array([{"a": 1}], dtype=object)}
    np.savez(tmp_path / "pickled.npz", **arrays)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        squeezenet(tmp_path / "pickled.npz", input_size=SIZE)


def test_a_missing_array_is_named():
    arrays = {name: array for name, array in ARRAYS.items() if name != "fire5/conv3x3_2/b"}
    with pytest.raises(ValueError, match=r"'fire5/conv3x3_2/b' of shape \(128,\)"):
        squeezenet(arrays, input_size=SIZE)


def test_the_last_layer_is_needed_for_its_logits_only():
    arrays = {name: array for name, array in ARRAYS.items() if "final" not in name}
    squeezenet(arrays, input_size=SIZE)
    with pytest.raises(ValueError, match=r"'conv_final/w' of shape \(1000, 512, 1, 1\)"):
        squeezenet(arrays, include_top=True, input_size=SIZE)


def test_the_smallest_picture():
    assert squeezenet(input_size=21).get_layer("fire9").output.shape[1] == 1
    with pytest.raises(ValueError, match=r"at least 21 x 21\. Received: input_size=20"):
        squeezenet(input_size=20)


def test_the_seed_decides_the_random_weights():
    one, same, other = (squeezenet(input_size=21, seed=seed) for seed in (0, 0, 1))
    for first, second in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])
    # Layers of one shape start different.
    two_alike = [one.get_layer(f"fire{number}_conv1x1_2").get_weights()[0] for number in (2, 3)]
    assert not np.array_equal(*two_alike)


# Class of Caltech-101 to a part of the name of a class of ImageNet.
SAME = {
    "dalmatian": "dalmatian",
    "flamingo": "flamingo",
    "grand_piano": "grand piano",
    "hedgehog": "hedgehog",
    "Leopards": "leopard",
    "panda": "giant panda",
    "saxophone": "sax",
    "schooner": "schooner",
    "scorpion": "scorpion",
    "sunflower": "daisy",
}
PICTURES = 3


@pytest.mark.data
def test_it_sees_what_real_pictures_show():
    folder = data_root()
    names = (folder / "backbones/imagenet_labels.txt").read_text().splitlines()[1:]
    files = [sorted((folder / "caltech101" / c).glob("*.jpg"))[:PICTURES] for c in SAME]
    pixels = np.stack([crop(file) for file in itertools.chain.from_iterable(files)])
    wanted = [name for name in SAME.values() for _ in range(PICTURES)]
    path = folder / "backbones/squeezenet_v1.0_deepcompressed_float32.npz"
    model = squeezenet(path, include_top=True)

    def hits(pixels):
        best = np.argsort(-model.predict(pixels, verbose=0), axis=1)[:, :5]
        return np.mean([any(w in names[i] for i in b) for w, b in zip(wanted, best, strict=True)])

    right = hits(pixels)
    assert right > 0.8
    # Colours in another order are seen worse.
    assert hits(pixels[..., ::-1]) < right - 0.05


def crop(file):
    with Image.open(file) as picture:
        resized = picture.convert("RGB").resize((256, 256))
    return np.asarray(resized.crop((14, 14, 241, 241)), "float32")
