"""What defaults for unknown data lose against settings tuned on the data: `defaults.csv`.

Each method is trained with what `Method.settings_for` makes of the data, and evaluated on the test
part beside the figure of the same splits with tuned settings in the other tables of this folder:
five splits of Pascal Sentences with features of MobileNetV2, of SqueezeNet and of the trunk of the
pixels' preset, without source domain; Wikipedia's official split with LDA and tf-idf texts, where
validation rows join the training and methods that draw random numbers have five seeds.

How defaults were chosen: on the validation parts of two of the splits, and of Wikipedia. The
digits, and pictures of emoji with their Japanese names, are kept out of all choices.

Usage: python examples/paper_tables/defaults.py [words in the names of data sets or methods]

Rows that are there already are left out: an interrupted run goes on.
"""

import csv
import itertools
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import keras_xmr
from keras_xmr import datasets, evaluate
from keras_xmr.methods.catalogue import method_class, methods

FOLDER = Path(__file__).parent
TABLE = FOLDER / "defaults.csv"
COMMAND = "python examples/paper_tables/defaults.py"
SEEDS = range(5)
PIXELS = "chtn_pascal_mobilenet"
MOST_MEAN, MOST = 0.015, 0.04

# Method to the table, and the name in it, of its tuned figures; of CHTN's family without source.
TUNED = {
    "cca": ("baselines", "CCA"),
    "cfa": ("baselines", "CFA"),
    "kcca": ("baselines", "KCCA, Gaussian"),
    "jrl": ("baselines", "JRL"),
    "lgcfl": ("baselines", "LGCFL, reconstructed"),
    "semantic_matching": ("chtn", "semantic matching, centred_probabilities"),
    "chtn": ("chtn", "CHTN without source"),
    "deep_sm": ("baselines", "Deep-SM"),
    "cm_gans": ("cm_gans", "CM-GANs"),
    "bimodal_ae": ("baselines", "Bimodal AE"),
    "corr_ae": ("baselines", "Corr-AE"),
    "multimodal_dbn": ("baselines", "Multimodal DBN"),
    "acmr": ("acmr", "ACMR"),
    "ugach": ("ugach", "UGACH, 64 bits"),
    "mhtn": ("mhtn", "MHTN"),
    "cmdn": ("baselines", "CMDN"),
}
# Where a table has no row without source, none is used.
INSTEAD = {"CHTN without source": "CHTN"}


def parts():
    """Name of each part, what tables say of the data, and how to load its sets."""
    for words, features in (("MobileNetV2", "mobilenet_v2"), ("SqueezeNet", "squeezenet")):
        yield (
            f"Pascal Sentences, {words}, 5 splits",
            ("Pascal Sentences", f"{words}, words"),
            lambda f=features: [datasets.pascal_sentences(f, split_seed=seed) for seed in SEEDS],
        )
    yield "Pascal Sentences, pixels, 5 splits", ("Pascal Sentences", "pixels"), from_pixels
    for text, told in (("lda", "LDA-10"), ("tfidf", "tf-idf-1000")):
        yield (
            f"Wikipedia, SIFT-128, {text}, official split",
            ("Wikipedia", f"SIFT-128, {told}"),
            lambda t=text: [datasets.wikipedia(t, split="official").with_validation_as_training()],
        )


def from_pixels():
    """Splits as features of the trunk of the pixels' preset, which are computed once."""
    from keras_xmr.transforms import extract_features
    from keras_xmr.trunks import load_trunk

    raw = datasets.pascal_sentences(None)
    rows = extract_features(raw, load_trunk(PIXELS)).medium("image").items
    splits = [datasets.pascal_sentences(None, split_seed=seed) for seed in SEEDS]
    return [
        replace(data, media=data.media | {"image": replace(data.medium("image"), items=rows)})
        for data in splits
    ]


def tuned_map(part, told, method):
    """The tuned figure of the same splits in another table; nothing where there is none."""
    table, name = TUNED[method]
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for wanted in (name, INSTEAD.get(name)):
        for row in rows:
            same = row["data"] == part or (row["data"], row.get("features")) == told
            average = row.get("average") if row.get("average") else row.get("MAP@all")
            if same and row["method"] == wanted and row.get("direction", "average") == "average":
                return float(average)
    return None


def measured(part, told, sets, method):
    """A row of the table."""
    seeded = method_class(method).about.kind != "linear" or method == "jrl"
    seeds = SEEDS if seeded and len(sets) == 1 else [0]
    found, seconds = [], []
    for data, seed in itertools.product(sets, seeds):
        start = time.perf_counter()
        model = keras_xmr.train(data, method, seed=seed, progress=False)
        seconds.append(time.perf_counter() - start)
        found.append(evaluate(model, data).map)
    known = tuned_map(part, told, method)
    mean = float(np.mean(found))
    return {
        "data": part,
        "method": method,
        "runs": len(found),
        "default": f"{mean:.4f}",
        "default_std": f"{np.std(found, ddof=1):.4f}" if len(found) > 1 else "",
        "tuned": "" if known is None else f"{known:.4f}",
        "loss": "" if known is None else f"{known - mean:.4f}",
        "tuned_in": "" if known is None else f"{TUNED[method][0]}.csv",
        "seconds": f"{np.median(seconds):.1f}",
        "source": COMMAND,
        "machine": f"{platform.machine()} CPU, Python {platform.python_version()}",
    }


def read():
    """The rows that are there."""
    if not TABLE.exists():
        return []
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def add(row):
    """Add a row; the order is that of the parts."""
    names = [name for name, _, _ in parts()]
    order = list(TUNED)
    rows = sorted([*read(), row], key=lambda r: (names.index(r["data"]), order.index(r["method"])))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    assert set(TUNED) == set(methods())
    wanted = sys.argv[1:]
    for part, told, load in parts():
        sets = None
        for method in TUNED:
            known = {(row["data"], row["method"]) for row in read()}
            name = f"{part}, {method}"
            if (part, method) in known or not all(word in name for word in wanted):
                continue
            sets = sets or load()
            row = measured(part, told, sets, method)
            add(row)
            print(name, row["default"], row["tuned"], row["loss"], row["seconds"], flush=True)
    losses = [float(row["loss"]) for row in read() if row["loss"]]
    print(
        f"mean loss {np.mean(losses):.4f} (at most {MOST_MEAN}), worst {max(losses):.4f} ({MOST})"
    )


if __name__ == "__main__":
    main()
