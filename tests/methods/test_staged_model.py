"""What models trained in stages share: the order of stages, what each trains, resuming, errors."""

import importlib
from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_xmr import CMDN, BimodalAE, CorrAE, DeepSM, MultimodalDBN, evaluate
from keras_xmr.datasets import toy
from keras_xmr.methods.cross_modal_model import CrossModalModel
from tests.methods.planted_pairs import planted
from tests.methods.small_stacks import MEDIA, SMALL, batch, climbed, numpy, small

STAGED = list(SMALL)
STAGES = {
    BimodalAE: ["layer_1", "layer_2", "code"],
    CMDN: ["separate", "layer_1", "joint", "fused", "labels", "code_1", "code_2"],
    CorrAE: ["layer_1", "layer_2", "code"],
    MultimodalDBN: ["layer_1", "layer_2", "joint"],
}


class Killed(Exception):
    """What ends a run in the middle."""


class KillAt(keras.callbacks.Callback):
    """End a run after an epoch, once that is saved."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


@pytest.fixture
def seen(monkeypatch):
    """Of each stage that was trained: its name, epochs, and the weights before and after."""
    stages = []
    fit = CrossModalModel.fit

    def watched(self, *args, **kwargs):
        before = self.get_weights()
        stages.append([self.stage.name, kwargs["epochs"], before, None])
        history = fit(self, *args, **kwargs)
        stages[-1][3] = self.get_weights()
        return history

    monkeypatch.setattr(CrossModalModel, "fit", watched)
    return stages


def make(kind, data=None, **more):
    """A model for some data, compiled."""
    data = data or toy()
    model = kind.for_data(data, **{**SMALL[kind], "seed": 0, "pretraining_epochs": 1, **more})
    model.compile(keras.optimizers.Adam(1e-2))
    return model


def fit(model, data=None, epochs=1, **more):
    batches = model.batches(data or toy(), batch_size=20)
    return model.fit(batches, epochs=epochs, verbose=0, **more)


@pytest.mark.parametrize("kind", [CMDN, MultimodalDBN])
def test_stages_come_in_order_and_each_trains_its_own_layers_alone(kind, seen):
    model = make(kind, pretraining_epochs=2)
    fit(model)
    assert [name for name, *_ in seen] == STAGES[kind]
    assert [epochs for _, epochs, *_ in seen] == [2] * (len(seen) - 1) + [1]
    assert model.stage.name == STAGES[kind][-1]
    for stage, (_, _, before, after) in zip(model.stages(), seen, strict=True):
        mine = {id(w) for layer in stage.layers for w in layer.weights}
        for weight, old, new in zip(model.weights, before, after, strict=True):
            assert np.any(old != new) == (id(weight) in mine), (stage.name, weight.path)
    trained = [id(w) for stage in model.stages() for layer in stage.layers for w in layer.weights]
    assert {id(w) for w in model.weights} - {id(model.pretrained)} == set(trained)


def test_early_stages_are_trained_once(seen, tmp_path):
    model = make(CorrAE)
    fit(model)
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    fit(loaded)
    copy = model.copy_with(cd_steps=2)
    copy.compile("adam")
    fit(copy)
    assert [name for name, *_ in seen] == [*STAGES[CorrAE], "code", "code", "code"]


def test_the_optimizer_of_fit_is_that_of_the_last_stage():
    model = make(BimodalAE)
    optimizer = model.optimizer
    history = fit(model, epochs=2)
    assert model.optimizer is optimizer
    assert int(optimizer.iterations) == 4
    assert set(history.history) == {"loss", "image", "text"}


def test_batches_go_on_from_stage_to_stage(monkeypatch):
    begins = []
    fit_stage = CrossModalModel.fit

    def watched(self, batches, **kwargs):
        begins.append(batches.epoch)
        return fit_stage(self, batches, **kwargs)

    monkeypatch.setattr(CrossModalModel, "fit", watched)
    fit(make(CorrAE, pretraining_epochs=3))
    assert begins == [0, 3, 6]


def test_a_run_that_is_killed_twice_ends_as_one_that_was_not(tmp_path, monkeypatch):
    def run(folder):
        model = make(CorrAE, pretraining_epochs=2)
        return model, fit(model, epochs=2, checkpoint=tmp_path / folder)

    whole, _ = run("whole")
    original = CrossModalModel.fit
    for stage in ("layer_2", "code"):
        with monkeypatch.context() as patched:

            def killed(self, *args, stage=stage, callbacks=(), **kwargs):
                more = [KillAt(1)] if self.stage.name == stage else []
                return original(self, *args, callbacks=[*(callbacks or ()), *more], **kwargs)

            patched.setattr(CrossModalModel, "fit", killed)
            with pytest.raises(Killed):
                run("killed")
    resumed, history = run("killed")
    assert history.epoch == [0, 1]
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", STAGED)
def test_stacks_are_climbed_as_their_papers_say(kind):
    model = small(kind, visible={"text": "replicated_softmax"})
    x, _ = batch()
    outputs = model(x)
    for medium, wanted in climbed(model, x, words=("text",)).items():
        last = numpy(outputs[f"{medium}_{len(model.stacks[medium])}"])
        np.testing.assert_allclose(last, wanted, rtol=1e-4, atol=1e-7)


def test_a_trunk_is_never_trained():
    trunk = keras.Sequential([keras.Input((7,)), keras.layers.Dense(5)])
    model = CorrAE(MEDIA, 3, trunks={"image": trunk}, **SMALL[CorrAE])
    model.compile("adam")
    x, y = batch({"image": 7, "text": 4})
    before = trunk.get_weights()
    model.fit(x, y, epochs=1, verbose=0)
    for one, other in zip(before, trunk.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.encode(x, "image").shape == (6, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"visible": {"text": "binary"}}, r"Visible units are .* Received: visible={'text': 'bin"),
        ({"visible": {"audio": "gaussian"}}, r"of the media \['image', 'text'\]"),
        ({"hub": "audio"}, r"hub is one of the media\. Received: hub='audio'"),
        ({"pathway_units": ()}, r"at least one machine\. Received: units=\(\)"),
        ({"media": {"image": 3}}, r"at least two media\. Received: media={'image': 3}"),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        CorrAE(**{"media": MEDIA, "num_classes": 3, **SMALL[CorrAE], **arguments})


def test_data_that_are_not_paired_are_paired_by_class():
    data = toy()
    unnamed = {name: replace(items, pairs=None) for name, items in data.media.items()}
    data = replace(data, media=unnamed)
    model = make(MultimodalDBN, data)
    batches = model.batches(data, pairing="class", batch_size=20)
    model.fit(batches, epochs=1, verbose=0)
    assert np.isfinite(evaluate(model, data).map)


@pytest.mark.parametrize("kind", STAGED)
def test_few_items_a_constant_column_and_a_missing_class_do_no_harm(kind):
    data = planted(constant=True, missing=3)
    # Fewer training items than columns.
    media = {
        name: items.rows((items.split == "test") | (np.arange(len(items)) < 6))
        for name, items in data.media.items()
    }
    model = make(kind, replace(data, media=media))
    fit(model, replace(data, media=media))
    for name, items in media.items():
        together = model.encode(items.items, name)
        assert np.isfinite(together).all()
        np.testing.assert_allclose(model.encode(items.items[:1], name), together[:1], atol=1e-5)


def test_words_are_a_replicated_softmax_unless_told_otherwise():
    assert make(CorrAE).visible == {"text": "replicated_softmax"}
    assert make(CorrAE, planted(("image", "audio"))).visible == {}
    assert make(CorrAE, visible={"text": "gaussian"}).stacks["text"][0].visible == "gaussian"
    assert make(CorrAE).stacks["image"][0].visible == "gaussian"


@pytest.mark.parametrize("kind", [*STAGED, DeepSM])
def test_the_settings_of_the_papers_are_arguments(kind):
    paper = importlib.import_module(kind.__module__).PAPER
    assert set(paper) <= set(kind.argument_names())
    # Wide as they are, with few numbers: the widths are what matters.
    thin = {name: narrow(value) for name, value in paper.items()}
    model = kind(MEDIA, 3, **thin)
    assert {name: model.get_config()[name] for name in thin} == thin


def narrow(value):
    """The same structure with widths of 2."""
    if isinstance(value, dict):
        return {name: narrow(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return tuple(narrow(entry) for entry in value)
    return 2 if isinstance(value, int) else value
