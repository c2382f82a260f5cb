"""What the README says of the tables of `examples/paper_tables/`, where words could go stale."""

import csv
from pathlib import Path

import pytest

TABLES = Path(__file__).parents[1] / "examples" / "paper_tables"
UGACH = "UGACH, 64 bits"


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
    assert told in (TABLES.parents[1] / "README.md").read_text(encoding="utf-8")


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
    readme = (TABLES.parents[1] / "README.md").read_text(encoding="utf-8")
    section = readme.split("<!-- tuning -->")[1].split("<!-- end of tuning -->")[0]
    assert [line for line in section.splitlines() if line][2:] == wanted


def test_defaults_are_above_a_plain_pipeline_on_texts_of_seven_languages():
    found = {(row["data"], row["method"]): float(row["default"]) for row in rows_of("held_out.csv")}
    emoji = sorted({data for data, _ in found if data.startswith("emoji")})
    assert len(emoji) == 7
    gains = [
        found[data, "semantic_matching"] - found[data, "fifty lines of scikit-learn"]
        for data in emoji
    ]
    digits = found["digits", "fifty lines of scikit-learn"] - found["digits", "semantic_matching"]
    readme = (TABLES.parents[1] / "README.md").read_text(encoding="utf-8")
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
    readme = " ".join((TABLES.parents[1] / "README.md").read_text(encoding="utf-8").split())
    assert f"within 0.01 of the best MAP on test in {near} of {len(rows)} splits" in readme
    assert f"scikit-learn in {above} of them: {means}" in readme


def test_what_equal_effort_finds_is_that_of_the_table():
    rows = [row for row in rows_of("table1.csv") if row["data"] == "Pascal Sentences"]
    first = [row for row in rows if not row["help"]]
    assert len(first) == 16
    maps = {row["method"]: float(row["MAP"]) for row in first}
    assert list(maps.values()) == sorted(maps.values(), reverse=True)
    best = ", ".join(f"{method} {value:.3f}" for method, value in list(maps.items())[:5])
    (ensemble,) = [r for r in rows if (r["method"], r["help"]) == ("chtn", "ensemble")]
    gain = float(ensemble["MAP"]) - maps["chtn"]
    told = f"{best}; chtn has {maps['chtn']:.3f} and gains {gain:.3f} as an ensemble"
    readme = " ".join((TABLES.parents[1] / "README.md").read_text(encoding="utf-8").split())
    assert told in readme
