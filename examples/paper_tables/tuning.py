"""What `keras_xmr.tune` finds in 20 trials or five minutes, from the defaults on: `tuning.csv`.

Tuned on the first split of each data set of `defaults.py`, without its test part; then trained and
evaluated as there, beside the settings that were tuned by hand on the validation parts of all
splits, or on Wikipedia's: their figure in the other tables, or else measured here.

Usage: python examples/paper_tables/tuning.py [words in the names of data sets or methods]

Rows that are there already are left out: an interrupted run goes on. At its end the table of the
The page of evidence is written anew.
"""

import itertools
import json
import sys
from pathlib import Path

from defaults import SEEDS, parts, tuned_map  # It limits the threads: first of all.
from defaults import TABLE as DEFAULTS

import numpy as np  # isort: skip
from growing_table import append, read, write_between
from tuned import FOLDER

import keras_xmr
from keras_xmr import evaluate
from keras_xmr.methods.catalogue import method_class

TABLE = Path(__file__).with_name("tuning.csv")
EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence.md"
COMMAND = "python examples/paper_tables/tuning.py"
METHODS = ("kcca", "jrl", "semantic_matching", "chtn", "acmr")
BUDGET = "20,5m"
# Words in the names of data sets to the folder of the settings that were tuned by hand on them.
BY_HAND = {
    "MobileNetV2": "pascal_sentences",
    "SqueezeNet": "pascal_sentences_squeezenet",
    "pixels": "pascal_sentences_pixels",
    "Wikipedia": "wikipedia",
}


def trained(sets, method, settings):
    """Mean MAP on test parts, and of how many models."""
    seeded = method_class(method).about.kind != "linear" or method == "jrl"
    seeds = SEEDS if seeded and len(sets) == 1 else [0]
    found = [
        evaluate(keras_xmr.train(d, method, settings=settings, seed=s, progress=False), d).map
        for d, s in itertools.product(sets, seeds)
    ]
    return float(np.mean(found)), len(found)


def measured(part, told, sets, method):
    """A row of the table."""
    first = sets[0]
    settings = keras_xmr.tune(first, method, budget=BUDGET, progress=False)
    mean, runs = trained(sets, method, settings)
    by_hand = tuned_map(part, told, method)
    file = next(FOLDER / folder / f"{method}.json" for w, folder in BY_HAND.items() if w in part)
    if by_hand is None and file.exists():
        by_hand, _ = trained(sets, method, type(settings).read(file))
    return {
        "data": part,
        "method": method,
        "runs": runs,
        "tuned": f"{mean:.4f}",
        "by_hand": "" if by_hand is None else f"{by_hand:.4f}",
        "loss": "" if by_hand is None else f"{by_hand - mean:.4f}",
        "chosen": settings.chosen,
        "settings": json.dumps(settings.arguments),
        "source": COMMAND,
    }


def tell() -> None:
    """Write the rows into the page that shows them."""
    defaults = {(row["data"], row["method"]): row["default"] for row in read(DEFAULTS)}
    lines = ["| data | method | default | tuned | by hand |", "|---|---|--:|--:|--:|"]
    for row in read(TABLE):
        figures = (defaults[row["data"], row["method"]], row["tuned"], row["by_hand"])
        cells = [f"{float(figure):.3f}" if figure else "" for figure in figures]
        lines.append(f"| {' | '.join([row['data'], row['method'], *cells])} |")
    write_between(EVIDENCE, "tuning", lines)


def main() -> None:
    wanted = sys.argv[1:]
    for method, (part, told, load) in itertools.product(METHODS, parts()):
        name = f"{part}, {method}"
        known = {(row["data"], row["method"]) for row in read(TABLE)}
        if (part, method) in known or not all(word in name for word in wanted):
            continue
        row = measured(part, told, load(), method)
        append(TABLE, row)
        print(name, row["tuned"], row["by_hand"], row["loss"], row["chosen"], flush=True)
    tell()


if __name__ == "__main__":
    main()
