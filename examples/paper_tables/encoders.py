"""Methods on encoders of today, from pictures and sentences: `encoders.csv`.

Pascal Sentences: a model of each method on each of five splits that were never looked at before,
with its default settings, on the test part; rows called tuned have five splits more, and settings
that were chosen on validation parts. Pictures go through EfficientNet-Lite2, the whole picture at
384 x 384 and its mirror image, run by onnxruntime; texts are a bag of words beside the mean of
their sentences by all-MiniLM-L6-v2. `words` is the bag alone.

Usage: python examples/paper_tables/encoders.py [words in the names of texts and methods]
It needs KERAS_XMR_DATA with `backbones/efficientnet_lite2_384.onnx` (see
`examples/convert_efficientnet_lite.py`), and the sentence encoder. Rows that are there already are
left out; the table in `docs/encoders.md` is written anew.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from growing_table import append, read, write_between
from pascal_encoders import encoders
from tuned import tuned

import keras_xmr
from keras_xmr import datasets, evaluate
from keras_xmr.methods.catalogue import methods

TABLE = Path(__file__).with_name("encoders.csv")
PAGE = Path(__file__).parents[2] / "docs" / "encoders.md"
COMMAND = "python examples/paper_tables/encoders.py"
UNSEEN, ALL = range(5, 10), range(10)
TUNED = "pascal_sentences_encoders"
# Those that learn in stages without labels first take long, and are far below the others.
LEFT_OUT = ("bimodal_ae", "cmdn", "corr_ae", "multimodal_dbn")


def contenders():
    """Text, name of the row, method, its settings if it has some of its own, and the splits."""
    for method in ("chtn", "semantic_matching"):
        yield "words and sentences", f"{method}, tuned", method, tuned(method, TUNED), ALL
    for text in ("words", "words and sentences"):
        for method, about in methods().items():
            if not about.one_space and method not in LEFT_OUT:
                yield text, method, method, None, UNSEEN


def measured(text, name, method, settings, splits):
    """A row of the table."""
    found, start = [], time.perf_counter()
    for split in splits:
        data = datasets.pascal_sentences(None, split_seed=split)
        given = encoders(words_alone=text == "words")
        model = keras_xmr.train(data, method, encoders=given, settings=settings, progress=False)
        found.append([evaluate(model, data, split=part).map for part in ("test", "validation")])
    seconds = (time.perf_counter() - start) / len(splits)
    maps, validation = np.array(found).T
    return {
        "text": text,
        "method": name,
        "splits": len(maps),
        "MAP": f"{maps.mean():.4f}",
        "std": f"{maps.std(ddof=1):.4f}",
        "unseen splits": f"{maps[-len(UNSEEN) :].mean():.4f}",
        "validation": f"{validation.mean():.4f}",
        "seconds": f"{seconds:.1f}",
        "source": COMMAND,
    }


def summary():
    """The table of the page: what sentences add, method by method."""
    yield "| method | words | words and sentences | gain |"
    yield "|---|--:|--:|--:|"
    found = {(row["text"], row["method"]): float(row["unseen splits"]) for row in read(TABLE)}
    both = sorted(((v, m) for (text, m), v in found.items() if text != "words"), reverse=True)
    for value, method in both:
        words = found.get(("words", method))
        gain = "" if words is None else f"{value - words:+.3f}"
        yield f"| {method} | {'' if words is None else f'{words:.3f}'} | {value:.3f} | {gain} |"


def main() -> None:
    wanted = sys.argv[1:]
    for text, name, method, settings, splits in contenders():
        told = f"{text}: {name}"
        known = {(row["text"], row["method"]) for row in read(TABLE)}
        if (text, name) in known or not all(word in told for word in wanted):
            continue
        row = measured(text, name, method, settings, splits)
        append(TABLE, row)
        print(told, row["MAP"], row["unseen splits"], row["validation"], flush=True)
    write_between(PAGE, "encoders", list(summary()))


if __name__ == "__main__":
    main()
