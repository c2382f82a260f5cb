"""`tune`: never worse than the start, repeatable, resumable, told; on linear methods."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import keras_xmr
from keras_xmr import evaluate, tune
from keras_xmr.datasets import toy
from keras_xmr.datasets.folds import folds
from keras_xmr.methods.settings import Settings
from keras_xmr.tuning.search import FOLDS, Search
from keras_xmr.tuning.trials import Trial
from tests.methods.planted import planted

DATA = planted(classes=4, per_class=20, width=12)
BAD = Settings(arguments={"sparsity_weight": 1000.0, "graph_weight": 1000.0})


def held_out(method, settings):
    """Mean MAP over the folds, by hand."""
    found = [
        evaluate(
            keras_xmr.train(fold, method, settings=settings, progress=False),
            fold,
            split="validation",
        ).map
        for fold in folds(DATA, FOLDS)
    ]
    return np.mean(found)


def rows_of(folder):
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows_but_seconds(folder):
    return [{n: v for n, v in row.items() if n != "seconds"} for row in rows_of(folder)]


def test_a_bad_start_is_left_for_what_is_better_on_held_out_items():
    settings = tune(DATA, "jrl", budget=6, settings=BAD, progress=False)
    assert held_out("jrl", settings) > held_out("jrl", BAD) + 0.02
    assert "trials of keras_xmr.tune: held-out MAP" in settings.chosen


def test_the_start_is_the_first_trial_and_never_lost(tmp_path):
    chosen = tune(DATA, "cca", budget=4, folder=tmp_path, progress=False)
    rows = rows_of(tmp_path)
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3"]
    assert json.loads(rows[0]["settings"]) == keras_xmr.CCA.defaults.to_dict()
    assert float(rows[0]["map"]) == pytest.approx(held_out("cca", keras_xmr.CCA.defaults))
    best = max(float(row["map"]) for row in rows if row["pruned"] == "0")
    assert held_out("cca", replace(chosen, chosen="")) == pytest.approx(best)
    assert (tmp_path / "trials.png").stat().st_size > 1000


def test_an_interrupted_tuning_ends_as_one_left_alone(tmp_path, monkeypatch):
    alone = tune(DATA, "kcca", budget=8, seed=3, progress=False, folder=tmp_path / "alone")
    trained = keras_xmr.KCCA.train.__func__
    calls = []

    def killed(cls, *args, **kwargs):
        calls.append(None)
        if len(calls) > 5 * FOLDS + 1:
            raise KeyboardInterrupt
        return trained(cls, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(keras_xmr.KCCA, "train", classmethod(killed))
        with pytest.raises(KeyboardInterrupt):
            tune(DATA, "kcca", budget=8, seed=3, progress=False, folder=tmp_path / "killed")
    again = tune(DATA, "kcca", budget=8, seed=3, progress=False, folder=tmp_path / "killed")
    assert again == alone
    first, second = (rows_but_seconds(tmp_path / name) for name in ("alone", "killed"))
    assert first == second


def test_another_seed_tries_other_settings(tmp_path):
    for seed in (0, 1):
        tune(DATA, "jrl", budget=2, seed=seed, progress=False, folder=tmp_path / str(seed))
    first, second = ((tmp_path / s / "trials.csv").read_text(encoding="utf-8") for s in "01")
    assert first != second


def test_trials_of_another_start_are_not_gone_on_with(tmp_path):
    tune(DATA, "jrl", budget=1, folder=tmp_path, progress=False)
    with pytest.raises(ValueError, match="began with other settings"):
        tune(DATA, "jrl", budget=2, folder=tmp_path, settings=BAD, progress=False)


def test_damaged_trials_are_told(tmp_path):
    tune(DATA, "jrl", budget=1, folder=tmp_path, progress=False)
    (tmp_path / "trials.csv").write_text("trial,map\n0,x\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"cannot be read: .* Remove the folder"):
        tune(DATA, "jrl", budget=2, folder=tmp_path, progress=False)


@pytest.mark.parametrize(
    ("budget", "seconds", "count"),
    [
        ("10s", [3, 3, 3.5], 3),
        ("10s", [4, 4], 2),
        ("10s", [11], 1),
        ("2,10s", [1, 1], 2),
        ("9,10s", [5, 5], 2),
        (2, [9, 9], 2),
    ],
)
def test_no_trial_begins_that_would_end_too_late(budget, seconds, count, monkeypatch):
    trials = iter([Trial(None, {}, (0.5,), second, np.zeros(3)) for second in [*seconds, 99]])
    monkeypatch.setattr(Search, "trial", lambda self, before: next(trials))
    assert f"of {count} trials" in tune(DATA, "cca", budget=budget, progress=False).chosen


@pytest.mark.parametrize("budget", ["0", 0, "5 m", "m", "-1s", "fast", 2.5, "", "3,", "3,x"])
def test_other_budgets_are_told(budget):
    with pytest.raises(ValueError, match="A budget is a number of trials, a time such as"):
        tune(DATA, "cca", budget=budget)


def test_what_is_told_is_not_tuned():
    settings = tune(DATA, "jrl", budget=3, readout="projections", progress=False)
    assert settings.arguments["readout"] == "projections"


def test_without_a_validation_part_some_training_items_are_held_out(capsys):
    tune(DATA.with_validation_as_training(), "cca", budget=1)
    told = "no validation part: each of 4 parts of the training part in turn is held out"
    assert told in capsys.readouterr().err


def test_the_test_part_is_not_looked_at():
    test = DATA.medium("image").split == "test"
    rows = {name: medium.items.copy() for name, medium in DATA.media.items()}
    for own in rows.values():
        own[test] = 1e6
    media = {name: replace(m, items=rows[name]) for name, m in DATA.media.items()}
    spoiled = replace(DATA, media=media)
    options = {"budget": 3, "progress": False}
    assert tune(spoiled, "jrl", **options) == tune(DATA, "jrl", **options)


def test_how_sure_the_choice_is():
    settings = tune(DATA, "jrl", budget=6, settings=BAD, progress=False)
    assert "with a standard error of 0." in settings.chosen
    queries = 2 * len(DATA.part("train", "validation").medium("image"))
    assert f"over {queries} queries" in settings.chosen


def test_without_optuna_the_command_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ImportError, match=r"pip install 'keras-xmr\[tune\]'"):
        tune(toy(), "cca", budget=1, progress=False)
