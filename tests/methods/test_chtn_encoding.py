"""CHTN: readouts, deployment without the source branch, and errors."""

import numpy as np
import pytest

from tests.methods.small import ROWS, batch, outputs, small


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("medium", ["image", "text"])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize(
    ("readout", "of_logits"),
    [
        ("probabilities", softmax),
        ("centred_probabilities", lambda logits: softmax(logits) - 1 / 3),
    ],
)
def test_probabilities_are_the_softmax_of_the_logits(medium, readout, of_logits, temperature):
    model = small(readout=readout, temperature=temperature)
    x, _ = batch(model)
    z = model.encode(x, medium)
    expected = of_logits(outputs(model, x)[medium] / temperature)
    np.testing.assert_allclose(z, expected, atol=1e-6)
    sums = {"probabilities": 1.0, "centred_probabilities": 0.0}[readout]
    np.testing.assert_allclose(z.sum(axis=1), sums, atol=1e-6)


def test_cosines_of_the_agreement_readout_are_the_probability_of_the_same_class():
    settings = {"temperature": 0.5, "members": 2, "partial": ["audio"]}
    settings["media"] = {"image": 5, "text": 4, "audio": 3}
    model = small(readout="agreement", **settings)
    peer = model.copy_with(readout="probabilities")
    rng = np.random.default_rng(0)
    x = {m: rng.normal(size=(ROWS, d)).astype("float32") for m, d in model.media.items()}
    z = {medium: model.encode(x, medium) for medium in x}
    p = {medium: peer.encode(x, medium) for medium in x}
    for one, other in [("image", "text"), ("text", "audio"), ("audio", "image")]:
        assert z[one].shape == (ROWS, 3 + 3)
        np.testing.assert_allclose(np.linalg.norm(z[one], axis=1), 1.0, atol=1e-6)
        np.testing.assert_allclose(z[one][:, :3], p[one], atol=1e-6)
        np.testing.assert_allclose(z[one] @ z[other].T, p[one] @ p[other].T, atol=1e-6)


def test_logits_are_the_output():
    model = small(readout="logits", temperature=3.0)
    x, _ = batch(model)
    np.testing.assert_allclose(model.encode(x, "text"), outputs(model, x)["text"], atol=1e-6)


def test_fc9_is_what_the_classifier_takes():
    model = small(readout="fc9")
    x, _ = batch(model)
    fc9 = model.encode(x, "image")
    assert fc9.shape == (ROWS, model.shared_units[-1])
    kernel, bias = model.classifiers["image"].get_weights()
    np.testing.assert_allclose(fc9 @ kernel + bias, outputs(model, x)["image"], atol=1e-5)


def test_the_encoder_is_made_once():
    model = small()
    assert model.encoder("text") is model.encoder("text")
    assert model.encoder("text") is not small().encoder("text")


def test_encoding_follows_the_weights():
    model = small()
    x, _ = batch(model)
    before = model.encode(x, "text")
    model.shared_layers.set_weights([w + 0.5 for w in model.shared_layers.get_weights()])
    after = model.encode(x, "text")
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, softmax(outputs(model, x)["text"]), atol=1e-6)


@pytest.mark.parametrize("normalized", [None, ["image", "text"], []])
def test_without_source_encodes_alike_and_is_smaller(normalized):
    model = small(input_normalization=normalized, shared_bn=True, name="mine")
    x, _ = batch(model)
    model(x, training=True)
    deployed = model.for_retrieval()
    for medium in model.media:
        np.testing.assert_array_equal(deployed.encode(x, medium), model.encode(x, medium))
    assert deployed.source_classes is None
    assert {**deployed.get_config(), "source_classes": 2} == model.get_config()
    dropped = model.pathways["source"].count_params()
    dropped += model.get_layer("source_classifier").count_params()
    assert deployed.count_params() == model.count_params() - dropped
    assert not any("source" in w.path for w in deployed.weights)


def test_without_source_is_a_copy():
    model = small()
    x, _ = batch(model)
    deployed = model.for_retrieval()
    before = deployed.encode(x, "image")
    model.classifiers["image"].set_weights(
        [w + 1 + np.arange(3) for w in model.classifiers["image"].get_weights()]
    )
    np.testing.assert_array_equal(deployed.encode(x, "image"), before)
    assert np.abs(model.encode(x, "image") - before).max() > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"hub": "audio"},
            r"hub must be one of the media.* Received: hub='audio', media=\{'image'",
        ),
        ({"media": {"image": 2, "source": 3}}, r"no medium may be called 'source'\. Received"),
        ({"num_classes": 1}, r"at least two classes\. Received: num_classes=1"),
        ({"readout": "fc8"}, r"Readouts are .*'fc9'.* Received: readout='fc8'"),
        ({"temperature": 0.0}, r"must be positive\. Received: temperature=0\.0"),
        ({"temperature": -1.0}, r"must be positive\. Received: temperature=-1\.0"),
        ({"mmd_estimator": "mean"}, r"Estimators are .* Received: estimator='mean'"),
        ({"num_kernels": 0}, r"at least one Gaussian\. Received: num_kernels=0"),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        small(**arguments)
