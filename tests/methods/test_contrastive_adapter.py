"""The contrastive adapter: against NumPy, at its start, without pairs, and on rows of CLIP."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_xmr import ContrastiveAdapter, compare, evaluate, train
from keras_xmr.datasets import toy
from keras_xmr.methods.settings import TrainingSettings
from tests.losses.test_class_contrastive import by_hand
from tests.methods.planted import clip_like, planted

pytestmark = pytest.mark.once

DATA = clip_like()
SMALL = clip_like(classes=3, train=6, test=4, width=8)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("shared", [False, True])
def test_before_training_it_is_zero_shot(shared):
    model = ContrastiveAdapter.for_data(SMALL, shared=shared)
    for medium, items in SMALL.media.items():
        np.testing.assert_allclose(model.encode(SMALL, medium), unit(items.items), atol=1e-6)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("positives", ["class", "pair"])
def test_the_loss_and_what_it_encodes_are_those_of_numpy(shared, positives):
    rng = np.random.default_rng(0)
    model = ContrastiveAdapter({"image": 5, "text": 5}, shared=shared, positives=positives)
    weights = [rng.normal(0, 0.3, weight.shape) for weight in model.get_weights()]
    model.set_weights(weights)
    # One kernel and one bias of each adapter, and the scale.
    kernels = [w for w in weights if w.ndim == 2]
    biases = [w for w in weights if w.ndim == 1]
    (log_scale,) = (w for w in weights if w.ndim == 0)
    assert len(kernels) == (1 if shared else 2)
    rows = {m: rng.normal(size=(6, 5)).astype("float32") for m in ("image", "text")}
    labels = np.eye(3, dtype="float32")[[0, 1, 1, 2, 0, 1]]
    wanted = {
        m: unit(
            unit(x) + unit(x) @ kernels[min(i, len(kernels) - 1)] + biases[min(i, len(biases) - 1)]
        )
        for i, (m, x) in enumerate(rows.items())
    }
    for medium in rows:
        np.testing.assert_allclose(model.encode(rows, medium), wanted[medium], atol=1e-5)
    logits = np.exp(log_scale) * wanted["image"] @ wanted["text"].T
    y = dict.fromkeys(rows, keras.ops.convert_to_tensor(labels))
    (found,) = model.loss_terms(y, model(rows)).values()
    found = float(keras.ops.convert_to_numpy(found))
    assert found == pytest.approx(by_hand(logits, labels, labels, positives), rel=1e-4)


def test_the_temperature_is_trained_and_has_a_least_value():
    model = train(SMALL, "contrastive_adapter", epochs=3, progress=False)
    log_scale = model.get_layer("temperature").log_scale
    (found,) = model.get_layer("temperature").get_weights()
    assert found != pytest.approx(np.log(1 / 0.2), abs=1e-4)
    log_scale.assign(50.0)
    outputs = model(model.preprocess(SMALL))
    ratio = outputs["text_scaled"] / outputs["text"]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(ratio), 100, rtol=1e-4)


@pytest.mark.parametrize("positives", ["class", "pair"])
def test_two_hundred_labelled_pairs_beat_zero_shot(positives):
    zero = evaluate(train(DATA, "zero_shot", progress=False), DATA).map
    model = train(DATA, "contrastive_adapter", positives=positives, progress=False)
    assert evaluate(model, DATA).map > zero + 0.1


@pytest.mark.parametrize("positives", ["class", "pair"])
def test_without_pairs_items_of_one_class_go_together(positives):
    rng = np.random.default_rng(0)
    media = {
        m: replace(items.rows(rng.permutation(len(items))), pairs=None)
        for m, items in DATA.media.items()
    }
    unpaired = replace(DATA, media=media)
    zero = evaluate(train(unpaired, "zero_shot", progress=False), unpaired).map
    model = train(unpaired, "contrastive_adapter", positives=positives, progress=False)
    assert evaluate(model, unpaired).map > zero + 0.1


def test_three_media_and_items_of_several_classes():
    data = planted(4, 12, ("image", "text", "audio"), one_basis=True)
    hot = np.eye(4, dtype=int)[data.media["image"].labels]
    hot[::4] |= np.roll(hot[::4], 1, axis=1)
    media = {m: replace(items, labels=hot) for m, items in data.media.items()}
    model = train(replace(data, media=media), "contrastive_adapter", epochs=10, progress=False)
    assert len(evaluate(model, replace(data, media=media)).directions) == 6


def test_rows_of_zeros_do_no_harm():
    image = SMALL.media["image"]
    rows = image.items.copy()
    rows[image.split == "train"] *= np.arange(18)[:, None] > 3
    data = replace(SMALL, media={**SMALL.media, "image": replace(image, items=rows)})
    model = train(data, "contrastive_adapter", epochs=2, progress=False)
    assert np.isfinite(model.get_weights()[0]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"media": {"image": 5, "text": 4}}, r"widths {'image': 5, 'text': 4}\. Give every medium"),
        ({"hub": "audio"}, r"the hub is one of them\. Received: hub='audio'"),
        ({"media": {"image": 5}}, "at least two media"),
        ({"positives": "all"}, r"'class', 'pair'.* Received: positives='all'"),
        ({"temperature": 0.001}, r"at least 0.01\. Received: initial=0.001"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ContrastiveAdapter(**{"media": {"image": 5, "text": 5}} | arguments)


def test_data_of_other_widths_are_refused():
    with pytest.raises(ValueError, match=r"ContrastiveAdapter takes media .* widths {'image': 12"):
        train(toy(), "contrastive_adapter", progress=False)


def test_a_trunk_is_trained_further_under_it():
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(6, 3)(inputs))
    trunk = keras.Model(inputs, pooled)
    model = ContrastiveAdapter({"image": 6, "text": 6}, trunks={"image": trunk})
    pictures = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    wanted = unit(keras.ops.convert_to_numpy(trunk(pictures)))
    np.testing.assert_allclose(model.encode({"image": pictures}, "image"), wanted, atol=1e-5)
    assert any(weight is trunk.weights[0] for weight in model.trainable_weights)


def test_all_three_are_rows_of_a_comparison():
    pytest.importorskip("optuna")
    data = planted(4, 20, one_basis=True)
    names = ["contrastive_adapter", "linear_adapter", "zero_shot", "cca"]
    found = compare(data, names, seeds=2, budget=1, progress=False)
    assert not found.failures
    assert sorted(found.methods()) == sorted(names)
    # What learns nothing is no ensemble.
    assert [e.method for e in found.entries() if e.help == "ensemble"].count("zero_shot") == 0


def clip_rows():
    """Rows of a CLIP of the real class, tiny and with random weights: they mean nothing."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    common = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = transformers.CLIPConfig(
        text_config={**common, "num_attention_heads": 2, "vocab_size": 50, "eos_token_id": 49},
        vision_config={**common, "num_attention_heads": 2, "image_size": 16, "patch_size": 8},
        projection_dim=12,
    )
    torch.manual_seed(0)
    clip = transformers.CLIPModel(config).eval()
    labels = DATA.media["image"].labels[::10]
    pictures = torch.rand(len(labels), 3, 16, 16) + torch.tensor(labels)[:, None, None, None]
    words = torch.randint(0, 40, (len(labels), 6))
    words[:, 0], words[:, -1] = torch.tensor(labels), 49
    with torch.no_grad():
        rows = clip(input_ids=words, pixel_values=pictures)
    return labels, rows.image_embeds.numpy(), rows.text_embeds.numpy()


def test_rows_of_a_real_clip_go_through_all_three(tmp_path):
    """Its weights are random, so that the code is tested, and no figure."""
    labels, image, text = clip_rows()
    some = {
        m: replace(x.rows(np.arange(0, len(x), 10)), items=rows)
        for (m, x), rows in zip(DATA.media.items(), (image, text), strict=True)
    }
    data = replace(DATA, media=some)
    for name in ("zero_shot", "linear_adapter", "contrastive_adapter"):
        few = {"epochs": 2} if name.startswith("contrastive") else {}
        model = train(data, name, progress=False, **few)
        back = type(model).from_preset(model.save_to_preset(tmp_path / name))
        for medium in data.media:
            found = model.encode(data, medium)
            assert len(found) == len(labels)
            np.testing.assert_allclose(back.encode(data, medium), found, atol=1e-2)


def test_the_settings_follow_from_the_data():
    settings = ContrastiveAdapter.settings_for(DATA)
    assert isinstance(settings, TrainingSettings)
    assert settings.epochs == 50
    assert not settings.transforms["text"]["config"]["standardize"]
