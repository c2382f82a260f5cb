"""CHTN's ablations of the paper's Table 2 are arguments: NoSrcSp, NoShare, OnlyCross."""

import numpy as np
import pytest

from keras_xmr.datasets import toy
from tests.methods.small import batch, gradients, outputs, reached, small, total
from tests.methods.test_chtn_structure import chain, change_output
from tests.methods.test_chtn_training import make

NO_SHARE = {"shared_units": (), "shared_classifier": False}
ONLY_CROSS = {**NO_SHARE, "source_classes": None}


def term(model, name):
    x, y = batch(model)
    return gradients(model, lambda: model.loss_terms(y, model(x, training=True))[name])


def test_without_source_supervision_only_that_term_is_lost():
    model = small(source_weight=0.0)
    x, y = batch(model)
    found = gradients(model, lambda: total(model, x, y))
    assert "source_classifier" not in reached(found)
    assert "source_pathway" in reached(found)  # MMD still draws it to the target


@pytest.mark.parametrize("shared", [True, False])
def test_without_shared_layers_fc7_feeds_the_classifier(shared):
    model = small(shared_units=(), shared_classifier=shared)
    names = {layer.name for layer in model.layers if layer.weights}
    own = {"classifier"} if shared else {"image_classifier", "text_classifier"}
    assert names == {
        *("text_input", "image_pathway", "text_pathway", "source_pathway", "source_classifier"),
        *own,
    }
    found = outputs(model, batch(model)[0])
    for medium in model.media:
        kernel, bias = model.classifiers[medium].get_weights()
        np.testing.assert_allclose(
            found[medium], found[f"{medium}_fc7"] @ kernel + bias, rtol=1e-5, atol=1e-5
        )


def test_separate_classifiers_share_nothing():
    model = small(**NO_SHARE)
    assert model.classifiers["image"] is not model.classifiers["text"]
    assert reached(term(model, "image")) == {"image_pathway", "image_classifier"}
    assert reached(term(model, "text")) == {"text_input", "text_pathway", "text_classifier"}
    changed = change_output(model, model.get_layer("text_classifier"), batch(model)[0])
    assert changed == {"text"}


def test_separate_classifiers_may_follow_shared_layers():
    model = small(shared_classifier=False)
    assert reached(term(model, "text")) == {
        *("text_input", "text_pathway", "shared_layers", "text_classifier")
    }


def test_parameters_of_the_ablations():
    image, text, classes = 5, 4, 3
    pathways = chain(image, 6, 4) + chain(text, 6, 4) + 2 * text
    only_cross = small(**ONLY_CROSS)
    trained = sum(int(np.prod(w.shape)) for w in only_cross.trainable_weights)
    assert trained == pathways + 2 * chain(4, classes)
    assert set(only_cross.loss_terms(batch(only_cross)[1], only_cross(batch(only_cross)[0]))) == {
        *("cross", "image", "text")
    }


@pytest.mark.parametrize(
    "arguments",
    [
        {"source_weight": 0.0},
        NO_SHARE,
        {**NO_SHARE, "members": 2, "dropout": 0.2},
    ],
)
def test_ablations_train_encode_and_are_saved(tmp_path, arguments):
    model = make(**arguments)
    source = toy(["image"], num_classes=3, seed=1)
    model.fit(model.batches(toy(), source, batch_size=20), epochs=2, verbose=0)
    again = type(model).from_preset(model.save_to_preset(tmp_path / "ablation"))
    encoded = model.encode_text(toy())
    assert encoded.shape == (80, 4)
    np.testing.assert_allclose(again.encode_text(toy()), encoded, atol=2e-3)
    bare = model.for_retrieval()
    np.testing.assert_array_equal(bare.encode_image(toy()), model.encode_image(toy()))


def test_fc9_needs_shared_layers():
    with pytest.raises(ValueError, match=r"there is no fc9\. Received: shared_units=\(\)"):
        small(shared_units=(), readout="fc9")
