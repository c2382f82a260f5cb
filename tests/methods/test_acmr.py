"""ACMR: structure, terms, phases and their signs, the released variant."""

import keras
import numpy as np
import pytest

from keras_xmr import ACMR, evaluate, modality_probe
from keras_xmr.datasets import toy
from keras_xmr.losses import invariance_loss, released_triplet_loss
from keras_xmr.methods.acmr import RELEASED
from tests.gradients import loss_and_gradients
from tests.methods.test_chtn_structure import chain

SMALL = {
    "media": {"image": 5, "text": 4},
    "num_classes": 3,
    "hidden_units": {"image": (6,), "text": (5,)},
    "common_dim": 4,
    "discriminator_units": (7,),
    "reversal": "constant",
    "seed": 0,
}
ROWS = 8


def make(**arguments):
    return ACMR(**{**SMALL, **arguments})


def batch(model, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.eye(model.num_classes, dtype="float32")[rng.integers(model.num_classes, size=ROWS)]
    x = {m: rng.normal(size=(ROWS, d)).astype("float32") for m, d in model.media.items()}
    return x, dict.fromkeys(model.media, labels)


def number(value):
    return float(keras.ops.convert_to_numpy(value))


def terms_of(model, x, y):
    return {name: number(v) for name, v in model.loss_terms(y, model(x, training=True)).items()}


def gradients_of(model, phase, x, y, variables=None):
    """Gradients of a phase's loss by path, in its own variables or in others."""
    if variables is None:
        (variables,) = [p.variables for p in model.phases() if p.name == phase]

    def loss():
        found = model.phase_loss(phase, x, y, model(x, training=True))
        return found[0] if isinstance(found, tuple) else found

    _, found = loss_and_gradients(loss, variables)
    return dict(zip([v.path for v in variables], found, strict=True))


# Structure


@pytest.mark.parametrize(
    ("arguments", "projectors", "label", "classifier"),
    [
        # Of the specification: the paper's widths on the Wikipedia data, and the released ones.
        ({}, (8_594_200, 1_600_700), 200 * 10 + 10, chain(200, 50, 2)),
        (RELEASED, (2_153_004, 208_180), 410, 1_052),
    ],
    ids=["paper", "released"],
)
def test_parameter_counts(arguments, projectors, label, classifier):
    text = 5000 if arguments else 3000
    model = ACMR({"image": 4096, "text": text}, 10, **arguments)
    assert tuple(p.count_params() for p in model.projectors.values()) == projectors
    assert model.label_predictor.count_params() == label
    assert model.modality_classifier.count_params() == classifier


def test_embeddings_are_tanh_of_every_layer():
    model = make()
    x, _ = batch(model)
    first, second = model.projectors["image"].layers
    hidden = np.tanh(x["image"] @ first.kernel.numpy() + first.bias.numpy())
    wanted = np.tanh(hidden @ second.kernel.numpy() + second.bias.numpy())
    found = model.encode(x, "image")
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert np.abs(found).max() < 1


def test_one_label_predictor_and_one_classifier_serve_all_media():
    model = make()
    x, _ = batch(model)
    out = model(x)
    for medium in model.media:
        embedding = out[f"{medium}_embedding"]
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(model.label_predictor(embedding)),
            keras.ops.convert_to_numpy(out[medium]),
            rtol=1e-5,
            atol=1e-6,
        )
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(model.modality_classifier(embedding)),
            keras.ops.convert_to_numpy(out[f"{medium}_modality"]),
            rtol=1e-5,
            atol=1e-6,
        )


@pytest.mark.parametrize("readout", ["probabilities", "centred_probabilities", "logits"])
@pytest.mark.parametrize("multi_label", [False, True])
def test_readouts_are_of_the_label_predictor(readout, multi_label):
    model = make(readout=readout, multi_label=multi_label)
    x, _ = batch(model)
    logits = keras.ops.convert_to_numpy(model(x)["text"]).astype("float64")
    if multi_label:
        probabilities = 1 / (1 + np.exp(-logits))
    else:
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wanted = {
        "logits": logits,
        "probabilities": probabilities,
        "centred_probabilities": probabilities - 1 / 3,
    }[readout]
    np.testing.assert_allclose(model.encode(x, "text"), wanted, rtol=1e-4, atol=1e-5)
    assert model.metric == "cosine"


def test_embeddings_are_ranked_by_the_distance_of_the_loss():
    assert make().metric == "euclidean"
    assert make(distance="cosine").metric == "cosine"
    data = toy()
    model = ACMR.for_data(data, hidden_units={}, common_dim=3, seed=0)
    by_distance = evaluate(model, data).map
    by_cosine = evaluate(model.copy_with(distance="cosine"), data).map
    assert by_distance != by_cosine
    z = {m: model.encode(data.part("test"), m).astype("float64") for m in ("image", "text")}
    labels = data.part("test").medium("text").labels
    values = []
    for queries, gallery in ((z["image"], z["text"]), (z["text"], z["image"])):
        order = np.argsort(((queries[:, None] - gallery) ** 2).sum(axis=2), axis=1, kind="stable")
        for query, ranked in zip(labels, labels[order], strict=True):
            hits = np.flatnonzero(ranked == query)
            values.append(np.mean([(i + 1) / (h + 1) for i, h in enumerate(hits)]))
    assert by_distance == pytest.approx(np.mean(values))


# Terms


@pytest.mark.parametrize("media", [{"image": 5, "text": 4}, {"image": 5, "text": 4, "audio": 3}])
def test_terms_are_those_of_the_docstring(media):
    model = make(media=media, margin=2.0, push_weight=0.5, label_smoothing=0.1)
    x, y = batch(model)
    out = {k: keras.ops.convert_to_numpy(v) for k, v in model(x, training=True).items()}
    names = list(media)
    invariance = labels = modality = 0.0
    for a in names:
        for b in names:
            if a != b:
                invariance += number(
                    invariance_loss(
                        out[f"{a}_embedding"],
                        out[f"{b}_embedding"],
                        y[a],
                        inputs=x[a],
                        push_weight=0.5,
                        margin=2.0,
                    )
                ) / (len(names) - 1)
        smooth = 0.9 * y[a] + 0.1 / 3
        log_softmax = out[a] - np.log(np.exp(out[a]).sum(axis=1, keepdims=True))
        labels -= (smooth * log_softmax).sum(axis=1).mean()
        logits = out[f"{a}_modality"]
        modality -= (logits[:, names.index(a)] - np.log(np.exp(logits).sum(axis=1))).mean()
    norms = sum(
        np.linalg.norm(w.numpy())
        for p in model.projectors.values()
        for w in p.weights
        if len(w.shape) == 2
    )
    wanted = {
        "invariance": invariance,
        "labels": labels,
        "regularization": norms,
        "modality": modality,
    }
    assert terms_of(model, x, y) == pytest.approx(wanted, rel=1e-5)


def test_at_initialisation_nobody_knows_anything():
    model = make(num_classes=10)
    x, y = batch(model)
    for layer in (model.label_predictor, model.modality_classifier):
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    terms = terms_of(model, x, y)
    assert terms["modality"] == pytest.approx(2 * np.log(2), rel=1e-5)
    assert terms["labels"] == pytest.approx(2 * np.log(10), rel=1e-5)


def test_the_projectors_loss_is_the_weighted_sum():
    weights = {
        "invariance_weight": 0.5,
        "label_weight": 2.0,
        "regularization_weight": 0.01,
        "modality_weight": 0.3,
    }
    model = make(**weights)
    x, y = batch(model)
    loss, terms = model.phase_loss("projectors", x, y, model(x, training=True))
    wanted = sum(w * number(t) for w, t in zip(weights.values(), terms.values(), strict=True))
    assert number(loss) == pytest.approx(wanted, rel=1e-5)
    alone = model.phase_loss("discriminator", x, y, model(x, training=True))
    assert number(alone) == pytest.approx(number(terms["modality"]), rel=1e-6)


# The game


def test_the_phases_share_no_variable_and_have_all_of_them():
    projectors, discriminator = make(projector_steps=3).phases()
    paths = [{v.path for v in p.variables} for p in (projectors, discriminator)]
    assert not paths[0] & paths[1]
    assert len(paths[0] | paths[1]) == len(make().trainable_variables)
    assert (projectors.steps, discriminator.steps) == (3, 1)


def test_the_modality_reaches_the_projectors_reversed():
    """What the modality adds to the projectors' gradient is minus its weight times its own."""
    with_it, without = make(modality_weight=0.3), make(modality_weight=0.0)
    without.set_weights(with_it.get_weights())
    x, y = batch(with_it)
    # The same modality loss, not reversed.
    plain = make()
    plain.set_weights(with_it.get_weights())
    plain.get_layer("reversal").maximum = -1.0
    both, rest, own = (
        gradients_of(model, phase, x, y, model.projectors["image"].trainable_variables)
        for model, phase in (
            (with_it, "projectors"),
            (without, "projectors"),
            (plain, "discriminator"),
        )
    )
    for one, other, mine in zip(both.values(), rest.values(), own.values(), strict=True):
        np.testing.assert_allclose(one - other, -0.3 * mine, rtol=1e-3, atol=1e-6)
        assert np.abs(mine).max() > 1e-3


def step(model, phase, x, y, only_modality=False):
    """Modality loss before and after one small step of a phase."""
    variables = next(p.variables for p in model.phases() if p.name == phase)
    before = terms_of(model, x, y)["modality"]
    found = gradients_of(model, phase, x, y)
    for variable, gradient in zip(variables, found.values(), strict=True):
        variable.assign(variable.numpy() - 0.02 * gradient)
    return before, terms_of(model, x, y)["modality"]


@pytest.mark.parametrize("seed", range(3))
def test_a_projector_step_raises_and_a_discriminator_step_lowers_the_modality_loss(seed):
    adversary_alone = {
        "invariance_weight": 0.0,
        "label_weight": 0.0,
        "regularization_weight": 0.0,
    }
    model = make(seed=seed, **adversary_alone)
    x, y = batch(model, seed)
    before, after = step(model, "projectors", x, y)
    assert after > before + 1e-5
    before, after = step(model, "discriminator", x, y)
    assert after < before - 1e-5


def moved(model, before):
    """Which parts of a model have changed."""
    parts = {**model.projectors, "labels": model.label_predictor, "game": model.modality_classifier}
    return {
        name
        for name, part in parts.items()
        if any(np.any(w != old) for w, old in zip(part.get_weights(), before[name], strict=True))
    }


@pytest.mark.parametrize(
    ("rates", "wanted"),
    [((0.1, 0.0), {"image", "text", "labels"}), ((0.0, 0.1), {"game"})],
    ids=["projectors", "discriminator"],
)
def test_a_phase_moves_its_own_weights_alone(rates, wanted):
    model = make(projector_steps=2)
    x, y = batch(model)
    model.compile(
        {
            name: keras.optimizers.SGD(rate)
            for name, rate in zip(("projectors", "discriminator"), rates, strict=True)
        }
    )
    parts = {**model.projectors, "labels": model.label_predictor, "game": model.modality_classifier}
    before = {name: part.get_weights() for name, part in parts.items()}
    model.train_on_batch(x, y)
    assert moved(model, before) == wanted


def test_a_phase_computes_what_it_needs_as_the_whole_model_does():
    model = make()
    x, _ = batch(model)
    whole = model(x, training=True)
    count = model.get_layer("reversal").count
    for phase in model.phases():
        before = float(count.value)
        found = model.phase_outputs(phase.name, x)
        assert float(count.value) == before + 1
        for name, value in found.items():
            np.testing.assert_allclose(
                keras.ops.convert_to_numpy(value),
                keras.ops.convert_to_numpy(whole[name]),
                rtol=1e-5,
            )
        of_modality = {f"{medium}_modality" for medium in model.media}
        assert set(found) == (of_modality if phase.name == "discriminator" else set(whole))


@pytest.mark.parametrize("by_epoch", [True, False])
def test_the_ramp_takes_the_whole_training_by_epoch_or_by_batch(by_epoch):
    model = make(reversal="dann", reversal_by_epoch=by_epoch, projector_steps=3)
    x, y = batch(model)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(x, y, batch_size=4, epochs=4, verbose=0)
    layer = model.get_layer("reversal")
    # Two batches of three updates and one, in each of four epochs.
    passes = 4 * 2 * 4
    assert float(layer.count.value) == float(layer.length.value) == passes
    factors = []
    for count in range(passes):
        layer.count.assign(float(count))
        factors.append(float(layer.factor()))
    progress = np.repeat(np.arange(4) / 4, 8) if by_epoch else np.arange(passes) / passes
    np.testing.assert_allclose(factors, np.tanh(5 * progress), atol=1e-6)


# The released variant


def released(**arguments):
    small = {k: SMALL[k] for k in ("media", "num_classes", "common_dim", "seed")}
    return ACMR(**{**RELEASED, **small, "discriminator_units": (7, 6), **arguments})


def test_the_released_variant_has_no_adversary_and_a_frozen_label_predictor():
    model = released()
    x, y = batch(model)
    projectors, discriminator = model.phases()
    assert not any("label_predictor" in v.path for v in projectors.variables)
    assert (projectors.steps, discriminator.steps) == (1, 1)
    with_other_judge = released()
    with_other_judge.set_weights(model.get_weights())
    for weight in with_other_judge.modality_classifier.weights:
        weight.assign(weight.numpy() + 1.0)
    mine, other = (gradients_of(m, "projectors", x, y) for m in (model, with_other_judge))
    for one, another in zip(mine.values(), other.values(), strict=True):
        np.testing.assert_array_equal(one, another)


def test_the_released_losses():
    model = released()
    x, y = batch(model)
    out = model(x, training=True)
    terms = terms_of(model, x, y)
    wanted = sum(
        number(released_triplet_loss(out[f"{a}_embedding"], out[f"{b}_embedding"], y[a], x[a]))
        for a, b in (("image", "text"), ("text", "image"))
    )
    assert terms["invariance"] == pytest.approx(wanted, rel=1e-5)
    loss, _ = model.phase_loss("projectors", x, y, out)
    assert number(loss) == pytest.approx(wanted + 100 * terms["labels"], rel=1e-5)


def test_the_released_modality_classifier_is_linear():
    model = released()
    rows = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    judge = model.modality_classifier
    one, other, between = (
        keras.ops.convert_to_numpy(judge(r)) for r in (rows[0], rows[1], rows.mean(axis=0))
    )
    np.testing.assert_allclose(between, (one + other) / 2, rtol=1e-4, atol=1e-5)


# Learning


def test_it_learns_and_mixes_the_media():
    data = toy()
    model = ACMR.for_data(
        data, hidden_units={"image": (16,), "text": (16,)}, common_dim=8, margin=3.0, seed=0
    )
    model.compile(keras.optimizers.Adam(3e-3, beta_1=0.5))
    untrained = modality_probe(model, data, split="train")
    model.fit(model.batches(data, batch_size=20), epochs=20, verbose=0)
    assert evaluate(model, data).map > 0.9
    assert modality_probe(model, data, split="train") < untrained - 0.1


@pytest.mark.parametrize("multi_label", [True, False])
def test_multiple_labels_are_learnt(multi_label):
    data = toy(multi_label=True)
    model = ACMR.for_data(
        data,
        hidden_units={"image": (16,), "text": (16,)},
        common_dim=8,
        multi_label=multi_label,
        seed=0,
    )
    model.compile(keras.optimizers.Adam(3e-3, beta_1=0.5))
    before = evaluate(model, data).map
    model.fit(model.batches(data, batch_size=20), epochs=15, verbose=0)
    assert evaluate(model, data).map > before + 0.1


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"variant": "code"}, r"variant is one of .* Received: variant='code'"),
        ({"distance": "dot"}, r"distance is one of .* Received: distance='dot'"),
        ({"mining": "random"}, r"mining is one of .* Received: mining='random'"),
        ({"readout": "fc9"}, r"readout is one of .* Received: readout='fc9'"),
        ({"hub": "audio"}, r"hub is one of them\. Received: hub='audio'"),
        (
            {"media": {"image": 3}},
            r"two media.* Received: hub='image', media=\{'image': 3",
        ),
        ({"num_classes": 1}, r"Received: num_classes=1"),
    ],
)
def test_wrong_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        make(**arguments)
