"""`train`: features, pictures with a frozen trunk, and trunk and all."""

import re
from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_xmr import evaluate, train
from keras_xmr.datasets import add_media, toy
from keras_xmr.methods.settings import Settings, TrainingSettings
from keras_xmr.transforms import Encoder, FeatureScaler, extract_features
from tests.methods.pictures import coloured, trunk

SMALL = TrainingSettings(
    arguments={"pathway_units": (8, 8), "shared_units": (8, 8)},
    transforms={"image": {"transform": "FeatureScaler"}, "text": {"transform": "TextVectorizer"}},
    epochs=2,
    batch_size=8,
)
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
    settings = replace(SMALL, epochs=40, learning_rate=2e-2)
    model = train(DATA, "chtn", SOURCE, trunks={"image": network}, settings=settings)
    assert not any(changed(before, values(network)))
    chain = model.preprocessor.transforms["image"]
    assert [type(step) for step in chain.steps] == [Encoder, FeatureScaler]
    assert chain.network is network
    assert model.trunks == {}
    # 12 queries with 2 relevant items of 6: two neighbours that change places cost 1/72, which the
    # rounding of convolutions decides, on a GPU to three digits. At random it would be 0.53.
    assert evaluate(model.for_retrieval(), DATA).map > 1 - 7 / 72


@pytest.mark.parametrize("method", ["cca", "chtn"])
def test_a_frozen_trunk_is_the_same_as_features_made_before(method):
    small = {} if method == "cca" else {"epochs": 1, "pathway_units": (8,), "shared_units": (8,)}
    network = trunk()
    features = extract_features(DATA, network, progress=False)
    before = train(features, method, progress=False, **small)
    whole = train(DATA, method, trunks={"image": network}, progress=False, **small)
    np.testing.assert_array_equal(whole.encode_image(DATA), before.encode_image(features))
    np.testing.assert_array_equal(whole.encode_text(DATA), before.encode_text(DATA))


def test_a_trunk_that_was_trained_can_be_put_in_front():
    settings = replace(SMALL, trunk_rate=0.5)
    model = train(DATA, "chtn", trunks={"image": trunk()}, settings=settings, progress=False)
    front = model.with_frozen_trunks()
    assert list(model.trunks) == ["image"]
    assert front.trunks == {}
    assert isinstance(front.preprocessor.transforms["image"], Encoder)
    np.testing.assert_allclose(front.encode_image(DATA), model.encode_image(DATA), atol=1e-6)


def test_a_trunk_is_trained_at_its_share_of_the_rate():
    moved = {}
    for share in (1.0, 0.01):
        network = trunk(normalize=False)
        before = values(network)
        settings = replace(SMALL, trunk_rate=share)
        model = train(DATA, "chtn", SOURCE, trunks={"image": network}, settings=settings)
        moved[share] = np.abs(values(network)[0] - before[0]).mean()
        assert np.isfinite(model.encode_image(DATA)).all()
    # Adam's steps have the size of the rate.
    assert 50 < moved[1.0] / moved[0.01] < 200


def test_training_from_a_layer_on_leaves_the_ones_before_and_all_normalisation():
    network = trunk()
    convolution = next(x.name for x in network.layers if "conv" in x.name)
    before = {layer.name: values(layer) for layer in network.layers if layer.weights}
    settings = replace(SMALL, trunk_rate=1.0, trained_from=convolution)
    train(DATA, "chtn", SOURCE, trunks={"image": network}, settings=settings)
    for layer in network.layers:
        if layer.weights:
            expected = layer.name == convolution
            assert changed(before[layer.name], values(layer)) == [expected] * len(layer.weights)


def test_features_need_no_trunk_and_follow_the_settings():
    model = train(toy(), "chtn", settings=SMALL)
    assert model.pathway_units == (8, 8)
    assert model.trunks == {}


@pytest.mark.parametrize("method", ["chtn", "mhtn"])
def test_gaps_and_media_without_names_are_seen(method):
    sounds = toy(["audio"], num_classes=2)
    unnamed = replace(sounds.media["audio"], pairs=None)
    data = add_media(toy(), replace(sounds, media={"audio": unnamed}))
    model = train(data, method, settings=SMALL)
    assert model.partial == ("audio",)
    assert sorted(model.media) == ["audio", "image", "text"]


def test_what_settings_say_of_gaps_holds():
    settings = replace(SMALL, arguments=SMALL.arguments | {"partial": ("text",)})
    assert train(toy(), "mhtn", settings=settings).partial == ("text",)


def test_acmr_takes_media_without_names():
    data = toy()
    unnamed = {name: replace(medium, pairs=None) for name, medium in data.media.items()}
    settings = TrainingSettings(
        arguments={"hidden_units": {"image": (8,), "text": (8,)}, "common_dim": 4}, epochs=1
    )
    assert train(replace(data, media=unnamed), "acmr", settings=settings).common_dim == 4


def test_texts_as_word_numbers_have_a_trunk_of_their_own():
    settings = TrainingSettings(
        arguments={"hidden_units": 8, "common_dim": 4, "decoder_units": 4},
        transforms={"text": {"transform": "WordIds", "config": {"length": 3}}},
        text_cnn={"maps": 5, "widths": (2, 3)},
        epochs=1,
    )
    model = train(toy(), "cm_gans", settings=settings)
    trunk = model.trunks["text"]
    assert (trunk.input_shape, trunk.output_shape) == ((None, 3), (None, 10))
    # At the rate of the rest, though trunks of pictures are frozen by default.
    again = train(toy(), "cm_gans", settings=replace(settings, epochs=2)).trunks["text"]
    assert any(changed(values(trunk), values(again)))


def test_averaged_weights_are_what_training_ends_with():
    plain = train(toy(), "chtn", settings=SMALL)
    averaged = train(toy(), "chtn", settings=replace(SMALL, averaging=0.9))
    assert any(changed(values(plain), values(averaged)))


def test_a_run_that_is_finished_is_not_trained_again(tmp_path):
    first = train(toy(), "chtn", settings=SMALL, checkpoint=tmp_path / "run")
    again = train(toy(), "chtn", settings=SMALL, checkpoint=tmp_path / "run")
    assert not any(changed(values(first), values(again)))
    with pytest.raises(ValueError, match="settings it was begun with"):
        train(toy(), "chtn", settings=replace(SMALL, batch_size=9), checkpoint=tmp_path / "run")


def test_the_paper_s_optimizer_and_unknown_ones():
    model = train(toy(), "chtn", settings=replace(SMALL, optimizer="paper"))
    assert model.optimizer.gradient_accumulation_steps == 16
    with pytest.raises(ValueError, match=r"'adamw' and 'paper'\. Received: 'sgd'"):
        train(toy(), "chtn", settings=replace(SMALL, optimizer="sgd"))


def test_changes_are_settings_or_arguments_of_the_class():
    model = train(toy(), "chtn", settings=SMALL, epochs=1, members=2, progress=False)
    assert (model.members, model.pathway_units) == (2, (8, 8))
    with pytest.raises(ValueError, match=r"Settings are \['accumulate', .*Received: \['epoch'\]\."):
        train(toy(), "chtn", epoch=1)
    with pytest.raises(ValueError, match=r"Received: \['epochs'\]\."):
        train(toy(), "cca", epochs=1)


def test_what_a_method_does_not_take_is_told():
    with pytest.raises(ValueError, match=r"Methods are \['acmr', .*Received: 'dcca'\."):
        train(toy(), "dcca")
    with pytest.raises(ValueError, match=r"CCA learns from no source domain\. Received: 'toy'\."):
        train(toy(), "cca", toy(["image"]))
    with pytest.raises(ValueError, match=r"UGACH takes a trunk as it is\. Received: trunk_rate"):
        train(DATA, "ugach", trunks={"image": trunk()}, trunk_rate=0.1)
    with pytest.raises(ValueError, match=r"CCA is not trained in epochs\. Received: callbacks\."):
        train(toy(), "cca", callbacks=[keras.callbacks.Callback()])
    with pytest.raises(ValueError, match=r"CHTN has no pretraining of its own\. Received: .*=3\."):
        train(toy(), "chtn", pretraining=3)
    with pytest.raises(ValueError, match=r"JRL takes rows\. Received: raw items of \['image'\]"):
        train(DATA, "jrl")


def test_a_linear_method_tells_its_validation_map(capsys):
    train(toy(), "cca")
    told = capsys.readouterr().err
    assert re.search(r"cca: text: \d+ words and runs of characters\n", told)
    assert re.search(r"cca: fitted, validation MAP [01]\.\d{3}\n", told)
    train(toy(), "cca", progress=False)
    assert not capsys.readouterr().err


def test_data_without_a_validation_part_are_trained_on_all_the_same(capsys):
    data = toy().with_validation_as_training()
    for method in ("cca", "chtn"):
        changes = {} if method == "cca" else SMALL.arguments | {"epochs": 1}
        assert train(data, method, **changes).media
    assert "validation" not in capsys.readouterr().err


def test_modules_of_a_backend_keep_their_own_train():
    model = train(toy(), "chtn", settings=SMALL, progress=False)
    if keras.config.backend() == "torch":
        assert model.train(False) is model
        assert not model.training
    else:
        with pytest.raises(AttributeError):
            model.train  # noqa: B018


@pytest.mark.parametrize("kind", [Settings, TrainingSettings])
def test_settings_survive_a_file(kind, tmp_path):
    scaled = {"transform": "FeatureScaler", "config": {"norm": "none"}}
    settings = kind("by hand", {"C": {"image": 2.0}}, {"image": scaled})
    settings.write(tmp_path / "mine.json")
    assert kind.read(tmp_path / "mine.json") == settings
    transforms = settings.preprocessor(toy()).transforms
    assert transforms["image"].norm == "none"
    (tmp_path / "other.json").write_text('{"argumets": {}}')
    with pytest.raises(ValueError, match=r"has some of \['a.*Received: \['argumets'\]"):
        kind.read(tmp_path / "other.json")
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"Received: list in"):
        kind.read(tmp_path / "list.json")


def test_a_transform_of_the_settings_goes_with_what_it_takes():
    words = {"text": {"transform": "TextVectorizer", "config": {"max_words": 3}}}
    settings = Settings(transforms={**words, "image": words["text"], "audio": words["text"]})
    transforms = settings.preprocessor(toy()).transforms
    assert transforms["text"].max_words == 3
    assert type(transforms["image"]) is FeatureScaler
    assert set(transforms) == {"image", "text"}
