"""Defaults on few pairs, as most people bring them, and what early stopping adds: `small_data.csv`.

Subsets of the training and validation parts, drawn twice, with the whole test part: 200 and 400
pairs of Pascal Sentences (MobileNetV2), 400 of unbalanced classes (the smallest has a fifth of the
largest), and 400 of Wikipedia, whose texts are articles. Beside each method the fifty lines of
scikit-learn of `held_out.py`; and of networks the weights of the epoch with the best validation MAP
(`keras.callbacks.EarlyStopping`) in place of the last ones.

Usage: python examples/paper_tables/small_data.py [words in the names of data sets or methods]

Rows that are there already are left out: an interrupted run goes on.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from defaults import TUNED  # It limits the threads: first of all.

import numpy as np  # isort: skip
from growing_table import append, read
from held_out import PLAIN, plain

import keras_xmr
from keras_xmr import datasets, evaluate
from keras_xmr.methods.catalogue import method_class

TABLE = Path(__file__).with_name("small_data.csv")
COMMAND = "python examples/paper_tables/small_data.py"
DRAWS = range(2)


def pascal(seed):
    """Pascal Sentences with features of MobileNetV2."""
    return datasets.pascal_sentences("mobilenet_v2", split_seed=seed)


def wikipedia(seed):
    """Wikipedia with tf-idf of its articles."""
    return datasets.wikipedia("tfidf", split="official")


PARTS = {
    "Pascal Sentences, 200 pairs": lambda seed: subset(pascal(seed), 200, seed),
    "Pascal Sentences, 400 pairs": lambda seed: subset(pascal(seed), 400, seed),
    "Pascal Sentences, 400 pairs, unbalanced": lambda seed: subset(pascal(seed), 400, seed, 0.2),
    "Wikipedia, tfidf, 400 pairs": lambda seed: subset(wikipedia(seed), 400, seed),
}


def subset(data, count, seed, smallest=1.0):
    """So many pairs of training and validation, and the test part.

    `smallest` is the chance of an item of the last class to be kept, against one of the first.
    """
    hub = data.medium("image")
    learnt = np.flatnonzero(hub.split != "test")
    chances = smallest ** (hub.labels[learnt] / (data.num_classes - 1))
    random = np.random.default_rng(seed)
    chosen = random.choice(learnt, count, replace=False, p=chances / chances.sum())
    kept = set(hub.pairs[chosen].tolist()) | set(hub.pairs[hub.split == "test"].tolist())
    media = {
        name: medium.rows(np.flatnonzero([pair in kept for pair in medium.pairs.tolist()]))
        for name, medium in data.media.items()
    }
    return replace(data, media=media)


def measured(name, method):
    """A row of the table."""
    found, stopped, seconds = [], [], []
    for seed in DRAWS:
        data = PARTS[name](seed)
        if method == PLAIN:
            found.append(plain(data))
            continue
        start = time.perf_counter()
        model = keras_xmr.train(data, method, seed=seed, progress=False)
        seconds.append(time.perf_counter() - start)
        found.append(evaluate(model, data).map)
        if method_class(method).about.kind == "neural":
            model = keras_xmr.train(
                data, method, seed=seed, progress=False, callbacks=early_stopping(data)
            )
            stopped.append(evaluate(model, data).map)
    return {
        "data": name,
        "method": method,
        "runs": len(found),
        "default": f"{np.mean(found):.4f}",
        "early_stopping": f"{np.mean(stopped):.4f}" if stopped else "",
        "gain": f"{np.mean(stopped) - np.mean(found):.4f}" if stopped else "",
        "seconds": f"{np.median(seconds):.1f}" if seconds else "",
        "source": COMMAND,
    }


def early_stopping(data):
    """All epochs are run, and the best are kept: it stops as early as can be."""
    from keras.callbacks import EarlyStopping

    from keras_xmr.training.callbacks import RetrievalMAP

    best = EarlyStopping("val_map", mode="max", patience=1000, restore_best_weights=True)
    return [RetrievalMAP(data), best]


def main() -> None:
    wanted = sys.argv[1:]
    for name in PARTS:
        for method in (PLAIN, *TUNED):
            told = f"{name}: {method}"
            known = {(row["data"], row["method"]) for row in read(TABLE)}
            if (name, method) in known or not all(word in told for word in wanted):
                continue
            row = measured(name, method)
            append(TABLE, row)
            print(told, row["default"], row["early_stopping"], row["seconds"], flush=True)


if __name__ == "__main__":
    main()
