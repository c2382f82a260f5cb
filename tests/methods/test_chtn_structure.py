"""CHTN: number of parameters, what is shared, and which term reaches which layer."""

import inspect
import itertools

import keras
import numpy as np
import pytest

from keras_xmr import CHTN
from tests.gradients import loss_and_gradients
from tests.methods.small import SMALL, batch, gradients, outputs, reached, small, total

PAPER = {"pathway_units": (4096, 4096), "shared_units": (4096, 4096)}


def chain(*widths):
    """Weights and biases of affine maps from each width to the next."""
    return sum(a * b + b for a, b in itertools.pairwise(widths))


def parameters(media, num_classes, source_classes, pathway_units, shared_units, hub="image"):
    """Number of trained parameters: the closed form, from the structure in the paper."""
    pathways = sum(chain(width, *pathway_units) for width in media.values())
    scale_and_shift = sum(2 * width for name, width in media.items() if name != hub)
    shared = chain(pathway_units[-1], *shared_units, num_classes)
    source = source_classes and chain(media[hub], *pathway_units, source_classes)
    return pathways + scale_and_shift + shared + (source or 0)


@pytest.mark.parametrize(
    ("media", "classes", "source_classes", "total"),
    [
        ({"image": 9216, "text": 3000}, 10, 1000, 175_848_290),  # Wikipedia
        ({"image": 9216, "text": 1000}, 10, 1000, 167_652_290),  # NUS-WIDE-10k
        ({"image": 9216, "text": 1000}, 20, 1000, 167_693_260),  # Pascal Sentences
        ({"image": 9216, "text": 3000}, 10, None, 117_217_146),  # Wikipedia, as deployed
    ],
)
def test_closed_form_gives_the_size_of_the_paper_s_models(media, classes, source_classes, total):
    assert parameters(media, classes, source_classes, **PAPER) == total


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"source_classes": None},
        {"source_classes": 7, "num_classes": 11},
        {"media": {"image": 9, "text": 3, "audio": 8}},
        {"media": {"sound": 3, "image": 9}, "hub": "sound"},
        {"pathway_units": (7,), "shared_units": (3, 4, 5)},
    ],
)
def test_models_have_the_closed_form_s_number_of_parameters(change):
    arguments = {k: v for k, v in {**SMALL, **change}.items() if k != "seed"}
    trained = sum(int(np.prod(w.shape)) for w in small(**change).trainable_weights)
    assert trained == parameters(**arguments)


def test_the_default_widths_are_the_paper_s():
    defaults = inspect.signature(CHTN).parameters
    assert {name: defaults[name].default for name in PAPER} == PAPER


def change_output(model, layer, inputs):
    """Names of the outputs that change with the weights of a layer, at inference."""
    before = outputs(model, inputs)
    layer.set_weights([w + 0.5 for w in layer.get_weights()])
    after = outputs(model, inputs)
    return {name for name in before if not np.array_equal(before[name], after[name])}


@pytest.mark.parametrize(
    ("layer", "changed"),
    [
        ("shared_layers", {"image", "text"}),
        ("classifier", {"image", "text"}),
        ("image_pathway", {"image", "image_fc6", "image_fc7"}),
        ("text_pathway", {"text", "text_fc6", "text_fc7"}),
        ("source_pathway", {"source", "source_fc6", "source_fc7"}),
        ("source_classifier", {"source"}),
        ("text_input", {"text", "text_fc6", "text_fc7"}),
    ],
)
def test_a_layer_s_weights_change_these_outputs(layer, changed):
    model = small()
    assert change_output(model, model.get_layer(layer), batch(model)[0]) == changed


def test_one_object_serves_all_media():
    model = small()
    assert len({id(classifier) for classifier in model.classifiers.values()}) == 1
    for medium in model.media:
        for shared in (model.shared_layers, model.classifiers["image"]):
            assert shared in model.encoder(medium).layers
    assert model.pathways["source"] is not model.pathways["image"]


@pytest.mark.parametrize(
    ("term", "layers"),
    [
        ("mmd", {"image_pathway", "source_pathway"}),
        ("source", {"source_pathway", "source_classifier"}),
        ("cross", {"image_pathway", "text_pathway", "text_input"}),
        ("image", {"image_pathway", "shared_layers", "classifier"}),
        ("text", {"text_input", "text_pathway", "shared_layers", "classifier"}),
    ],
)
def test_a_term_reaches_these_layers(term, layers):
    model = small()
    x, y = batch(model)
    found = gradients(model, lambda: model.loss_terms(y, model(x, training=True))[term])
    assert reached(found) == layers


def test_without_transfer_the_source_rows_do_not_matter_to_the_target():
    model = small(mmd_weight=0.0, source_weight=0.0)
    cases = [batch(model, source_seed=seed) for seed in (0, 1)]
    assert not np.array_equal(cases[0][0]["source"], cases[1][0]["source"])
    one, two = (outputs(model, x, training=True) for x, _ in cases)
    one_way, other_way = (gradients(model, lambda c=case: total(model, *c)) for case in cases)
    for name in (n for n in one if not n.startswith("source")):
        np.testing.assert_array_equal(one[name], two[name])
    assert not any(name.startswith("source") for name in reached(one_way))
    for name in one_way:
        for first, second in zip(one_way[name], other_way[name], strict=True):
            np.testing.assert_array_equal(first, second)


def test_with_transfer_the_source_rows_matter_to_the_target():
    model = small()
    cases = [batch(model, source_seed=seed) for seed in (0, 1)]
    one, two = (gradients(model, lambda c=case: total(model, *c)) for case in cases)
    assert any(
        np.any(a != b) for a, b in zip(one["image_pathway"], two["image_pathway"], strict=True)
    )
    for name in ("text_pathway", "shared_layers", "classifier"):
        for first, second in zip(one[name], two[name], strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("frozen", ["image_pathway", "shared_layers"])
def test_frozen_layers_stay_bit_for_bit(frozen):
    model = small(shared_bn=True)
    model.get_layer(frozen).trainable = False
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    model.compile(optimizer=keras.optimizers.SGD(0.1), run_eagerly=True)
    model.train_on_batch(*batch(model))
    for name, weights in before.items():
        after = model.get_layer(name).get_weights()
        same = [np.array_equal(old, new) for old, new in zip(weights, after, strict=True)]
        assert all(same) if name == frozen else not any(same), name


def test_normalising_the_hub_takes_its_rows_and_the_source_s_together():
    model = small(input_normalization=["image"])
    x, _ = batch(model)
    together = np.concatenate([x["image"], x["source"]]).astype("float64")
    mean, variance = together.mean(axis=0), together.var(axis=0)
    normalize = keras.Model(model.inputs, model.get_layer("unstack_hub").output)
    found = normalize([x[i.name] for i in model.inputs], training=True)
    for name, rows in zip(("image", "source"), found, strict=True):
        expected = (x[name] - mean) / np.sqrt(variance + 1e-5)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(rows), expected, atol=1e-5)
    # The running statistics have moved once, by 1 %, towards those of the mixture.
    _, _, running_mean, running_variance = model.normalizers["image"].get_weights()
    np.testing.assert_allclose(running_mean, 0.01 * mean, atol=1e-6)
    np.testing.assert_allclose(running_variance, 0.99 + 0.01 * variance, rtol=1e-5)


def test_spokes_alone_are_normalised_unless_asked():
    assert set(small().normalizers) == {"text"}
    assert set(small(media={"image": 5, "text": 4, "audio": 3}).normalizers) == {"text", "audio"}
    assert not small(input_normalization=[]).normalizers
    assert set(small(input_normalization=["image"]).normalizers) == {"image"}


def test_dropout_is_on_fc6_and_fc7_and_on_inputs_where_asked():
    model = small(input_dropout={"image": 0.5}, dropout=0.25)
    rates = {name: [d.rate for d in path.drops] for name, path in model.pathways.items()}
    assert rates == {"image": [0.5, 0.25], "source": [0.5, 0.25], "text": [0.0, 0.25]}
    assert [d.rate for d in model.shared_layers.drops] == [0.25, 0.0]


def test_gradients_of_the_total_are_the_weighted_sum_of_the_terms():
    model = small(mmd_weight=2.0, source_weight=0.5, cross_weight=1e-2, correlation_weight=3.0)
    x, y = batch(model)
    weights = {"mmd": 2.0, "source": 0.5, "cross": 1e-2, "image": 3.0, "text": 3.0}
    variables = model.trainable_weights

    def of(loss):
        return loss_and_gradients(loss, variables)[1]

    terms = {
        name: of(lambda n=name: model.loss_terms(y, model(x, training=True))[n]) for name in weights
    }
    for i, found in enumerate(of(lambda: total(model, x, y))):
        expected = sum(weight * terms[name][i] for name, weight in weights.items())
        np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))
