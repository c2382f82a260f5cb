"""Targets in the place of labels: in batches, in the loss, and in a whole training."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_xmr import ACMR, CHTN, MHTN, CorrAE, DeepSM
from keras_xmr.datasets import toy
from keras_xmr.methods.distillation import distilled
from keras_xmr.training.settings import differences, settings_of

SMALL = {"pathway_units": (8,), "seed": 0}
KINDS = [CHTN, MHTN, DeepSM]


def arguments(kind):
    shared = {} if kind is DeepSM else {"shared_units": (8,)}
    further = {"bottleneck_units": 4, "discriminator_units": (4,)} if kind is MHTN else {}
    return SMALL | shared | further


def softened(data, model):
    return distilled(data, model.preprocessor, 0.75)


def weights(model):
    return [np.asarray(weight) for weight in model.get_weights()]


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_targets_is_that_by_hand(kind):
    data = toy()
    model = kind.for_data(data, label_smoothing=0.1, **arguments(kind))
    x, y = model.batches(softened(data, model), batch_size=8, shuffle=False)[0]
    y_pred = model(x)
    terms = model.loss_terms(y, y_pred)
    part = softened(data, model).part("train")
    for name in ("image", "text"):
        logits = keras.ops.convert_to_numpy(y_pred[name]).astype("float64")
        log_posteriors = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        wanted = 0.9 * part.medium(name).targets[:8] + 0.1 / 4
        expected = -(wanted * log_posteriors).sum(axis=1).mean()
        found = float(keras.ops.convert_to_numpy(terms[name]))
        assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_training_with_distillation_is_that_on_targets(kind):
    data = toy()
    given = {name: value for name, value in arguments(kind).items() if name != "seed"}
    settings = replace(kind.defaults, arguments=kind.defaults.arguments | given, epochs=1)
    soft = kind.train(data, settings=settings, distillation=0.75, progress=False)
    same = kind.train(softened(data, soft), settings=settings, progress=False)
    plain = kind.train(data, settings=settings, progress=False)
    for one, other in zip(weights(soft), weights(same), strict=True):
        np.testing.assert_array_equal(one, other)
    changed = zip(weights(plain), weights(soft), strict=True)
    assert not all(np.array_equal(a, b) for a, b in changed)


def test_batches_have_targets_and_nothing_where_a_row_is_missing():
    data = toy()
    text = data.medium("text")
    gaps = replace(data, media=data.media | {"text": text.rows(np.arange(len(text)) % 3 > 0)})
    model = CHTN.for_data(gaps, partial=("text",), **arguments(CHTN))
    soft = softened(gaps, model)
    x, y = model.batches(soft, batch_size=12, shuffle=False)[0]
    images = soft.part("train").medium("image")
    texts = soft.part("train").medium("text")
    np.testing.assert_allclose(y["image"], images.targets[:12], rtol=1e-6)
    assert y["image"].dtype == np.float32
    target_of = dict(zip(texts.pairs, texts.targets, strict=True))
    for name, row, present in zip(images.pairs, y["text"], x["text_present"], strict=False):
        np.testing.assert_allclose(row, target_of.get(name, np.zeros(4)), rtol=1e-6)
        assert present == (name in target_of)


def test_other_targets_are_another_training_for_a_checkpoint():
    data = toy()
    model = CHTN.for_data(data, **arguments(CHTN))
    model.compile("sgd")
    soft = model.batches(softened(data, model), batch_size=8)
    before = settings_of(model, model.batches(data, batch_size=8), {})
    assert set(differences(before, settings_of(model, soft, {}))) == {"batches.streams"}


@pytest.mark.once
def test_networks_that_learn_from_labels_alone_refuse_both():
    data = toy()
    message = r"ACMR learns from labels alone\. Received: distillation=0\.5\."
    with pytest.raises(ValueError, match=message):
        ACMR.train(data, distillation=0.5, epochs=1, progress=False)
    model = ACMR.for_data(data)
    with pytest.raises(ValueError, match=r"ACMR learns from labels alone\. Received: targets of"):
        model.batches(softened(data, model))
    # It does not look at labels.
    alone = CorrAE.for_data(data)
    alone.batches(softened(data, alone))


@pytest.mark.once
def test_raw_items_of_trained_trunks_are_refused():
    changes = {"epochs": 1, "transforms": {"text": {"transform": "WordIds", "config": {}}}}
    with pytest.raises(ValueError, match=r"Distillation takes rows\. Received: raw items of"):
        CHTN.train(toy(), distillation=0.5, progress=False, **changes)
