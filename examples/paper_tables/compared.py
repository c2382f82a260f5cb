"""Tables of the papers as configurations of `keras_xmr.compare`: `compared.csv`.

Table 1 of the CHTN paper is all methods, on the bundled features of Pascal Sentences and on
Wikipedia (needs KERAS_XMR_DATA); table 2 is the ablations of CHTN. Every row has equal effort: one
model, as many trials of tuning and trainings as any other; readouts and ensembles have rows of
their own. No source domain fits the features of Wikipedia, where OnlyCross is the only ablation
that is left. Two more tables look at CHTN and semantic matching alone, on other features.

What papers have published, with the features that it is of, is in `published.csv`.

Usage: python examples/paper_tables/compared.py [words in the names of tables]
Tables that are there already are left out; an interrupted one goes on. The reports lie in
`runs/compared`; the README's table is written anew.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from growing_table import fill, read, write_between

import keras_xmr
from keras_xmr import datasets

FOLDER = Path(__file__).parent
TABLE = FOLDER / "compared.csv"
PUBLISHED = FOLDER / "published.csv"
README = FOLDER.parents[1] / "README.md"
COMMAND = "python examples/paper_tables/compared.py"
REPORTS = Path("runs/compared")
FIGURES = ("MAP", "image->text", "text->image", "spread", "validation MAP", "mean", "p")
PAPER, GROUP = "CHTN, IJCAI 2017, table 1", "JFSE, table 4, by the group of ACMR"
ABLATIONS = "CHTN, IJCAI 2017, table 2"

ALL = {"methods": "all", "seeds": 2, "budget": 5}
UNSHARED = {"shared_units": (), "shared_classifier": False}
ONLY_CROSS = {"OnlyCross": ("chtn", UNSHARED | {"mmd_weight": 0.0, "source_weight": 0.0})}
WITH_SOURCE = {"NoShare": ("chtn", UNSHARED), "NoSrcSp": ("chtn", {"source_weight": 0.0})}
CHTN = {"methods": "chtn", "seeds": 5, "budget": 5}
TWO = {"methods": "chtn,semantic_matching", "seeds": 2, "budget": 5}


def wikipedia(text="lda"):
    """Wikipedia on its official split."""
    return datasets.wikipedia(text, split="official")


def with_source():
    """Ablations of CHTN with Caltech-101 as its source."""
    return CHTN | {"variants": ONLY_CROSS | WITH_SOURCE, "source": datasets.caltech101()}


def without_source():
    """What is left of them without a source."""
    return CHTN | {"variants": {"OnlyCross": ("chtn", UNSHARED)}}


# Table and data set to features, what loads the data, and what else `compare` is given.
TABLES = {
    "Table 1, Pascal Sentences": ("MobileNetV2; words", datasets.pascal_sentences, lambda: ALL),
    "Table 1, Wikipedia": ("SIFT-128; LDA-10", wikipedia, lambda: ALL),
    "Table 2, Pascal Sentences": ("MobileNetV2; words", datasets.pascal_sentences, with_source),
    "Table 2, Wikipedia": ("SIFT-128; LDA-10", wikipedia, without_source),
    "Two methods, Pascal Sentences": (
        "SqueezeNet; words",
        lambda: datasets.pascal_sentences("squeezenet"),
        lambda: TWO | {"source": datasets.caltech101("squeezenet")},
    ),
    "Two methods, Wikipedia": ("SIFT-128; tf-idf", lambda: wikipedia("tfidf"), lambda: TWO),
}


def rows_of(name):
    """A row for each entry of a comparison."""
    features, load, configuration = TABLES[name]
    folder = REPORTS / name.replace(", ", "_").replace(" ", "_")
    start = time.perf_counter()
    found = keras_xmr.compare(load(), folder=folder, jobs=os.cpu_count(), **configuration())
    minutes = (time.perf_counter() - start) / 60
    print(f"{name}: {minutes:.1f} minutes, {found.failures or 'none failed'}")
    found.report(folder)
    for row in found.rows():
        numbers = {key: row[key] for key in FIGURES}
        figures = {k: "" if v is None or v != v else f"{v:.4f}" for k, v in numbers.items()}
        told = {"table": name, "features": features, "method": row["method"], "help": row["help"]}
        yield told | figures | {"source": COMMAND}


def summary():
    """The README's table: one model of each method, beside what is published of it."""
    ours = {(r["table"], r["method"]): r["MAP"] for r in read(TABLE) if not r["help"]}
    theirs = {(r["source"], r["data"], r["method"]): r["average"] for r in read(PUBLISHED)}
    columns = ("ours", "CHTN paper", "JFSE paper")
    yield "| | " + " | ".join(f"{d}, {c}" for d in ("Pascal", "Wikipedia") for c in columns) + " |"
    yield "|---|" + "--:|" * 6
    for table, papers in (("Table 1", (PAPER, GROUP)), ("Table 2", (ABLATIONS, ""))):
        names = dict.fromkeys(method for of, method in ours if of.startswith(table))
        for method in names:
            cells = []
            for data in ("Pascal Sentences", "Wikipedia"):
                cells.append(ours.get((f"{table}, {data}", method), ""))
                cells += [theirs.get((paper, data, method), "") for paper in papers]
            label = method if table == "Table 1" else f"{method} (ablations)"
            shown = [f"{float(cell):.3f}" if cell else "" for cell in cells]
            yield f"| {label} | {' | '.join(shown)} |"


def main() -> None:
    fill(TABLE, TABLES, rows_of, sys.argv[1:], key="table")
    write_between(README, "compared", list(summary()))


if __name__ == "__main__":
    main()
