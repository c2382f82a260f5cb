"""MHTN's adversary: who learns what, and that it mixes the media."""

import keras
import numpy as np
import pytest

from tests.methods.small import ROWS, batch, gradients, outputs, reached
from tests.methods.test_mhtn import MEDIA, make


def value_of(tensor):
    return float(keras.ops.convert_to_numpy(tensor))


def modality(model, x, y):
    return model.loss_terms(y, model(x, training=True))["modality"]


def adversarial(**arguments):
    """A model whose reversal has the factor 1 from the beginning."""
    return make(reversal="constant", source_classes=None, **arguments)


@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
def test_the_term_is_the_discriminator_s_cross_entropy(form):
    model = make(modality_form=form)
    x, y = batch(model)
    out = outputs(model, x, training=True)
    losses = []
    for number, name in enumerate(MEDIA):
        logits = out[f"modality_{name}"].astype("float64")
        yes = 1 / (1 + np.exp(-logits))
        target = np.arange(3) == number
        each = -np.log(np.where(target, yes, 1 - yes)).sum(axis=1)
        chosen = np.exp(logits)[:, number] / np.exp(logits).sum(axis=1)
        losses.append(np.mean(each if form == "sigmoid" else -np.log(chosen)))
    found = value_of(modality(model, x, y))
    assert found == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_term_is_weighted_and_tracked():
    model = make(modality_weight=0.3)
    x, y = batch(model)
    out = model(x, training=True)
    terms = model.loss_terms(y, out)
    others = sum(
        model._weight(name) * value_of(terms[name]) for name in terms if name != "modality"
    )
    loss = value_of(model.compute_loss(x, y, out))
    assert loss - others == pytest.approx(0.3 * value_of(terms["modality"]), rel=1e-4)
    assert float(model.trackers["modality"].result()) == pytest.approx(value_of(terms["modality"]))
    guessed = [
        np.mean(keras.ops.convert_to_numpy(out[f"modality_{name}"]).argmax(axis=1) == number)
        for number, name in enumerate(MEDIA)
    ]
    assert float(model.trackers["modality_accuracy"].result()) == pytest.approx(np.mean(guessed))


def test_it_sees_fc9_before_normalisation_and_relu():
    model = make(members=1)
    x, _ = batch(model)
    rows = np.concatenate([outputs(model, x)[f"{name}_fc7"] for name in MEDIA])
    fc8, fc9 = model.shared_layers.affine
    running = model.shared_layers.normalizations[0]
    hidden = (rows @ fc8.kernel.numpy() + fc8.bias.numpy() - running.moving_mean.numpy()) / np.sqrt(
        running.moving_variance.numpy() + 1e-5
    )
    raw = np.maximum(hidden, 0) @ fc9.kernel.numpy() + fc9.bias.numpy()
    bottleneck = model.get_layer("adversary_bottleneck")
    hidden = raw @ bottleneck.kernel.numpy() + bottleneck.bias.numpy()
    *layers, last = model.get_layer("adversary_discriminator").affine
    for layer in layers:
        hidden = np.maximum(hidden @ layer.kernel.numpy() + layer.bias.numpy(), 0)
    wanted = hidden @ last.kernel.numpy() + last.bias.numpy()
    found = np.concatenate([outputs(model, x)[f"modality_{name}"] for name in MEDIA])
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_gradients_before_the_reversal_have_the_opposite_sign():
    """The discriminator's are the plain ones; those before it are reversed, by the factor."""
    reversed_, off = adversarial(reversal_maximum=0.5), adversarial(reversal_maximum=-1.0)
    off.set_weights(reversed_.get_weights())
    x, y = batch(reversed_)
    found = gradients(reversed_, lambda: modality(reversed_, x, y))
    # With the maximum -1 nothing is reversed: the gradient as it is.
    plain = gradients(off, lambda: modality(off, x, y))
    behind = {"adversary_discriminator"}
    before = {f"{name}_pathway" for name in MEDIA} | {"shared_layers", "adversary_bottleneck"}
    assert reached(found) == behind | before | {"text_input", "audio_input"}
    for name in reached(found):
        factor = 1.0 if name in behind else -0.5
        for one, other in zip(found[name], plain[name], strict=True):
            np.testing.assert_allclose(one, factor * other, rtol=1e-4, atol=1e-7)


def step(model, x, y, layers):
    """Modality loss before and after one small step of the layers named alone."""
    before = value_of(modality(model, x, y))
    found = gradients(model, lambda: modality(model, x, y))
    for name in layers:
        weights = model.get_layer(name).trainable_weights
        for weight, gradient in zip(weights, found[name], strict=True):
            weight.assign(weight.numpy() - 0.01 * gradient)
    return before, value_of(modality(model, x, y))


@pytest.mark.parametrize("seed", range(3))
def test_a_step_of_the_discriminator_lowers_the_modality_loss(seed):
    model = adversarial(seed=seed)
    before, after = step(model, *batch(model, seed), ["adversary_discriminator"])
    assert after < before - 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_a_step_of_the_others_raises_the_modality_loss(seed):
    model = adversarial(seed=seed)
    layers = [*(f"{name}_pathway" for name in MEDIA), "shared_layers", "adversary_bottleneck"]
    before, after = step(model, *batch(model, seed), layers)
    assert after > before + 1e-5


def test_classes_do_not_train_the_adversary_nor_the_adversary_the_classifier():
    model = adversarial()
    x, y = batch(model)
    classes = gradients(model, lambda: model.loss_terms(y, model(x, training=True))["text"])
    assert not any("adversary" in name for name in reached(classes))
    found = gradients(model, lambda: modality(model, x, y))
    assert "classifier" not in reached(found)


def test_unused_rows_of_a_batch_do_not_matter():
    """As many rows as there are, or more that are not there: the same terms."""
    model = make(partial=("text", "audio"), members=2)
    x, y = batch(model)
    present = {"text": np.arange(ROWS) % 3 != 0, "audio": np.arange(ROWS) < 5}
    x |= {f"{name}_present": told.astype("float32") for name, told in present.items()}
    first = outputs(model, x, training=True)
    spoilt = dict(x)
    for name, told in present.items():
        spoilt[name] = np.where(told[:, None], x[name], 99).astype("float32")
    second = outputs(model, spoilt, training=True)
    terms = [model.loss_terms(y, out) for out in (first, second)]
    for name in terms[0]:
        assert value_of(terms[0][name]) == pytest.approx(
            value_of(terms[1][name]), rel=1e-5, abs=1e-6
        )
    for name, told in present.items():
        for output in (name, f"{name}_fc6", f"{name}_fc7", f"modality_{name}"):
            np.testing.assert_allclose(
                first[output][told], second[output][told], rtol=1e-4, atol=1e-5
            )
