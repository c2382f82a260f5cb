"""Distillation across media, against scikit-learn and by its properties."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import gmean
from sklearn.linear_model import LogisticRegression

from keras_xmr import CFA, JRL, LinearAdapter, SemanticMatching
from keras_xmr.datasets import CrossModalData, MediumItems, add_media, toy
from keras_xmr.datasets.folds import fold_of
from keras_xmr.datasets.redrawn import bootstrapped
from keras_xmr.methods.classifier import chosen_penalty, classifier_of
from keras_xmr.methods.distillation import calibrated, distilled, with_soft_targets
from keras_xmr.methods.one_space import unit_rows
from keras_xmr.transforms import Preprocessor

CLASSES = 3


def vague(media=("image", "sound"), n=60, classes=CLASSES, noise=1.5, labels=None):
    """Paired media of overlapping classes; every item is for training but the last few."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % classes if labels is None else labels
    ids = np.array([f"item{row}" for row in range(n)])
    split = np.where(np.arange(n) < n - 6, "train", "test")
    of_class = np.arange(n) % classes
    return CrossModalData(
        "vague",
        {
            name: MediumItems(
                np.eye(classes, 5)[of_class] + noise * rng.normal(size=(n, 5)),
                labels,
                np.char.add(name, ids),
                split,
                pairs=ids,
            )
            for name in media
        },
        tuple("abcdef"[:classes]),
    )


def rows_of(part):
    return {name: medium.items for name, medium in part.media.items()}


def peer_posteriors(rows, labels, fold, C):
    """Held-out posteriors by scikit-learn, at the temperature by which they are most likely."""
    found = np.zeros((len(rows), labels.max() + 1))
    for number in set(fold):
        held = fold == number
        peer = LogisticRegression(C=C, max_iter=1000).fit(rows[~held], labels[~held])
        found[held] = peer.predict_proba(rows[held])

    def tempered(factor):
        powers = found ** np.exp(factor)
        return powers / powers.sum(axis=1, keepdims=True)

    def loss(factor):
        return -np.log(tempered(factor)[np.arange(len(rows)), labels]).sum()

    return tempered(minimize(loss, 0.0, method="Nelder-Mead").x)


@pytest.mark.parametrize("classes", [2, 3])
def test_targets_and_classifiers_are_those_by_scikit_learn(classes):
    part = vague(classes=classes).part("train")
    penalties = {"image": 2.0, "sound": 0.5}
    labels = part.medium("image").labels
    fold = np.array([fold_of(part, 5)[name] for name in part.medium("image").pairs])
    posteriors = [
        peer_posteriors(medium.items, medium.labels, fold, penalties[name])
        for name, medium in part.media.items()
    ]
    mean = gmean(posteriors, axis=0)
    expected = 0.25 * np.eye(classes)[labels] + 0.75 * mean / mean.sum(axis=1, keepdims=True)
    rows = rows_of(part)
    found = with_soft_targets(part, rows, 0.75, penalties=penalties)
    for medium in found.media.values():
        np.testing.assert_allclose(medium.targets, expected, atol=1e-4)

    model = SemanticMatching(penalties, distillation=0.75)
    weights = model._fit(rows, part)
    item, label = np.nonzero(np.ones_like(expected))
    for name, own in rows.items():
        peer = LogisticRegression(C=penalties[name], max_iter=5000, tol=1e-8)
        peer.fit(own[item], label, sample_weight=expected.ravel())
        model._set_weights(weights)
        np.testing.assert_allclose(model._map(own, name), peer.predict_proba(own), atol=1e-4)


def test_rows_of_an_instance_are_never_in_two_folds(monkeypatch):
    part = vague().part("train")
    sets = []

    def seen(rows, media, *rest):
        sets.append(set(media[0].pairs))
        return np.zeros((rows.shape[1], CLASSES)), np.zeros(CLASSES)

    monkeypatch.setattr("keras_xmr.methods.distillation.classifier_of", seen)
    with_soft_targets(part, rows_of(part), 0.5, folds=4)
    images, sounds = sets[:4], sets[4:]
    assert images == sounds
    everything = set(part.medium("image").pairs)
    held = [everything - learnt for learnt in images]
    assert set().union(*held) == everything
    assert sum(map(len, held)) == len(everything)


@pytest.mark.parametrize("share", [0.3, 1.0])
@pytest.mark.parametrize("multi_label", [False, True])
def test_targets_are_distributions_of_the_training_part_alone(share, multi_label):
    data = toy(["image", "text", "audio"], multi_label=multi_label)
    preprocessor = Preprocessor.for_data(data).fit(data.part("train"))
    found = distilled(data, preprocessor, share)
    for name, medium in found.media.items():
        np.testing.assert_allclose(medium.targets.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_array_equal(medium.labels, data.medium(name).labels)
        labels = medium.labels if multi_label else np.eye(4)[medium.labels]
        shared = labels / labels.sum(axis=1, keepdims=True)
        elsewhere = medium.split != "train"
        np.testing.assert_array_equal(medium.targets[elsewhere], shared[elsewhere])
        assert (medium.targets[~elsewhere] != shared[~elsewhere]).any(axis=1).all()
    again = distilled(data, preprocessor, share)
    np.testing.assert_array_equal(again.medium("text").targets, found.medium("text").targets)
    assert found.split_hash() == data.split_hash()


def test_without_a_share_targets_are_labels():
    part = vague().part("train")
    found = with_soft_targets(part, rows_of(part), 0.0).medium("image")
    np.testing.assert_array_equal(found.targets, np.eye(CLASSES)[found.labels])


def test_an_item_without_a_partner_has_the_posterior_of_its_own_medium():
    part = vague().part("train")
    rest = {**part.media, "sound": part.medium("sound").rows(np.arange(9, 54))}
    gaps = replace(part, media=rest)
    found = with_soft_targets(gaps, rows_of(gaps), 1.0).medium("image").targets
    # No medium has a partner here; the folds are those of the same names.
    alone = replace(part, media={"image": part.medium("image")})
    expected = with_soft_targets(alone, rows_of(alone), 1.0).medium("image").targets
    np.testing.assert_allclose(found[:9], expected[:9], atol=1e-12)
    assert not np.allclose(found[9:], expected[9:], atol=1e-3)


def test_media_without_pairs_do_not_teach_each_other():
    part = vague().part("train")
    # Names that are equal by chance, too.
    ids = part.medium("image").ids
    media = {name: replace(m, pairs=None, ids=ids) for name, m in part.media.items()}
    unpaired = replace(part, media=media)
    both = with_soft_targets(unpaired, rows_of(unpaired), 1.0)
    for name, medium in unpaired.media.items():
        alone = replace(unpaired, media={name: medium})
        expected = with_soft_targets(alone, rows_of(alone), 1.0)
        found = both.medium(name).targets
        np.testing.assert_allclose(found, expected.medium(name).targets, atol=1e-12)


def test_several_items_of_an_instance_have_one_target():
    part = vague().part("train")
    sounds = part.medium("sound")
    sounds = replace(sounds, pairs=part.medium("image").pairs[np.arange(54) // 2 * 2])
    labels = sounds.labels[np.arange(54) // 2 * 2]
    twice = replace(part, media={**part.media, "sound": replace(sounds, labels=labels)})
    found = with_soft_targets(twice, rows_of(twice), 1.0)
    of_sounds, of_images = found.medium("sound").targets, found.medium("image").targets
    np.testing.assert_allclose(of_sounds[::2], of_sounds[1::2], atol=1e-12)
    np.testing.assert_allclose(of_sounds[::2], of_images[::2], atol=1e-12)


def test_a_class_that_no_fold_knows_but_its_own_stays_the_label():
    labels = np.arange(60) % 2
    labels[7] = 2
    part = vague(classes=3, labels=labels).part("train")
    found = with_soft_targets(part, rows_of(part), 0.75).medium("image").targets
    assert found[7, 2] == 0.25
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_where_media_agree_on_nothing_the_label_stays(monkeypatch):
    part = vague(classes=2).part("train")
    biases = iter([np.array([0.0, -np.inf])] * 5 + [np.array([-np.inf, 0.0])] * 5)

    def sure(rows, *rest):
        return np.zeros((rows.shape[1], 2)), next(biases)

    monkeypatch.setattr("keras_xmr.methods.distillation.classifier_of", sure)
    found = with_soft_targets(part, rows_of(part), 0.75).medium("image")
    np.testing.assert_array_equal(found.targets, np.eye(2)[found.labels])


def test_sure_posteriors_are_calibrated_to_how_often_they_are_right():
    logs = np.log([[0.99, 0.01]] * 10)
    shares = np.eye(2)[[0] * 8 + [1] * 2]
    np.testing.assert_allclose(np.exp(calibrated(logs, shares)), [[0.8, 0.2]] * 10, atol=1e-4)


def test_semantic_matching_without_distillation_is_what_it_was():
    data = vague()
    plain, zero = SemanticMatching().fit(data), SemanticMatching(distillation=0.0).fit(data)
    soft = SemanticMatching(distillation=0.75).fit(data)
    np.testing.assert_array_equal(plain.weights["image"][0], zero.weights["image"][0])
    assert not np.allclose(plain.weights["image"][0], soft.weights["image"][0], atol=1e-2)


def centred_rows(model, part):
    rows = {name: unit_rows(own) for name, own in model.preprocess(part).items()}
    centred = {name: own - own.mean(axis=0) for name, own in rows.items()}
    scale = np.sqrt(np.mean([np.square(own).sum(axis=1) for own in centred.values()]))
    return {name: own / scale for name, own in centred.items()}


@pytest.mark.parametrize("kind", [SemanticMatching, LinearAdapter])
def test_a_method_with_targets_learns_what_its_own_distillation_would(kind):
    data = vague()
    part = data.part("train")
    own, plain = kind(C=2.0, distillation=0.75).fit(data), kind(C=2.0).fit(data)
    rows = own.preprocess(part) if kind is SemanticMatching else centred_rows(own, part)
    given = with_soft_targets(part, rows, 0.75, penalties={"image": 2.0, "sound": 2.0})
    found = own.encode(data, "image")
    np.testing.assert_allclose(kind(C=2.0).fit(given).encode(data, "image"), found, atol=1e-5)
    assert not np.allclose(plain.encode(data, "image"), found, atol=1e-2)


def test_a_chosen_penalty_is_weaker_for_soft_targets_and_a_given_one_is_kept():
    data = vague()
    part = data.part("train")
    rows = SemanticMatching().fit(data).preprocess(part)
    chosen = {
        name: chosen_penalty(own, np.eye(3)[part.medium(name).labels]) for name, own in rows.items()
    }
    soft = with_soft_targets(part, rows, 0.5, penalties=chosen)
    for given, factor in ((None, 3.0), (chosen, 1.0)):
        found = SemanticMatching(given, distillation=0.5).fit(data)
        for name, own in rows.items():
            expected = classifier_of(own, [soft.medium(name)], 3, factor * chosen[name])
            np.testing.assert_array_equal(found.weights[name][0], expected[0])


def test_a_preset_of_a_distilled_method_comes_back(tmp_path):
    model = SemanticMatching(distillation=0.75).fit(toy())
    back = SemanticMatching.from_preset(model.save_to_preset(tmp_path / "preset"))
    assert back.get_config() == model.get_config()
    np.testing.assert_allclose(back.encode_text(toy()), model.encode_text(toy()), atol=5e-3)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_what_is_no_share_is_refused(share):
    message = rf"Distillation is a share from 0 to 1\. Received: distillation={share}\."
    with pytest.raises(ValueError, match=message):
        SemanticMatching(distillation=share)
    part = vague().part("train")
    with pytest.raises(ValueError, match=message):
        with_soft_targets(part, rows_of(part), share)


def test_too_few_items_are_refused():
    part = vague().part("train")
    few = replace(part, media={**part.media, "sound": part.medium("sound").rows(np.arange(1))})
    with pytest.raises(ValueError, match=r"Received: a medium with 1 items, all in one fold\."):
        with_soft_targets(few, rows_of(few), 0.5)


def test_methods_that_learn_from_labels_alone_refuse_targets():
    data = vague()
    part = data.part("train")
    soft = with_soft_targets(part, rows_of(part), 0.5)
    message = (
        r"JRL learns from labels alone\. Received: targets of \['image', 'sound'\] in 'vague'\."
    )
    with pytest.raises(ValueError, match=message):
        JRL().fit(soft)
    CFA(n_components=2).fit(soft)  # It does not look at labels.
    with pytest.raises(ValueError, match=r"Received: \['distillation'\]\."):
        JRL.train(data, distillation=0.5, progress=False)


def test_targets_go_with_their_items():
    part = vague().part("train")
    soft = with_soft_targets(part, rows_of(part), 0.5)
    targets = dict(zip(soft.medium("image").ids, soft.medium("image").targets, strict=True))
    again = bootstrapped(soft, 0).medium("image")
    for name, target in zip(again.ids, again.targets, strict=True):
        np.testing.assert_array_equal(target, targets[name.split("~")[0]])
    other = CrossModalData("other", {"video": soft.medium("image")}, ("x", "y", "z"))
    added = add_media(vague(), other, renamed={"x": "b", "y": "a", "z": "a"}).medium("video")
    expected = soft.medium("image").targets @ [[0, 1, 0], [1, 0, 0], [1, 0, 0]]
    np.testing.assert_allclose(added.targets, expected)
