"""`SemanticMatching`, against scikit-learn's own probabilities."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from keras_xmr import SemanticMatching, evaluate
from keras_xmr.datasets import CrossModalData, toy
from keras_xmr.methods.classifier import PENALTIES, chosen_penalty
from keras_xmr.metrics import mean_average_precision
from keras_xmr.transforms import FeatureScaler, Preprocessor


@pytest.fixture(scope="module")
def data():
    return toy()


@pytest.fixture(scope="module")
def fitted(data):
    return SemanticMatching().fit(data)


def peer_posteriors(baseline, data, medium, C=1.0):
    """What scikit-learn gives for the whole data set, fitted on the training part."""
    train = data.part("train").media[medium]
    rows = baseline.preprocessor(train.items, medium)
    peer = LogisticRegression(C=C, max_iter=1000).fit(rows, train.labels)
    return peer.predict_proba(baseline.preprocessor(data.media[medium].items, medium))


@pytest.mark.parametrize("num_classes", [2, 3, 5])
@pytest.mark.parametrize("medium", ["image", "text"])
def test_the_representation_is_scikit_learns_posterior(num_classes, medium):
    data = toy(num_classes=num_classes)
    baseline = SemanticMatching().fit(data)
    encoded = baseline.encode(data, medium)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded, peer_posteriors(baseline, data, medium), atol=2e-6)
    np.testing.assert_allclose(encoded.sum(axis=1), 1, atol=1e-5)


def test_every_medium_may_have_its_own_penalty(data):
    baseline = SemanticMatching(C={"image": 0.01, "text": 100.0}).fit(data)
    for medium, C in baseline.C.items():
        expected = peer_posteriors(baseline, data, medium, C)
        np.testing.assert_allclose(baseline.encode(data, medium), expected, atol=2e-5)
    assert not np.allclose(baseline.encode_image(data), peer_posteriors(baseline, data, "image"))


def test_a_medium_without_penalty_is_refused(data):
    message = (
        r"C must be one value, or have one for each medium\. "
        r"Received: C={'image': 1\.0}, without 'text'\."
    )
    with pytest.raises(ValueError, match=message):
        SemanticMatching(C={"image": 1.0}).fit(data)


def test_only_the_chosen_part_is_learned_from(data):
    text = data.media["text"]
    labels = np.where(text.split == "train", text.labels, 3 - text.labels)
    changed = replace(data, media={m: replace(x, labels=labels) for m, x in data.media.items()})
    same, other = (SemanticMatching().fit(changed, split=s) for s in ("train", "validation"))
    fitted = SemanticMatching().fit(data).encode_image(data)
    np.testing.assert_array_equal(same.encode_image(data), fitted)
    assert not np.allclose(other.encode_image(data), fitted)


def test_items_of_several_classes_count_as_one_item_of_each_in_equal_shares():
    data = toy(multi_label=True)
    baseline = SemanticMatching().fit(data)
    train = data.part("train").media["image"]
    rows, targets, shares = [], [], []
    for row, hot in zip(baseline.preprocessor(train.items, "image"), train.labels, strict=True):
        for label in np.flatnonzero(hot):
            rows.append(row)
            targets.append(label)
            shares.append(1 / hot.sum())
    assert max(shares) == 1
    assert min(shares) == 0.5
    peer = LogisticRegression(C=1.0, max_iter=1000).fit(rows, targets, sample_weight=shares)
    expected = peer.predict_proba(baseline.preprocessor(data.media["image"].items, "image"))
    np.testing.assert_allclose(baseline.encode_image(data), expected, atol=2e-6)


@pytest.mark.parametrize("known", [[0, 1, 3], [0, 3]])
def test_a_class_that_training_lacks_has_probability_zero(known, data):
    def keep(medium):
        return medium.rows((medium.split != "train") | np.isin(medium.labels, known))

    without = replace(data, media={name: keep(m) for name, m in data.media.items()})
    baseline = SemanticMatching().fit(without)
    encoded = baseline.encode_image(without)
    assert encoded.shape[1] == 4
    missing = sorted(set(range(4)) - set(known))
    assert (encoded[:, missing] == 0).all()
    expected = peer_posteriors(baseline, without, "image")
    np.testing.assert_allclose(encoded[:, known], expected, atol=2e-6)


def test_the_centred_readout_is_the_posterior_less_its_mean(data, fitted):
    centred = SemanticMatching(readout="centred_probabilities").fit(data)
    np.testing.assert_allclose(
        centred.encode_text(data), fitted.encode_text(data) - 0.25, atol=1e-6
    )


def test_cosines_of_the_agreement_readout_are_the_probability_of_the_same_class(data, fitted):
    baseline = SemanticMatching(readout="agreement").fit(data)
    images, texts = baseline.encode_image(data), baseline.encode_text(data)
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1.0, atol=1e-6)
    expected = fitted.encode_image(data) @ fitted.encode_text(data).T
    np.testing.assert_allclose(images @ texts.T, expected, atol=1e-6)


def test_three_media_unpaired_and_of_different_sizes_meet_in_one_space():
    data = toy(("image", "text", "audio"))
    rng = np.random.default_rng(0)
    media = {
        name: replace(medium.rows(rng.permutation(80)[:size]), pairs=None)
        for (name, medium), size in zip(data.media.items(), (80, 70, 60), strict=True)
    }
    unpaired = CrossModalData("unpaired", media, data.class_names)
    baseline = SemanticMatching().fit(unpaired)
    assert baseline.media == ["image", "text", "audio"]
    report = evaluate(baseline, unpaired)
    assert len(report.directions) == 6
    assert report.map > 0.8


def test_data_raw_items_and_ready_arrays_encode_alike(data, fitted):
    whole = fitted.encode_text(data)
    raw = fitted.encode_text(data.media["text"].items)
    ready = fitted.encode_text(fitted.preprocess(data))
    np.testing.assert_array_equal(raw, whole)
    np.testing.assert_array_equal(ready, whole)
    assert set(fitted.preprocess(data)) == {"image", "text"}
    assert fitted.encode_text([]).shape == (0, 4)


def test_a_given_preprocessor_is_fitted_and_used(data):
    given = Preprocessor.for_data(data, image=FeatureScaler(norm="none", square_root=False))
    baseline = SemanticMatching(preprocessor=given).fit(data)
    assert baseline.preprocessor is given
    train = data.part("train").media["image"].items
    np.testing.assert_allclose(given.transforms["image"].mean, train.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    "use",
    [
        lambda baseline, data: baseline.encode_image(data),
        lambda baseline, data: baseline.preprocess(data),
        lambda baseline, data: baseline.save_to_preset("never written"),
    ],
)
@pytest.mark.parametrize("with_preprocessor", [True, False])
def test_an_unfitted_baseline_is_refused(use, with_preprocessor, data):
    preprocessor = Preprocessor.for_data(data).fit(data) if with_preprocessor else None
    message = r"SemanticMatching must be fitted before it is used\. Call fit\(\)\."
    with pytest.raises(RuntimeError, match=message):
        use(SemanticMatching(preprocessor=preprocessor), data)


def test_an_unknown_medium_is_refused(data, fitted):
    message = r"This model has the media \['image', 'text'\]\. Received: media='audio'\."
    with pytest.raises(KeyError, match=message):
        fitted.encode(data, "audio")


def test_a_low_temperature_makes_posteriors_certain(data, fitted):
    certain = SemanticMatching(temperature=0.5).fit(data).encode_text(data)
    squares = fitted.encode_text(data) ** 2  # Half the temperature: twice the logits.
    np.testing.assert_allclose(certain, squares / squares.sum(axis=1, keepdims=True), atol=1e-6)


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"must be positive\. Received: temperature=0"):
        SemanticMatching(temperature=0)


def test_an_unknown_readout_is_refused():
    message = r"Readouts are \('probabilities', .*'agreement'\)\. Received: readout='x'"
    with pytest.raises(ValueError, match=message):
        SemanticMatching(readout="x")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"C": {"text": 2.0, "image": 3.0, "audio": 0.5}},
        {"readout": "agreement", "temperature": 0.5},
    ],
)
def test_a_preset_brings_the_baseline_back(arguments, tmp_path):
    data = toy(("text", "image", "audio"), multi_label=True)
    baseline = SemanticMatching(**arguments).fit(data)
    back = SemanticMatching.from_preset(baseline.save_to_preset(tmp_path / "preset"))
    assert back.media == baseline.media
    assert back.get_config() == baseline.get_config()
    for medium in data.media:
        np.testing.assert_allclose(
            back.encode(data, medium), baseline.encode(data, medium), atol=5e-3
        )
        for kernel, saved in zip(baseline.weights[medium], back.weights[medium], strict=True):
            assert saved.dtype == np.float32
            np.testing.assert_allclose(saved, kernel, rtol=2**-10, atol=1e-7)


def test_a_class_without_items_survives_the_preset(data, tmp_path):
    text = data.media["text"]
    two = replace(data, media={"text": text.rows(np.isin(text.labels, [1, 2]))})
    baseline = SemanticMatching().fit(two)
    back = SemanticMatching.from_preset(baseline.save_to_preset(tmp_path / "preset"))
    assert (back.encode_text(data)[:, [0, 3]] == 0).all()
    np.testing.assert_array_equal(back.weights["text"][1], baseline.weights["text"][1])


def test_rankings_are_by_cosine():
    assert SemanticMatching().metric == "cosine"


def test_the_choice_is_that_by_hand():
    data = toy()
    baseline = SemanticMatching(C=None).fit(data)
    part = data.part("train").medium("text")
    rows, found = baseline.preprocessor(part.items, "text"), {}
    fold = np.zeros(len(rows), int)
    fold[np.argsort(part.labels, kind="stable")] = np.arange(len(rows)) % 3
    for C in PENALTIES:
        maps = []
        for number in range(3):
            held = fold == number
            model = LogisticRegression(C=C, max_iter=1000, tol=1e-3)
            posteriors = model.fit(rows[~held], part.labels[~held]).predict_proba(rows[held])
            centred = posteriors - 0.25
            own = part.labels[held]
            maps.append(mean_average_precision(centred, centred, own, own))
        found[C] = np.mean(maps)
    shares = np.eye(4)[part.labels]
    chosen = chosen_penalty(rows, shares)
    assert found[chosen] == pytest.approx(max(found.values()))
    same = SemanticMatching({"image": 1.0, "text": chosen}, preprocessor=baseline.preprocessor)
    np.testing.assert_array_equal(same.fit(data).weights["text"][0], baseline.weights["text"][0])


def test_a_class_of_one_item_and_very_few_rows_do_no_harm():
    rows = np.eye(4, dtype="float32")
    assert chosen_penalty(rows[:3], np.eye(3)) == 1.0
    assert chosen_penalty(rows, np.eye(2)[[0, 0, 0, 1]]) == 1.0
    assert chosen_penalty(rows, np.eye(2)[[0, 1, 0, 1]]) in PENALTIES
