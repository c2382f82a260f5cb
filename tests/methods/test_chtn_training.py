"""CHTN: it learns, with any media and estimator, and `fit` reports every term."""

import keras
import numpy as np
import pytest

from keras_xmr import CHTN, evaluate
from keras_xmr.datasets import toy
from keras_xmr.losses.mmd import ESTIMATORS
from keras_xmr.transforms import FeatureScaler, Preprocessor, TextVectorizer
from tests.tiny import TINY

DATA, SOURCE = toy(), toy(["image"], num_classes=3, seed=1)
TERMS = {"loss", "cross", "mmd", "source", "image", "text", "image_accuracy", "text_accuracy"}


def make(data=DATA, source=SOURCE, rate=1e-2, **arguments):
    widths = {"pathway_units": (8, 6), "shared_units": (8, 8)}
    # Rows of unit variance: few steps are enough then.
    scaled = Preprocessor(
        {name: TextVectorizer() if name == "text" else FeatureScaler() for name in data.media}
    )
    model = CHTN.for_data(data, source, preprocessor=scaled, seed=0, **{**widths, **arguments})
    model.compile(optimizer=keras.optimizers.Adam(rate))
    return model


@pytest.fixture(scope="module")
def learnt():
    # Wide enough for every backend: MAP is 0.93 to 1; at width 16 some seeds end at 0.8.
    model = make(pathway_units=(32, 32), shared_units=(32, 32))
    before = evaluate(model, DATA).map
    history = model.fit(
        model.batches(DATA, SOURCE, batch_size=20),
        validation_data=model.batches(DATA, SOURCE, split="validation", shuffle=False),
        epochs=50,
        verbose=0,
    )
    return model, before, history.history


def test_learns_to_retrieve(learnt):
    model, before, _ = learnt
    report = evaluate(model, DATA)
    assert before < 0.7
    assert report.map > 0.9
    assert {direction.name for direction in report.directions} == {"image->text", "text->image"}


def test_the_loss_and_its_terms_fall(learnt):
    history = learnt[2]
    for term in ("loss", "cross", "source", "image", "text", "val_loss"):
        assert np.mean(history[term][-5:]) < 0.7 * np.mean(history[term][:2]), term
    assert history["image_accuracy"][-1] > 0.9


def test_history_has_every_term_in_training_and_validation(learnt):
    history = learnt[2]
    assert set(history) == TERMS | {f"val_{term}" for term in TERMS}
    assert all(len(values) == 50 for values in history.values())
    assert np.isfinite(list(history.values())).all()


def test_evaluate_gives_the_weighted_sum_and_changes_nothing(learnt):
    model = learnt[0]
    before = model.get_weights()
    batches = model.batches(DATA, SOURCE, split="validation", shuffle=False)
    logs = model.evaluate(batches, verbose=0, return_dict=True)
    weights = {"mmd": 1.0, "source": 1.0, "cross": 1e-3, "image": 1.0, "text": 1.0}
    assert logs["loss"] == pytest.approx(sum(w * logs[t] for t, w in weights.items()), rel=1e-4)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def trains(model, batches):
    """Whether one epoch gives finite terms and moves every trained matrix."""
    before = [keras.ops.convert_to_numpy(w) for w in model.trainable_weights]
    history = model.fit(batches, epochs=1, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    for weight, old in zip(model.trainable_weights, before, strict=True):
        new = keras.ops.convert_to_numpy(weight)
        assert np.isfinite(new).all(), weight.path
        assert new.ndim == 1 or np.any(new != old), weight.path
    return history


# The contract tests train with the tiny arguments' estimator, and `learnt` with the default one.
TRAINED_ELSEWHERE = {TINY["CHTN"].arguments["mmd_estimator"], "quadratic_unbiased"}


def test_the_default_estimator_is_trained(learnt):
    assert learnt[0].mmd_estimator == "quadratic_unbiased"
    assert len(TRAINED_ELSEWHERE) == 2


@pytest.mark.parametrize("estimator", [e for e in ESTIMATORS if e not in TRAINED_ELSEWHERE])
def test_the_other_estimators_train(estimator):
    model = make(mmd_estimator=estimator)
    assert "mmd" in trains(model, model.batches(DATA, SOURCE, batch_size=40))


def test_three_media_train_and_encode():
    data = toy(("image", "text", "audio"))
    model = make(data)
    history = trains(model, model.batches(data, SOURCE, batch_size=40))
    assert {"image", "text", "audio", "audio_accuracy"} <= set(history)
    assert len(evaluate(model, data).directions) == 6


def test_another_hub_trains_without_a_source_and_with_several_labels():
    data = toy(("sound", "image"), multi_label=True)
    model = make(data, None, hub="sound", label_smoothing=0.1)
    history = trains(model, model.batches(data, batch_size=40))
    assert "mmd" not in history
    assert "source" not in history
    assert set(model.normalizers) == {"image"}


def test_pairing_by_class_exchanges_every_medium_but_the_hub():
    data = toy(("image", "audio"))
    model = make(data, None)
    by_instance, by_class = (
        model.batches(data, pairing=pairing, batch_size=20) for pairing in ("instance", "class")
    )
    (x, y), (mixed, labels) = by_instance[0], by_class[0]
    np.testing.assert_array_equal(mixed["image"], x["image"])
    np.testing.assert_array_equal(labels["audio"], y["image"])
    assert np.any(mixed["audio"] != x["audio"])
    with pytest.raises(ValueError, match=r"is one of .*'class'.* Received: pairing='none'"):
        model.batches(data, pairing="none")
