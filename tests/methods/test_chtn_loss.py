"""CHTN: every term of the loss against NumPy in float64."""

import keras
import numpy as np
import pytest

from tests.losses import reference
from tests.methods.small import batch, outputs, small, total


def cross_entropy(labels, logits, smoothing=0.0):
    labels, logits = np.asarray(labels, "float64"), np.asarray(logits, "float64")
    labels = (1 - smoothing) * labels + smoothing / labels.shape[1]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -np.mean(np.sum(labels * log_softmax, axis=1))


def half_mean_distance(first, second):
    return 0.5 * np.mean(np.sum((first.astype("float64") - second) ** 2, axis=1))


def expected_terms(model, y, out):
    """The terms of the class docstring, from the activations."""
    spokes = [medium for medium in model.media if medium != model.hub]
    widths = dict(zip(("fc6", "fc7"), model.pathway_units, strict=True))
    terms = {
        "cross": sum(
            half_mean_distance(out[f"{model.hub}_{fc}"], out[f"{spoke}_{fc}"]) * 4096 / width
            for spoke in spokes
            for fc, width in widths.items()
        ),
        **{m: cross_entropy(y[m], out[m], model.label_smoothing) for m in model.media},
    }
    if model.source_classes:
        terms["mmd"] = sum(
            reference.mmd(
                out[f"source_{fc}"],
                out[f"{model.hub}_{fc}"],
                model.mmd_estimator,
                num_kernels=model.num_kernels,
                multiplier=model.kernel_multiplier,
            )
            for fc in widths
        )
        terms["source"] = cross_entropy(y["source"], out["source"])
    return terms


def values(terms):
    return {name: number(value) for name, value in terms.items()}


def number(tensor):
    return float(keras.ops.convert_to_numpy(tensor))


CASES = {
    "default": {},
    "narrow": {"pathway_units": (3, 9)},
    "kernels": {"num_kernels": 5, "kernel_multiplier": 3.0, "mmd_estimator": "quadratic_biased"},
    "linear": {"mmd_estimator": "linear"},
    "smoothing": {"label_smoothing": 0.2},
    "no source": {"source_classes": None},
    "three media": {"media": {"text": 4, "audio": 3, "image": 5}},
    "text hub": {"hub": "text"},
}


@pytest.mark.parametrize("case", CASES)
def test_terms_are_those_of_the_docstring(case):
    model = small(**CASES[case])
    x, y = batch(model)
    expected = expected_terms(model, y, outputs(model, x, training=True))
    found = values(model.loss_terms(y, model(x, training=True)))
    assert found == pytest.approx(expected, rel=2e-5, abs=2e-6)


@pytest.mark.parametrize("case", ["default", "no source", "three media"])
def test_loss_is_the_weighted_sum_of_what_is_tracked(case):
    given = {
        "mmd_weight": 2.0,
        "source_weight": 0.5,
        "cross_weight": 1e-2,
        "correlation_weight": 3.0,
    }
    model = small(**CASES[case], **given)
    x, y = batch(model)
    loss = number(total(model, x, y))
    terms = values(model.loss_terms(y, model(x, training=True)))
    weights = {term: given.get(f"{term}_weight", 3.0) for term in terms}
    assert loss == pytest.approx(sum(weights[t] * terms[t] for t in terms), rel=1e-5)
    tracked = {t: float(model.trackers[t].result()) for t in terms}
    assert tracked == pytest.approx(terms, rel=1e-5, abs=1e-6)
    accuracies = {f"{medium}_accuracy" for medium in model.media}
    assert set(model.trackers) == set(terms) | accuracies


def test_accuracies_are_shares_of_right_classes():
    model = small()
    x, y = batch(model)
    total(model, x, y)
    out = outputs(model, x, training=True)
    for medium in model.media:
        share = np.mean(out[medium].argmax(axis=1) == y[medium].argmax(axis=1))
        assert float(model.trackers[f"{medium}_accuracy"].result()) == pytest.approx(share)


def test_labels_of_several_classes():
    model = small()
    x, y = batch(model)
    several = np.tile(np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]], "float32"), (4, 1))
    y |= {"image": several, "text": several}
    out = outputs(model, x, training=True)
    terms = values(model.loss_terms(y, model(x, training=True)))
    assert terms["text"] == pytest.approx(cross_entropy(several, out["text"]), rel=1e-5)


def test_smoothing_leaves_the_source_alone():
    plain, smooth = small(), small(label_smoothing=0.5)
    x, y = batch(plain)
    one, two = (values(m.loss_terms(y, m(x, training=True))) for m in (plain, smooth))
    assert one["source"] == pytest.approx(two["source"])
    assert abs(one["image"] - two["image"]) > 1e-2


def test_random_mmd_draws_anew():
    model = small(mmd_estimator="linear_random")
    x, y = batch(model)
    out = model(x, training=True)
    assert len({number(model.loss_terms(y, out)["mmd"]) for _ in range(3)}) == 3


def test_half_precision_activations_give_a_full_precision_loss():
    half, full = small(dtype="mixed_float16"), small()
    x, y = batch(full)
    loss = total(half, x, y)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert number(loss) == pytest.approx(number(total(full, x, y)), rel=1e-2)
