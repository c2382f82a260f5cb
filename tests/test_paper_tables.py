"""What pages say of the tables of `examples/paper_tables/`, where words could go stale."""

import csv
from pathlib import Path

import pytest

TABLES = Path(__file__).parents[1] / "examples" / "paper_tables"
ROOT = TABLES.parents[1]
UGACH = "UGACH, 64 bits"


def page(name):
    """A page in one line."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def between(name, mark):
    """The rows of the table that a script writes into a page."""
    text = (ROOT / name).read_text(encoding="utf-8")
    section = text.split(f"<!-- {mark} -->\n")[1].split(f"<!-- end of {mark} -->")[0]
    return section.splitlines()[2:]


def averages(name, part):
    with (TABLES / name).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["data"] == part]
    return {row["method"]: row for row in rows if row["direction"] == "average"}


@pytest.mark.parametrize(
    ("other", "p"),
    [
        ("CCA itq, 64 bits", "p_against_best_cca_hash"),
        (f"{UGACH}, discriminator alone", "p_against_alone"),
    ],
)
def test_ugach_is_above_codes_without_training_and_above_its_discriminator_alone(other, p):
    rows = averages("ugach.csv", "Pascal Sentences")
    assert int(rows[UGACH]["runs"]) >= 5
    assert float(rows[UGACH]["MAP@all"]) > float(rows[other]["MAP@all"])
    assert float(rows[UGACH][p]) < 0.05


def test_cm_gans_are_above_semantic_matching_by_cosine():
    rows = averages("cm_gans.csv", "Pascal Sentences")
    assert int(rows["CM-GANs"]["runs"]) >= 5
    mean = float(rows["CM-GANs"]["MAP@all"])
    assert mean >= 0.62
    assert mean > float(rows["semantic matching, probabilities"]["MAP@all"])


def test_defaults_lose_little_against_settings_tuned_on_the_data():
    with (TABLES / "defaults.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["loss"]) for row in rows if row["loss"]]
    assert len({row["data"] for row in rows}) == 5
    assert sum(losses) / len(losses) <= 0.015
    assert max(losses) <= 0.04
    told = f"{sum(losses) / len(losses):.3f} on average, and {max(losses):.3f} at most"
    assert told in page("README.md")


def rows_of(table):
    with (TABLES / table).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_tuning_is_worth_is_that_of_the_tables():
    defaults = {(row["data"], row["method"]): row["default"] for row in rows_of("defaults.csv")}
    wanted = []
    for row in rows_of("tuning.csv"):
        default = defaults[row["data"], row["method"]]
        figures = [f"{float(f):.3f}" if f else "" for f in (default, row["tuned"], row["by_hand"])]
        wanted.append(f"| {row['data']} | {row['method']} | {' | '.join(figures)} |")
    assert between("docs/evidence.md", "tuning") == wanted


def test_defaults_are_above_a_plain_pipeline_on_texts_of_seven_languages():
    found = {(row["data"], row["method"]): float(row["default"]) for row in rows_of("held_out.csv")}
    emoji = sorted({data for data, _ in found if data.startswith("emoji")})
    assert len(emoji) == 7
    gains = [
        found[data, "semantic_matching"] - found[data, "fifty lines of scikit-learn"]
        for data in emoji
    ]
    digits = found["digits", "fifty lines of scikit-learn"] - found["digits", "semantic_matching"]
    readme = page("docs/evidence.md")
    assert f"(by {min(gains):.3f} to {max(gains):.3f})" in readme
    assert f"{digits:.3f} below them" in readme


def test_early_stopping_gains_nothing_on_average():
    gains = [float(row["gain"]) for row in rows_of("small_data.csv") if row["gain"]]
    assert len(gains) >= 10
    assert sum(gains) / len(gains) < 0.001


def test_what_validation_chooses_is_that_of_the_table():
    rows = [row for row in rows_of("choice.csv") if row["data"] == "emoji, ja"]
    test, plain, lost = ([float(row[name]) for row in rows] for name in ("test", "plain", "lost"))
    near = sum(loss <= 0.01 for loss in lost)
    above = sum(one > other for one, other in zip(test, plain, strict=True))
    means = f"{sum(test) / len(test):.3f} against {sum(plain) / len(plain):.3f} on average"
    readme = page("README.md")
    assert f"within 0.01 of the best MAP on test in {near} of {len(rows)} splits" in readme
    assert f"scikit-learn in {above} of them: {means}" in readme


def test_what_equal_effort_finds_is_that_of_the_table():
    rows = [row for row in rows_of("compared.csv") if row["table"] == "Table 1, Pascal Sentences"]
    first = [row for row in rows if not row["help"]]
    assert len(first) == 16
    maps = {row["method"]: float(row["MAP"]) for row in first}
    assert list(maps.values()) == sorted(maps.values(), reverse=True)
    best = ", ".join(f"{method} {value:.3f}" for method, value in list(maps.items())[:5])
    (ensemble,) = [r for r in rows if (r["method"], r["help"]) == ("chtn", "ensemble")]
    gain = float(ensemble["MAP"]) - maps["chtn"]
    told = f"{best}; chtn has {maps['chtn']:.3f} and gains {gain:.3f} as an ensemble"
    readme = page("README.md")
    assert told in readme


def test_the_table_of_results_is_that_of_what_was_compared_and_published():
    ours = {(r["table"], r["method"]): r["MAP"] for r in rows_of("compared.csv") if not r["help"]}
    shown = set()
    for line in between("README.md", "compared"):
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        method, ablation, _ = name.partition(" (ablations)")
        table = "Table 2" if ablation else "Table 1"
        for place, data in ((0, "Pascal Sentences"), (3, "Wikipedia")):
            figure = ours.get((f"{table}, {data}", method))
            assert cells[place] == (f"{float(figure):.3f}" if figure else "")
            shown |= {(f"{table}, {data}", method)} if figure else set()
            published = [
                float(row["average"])
                for row in rows_of("published.csv")
                if (row["data"], row["method"]) == (data, method)
            ]
            of_papers = cells[place + 1 : place + 3]
            assert all(float(cell) in published for cell in of_papers if cell)
    assert shown == {key for key in ours if key[0].startswith("Table")}


def test_published_figures_are_means_of_their_directions():
    rows = rows_of("published.csv")
    assert len(rows) > 50
    for row in rows:
        mean = (float(row["image->text"]) + float(row["text->image"])) / 2
        assert float(row["average"]) == pytest.approx(mean, abs=0.00101)


def test_the_page_on_encoders_has_the_figures_of_unseen_words():
    rows = {(r["method"], r["text"]): r for r in rows_of("unseen_words.csv") if r["group"] == "all"}
    lines = between("docs/encoders.md", "unseen words")
    assert len(lines) >= 9
    for line in lines:
        method, text, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        row = rows[method, text]
        assert cells == [row["P@10 held out"], row["P@10 all"]]
    of_words = rows["semantic_matching", "bag of words"]
    assert (of_words["blank"], of_words["P@10 all"]) == ("1.00", "0.050")
    assert float(rows["semantic_matching", "MiniLM"]["P@10 all"]) > 10 * 0.05


def test_five_unseen_words_of_each_class_are_asked():
    path = TABLES / "unseen_words.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    counted = [row["class"] for row in rows if row["kind"] in ("synonym", "kind", "part")]
    assert {counted.count(name) for name in set(counted)} == {5}
    assert (len(counted), len(set(counted))) == (100, 20)
    assert len({row["query"] for row in rows}) == len(rows)


def test_what_encoders_are_worth_is_that_of_the_table():
    rows = {(row["text"], row["method"]): row for row in rows_of("encoders.csv")}
    shown = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in between("docs/encoders.md", "encoders")
    ]
    assert {cells[0] for cells in shown} == {method for _, method in rows}
    for method, words, both, gain in shown:
        value = float(rows["words and sentences", method]["unseen splits"])
        assert both == f"{value:.3f}"
        if words:
            before = float(rows["words", method]["unseen splits"])
            assert (words, gain) == (f"{before:.3f}", f"{value - before:+.3f}")


def test_from_pixels_the_preset_is_of_settings_above_what_was_reached_before():
    (row,) = [row for row in rows_of("encoders.csv") if row["method"] == "chtn, tuned"]
    assert int(row["splits"]) == 10
    assert float(row["MAP"]) > 0.716
    told = page("README.md")
    assert f"Sentences its settings have an average MAP of {float(row['MAP']):.3f}" in told
    assert f"never looked at before ({float(row['unseen splits']):.3f})" in told


def test_what_ablations_say_is_that_of_the_table():
    rows = [r for r in rows_of("compared.csv") if r["table"] == "Table 2, Pascal Sentences"]
    maps = {row["method"]: float(row["MAP"]) for row in rows if not row["help"]}
    told = f"(the whole {maps['chtn']:.3f}, without either {maps['OnlyCross']:.3f})"
    assert told in page("README.md")


def test_what_an_encoder_takes_is_that_of_its_benchmark():
    with (ROOT / "benchmarks" / "encoders.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["method"] == "keras_xmr"]
    assert min(float(row["ratio"]) for row in rows) >= 0.97
    (of_onnx,) = [row for row in rows if row["items"] == "pictures, onnx"]
    assert f"one takes {float(of_onnx['cpu_ms']):.0f} ms of a core" in page("README.md")
