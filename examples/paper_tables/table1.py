"""All methods with equal effort, beside Table 1 of the CHTN paper: `table1.csv`.

`keras_xmr.compare` tunes, trains and evaluates them on the bundled features of Pascal Sentences,
and on Wikipedia (needs KERAS_XMR_DATA). One model of each method; readouts and ensembles have rows
of their own. The paper's figures are of other features, and partly of other splits: features are
named in the table. The reports lie in `runs/table1`.

Usage: python examples/paper_tables/table1.py [words in the names of data sets]

Data sets that are there already are left out; an interrupted run goes on.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from growing_table import fill

import keras_xmr
from keras_xmr import datasets

TABLE = Path(__file__).with_name("table1.csv")
COMMAND = "python examples/paper_tables/table1.py"
REPORTS = Path("runs/table1")
SEEDS, TRIALS = 2, 5
SETS = {
    "Pascal Sentences": ("MobileNetV2; words", datasets.pascal_sentences),
    "Wikipedia": ("SIFT-128; LDA-10", lambda: datasets.wikipedia("lda", split="official")),
}
# Averages of the two directions; KCCA's kernel is Gaussian, as the default is here.
PAPER = {
    "Pascal Sentences": {
        **{"cca": 0.113, "cfa": 0.325, "kcca": 0.321, "bimodal_ae": 0.426, "chtn": 0.472},
        **{"multimodal_dbn": 0.401, "corr_ae": 0.443, "jrl": 0.397, "lgcfl": 0.408},
        **{"cmdn": 0.451, "deep_sm": 0.427},
    },
    "Wikipedia": {
        **{"cca": 0.177, "cfa": 0.318, "kcca": 0.343, "bimodal_ae": 0.284, "chtn": 0.470},
        **{"multimodal_dbn": 0.175, "corr_ae": 0.365, "jrl": 0.381, "lgcfl": 0.388},
        **{"cmdn": 0.387, "deep_sm": 0.402},
    },
}
FIGURES = ("MAP", "image->text", "text->image", "spread", "validation MAP", "mean", "p")


def rows_of(name):
    """A row for each entry of the comparison."""
    features, load = SETS[name]
    start = time.perf_counter()
    found = keras_xmr.compare(
        load(),
        seeds=SEEDS,
        budget=TRIALS,
        folder=REPORTS / name.replace(" ", "_"),
        jobs=os.cpu_count(),
    )
    minutes = (time.perf_counter() - start) / 60
    print(f"{name}: {minutes:.1f} minutes, {found.failures or 'none failed'}")
    found.report(REPORTS / name.replace(" ", "_"))
    for row in found.rows():
        figures = {key: "" if row[key] is None else f"{row[key]:.4f}" for key in FIGURES}
        published = PAPER[name].get(row["method"]) if not row["help"] else None
        yield {
            "data": name,
            "features": features,
            "method": row["method"],
            "help": row["help"],
            **figures,
            "paper": "" if published is None else f"{published:.3f}",
            "paper_features": "" if published is None else "AlexNet; words",
            "source": COMMAND,
        }


def main() -> None:
    fill(TABLE, SETS, rows_of, sys.argv[1:])


if __name__ == "__main__":
    main()
