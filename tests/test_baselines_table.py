"""`baselines.csv`: all methods on all parts, and settings that are what validation chose there."""

import csv
import json
from pathlib import Path

import pytest

TABLES = Path(__file__).parents[1] / "examples" / "paper_tables"
TABLE = TABLES / "baselines.csv"
PARTS = {
    "Pascal Sentences, MobileNetV2, 5 splits": 20,
    "Pascal Sentences, SqueezeNet, 5 splits": 20,
    "Wikipedia, SIFT-128, lda, official split": 10,
    "Wikipedia, SIFT-128, tfidf, official split": 10,
}
FITTED = {
    "CCA": "cca",
    "CFA": "cfa",
    "JRL": "jrl",
    "KCCA, polynomial": "kcca",
    "LGCFL, reconstructed": "lgcfl",
}
NEURAL = {
    "Bimodal AE": "bimodal_ae",
    "CMDN": "cmdn",
    "Corr-AE": "corr_ae",
    "Deep-SM": "deep_sm",
    "Multimodal DBN": "multimodal_dbn",
}
OTHERS = {
    "CCA, no shrinkage, as in the papers",
    "KCCA, Gaussian",
    "JRL, settings of the release",
    "Corr-Cross-AE",
    "Corr-Full-AE",
}
# Of the rows whose settings are those of the files.
SETTINGS_OF = {
    "pascal_sentences": "Pascal Sentences, MobileNetV2, 5 splits",
    "wikipedia": "Wikipedia, SIFT-128, tfidf, official split",
}


def settings(data, method):
    return json.loads((TABLES / "settings" / data / f"{method}.json").read_text(encoding="utf-8"))


def table():
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {(row["data"], row["method"]): row for row in csv.DictReader(file)}


ROWS = table()


@pytest.mark.parametrize("part", PARTS)
def test_all_methods_have_figures(part):
    methods = {*FITTED, *NEURAL, *OTHERS}
    assert {method for data, method in ROWS if data == part} == methods
    for method in methods:
        row = ROWS[part, method]
        drawn = "Pascal" in part or method in NEURAL or method.startswith(("JRL", "Corr"))
        assert int(row["runs"]) == (5 if drawn else 1)
        for column in ("image_to_text", "text_to_image", "average", "validation", "fit_seconds"):
            assert float(row[column]) > 0, (method, column)


@pytest.mark.parametrize("part", PARTS)
def test_networks_are_above_chance(part):
    for method in {*NEURAL, *OTHERS} - {"CCA, no shrinkage, as in the papers"}:
        # Chance is a little above 1 / classes.
        assert float(ROWS[part, method]["average"]) > 1.4 / PARTS[part], method


@pytest.mark.parametrize("part", PARTS)
def test_the_settings_of_jrls_release_were_among_those_chosen_from(part):
    chosen, released = (ROWS[part, f"JRL{end}"] for end in ("", ", settings of the release"))
    assert float(chosen["validation"]) >= float(released["validation"])


@pytest.mark.parametrize("data", SETTINGS_OF)
@pytest.mark.parametrize("method", FITTED)
def test_settings_of_linear_methods_are_those_chosen(data, method):
    chosen = json.loads(ROWS[SETTINGS_OF[data], method]["settings"])
    found = settings(data, FITTED[method]).get("arguments", {})
    if method == "KCCA, polynomial":
        found = {name: value for name, value in found.items() if name != "kernel"}
    # What is left out of a file is the default.
    usual = {"n_components": PARTS[SETTINGS_OF[data]], "groups": 1, "readout": "knn"}
    usual |= {"sparsity_weight": 1.0, "graph_weight": 1.0, "graph": "masked"}
    assert {name: found.get(name, usual.get(name)) for name in chosen} == chosen
    assert set(found) <= set(chosen)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("method", NEURAL)
def test_settings_of_networks_are_those_of_the_table(part, method):
    data = "wikipedia" if "Wikipedia" in part else "pascal_sentences"
    found = settings(data, NEURAL[method])
    more = {"variant": "corr"} if method == "Corr-AE" else {}
    wanted = found["arguments"] | more | {"epochs": found.get("epochs", 30)}
    assert json.loads(ROWS[part, method]["settings"]) == wanted
