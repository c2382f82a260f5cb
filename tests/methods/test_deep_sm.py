"""Deep-SM: CHTN without what ties media, multiple labels, unpaired data, pictures."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_xmr import CHTN, DeepSM, evaluate
from keras_xmr.datasets import toy
from keras_xmr.methods.settings import TrainingSettings
from tests.methods.pictures import coloured, trunk
from tests.methods.planted_pairs import CLASSES, planted

SMALL = {"media": {"image": 5, "text": 4}, "num_classes": 3, "pathway_units": (6,), "seed": 0}


def batch(labels=((1, 0, 0), (0, 1, 0), (0.5, 0, 0.5), (0, 0, 1))):
    rng = np.random.default_rng(0)
    x = {m: rng.normal(size=(4, d)).astype("float32") for m, d in SMALL["media"].items()}
    return x, dict.fromkeys(x, np.array(labels, "float32"))


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor).astype("float64")


def test_is_chtn_without_source_pairs_and_shared_layers():
    x, y = batch()
    model = DeepSM(**SMALL, dropout=0.0)
    alone = CHTN(**SMALL, shared_units=(), shared_classifier=False, cross_weight=0.0)
    found, wanted = model.loss_terms(y, model(x)), alone.loss_terms(y, alone(x))
    assert set(found) == {"image", "text"}
    for name in found:
        assert float(numpy(found[name])) == float(numpy(wanted[name]))
        np.testing.assert_array_equal(model.encode(x, name), alone.encode(x, name))


def test_no_medium_feels_another():
    x, y = batch()
    # What is added to all rows, a normalisation would take away again.
    other = {**x, "image": np.flip(x["image"], axis=1)}
    model = DeepSM(**SMALL, dropout=0.0)
    for name, same in (("text", True), ("image", False)):
        terms = [
            numpy(model.loss_terms(y, model(rows, training=True))[name]) for rows in (x, other)
        ]
        assert (terms[0] == terms[1]) == same


def test_several_labels_have_a_squared_loss():
    x, y = batch()
    model = DeepSM(**SMALL, multi_label=True, dropout=0.0)
    for name, found in model.loss_terms(y, model(x)).items():
        wanted = np.mean(np.sum((model.encode(x, name) - y[name]) ** 2, axis=1))
        assert float(numpy(found)) == pytest.approx(wanted, rel=1e-5)


def test_missing_rows_count_nowhere():
    x, y = batch()
    model = DeepSM(
        **SMALL, multi_label=True, partial=("text",), input_normalization=(), dropout=0.0
    )
    x["text_present"] = np.array([1, 0, 0, 1], "float32")
    found = float(numpy(model.loss_terms(y, model(x))["text"]))
    errors = np.sum((model.encode(x, "text") - y["text"]) ** 2, axis=1)
    assert found == pytest.approx((errors[0] + errors[3]) / 2, rel=1e-5)


def test_there_is_no_source():
    with pytest.raises(ValueError, match=r"DeepSM learns from no source domain\. Received: 'toy'"):
        DeepSM.for_data(toy(), toy(["image"]))


def test_unpaired_data_with_a_class_missing_and_a_constant_column_are_learned():
    data = planted(constant=True, missing=3)
    data = replace(data, media={n: replace(m, pairs=None) for n, m in data.media.items()})
    model = DeepSM.for_data(data, pathway_units=(16,), dropout=0.0, seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(model.batches(data, pairing="class", batch_size=40), epochs=10, verbose=0)
    known = {name: medium.rows(medium.labels != 3) for name, medium in data.media.items()}
    assert evaluate(model, replace(data, media=known)).map > 0.9
    encoded = model.encode(data, "image")
    assert encoded.shape == (len(data.media["image"]), CLASSES)
    np.testing.assert_allclose(
        model.encode(data.media["image"].items[:1], "image"), encoded[:1], atol=1e-6
    )


def test_its_trunk_is_trained_on_pictures():
    network = trunk(normalize=False)
    before = network.get_weights()
    settings = TrainingSettings(
        arguments={"pathway_units": (8,)}, epochs=2, batch_size=8, trunk_rate=1.0
    )
    model = DeepSM.train(coloured(), trunks={"image": network}, settings=settings)
    assert any(np.any(a != b) for a, b in zip(before, network.get_weights(), strict=True))
    assert np.isfinite(model.encode_image(coloured())).all()
