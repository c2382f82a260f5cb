"""`RetrievalMAP`: what is measured, when, and that callbacks can watch it."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from keras_xmr import CHTN, RetrievalMAP, evaluate
from keras_xmr.datasets import toy
from keras_xmr.training import callbacks

DATA = toy()


@pytest.fixture(scope="module")
def model():
    made = CHTN.for_data(DATA, pathway_units=(4, 4), shared_units=(4, 4), seed=0)
    made.compile(optimizer=keras.optimizers.Adam(1e-2))
    return made


def fit(model, *watching, epochs):
    batches = model.batches(DATA, batch_size=20)
    return model.fit(batches, epochs=epochs, verbose=0, callbacks=list(watching)).history


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_last_value_is_that_of_the_trained_model(model, split):
    history = fit(model, RetrievalMAP(DATA, split=split), epochs=2)
    report = evaluate(model, DATA, split=split)
    assert history["val_map"][-1] == report.map
    for direction in report.directions:
        name = f"val_map_{direction.query}_to_{direction.gallery}"
        assert history[name][-1] == direction.metrics["MAP@all"]


class Script:
    """Stands in for `evaluate`: figures by call."""

    def __init__(self, *figures):
        self.figures = list(figures)

    def __call__(self, *_, **__):
        return SimpleNamespace(map=self.figures.pop(0), directions=())


def test_between_measurements_the_last_value_stands(model, monkeypatch):
    monkeypatch.setattr(callbacks, "evaluate", Script(0.1, 0.2))
    history = fit(model, RetrievalMAP(DATA, every=3), epochs=5)
    assert history["val_map"] == [0.1, 0.1, 0.1, 0.2, 0.2]


def test_early_stopping_restores_and_checkpoint_keeps_the_best(model, monkeypatch, tmp_path):
    monkeypatch.setattr(callbacks, "evaluate", Script(0.2, 0.9, 0.3, 0.1, 0.99))
    path = tmp_path / "best.weights.h5"
    seen = []
    watching = (
        RetrievalMAP(DATA),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(model.get_weights())),
        keras.callbacks.EarlyStopping("val_map", mode="max", patience=2, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(
            path, "val_map", mode="max", save_best_only=True, save_weights_only=True
        ),
    )
    history = fit(model, *watching, epochs=9)
    assert history["val_map"] == [0.2, 0.9, 0.3, 0.1]
    assert any(np.any(a != b) for a, b in zip(seen[1], seen[3], strict=True))
    for weight, best in zip(model.get_weights(), seen[1], strict=True):
        np.testing.assert_array_equal(weight, best)
    saved = CHTN.from_config(model.get_config())
    saved.load_weights(path)
    for weight, best in zip(saved.get_weights(), seen[1], strict=True):
        np.testing.assert_array_equal(weight, best)


def test_measuring_leaves_the_weights_alone(model):
    before = model.get_weights()
    watch = RetrievalMAP(DATA)
    watch.set_model(model)
    logs = {}
    watch.on_epoch_end(0, logs)
    assert set(logs) == {"val_map", "val_map_image_to_text", "val_map_text_to_image"}
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("every", [0, -1])
def test_no_epochs_between_measurements_is_an_error(every):
    with pytest.raises(ValueError, match=rf"at least one epoch apart\. Received: every={every}"):
        RetrievalMAP(DATA, every=every)
