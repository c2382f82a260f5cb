"""`tune` of Keras methods: on the validation part, stopping early what does worse."""

import csv
from dataclasses import replace

import pytest

from keras_xmr import CHTN, evaluate, train, tune
from keras_xmr.datasets import toy
from keras_xmr.datasets.folds import folds
from keras_xmr.methods.catalogue import method_class, methods
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.space import Space
from keras_xmr.training.callbacks import StopWhereWorse
from keras_xmr.tuning import search

pytestmark = pytest.mark.once

DATA = toy()
# It hardly learns.
SLOW = TrainingSettings(
    arguments={"pathway_units": (8,), "shared_units": (8,), "cross_weight": 1e-4},
    epochs=10,
    batch_size=20,
    learning_rate=1e-3,
    weight_decay=0.1,
)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trials")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "AT_RANDOM", 3)
        settings = tune(DATA, "chtn", budget=8, settings=SLOW, folder=folder, progress=False)
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        return settings, list(csv.DictReader(file))


def test_a_network_is_tuned_on_the_validation_part(tuned):
    settings, rows = tuned
    best = max(float(row["map"]) for row in rows if row["pruned"] == "0")
    model = train(DATA, "chtn", settings=settings, progress=False)
    assert evaluate(model, DATA, split="validation").map == pytest.approx(best, abs=1e-4)
    assert best > float(rows[0]["map"]) + 0.05
    # What is not tuned stays.
    assert (settings.epochs, settings.batch_size) == (SLOW.epochs, SLOW.batch_size)


def test_of_networks_that_are_averaged_one_is_trained_on_each_fold(tmp_path):
    several = replace(SLOW, arguments=SLOW.arguments | {"members": 3}, epochs=2)
    settings = tune(
        DATA, "chtn", budget=1, settings=several, folder=tmp_path, seed=1, progress=False
    )
    assert settings.arguments["members"] == 3
    found = [
        evaluate(
            train(fold, "chtn", settings=several, members=1, seed=1, progress=False),
            fold,
            split="validation",
        ).map
        for fold in folds(DATA, search.FOLDS, seed=1)
    ]
    with (tmp_path / "trials.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["map"]) == pytest.approx(sum(found) / len(found), abs=1e-4)


def test_on_the_test_part_it_is_told(tmp_path):
    settings = tune(
        DATA, "chtn", budget=1, settings=SLOW, select_on="test", folder=tmp_path, progress=False
    )
    assert "selected on the TEST part" in settings.chosen
    with (tmp_path / "trials.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    model = train(DATA, "chtn", settings=settings, progress=False)
    assert evaluate(model, DATA).map == pytest.approx(float(row["map"]), abs=1e-4)
    with pytest.raises(ValueError, match="selected on one of"):
        tune(DATA, "chtn", select_on="train", progress=False)


def test_what_does_worse_is_stopped(tuned):
    _, rows = tuned
    stopped = [row for row in rows if row["pruned"] == "1"]
    assert stopped
    assert all(row["scores"].count(",") < 9 for row in stopped)


def test_a_training_is_looked_at_ten_times_and_stopped_where_told():
    seen = []

    def third(score):
        seen.append(score)
        return len(seen) == 3

    watch = StopWhereWorse(DATA, 10, third)
    settings = replace(SLOW, epochs=40)
    model = train(DATA, "chtn", settings=settings, callbacks=[watch], progress=False)
    assert watch.stopped
    # Two batches in each of three times four epochs.
    assert int(model.optimizer.iterations) == 3 * 4 * 2
    watch = StopWhereWorse(DATA, 10, lambda score: False)
    train(DATA, "chtn", settings=settings, callbacks=[watch], progress=False)
    assert not watch.stopped


@pytest.mark.parametrize("name", [n for n, about in methods().items() if about.kind != "linear"])
def test_defaults_of_networks_are_within_their_ranges(name):
    method = method_class(name)
    settings = method.settings_for(DATA)
    assert Space(method, settings, DATA).parameters() is not None
    assert set(method.tunable) <= {*method.settable(), *vars(settings)}
    assert method.tunable


def test_few_pairs_are_seen_more_often():
    assert CHTN.settings_for(DATA).epochs == 200
    assert CHTN.settings_for(DATA).arguments["pathway_units"] == (128,)
