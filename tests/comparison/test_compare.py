"""`compare` on methods that need no backend: equal effort, resumed, told, never stopped by one."""

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils.parallel import Parallel, delayed

import keras_xmr
from keras_xmr import compare, evaluate
from keras_xmr.commands.compare import defined
from keras_xmr.comparison.compare import ENVIRONMENT, THREADS, limit_threads
from keras_xmr.comparison.comparison import Entry
from keras_xmr.comparison.ensemble import together
from keras_xmr.comparison.plan import Plan, named
from keras_xmr.comparison.record import Record
from keras_xmr.comparison.summary import content
from keras_xmr.datasets import toy
from keras_xmr.methods.catalogue import method_class, methods
from keras_xmr.methods.cca import CCA
from keras_xmr.methods.jrl import JRL
from tests.methods.planted import planted
from tests.processes import python_path

DATA = planted(classes=4, per_class=20, width=12)
METHODS = "cca,jrl,semantic_matching"
QUIET = {"progress": False, "seeds": 2, "budget": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("comparison")


@pytest.fixture(scope="module")
def found(folder):
    return compare(DATA, METHODS, folder=folder, splits=2, **QUIET)


def test_each_method_has_as_many_trials_and_trainings(found, folder):
    for method in METHODS.split(","):
        for split in (0, 1):
            place = folder / "runs" / method / f"split{split}"
            with (place / "tuning" / "trials.csv").open(newline="") as file:
                assert len(list(csv.DictReader(file))) == 2
            names = sorted(path.name for path in place.glob("*.json"))
            assert names == ["bag0.json", "bag1.json", "seed0.json", "seed1.json"]
    assert not found.cut
    assert not found.failures


def test_figures_are_those_of_the_tuned_settings_on_the_test_part(found):
    record = found.runs("jrl")[0]
    settings = type(JRL.defaults)(**record.settings)
    model = keras_xmr.train(DATA, "jrl", settings=settings, seed=0, progress=False)
    assert record.report.map == pytest.approx(evaluate(model, DATA).map)
    assert record.validation == pytest.approx(evaluate(model, DATA, split="validation").map)
    assert "keras_xmr.tune" in settings.chosen


def test_readouts_and_ensembles_have_rows_of_their_own(found):
    helps = {(entry.method, entry.help) for entry in found.entries()}
    assert ("jrl", "readout projections") in helps
    assert ("semantic_matching", "readout centred_probabilities") in helps
    assert {("cca", "ensemble"), ("jrl", "ensemble")} <= helps
    # The methods come first, the best of them at the top.
    first = found.entries()[:3]
    assert [entry.help for entry in first] == ["", "", ""]
    assert [entry.method for entry in first] == found.methods()
    assert found.map(first[0]) == max(found.map(entry) for entry in first)


def test_a_readout_is_another_one_of_the_same_model(found):
    record = found.runs("jrl")[0]
    settings = type(JRL.defaults)(**record.settings)
    model = keras_xmr.train(DATA, "jrl", settings=settings, seed=0, progress=False)
    other = model.with_readout("projections")
    assert record.reports["projections"].map == pytest.approx(evaluate(other, DATA).map)
    assert model.readout == "knn"


def test_an_ensemble_ranks_by_the_mean_similarity_of_its_members(found):
    bagged = [r for r in found.records if r.method == "cca" and r.bagged and r.split == 0]
    rows = together(bagged)

    def cosines(one, other):
        lengths = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)
        return one @ other.T / lengths

    of_members = [cosines(r.encoded["test/image"], r.encoded["test/text"]) for r in bagged]
    of_all = cosines(rows["test/image"], rows["test/text"])
    np.testing.assert_allclose(of_all, np.mean(of_members, axis=0), atol=1e-5)


def test_means_are_over_seeds_and_then_splits(found):
    entry = Entry("jrl")
    by_split = [
        np.mean([r.report.map for r in found.runs("jrl") if r.split == split]) for split in (0, 1)
    ]
    assert found.map(entry) == pytest.approx(np.mean(by_split))
    assert found.spread(entry) == pytest.approx(np.std(by_split, ddof=1))


def test_a_second_call_trains_nothing_and_finds_the_same(found, folder):
    times = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*.json")}
    again = compare(DATA, METHODS, folder=folder, splits=2, **QUIET)
    assert again.rows() == found.rows()
    assert times == {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("*.json")}


def test_equal_seeds_give_equal_rows(found):
    assert compare(DATA, METHODS, splits=2, **QUIET).rows() == found.rows()


def test_several_processes_give_the_same(found):
    assert compare(DATA, METHODS, splits=2, jobs=2, **QUIET).rows() == found.rows()


def told_threads():
    limit_threads()
    return {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", *THREADS)}


def test_processes_share_the_cores(monkeypatch):
    for name in ("OMP_NUM_THREADS", *THREADS):
        monkeypatch.delenv(name, raising=False)
    (told,) = Parallel(n_jobs=2)([delayed(told_threads)()])
    threads = str(max(1, os.cpu_count() // 2))
    assert told == dict.fromkeys(told, threads)


def test_a_run_that_was_killed_goes_on_and_finds_the_same(found, tmp_path):
    code = (
        "from keras_xmr import compare\n"
        "from tests.comparison.test_compare import DATA, METHODS, QUIET\n"
        f"compare(DATA, METHODS, folder={str(tmp_path)!r}, splits=2, **QUIET)\n"
    )
    first = tmp_path / "runs" / "jrl" / "split0" / "seed0.json"
    run = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": python_path()}
    )
    while not first.exists():
        assert run.poll() is None
        time.sleep(0.01)
    run.kill()
    run.wait()
    assert not (tmp_path / "runs" / "semantic_matching" / "split1").exists()
    # What is there is whole.
    for path in (tmp_path / "runs").rglob("*.json"):
        Record.read(path)
    again = compare(DATA, METHODS, folder=tmp_path, splits=2, **QUIET)
    assert again.rows() == found.rows()


def test_another_plan_or_other_data_in_the_folder_are_refused(found, folder):
    with pytest.raises(ValueError, match="seeds"):
        compare(DATA, METHODS, folder=folder, splits=2, **QUIET | {"seeds": 3})
    with pytest.raises(ValueError, match="split_hash"):
        compare(toy(), METHODS, folder=folder, splits=2, **QUIET)
    # The same items as features of another encoder.
    image = replace(DATA.medium("image"), items=2 * DATA.medium("image").items)
    other = replace(DATA, media={**DATA.media, "image": image})
    with pytest.raises(ValueError, match=r"other \['contents'\]"):
        compare(other, METHODS, folder=folder, splits=2, **QUIET)


VARIANTS = {"loose": ("jrl", {"pair_weight": 0.0}), "shrunk": ("cca", {"shrinkage": 0.9})}


def test_a_variant_keeps_what_it_is_given_and_is_a_row_like_the_others(tmp_path):
    one = compare(DATA, "jrl", variants=VARIANTS, folder=tmp_path, **QUIET)
    assert set(one.methods()) == {"jrl", "loose", "shrunk"}
    # Every trial of its tuning has what is given, and so has every model.
    for name, (method, changes) in VARIANTS.items():
        (setting, value), *_ = changes.items()
        with (tmp_path / "runs" / name / "split0" / "tuning" / "trials.csv").open() as file:
            of_trials = [json.loads(row["settings"])["arguments"] for row in csv.DictReader(file)]
        assert [arguments[setting] for arguments in of_trials] == [value, value]
        record = one.first_run(name)
        settings = type(method_class(method).defaults)(**record.settings)
        model = keras_xmr.train(DATA, method, settings=settings, seed=0, progress=False)
        assert record.report.map == pytest.approx(evaluate(model, DATA).map)
    # What is linear may be an ensemble, by whatever name it goes.
    assert Entry("loose", "ensemble") in one.entries()
    told = dict(content(one).definitions)
    assert told["loose"] == "jrl with pair_weight=0.0; the rest is tuned"


def test_variants_may_be_added_but_stay_what_they_are(tmp_path):
    few = {"seeds": 1, "budget": 1, "progress": False, "folder": tmp_path}
    compare(DATA, "cca", variants={"loose": VARIANTS["loose"]}, **few)
    both = compare(DATA, "cca", variants=VARIANTS, **few)
    assert set(both.methods()) == {"cca", "loose", "shrunk"}
    with pytest.raises(ValueError, match=r"other \['shrunk'\]"):
        compare(DATA, "cca", variants={"shrunk": ("cca", {"shrinkage": 0.5})}, **few)


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ({"jrl": ("jrl", {})}, "a name of its own"),
        ({"../away": ("jrl", {})}, "a name of its own"),
        ({"other": ("unheard", {})}, r"Received: \['unheard'\]"),
        ({"other": ("jrl", {"colour": 3})}, r"Received: \['colour'\]"),
    ],
)
def test_a_variant_that_cannot_be_is_told_before_work_starts(variants, message):
    with pytest.raises(ValueError, match=message):
        compare(DATA, "cca", variants=variants, **QUIET)


def test_a_variant_on_the_command_line():
    assert defined("wide one: chtn shared_units=[64,64] readout=logits") == (
        "wide one",
        ("chtn", {"shared_units": [64, 64], "readout": "logits"}),
    )
    for text in ("chtn", "name:", "name: chtn dropout"):
        with pytest.raises(ValueError, match=r"is given as|is set as"):
            defined(text)


def test_a_method_that_fails_is_told_and_stops_nothing(monkeypatch, capsys):
    def fail(self, data):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(JRL, "fit", fail)
    found = compare(DATA, METHODS, **QUIET | {"progress": True})
    assert found.failures == {"jrl": "RuntimeError: no such luck"}
    assert sorted(found.methods()) == ["cca", "semantic_matching"]
    assert "jrl failed: RuntimeError: no such luck" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"None of the methods could be trained.*no such luck"):
        compare(DATA, "jrl", **QUIET)


def test_within_a_time_what_is_left_out_is_told():
    found = compare(DATA, "cca,jrl", seeds=3, budget="20,0.1s", progress=False)
    assert sorted(found.methods()) == ["cca", "jrl"]
    assert len(found.cut) == 2
    assert all("of 20 trials" in sentence for sentence in found.cut)


def test_more_time_changes_no_settings_of_a_unit(tmp_path):
    options = {"folder": tmp_path, "seeds": 3, "progress": False}
    compare(DATA, "cca", budget="12,0.05s", **options)
    again = compare(DATA, "cca", budget="12,60s", **options)
    assert len(again.runs("cca")) == 3
    assert len({json.dumps(record.settings) for record in again.records}) == 1
    assert any("of 12 trials" in sentence for sentence in again.cut)


def test_each_unit_has_its_share_of_the_time(monkeypatch):
    shares = []

    def note(unit, job, seconds):
        shares.append(seconds)
        raise RuntimeError("noted")

    monkeypatch.setattr("keras_xmr.comparison.compare.work", note)
    with pytest.raises(ValueError, match="noted"):
        compare(DATA, METHODS, budget="100s", progress=False)
    # What one has no need of is left to those after it; none has more than there is.
    assert shares == pytest.approx([100 / 3, 50, 100], rel=0.05)
    with pytest.raises(ValueError, match="at least one process"):
        compare(DATA, METHODS, jobs=0, progress=False)


def test_settings_that_cannot_be_trained_are_no_good_and_stop_nothing(monkeypatch, tmp_path):
    fit, calls = CCA.fit, []

    def some(self, data):
        calls.append(0)
        if len(calls) in (5, 6):
            raise np.linalg.LinAlgError("singular")
        return fit(self, data)

    monkeypatch.setattr(CCA, "fit", some)
    found = compare(DATA, "cca", seeds=1, budget=4, folder=tmp_path, progress=False)
    assert not found.failures
    assert len(found.tuning["cca"]) == 4
    # Read again, too.
    assert compare(DATA, "cca", seeds=1, budget=4, folder=tmp_path, progress=False).rows()


def test_selecting_on_the_test_part_is_marked():
    found = compare(DATA, "jrl", seeds=1, budget=3, select_on="test", progress=False)
    assert {row["selected_on"] for row in found.rows()} == {"test"}
    (record,) = found.runs("jrl")
    assert "TEST" in record.settings["chosen"]
    # Chosen by the very figure that is reported.
    assert max(found.tuning["jrl"]) == pytest.approx(record.report.map)


def test_without_a_validation_part_one_is_held_out_and_told(capsys):
    found = compare(
        DATA.with_validation_as_training(), "cca", **QUIET | {"progress": True, "seeds": 1}
    )
    assert found.data[0].has("validation")
    assert "a tenth of the training part is held out" in capsys.readouterr().err


def test_one_class_is_refused():
    media = {name: replace(m, labels=np.zeros_like(m.labels)) for name, m in DATA.media.items()}
    one = replace(DATA, media=media, class_names=("all",))
    with pytest.raises(ValueError, match="two classes at least"):
        compare(one, "cca", **QUIET)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "at least one of each"),
        ({"splits": 0}, "at least one of each"),
        ({"select_on": "train"}, "selected on one of"),
        ({"methods": ("ridge",)}, "Methods are"),
        ({"methods": ()}, "at least one method"),
    ],
)
def test_plans_are_checked(changes, message):
    with pytest.raises(ValueError, match=message):
        Plan(**{"methods": ("cca",)} | changes)


def test_all_are_those_that_take_such_media():
    two, three = named("all", toy()), named("all", toy(["image", "text", "audio"]))
    assert len(two) == 16
    assert set(two) - set(three) == {n for n, about in methods().items() if about.media == "2"}
    assert named(["jrl", "cca"], DATA) == named("jrl, cca", DATA) == ("cca", "jrl")


def test_all_has_those_for_one_space_where_rows_are_of_one_width():
    one_width = toy(["image", "video"])
    assert set(named("all", one_width)) == set(methods())
    assert not any(methods()[name].one_space for name in named("all", toy()))


def test_a_record_is_read_as_it_was_written(found, tmp_path):
    record = found.runs("jrl")[0]
    record.write(tmp_path / "record")
    again = Record.read(tmp_path / "record.json")
    assert vars(again) | {"reports": 0, "encoded": 0} == vars(record) | {"reports": 0, "encoded": 0}
    assert again.report.rows() == record.report.rows()
    np.testing.assert_array_equal(
        again.report.average_precisions(), record.report.average_precisions()
    )
    for name, rows in record.encoded.items():
        np.testing.assert_array_equal(again.encoded[name], rows)


def test_the_environment_is_kept(found, folder):
    kept = json.loads((folder / ENVIRONMENT).read_text())
    assert kept == found.environment
    assert kept["split_hash"] == DATA.split_hash()
    assert "numpy" in kept["packages"]
