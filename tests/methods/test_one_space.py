"""Zero-shot retrieval and the linear adapter, against what scikit-learn and NumPy compute."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import keras_xmr
from keras_xmr import LinearAdapter, SemanticMatching, ZeroShot, evaluate, train, tune
from keras_xmr.datasets import toy
from keras_xmr.methods.catalogue import method_class
from keras_xmr.methods.one_space import may_share_a_space
from keras_xmr.transforms import FeatureScaler, Preprocessor
from tests.methods.planted import clip_like

DATA = clip_like(train=12, test=6, classes=6)


def raw(medium, part="test"):
    return DATA.part(part).media[medium].items


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_zero_shot_is_the_rows_at_unit_length():
    model = train(DATA, "zero_shot", progress=False)
    for medium in DATA.media:
        found = model.encode(DATA.part("test"), medium)
        np.testing.assert_allclose(found, unit(raw(medium)), rtol=1e-5)
    assert evaluate(model, DATA).map == evaluate(ZeroShot().fit(DATA), DATA).map


def test_zero_shot_of_a_row_of_zeros_is_zeros():
    rows = np.concatenate([raw("image")[:1], np.zeros((1, 64), "float32")])
    with pytest.warns(keras_xmr.BlankItemsWarning):
        found = ZeroShot().fit(DATA).encode_image(rows)
    assert not found[1].any()


@pytest.mark.parametrize("readout", ["probabilities", "centred_probabilities", "agreement"])
def test_the_adapter_is_one_logistic_regression_of_all_rows(readout):
    """An independent way: the rows of all media as one medium, by scikit-learn."""
    from sklearn.linear_model import LogisticRegression

    part = DATA.part("train")
    means = {m: unit(raw(m, "train")).mean(axis=0) for m in part.media}
    rows = np.concatenate([unit(raw(m, "train")) - means[m] for m in part.media])
    labels = np.concatenate([medium.labels for medium in part.media.values()])
    scale = np.sqrt(np.square(rows).sum() / len(rows))
    peer = LogisticRegression(C=0.5, max_iter=1000).fit(rows / scale, labels)
    model = LinearAdapter(C=0.5, readout=readout).fit(DATA)
    for medium in DATA.media:
        wanted = peer.predict_proba((unit(raw(medium)) - means[medium]) / scale)
        found = model.encode(DATA.part("test"), medium)
        if readout == "centred_probabilities":
            wanted -= 1 / 6
        np.testing.assert_allclose(found[:, :6], wanted, atol=2e-3)
        if readout == "agreement":
            np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("readout", ["probabilities", "agreement"])
def test_its_cosine_is_the_mean_of_both_similarities(readout):
    learnt = LinearAdapter(C=0.5, readout=readout).fit(DATA)
    mixed = LinearAdapter(C=0.5, readout=readout, zero_shot_weight=0.3).fit(DATA)

    def similarity(model):
        image, text = (model.encode(DATA.part("test"), m) for m in ("image", "text"))
        return unit(image) @ unit(text).T

    wanted = 0.7 * similarity(learnt) + 0.3 * similarity(ZeroShot().fit(DATA))
    np.testing.assert_allclose(similarity(mixed), wanted, atol=1e-5)


def test_the_length_of_the_rows_does_not_matter():
    media = {m: replace(x, items=x.items * 7) for m, x in DATA.media.items()}
    once = LinearAdapter().fit(DATA).encode_text(DATA)
    longer = replace(DATA, media=media)
    np.testing.assert_allclose(LinearAdapter().fit(longer).encode_text(longer), once, atol=1e-4)


def test_each_medium_teaches_the_other():
    """Texts of a class that no training text has are found by what its pictures teach."""
    text = DATA.media["text"]
    kept = text.rows((text.split != "train") | (text.labels != 0))
    without = replace(DATA, media={**DATA.media, "text": kept})
    tests = without.part("test")
    of_class = tests.media["text"].labels == 0

    def right(method):
        return (method.fit(without).encode_text(tests)[of_class].argmax(axis=1) == 0).mean()

    assert right(LinearAdapter()) > 0.8
    assert right(SemanticMatching()) == 0


@pytest.mark.parametrize("name", ["zero_shot", "linear_adapter"])
def test_rows_of_other_widths_are_refused_with_what_to_do(name):
    kind = method_class(name)
    message = rf"{kind.__name__} takes media .* widths {{'image': 12, 'text': \d+}}\. Give every"
    with pytest.raises(ValueError, match=message):
        train(toy(), name, progress=False)


@pytest.mark.parametrize("weight", [-0.1, 1.0])
def test_the_weight_is_in_its_range(weight):
    with pytest.raises(ValueError, match=rf"below 1\. Received: zero_shot_weight={weight}"):
        LinearAdapter(zero_shot_weight=weight)


def test_feature_rows_stay_as_they_are_unless_a_preprocessor_is_given():
    for name in ("zero_shot", "linear_adapter"):
        transforms = train(DATA, name, progress=False).preprocessor.transforms
        for transform in transforms.values():
            assert not any(transform.get_config()[name] for name in ("square_root", "standardize"))
            assert transform.norm == "none"
    given = Preprocessor.for_data(DATA, image=FeatureScaler())
    assert ZeroShot(given).fit(DATA).preprocessor is given


def test_which_data_may_share_a_space():
    assert may_share_a_space(DATA)
    assert not may_share_a_space(toy())
    narrower = replace(DATA.media["text"], items=DATA.media["text"].items[:, :9])
    assert not may_share_a_space(replace(DATA, media={**DATA.media, "text": narrower}))


def test_where_nothing_is_to_be_tuned_one_trial_is_made(tmp_path):
    pytest.importorskip("optuna")
    tune(DATA, "zero_shot", budget=5, folder=tmp_path, progress=False)
    with (tmp_path / "trials.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 1


def test_tuning_leaves_the_rows_of_one_space_as_they_are():
    pytest.importorskip("optuna")
    settings = tune(DATA, "linear_adapter", budget=3, progress=False)
    assert json.dumps(settings.transforms).count('"square_root": false') == 2


@pytest.mark.parametrize("gap", [0.0, 1.5])
def test_two_hundred_labelled_pairs_beat_zero_shot(gap):
    data = clip_like(gap=gap)
    assert len(data.part("train").media["image"]) == 200
    zero = evaluate(train(data, "zero_shot", progress=False), data).map
    adapted = evaluate(train(data, "linear_adapter", progress=False), data).map
    assert 0.2 < zero < 0.9
    assert adapted > zero + 0.1
