"""CMDN: each stage's part against NumPy, the chain of codes, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest

from keras_xmr import CMDN, evaluate
from tests.methods.planted_pairs import planted
from tests.methods.small_stacks import (
    MEDIA,
    SMALL,
    batch,
    climbed,
    dense,
    hidden,
    learned,
    numpy,
    small,
    squared,
    terms,
)
from tests.methods.test_multimodal_dbn import STEPS, inferred

EPSILON = 1e-5
BATCH, LABELS = batch()


@pytest.fixture(scope="module")
def model():
    made = small(CMDN, mean_field_steps=STEPS)
    rng = np.random.default_rng(2)
    for layer in made.layers:
        if "normalization" in layer.name:
            mean, variance = layer.get_weights()
            layer.set_weights([rng.normal(size=mean.shape), rng.uniform(0.5, 2, variance.shape)])
    return made


def same(x):
    return x


def relu(x):
    return np.maximum(x, 0)


def normalised(model, name, rows):
    mean, variance = (numpy(w) for w in model.get_layer(name).weights)
    return (rows - mean) / np.sqrt(variance + EPSILON)


def separate(model, medium):
    """Code of the autoencoder of a medium, and what it is decoded to."""
    code = dense(model, f"{medium}_encoder_1", BATCH[medium], relu)
    code = dense(model, f"{medium}_encoder_2", code)
    again = dense(model, f"{medium}_decoder_1", code, relu)
    return code, dense(model, f"{medium}_decoder_2", again, same)


def beside(model, medium):
    joint, _ = inferred(model, climbed(model, BATCH), medium)
    return np.concatenate([separate(model, medium)[0], joint], axis=1)


def kept(model, medium):
    """The last hidden layer of a classifier, in inference."""
    rows = hidden(model, f"{medium}_fused_rbm", beside(model, medium))
    rows = normalised(model, f"{medium}_fused_normalization", rows)
    for number in (1, 2):
        rows = dense(model, f"{medium}_hidden_{number}", rows, relu)
    return rows


def codes_of(model, number, rows):
    """Codes of all media and of each, of a bimodal autoencoder."""
    parts = [list(rows.values())]
    parts += [[part * (m == known) for m, part in rows.items()] for known in rows]
    return [dense(model, f"joint_{number}_code", np.concatenate(p, axis=1)) for p in parts]


def cross_entropy(logits):
    logits = logits - logits.max(axis=1, keepdims=True)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -np.mean(np.sum(LABELS["image"] * logs, axis=1))


def terms_of(model, name):
    """Terms of a stage, in inference."""
    found = model.stage_terms(name, LABELS, model(BATCH))
    return {term: float(numpy(value)) for term, value in found.items()}


def test_autoencoders_have_the_squared_error_of_their_medium(model):
    wanted = {m: squared(separate(model, m)[1], BATCH[m]) for m in MEDIA}
    assert terms_of(model, "separate") == pytest.approx(wanted, rel=1e-4)


def test_fused_machines_see_the_code_and_what_is_inferred_from_the_medium_alone(model):
    outputs = model(BATCH)
    for medium in MEDIA:
        rows = numpy(outputs[f"{medium}_beside"])
        np.testing.assert_allclose(rows, beside(model, medium), rtol=1e-4, atol=1e-6)
    assert set(terms_of(model, "fused")) == {"image_fused", "text_fused"}


def test_classifiers_have_the_cross_entropy_of_the_labels(model):
    wanted = {
        f"{m}_labels": cross_entropy(dense(model, f"{m}_classifier", kept(model, m), same))
        for m in MEDIA
    }
    assert terms_of(model, "labels") == pytest.approx(wanted, rel=1e-4)


def test_bimodal_autoencoders_follow_one_another(model):
    rows = {m: kept(model, m) for m in MEDIA}
    for number in (1, 2):
        codes = codes_of(model, number, rows)
        wanted = {
            m: np.mean(
                [
                    squared(dense(model, f"joint_{number}_{m}_decoder", c, same), rows[m])
                    for c in codes
                ]
            )
            for m in MEDIA
        }
        logits = [dense(model, f"joint_{number}_classifier", code, same) for code in codes]
        wanted["code_labels"] = np.mean([cross_entropy(of_code) for of_code in logits])
        assert terms_of(model, f"code_{number}") == pytest.approx(wanted, rel=1e-4)
        rows = dict(zip(MEDIA, codes[1:], strict=True))
    for medium in MEDIA:
        wanted = normalised(model, f"{medium}_normalization", rows[medium])
        np.testing.assert_allclose(model.encode(BATCH, medium), wanted, rtol=1e-3, atol=1e-5)


def test_labels_have_their_weight():
    model = CMDN(MEDIA, 3, label_weight=0.25, **SMALL[CMDN])
    found = terms(model)
    total = float(numpy(model.compute_loss(BATCH, LABELS, model(BATCH, training=True))))
    assert set(found) == {"image", "text", "code_labels"}
    wanted = found["image"] + found["text"] + 0.25 * found["code_labels"]
    assert total == pytest.approx(wanted, rel=1e-5)


def test_wrong_arguments_are_errors():
    with pytest.raises(ValueError, match=r"at least two classes\. Received: num_classes=1"):
        CMDN(MEDIA, 1)
    with pytest.raises(ValueError, match=r"at least one layer\. Received: .*, \(\)\)"):
        CMDN(MEDIA, 3, **{**SMALL[CMDN], "code_units": ()})


def test_classes_are_learned_though_training_lacks_one():
    data = planted(missing=3, constant=True)
    sizes = dict.fromkeys(("separate_units", "classifier_units", "code_units"), (16,))
    sizes |= {"fused_units": 16, "joint_units": 16}
    model = learned(CMDN, data, mean_field_steps=2, pretraining_epochs=20, **sizes)
    known = {name: medium.rows(medium.labels != 3) for name, medium in data.media.items()}
    assert evaluate(model, replace(data, media=known)).map > 0.9
    assert np.isfinite(model.encode(data, "image")).all()


def test_three_media_have_one_space():
    media = {"image": 5, "text": 4, "audio": 3}
    model = small(CMDN, media)
    x, _ = batch(media)
    assert {model.encode(x, medium).shape for medium in media} == {(6, 4)}
    assert set(terms(model)) == {*media, "code_labels"}
