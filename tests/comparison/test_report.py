"""The report of a comparison: what it says is what was found, in every file of it."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import keras_xmr
from keras_xmr import compare
from keras_xmr.cli import main
from keras_xmr.comparison.comparison import Comparison, Entry
from keras_xmr.comparison.findings import findings
from keras_xmr.comparison.plan import Plan
from keras_xmr.comparison.record import Costs, Record
from keras_xmr.comparison.statistics import holm, over_queries
from keras_xmr.comparison.summary import content
from keras_xmr.comparison.tables import ranking
from keras_xmr.datasets import CrossModalData, MediumItems, toy
from keras_xmr.report import Direction, Report
from tests.comparison.browser import chromium
from tests.methods.planted import planted

DATA = planted(classes=4, per_class=20, width=12)


@pytest.fixture(scope="module")
def found():
    return compare(DATA, "cca,jrl,lgcfl", seeds=2, budget=1, progress=False)


@pytest.fixture(scope="module")
def folder(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    assert found.report(folder) == folder / "report.html"
    return folder


def few(images, texts):
    """A test part of so many items of one class, the first of which are paired; and others."""
    media = {}
    for name, count in (("image", images), ("text", texts)):
        rows = np.zeros((count + 2, 1))
        ids = np.array([f"instance{row}" for row in range(count)] + ["a", "b"])
        split = ["test"] * count + ["train"] * 2
        media[name] = MediumItems(rows, np.array([0] * count + [0, 1]), ids, split, pairs=ids)
    return CrossModalData("few", media, ("one", "other"))


def made(method, images, texts=None, seed=0, split=0):
    """A record with given average precisions of both directions."""
    queries = {"image": np.array(images), "text": np.array(images if texts is None else texts)}
    directions = tuple(
        Direction(one, other, {"MAP@all": float(queries[one].mean())}, [1.0] * 11, queries[one])
        for one, other in (("image", "text"), ("text", "image"))
    )
    report = Report("made", "test", "", directions)
    return Record(method, split, seed, False, {}, Costs(), {}, {"": report}, 0.5, "hamming")


def compared(*records, splits=1):
    methods = tuple(sorted({record.method for record in records}))
    data = few(*(len(d.average_precisions) for d in records[0].report.directions))
    return Comparison([data] * splits, Plan(methods, splits=splits), records)


def test_p_values_and_intervals_are_worked_by_hand():
    best, near, far = [0.9, 0.8, 0.7, 0.9], [0.8, 0.9, 0.6, 0.8], [0.1, 0.2, 0.1, 0.0]
    found = compared(made("cca", best), made("jrl", near), made("cfa", far))
    assert found.methods() == ["cca", "jrl", "cfa"]
    # Both queries of a pair count as one.
    tests = [over_queries(np.array(best), np.array(other)) for other in (near, far)]
    ps = holm(np.array([test.p for test in tests]))
    against = found.against_best
    assert against["jrl"].p == pytest.approx(ps[0])
    assert against["cfa"].p == pytest.approx(ps[1])
    assert against["cfa"].mean == pytest.approx(0.725)
    assert found.level_with_best() == ["cca", "jrl"]
    rows = {row["method"]: row for row in found.rows()}
    assert rows["cfa"]["mean"] == pytest.approx(-0.725)
    assert rows["cfa"]["low"] == pytest.approx(-tests[1].high)


def test_a_query_counts_once_however_many_seeds_there_are():
    seeds = [made("cca", [0.9, 0.5, 0.7], seed=seed) for seed in (0, 1)]
    other = [made("jrl", [0.4, 0.5, 0.6], seed=seed) for seed in (0, 1)]
    one = compared(seeds[0], other[0]).against_best
    assert compared(*seeds, *other).against_best == one


def test_directions_have_the_same_weight_however_many_queries_they_have():
    one = made("cca", [0.9, 0.8], [0.2, 0.3, 0.4, 0.1, 0.2, 0.3])
    other = made("jrl", [0.3, 0.2], [0.3, 0.4, 0.5, 0.2, 0.3, 0.4])
    found = compared(one, other)
    assert found.methods() == ["cca", "jrl"]
    gap = found.map(Entry("cca")) - found.map(Entry("jrl"))
    assert found.against_best["jrl"].mean == pytest.approx(gap)
    assert gap > 0


def test_what_lacks_a_split_is_not_ranked():
    records = [made("cca", [0.5, 0.6], split=split) for split in (0, 1)]
    records.append(made("jrl", [0.9, 0.8], split=1))
    assert compared(*records, splits=2).methods() == ["cca"]


def test_a_readout_that_some_settings_have_is_compared_on_all_splits():
    records = []
    for split, tuned in ((0, "knn"), (1, "projections")):
        record = made("jrl", [0.5, 0.6], split=split)
        reports = {"": record.report} | dict.fromkeys(("knn", "projections"), record.report)
        settings = {"arguments": {"readout": tuned}}
        records.append(replace(record, reports=reports, settings=settings))
    found = compared(*records, splits=2)
    assert [e.help for e in found.entries()] == ["", "readout knn", "readout projections"]
    alone = compared(*(replace(r, settings=records[0].settings) for r in records), splits=2)
    assert [e.help for e in alone.entries()] == ["", "readout projections"]


def test_over_several_splits_it_is_the_splits_that_count():
    records = [made("cca", [0.9, 0.8 - 0.01 * split], split=split) for split in (0, 1, 2)]
    records += [made("jrl", [0.5, 0.4 + 0.02 * split], split=split) for split in (0, 1, 2)]
    found = compared(*records, splits=3).against_best["jrl"]
    assert found.mean == pytest.approx(np.mean([0.4, 0.385, 0.37]))
    assert 0 < found.p < 0.05


def test_the_ranking_marks_the_best_and_what_is_level():
    found = compared(made("cca", [0.9, 0.8, 0.7]), made("jrl", [0.8, 0.9, 0.6]))
    first, second = ranking(found).rows
    assert "MAP" in first.best
    assert "MAP" in second.level


def test_files_hold_the_rows(found, folder):
    names = ["report.html", "report.md", "results.csv", "results.tex", "costs.csv"]
    assert all((folder / name).stat().st_size for name in names)
    with (folder / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == [row["method"] for row in found.rows()]
    for row, wanted in zip(rows, found.rows(), strict=True):
        assert float(row["MAP"]) == pytest.approx(wanted["MAP"], abs=1e-5)
    text = (folder / "report.md").read_text()
    for method in found.methods():
        assert f"{found.map(Entry(method)):.3f}" in text
        assert method in (folder / "report.html").read_text()


def test_two_runs_with_equal_seeds_give_equal_results(folder, tmp_path):
    compare(DATA, "cca,jrl,lgcfl", seeds=2, budget=1, progress=False).report(tmp_path)
    assert (tmp_path / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()


def test_summary_says_what_is_best_and_what_validation_would_choose(found):
    told = content(found)
    best = found.methods()[0]
    assert told.summary[0].startswith(f"{best} has the best MAP")
    assert any("By validation one would choose" in sentence for sentence in told.summary)
    assert {"selection", "p and interval", "correction", "ensemble"} <= dict(
        told.definitions
    ).keys()


def test_findings_are_of_the_best_method(found):
    titles = [finding.title for finding in findings(found)]
    # Both media have as much noise here.
    assert "Whose side the error is on" in titles
    assert {"The worst queries", "The largest hubs"} <= set(titles)


def test_selected_on_test_marks_every_table():
    found = compare(DATA, "cca", seeds=1, budget=1, select_on="test", progress=False)
    told = content(found)
    assert told.marked
    assert all(row.marked for row in told.table.rows)
    assert "†" in found.table()


def test_items_with_several_labels_and_codes_make_a_report(tmp_path):
    labels = np.eye(4, dtype=int)[DATA.medium("image").labels]
    labels[:, 0] = 1
    media = {name: replace(m, labels=labels) for name, m in DATA.media.items()}
    several = replace(DATA, media=media)
    found = compare(several, "cca,semantic_matching", seeds=1, budget=1, progress=False)
    assert found.report(tmp_path).exists()


def test_the_command_prints_the_table_and_writes_the_report(tmp_path, capsys):
    out = tmp_path / "report"
    options = ["--data", "pascal_sentences", "--methods", "cca", "--seeds", "1", "--budget", "1"]
    assert main(["compare", *options, "--jobs", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "| cca " in printed.out
    assert f"saved {out / 'report.html'}" in printed.err
    assert main(["compare", *options, "--jobs", "1", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (told[0]["method"], told[0]["spread"]) == ("cca", None)


def test_a_table_with_bad_rows_is_refused_before_work_starts(tmp_path, capsys):
    table = tmp_path / "my.csv"
    table.write_text("image,text,label\nmissing.jpg,a dog,dog\n")
    assert main(["compare", "--data", str(table), "--out", str(tmp_path / "out")]) == 1
    assert "error" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_four_methods_on_real_features_make_a_page_to_look_at(tmp_path):
    data = keras_xmr.datasets.pascal_sentences()
    methods = "cca,cfa,kcca,semantic_matching"
    found = compare(data, methods, seeds=1, budget=1, progress=False)
    assert found.methods()[0] == "semantic_matching"
    assert found.map(Entry("semantic_matching")) > 0.6
    # The picture's side has most of the error on Pascal Sentences.
    titles = [finding.title for finding in findings(found)]
    assert "Most of the error is on the side of image" in titles
    page = found.report(tmp_path)
    picture = tmp_path / "page.png"
    chromium(tmp_path, f"--screenshot={picture}", "--window-size=1280,3000", page.as_uri())
    with Image.open(picture) as shown:
        assert len(shown.convert("RGB").getcolors(2**24)) > 200


def test_three_media_make_a_report(tmp_path):
    found = compare(toy(["image", "text", "audio"]), "cca,lgcfl", seeds=2, budget=1, progress=False)
    assert len([name for name in found.rows()[0] if "->" in name]) == 6
    assert found.report(tmp_path).exists()


def test_codes_beside_others_have_columns_of_their_own():
    codes = made("ugach", [0.9, 0.8])
    for direction in codes.report.directions:
        direction.metrics["MAP@50/min"] = 0.4
    rows = made("cca", [0.7, 0.8])
    for direction in rows.report.directions:
        direction.metrics["MAP@50/hits"] = 0.6
    found = ranking(compared(codes, rows))
    names = [column.name for column in found.columns]
    assert {"MAP@50/hits", "MAP@50/min"} <= set(names)
    assert found.rows[0].cells[names.index("MAP@50/hits")] is None
    assert "MAP@50/min" in found.rows[0].best


def test_the_side_that_errs_is_named():
    found = compare(toy(), "lgcfl", seeds=1, budget=1, progress=False)
    titles = [finding.title for finding in findings(found)]
    assert "Most of the error is on the side of image" in titles


def test_texts_are_shown_in_galleries():
    found = compare(toy(), "semantic_matching", seeds=1, budget=1, progress=False)
    (worst,) = [f for f in findings(found) if f.title == "The worst queries"]
    items = [item for gallery in worst.galleries for item in (gallery.query, *gallery.results)]
    assert any(item.text.startswith("class") for item in items)
    # Of counts, the words.
    found = compare(
        keras_xmr.datasets.pascal_sentences(), "lgcfl", seeds=1, budget=1, progress=False
    )
    (worst,) = [f for f in findings(found) if f.title == "The worst queries"]
    texts = [g.query.text for g in worst.galleries if g.title.startswith("text")]
    assert all(", " in text for text in texts)
    assert all(item.text for item in items)
