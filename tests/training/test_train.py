"""`train_model`: features, pictures with a frozen trunk, and trunk and all."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_xmr import evaluate
from keras_xmr.datasets import add_media, toy
from keras_xmr.training.recipes import Recipe, preprocessor_for, recipe_for
from keras_xmr.training.train import fit_semantic_matching, train_model
from keras_xmr.transforms import PictureLoader, WordIds
from tests.methods.pictures import coloured, trunk

SMALL = Recipe(model={"pathway_units": (8, 8), "shared_units": (8, 8)}, epochs=2, batch_size=8)
DATA, SOURCE = coloured(), coloured(["image"], seed=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_CACHE", str(tmp_path / "cache"))


def values(layer):
    return [keras.ops.convert_to_numpy(w) for w in layer.weights]


def changed(before, after):
    return [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


def test_a_frozen_trunk_stays_as_it_was_and_the_model_takes_pictures():
    network = trunk()
    before = values(network)
    recipe = replace(SMALL, epochs=40, learning_rate=2e-2)
    model = train_model("chtn", DATA, SOURCE, trunks={"image": network}, recipe=recipe)
    assert not any(changed(before, values(network)))
    assert isinstance(model.preprocessor.transforms["image"], PictureLoader)
    assert evaluate(model.for_retrieval(), DATA).map > 0.95


def test_a_trunk_is_trained_at_its_share_of_the_rate():
    moved = {}
    for share in (1.0, 0.01):
        network = trunk(normalize=False)
        before = values(network)
        recipe = replace(SMALL, trunk_rate=share)
        model = train_model("chtn", DATA, SOURCE, trunks={"image": network}, recipe=recipe)
        moved[share] = np.abs(values(network)[0] - before[0]).mean()
        assert np.isfinite(model.encode_image(DATA)).all()
    # Adam's steps have the size of the rate.
    assert 50 < moved[1.0] / moved[0.01] < 200


def test_training_from_a_layer_on_leaves_the_ones_before_and_all_normalisation():
    network = trunk()
    convolution = next(x.name for x in network.layers if "conv" in x.name)
    before = {layer.name: values(layer) for layer in network.layers if layer.weights}
    recipe = replace(SMALL, trunk_rate=1.0, trained_from=convolution)
    train_model("chtn", DATA, SOURCE, trunks={"image": network}, recipe=recipe)
    for layer in network.layers:
        if layer.weights:
            expected = layer.name == convolution
            assert changed(before[layer.name], values(layer)) == [expected] * len(layer.weights)


def test_features_need_no_trunk_and_follow_the_recipe():
    model = train_model("chtn", toy(), recipe=SMALL)
    assert model.pathway_units == (8, 8)
    assert model.trunks == {}


@pytest.mark.parametrize("method", ["chtn", "mhtn"])
def test_gaps_and_media_without_names_are_seen(method):
    sounds = toy(["audio"], num_classes=2)
    unnamed = replace(sounds.media["audio"], pairs=None)
    data = add_media(toy(), replace(sounds, media={"audio": unnamed}))
    model = train_model(method, data, recipe=SMALL)
    assert model.partial == ("audio",)
    assert sorted(model.media) == ["audio", "image", "text"]


def test_what_a_recipe_says_of_gaps_holds():
    recipe = replace(SMALL, model=SMALL.model | {"partial": ("text",)})
    assert train_model("mhtn", toy(), recipe=recipe).partial == ("text",)


def test_acmr_takes_media_without_names():
    data = toy()
    unnamed = {name: replace(medium, pairs=None) for name, medium in data.media.items()}
    recipe = Recipe(
        model={"hidden_units": {"image": (8,), "text": (8,)}, "common_dim": 4}, epochs=1
    )
    assert train_model("acmr", replace(data, media=unnamed), recipe=recipe).common_dim == 4


def test_texts_as_word_numbers_have_a_trunk_of_their_own():
    recipe = Recipe(
        model={"hidden_units": 8, "common_dim": 4, "decoder_units": 4},
        transforms={"text": (WordIds, {"length": 3})},
        text_cnn={"maps": 5, "widths": (2, 3)},
        epochs=1,
    )
    model = train_model("cm_gans", toy(), recipe=recipe)
    trunk = model.trunks["text"]
    assert (trunk.input_shape, trunk.output_shape) == ((None, 3), (None, 10))
    # At the rate of the rest, though trunks of pictures are frozen by default.
    again = train_model("cm_gans", toy(), recipe=replace(recipe, epochs=2)).trunks["text"]
    assert any(changed(values(trunk), values(again)))


@pytest.mark.parametrize("method", ["chtn", "mhtn"])
def test_the_recipe_of_the_digits_counts_characters(method):
    data = replace(toy(["image", "audio", "text"]), name="digits")
    recipe = recipe_for(data, method)
    assert recipe.pairing == "class"
    texts = preprocessor_for(data, recipe).transforms["text"]
    assert texts.analyzer == "characters"
    assert ("bottleneck_units" in recipe.model) == (method == "mhtn")


def test_averaged_weights_are_what_training_ends_with():
    plain = train_model("chtn", toy(), recipe=SMALL)
    averaged = train_model("chtn", toy(), recipe=replace(SMALL, averaging=0.9))
    assert any(changed(values(plain), values(averaged)))


def test_a_run_that_is_finished_is_not_trained_again(tmp_path):
    first = train_model("chtn", toy(), recipe=SMALL, checkpoint=tmp_path / "run")
    again = train_model("chtn", toy(), recipe=SMALL, checkpoint=tmp_path / "run")
    assert not any(changed(values(first), values(again)))
    with pytest.raises(ValueError, match="settings it was begun with"):
        train_model("chtn", toy(), recipe=replace(SMALL, batch_size=9), checkpoint=tmp_path / "run")


def test_the_paper_s_optimizer_and_unknown_ones():
    recipe = recipe_for(toy(), epochs=1, optimizer="paper")
    model = train_model("chtn", toy(), recipe=replace(recipe, model=SMALL.model))
    assert model.optimizer.gradient_accumulation_steps == 16
    with pytest.raises(ValueError, match=r"'adamw' and 'paper'\. Received: 'sgd'"):
        train_model("chtn", toy(), recipe=replace(SMALL, optimizer="sgd"))


def test_semantic_matching_wants_features():
    with pytest.raises(ValueError, match=r"takes features\. Received: pictures as \['image'\]"):
        fit_semantic_matching(DATA)
