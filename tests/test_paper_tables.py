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
