"""MHTN: structure, edges, terms of the loss, and CHTN as its special case."""

import itertools
import re

import keras
import numpy as np
import pytest

from keras_xmr import CHTN, MHTN
from keras_xmr.methods.edges import edges_of
from tests.methods.small import ROWS, SMALL, batch, gradients, outputs, reached, total
from tests.methods.test_chtn_loss import half_mean_distance, values
from tests.methods.test_chtn_structure import chain

MEDIA = {"image": 5, "text": 4, "audio": 3}
MHTN_SMALL = {**SMALL, "media": MEDIA, "bottleneck_units": 3, "discriminator_units": (7, 6)}


def make(**arguments):
    return MHTN(**{**MHTN_SMALL, **arguments})


def test_the_parameters_of_the_adversary_are_the_release_s():
    # Of the specification: bottleneck, two layers, one output for each of five media.
    assert chain(4096, 512) + chain(512, 1024, 1024, 5) == 3_677_701


@pytest.mark.parametrize("change", [{}, {"members": 2}, {"media": {"image": 5, "text": 4}}])
def test_the_adversary_has_the_closed_form_s_number_of_parameters(change):
    with_it, without = make(**change), make(**change, modality_weight=0.0)
    count = chain(4, 3) + chain(3, 7, 6, len(with_it.media))

    def trained(model):
        return sum(int(np.prod(w.shape)) for w in model.trainable_weights)

    assert trained(with_it) - trained(without) == count * with_it.members


def test_the_shared_layers_are_the_same_objects_for_all_media():
    model = make()
    for name in ("shared_layers", "classifier"):
        assert len({id(model.encoder(m).get_layer(name)) for m in MEDIA}) == 1
        assert model.encoder("text").get_layer(name) is model.get_layer(name)
    assert model.shared_layers.batch_normalization


# Edges


def test_graphs_have_their_edges():
    media = list("abcd")
    pairs = {
        name: [edge[:2] for edge in edges_of(name, media, "b", "none")]
        for name in ("star", "chain", "complete")
    }
    assert pairs["star"] == [("b", "a"), ("b", "c"), ("b", "d")]
    assert pairs["chain"] == [("a", "b"), ("b", "c"), ("c", "d")]
    assert pairs["complete"] == list(itertools.combinations("abcd", 2))
    assert [edge[2] for edge in edges_of("complete", media, "b", "mean")] == [1 / 6] * 6
    assert edges_of([("a", "c", 3)], media, "b", "none") == [("a", "c", 3.0)]
    assert edges_of([], media, "b", "mean") == []


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"edges": "ring"}, r"Graphs are .*'star'.* Received: edges='ring'"),
        ({"edges": [("image", "video", 1.0)]}, r"Received: edge \('image', 'video'\)"),
        ({"edges": [("image", "image", 1.0)]}, r"Received: edge \('image', 'image'\)"),
        ({"edge_normalization": "sum"}, r"normalised by .*'mean'.* Received: 'sum'"),
        ({"modality_form": "hinge"}, r"Forms .* Received: modality_form='hinge'"),
        ({"reversal": "linear"}, r"Schedules are .* Received: schedule='linear'"),
        ({"shared_units": ()}, r"looks at fc9\. Received: shared_units=\(\)\. Give modality_w"),
        ({"partial": ["image"]}, r"none is the hub\. Received: partial=\('image',\)"),
        ({"partial": ["video"]}, r"are among the media.* Received: partial=\('video',\)"),
    ],
)
def test_wrong_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        make(**arguments)


@pytest.mark.parametrize(
    ("edges", "normalisation", "weights"),
    [
        ("star", "none", {("image", "text"): 1, ("image", "audio"): 1}),
        ("chain", "mean", {("image", "text"): 0.5, ("text", "audio"): 0.5}),
        ([("text", "audio", 3.0)], "none", {("text", "audio"): 3}),
    ],
)
def test_the_cross_term_is_the_sum_over_the_edges(edges, normalisation, weights):
    model = make(edges=edges, edge_normalization=normalisation)
    x, y = batch(model)
    out = outputs(model, x, training=True)
    wanted = sum(
        weight * half_mean_distance(out[f"{a}_{fc}"], out[f"{b}_{fc}"]) * 4096 / width
        for (a, b), weight in weights.items()
        for fc, width in zip(("fc6", "fc7"), model.pathway_units, strict=True)
    )
    terms = values(model.loss_terms(y, model(x, training=True)))
    assert terms["cross"] == pytest.approx(wanted, rel=2e-5)


def test_in_a_star_no_spoke_is_drawn_to_another():
    model = make(modality_weight=0.0)
    x, y = batch(model)

    def cross():
        return model.loss_terms(y, model(x, training=True))["cross"]

    found = gradients(model, cross)
    # Without the text, the sound's gradient is the same and the hub's is another.
    only = make(modality_weight=0.0, edges=[("image", "audio", 1.0)])
    only.set_weights(model.get_weights())
    alone = gradients(only, lambda: only.loss_terms(y, only(x, training=True))["cross"])
    for one, other in zip(found["audio_pathway"], alone["audio_pathway"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert any(
        np.abs(a - b).max() > 1e-4
        for a, b in zip(found["image_pathway"], alone["image_pathway"], strict=True)
    )
    assert reached(found) >= {"image_pathway", "text_pathway", "audio_pathway"}
    assert not reached(found) & {"shared_layers", "classifier"}


# CHTN is a special case


def test_with_two_media_and_no_adversary_it_is_chtn():
    arguments = {**SMALL, "cross_weight": 1e-3}
    chtn = CHTN(**arguments)
    mhtn = MHTN(**arguments, shared_bn=False, modality_weight=0.0)
    assert mhtn.count_params() == chtn.count_params()
    # Keras numbers its layers by what else was made in the process.
    mine, theirs = ([re.sub(r"\d", "", w.path) for w in m.weights] for m in (mhtn, chtn))
    assert mine == theirs
    other = CHTN(**{**arguments, "seed": 5})
    mhtn.set_weights(other.get_weights())
    chtn.set_weights(other.get_weights())
    x, y = batch(chtn)
    found, wanted = outputs(mhtn, x, training=True), outputs(chtn, x, training=True)
    assert found.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name])
    mine = gradients(mhtn, lambda: total(mhtn, x, y))
    theirs = gradients(chtn, lambda: total(chtn, x, y))
    assert mine.keys() == theirs.keys()
    for name in theirs:
        for one, another in zip(mine[name], theirs[name], strict=True):
            np.testing.assert_array_equal(one, another)


def test_its_defaults_are_the_release_s():
    model = MHTN({"image": 2, "text": 2}, 2, pathway_units=(2, 2), shared_units=(2, 2))
    assert model.shared_bn
    assert (model.cross_weight, model.modality_weight) == (1e-4, 0.1)
    assert (model.bottleneck_units, model.discriminator_units) == (512, (1024, 1024))
    assert (model.edges, model.modality_form, model.reversal) == ("star", "sigmoid", "dann")


# For retrieval


def test_for_retrieval_there_is_neither_source_nor_adversary():
    model = make()
    deployed = model.for_retrieval()
    names = " ".join(w.path for w in deployed.weights)
    assert "source" not in names
    assert "adversary" not in names
    assert "reversal" not in names
    x, _ = batch(model)
    for medium in MEDIA:
        np.testing.assert_array_equal(deployed.encode(x, medium), model.encode(x, medium))
        np.testing.assert_allclose(model.encode(x, medium).sum(axis=1), 1, rtol=1e-5)
        assert model.encode(x, medium).shape == (ROWS, 3)


@pytest.mark.parametrize("readout", ["fc9", "logits", "centred_probabilities"])
def test_readouts_are_those_of_chtn(readout):
    model = make(readout=readout)
    x, _ = batch(model)
    assert model.encode(x, "audio").shape == (ROWS, 4 if readout == "fc9" else 3)


def test_rates_are_the_release_s():
    assert make().rate_multipliers == {"bias|beta": 2.0, "^adversary": 0.1}
    assert make(modality_weight=0.0).rate_multipliers == {"bias|beta": 2.0}
    model = make()
    model.compile("paper")
    model.optimizer.build(model.trainable_variables)
    factors = {
        v.path: factor
        for v, factor in zip(model.trainable_variables, model.optimizer._factors, strict=True)
    }
    for path, factor in factors.items():
        wanted = (0.1 if path.startswith("adversary") else 1) * (
            2 if path.rpartition("/")[2] in ("bias", "beta") else 1
        )
        assert factor == pytest.approx(wanted), path
    assert len({round(f, 3) for f in factors.values()}) == 4


def test_the_reversal_s_step_is_a_weight_that_is_saved_and_resumed(tmp_path):
    model = make()
    x, y = batch(model)
    model.compile(keras.optimizers.SGD(1e-3))
    model.fit(x, y, batch_size=4, epochs=3, verbose=0)
    reversal = model.get_layer("reversal")
    assert float(reversal.count.value) == 6
    assert float(reversal.length.value) == 6
    assert float(reversal.factor()) == pytest.approx(0.99991, abs=1e-5)
    model.evaluate(x, y, verbose=0)
    assert float(reversal.count.value) == 6
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.get_layer("reversal").count.value) == 6
