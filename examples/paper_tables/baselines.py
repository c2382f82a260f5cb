"""The baselines, tuned on validation, beside the figures of the papers' tables: `baselines.csv`.

Pascal Sentences: five splits, bundled features of MobileNetV2 and SqueezeNet. Wikipedia (it needs
KERAS_XMR_DATA): LDA and tf-idf texts, official split; validation rows join the training after
everything was chosen. Methods that draw random numbers have five seeds there, the others one run.
A row is a method; `settings` are the arguments that were chosen by the mean validation MAP of all
splits (KCCA: with 500 landmarks), `validation` is that MAP, `fit_seconds` the median processor time
of a fit with its preprocessing, on one thread, `fit_mebibytes` the most memory that was allocated
for arrays during one.

The published rows are CHTN's Table 1: fine-tuned AlexNet features and other texts, so that they are
no figures of the same task.

Usage: python examples/paper_tables/baselines.py [words in the names of the parts to be made]
"""

import csv
import itertools
import json
import os
import platform
import statistics
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from tuned import tuned

from keras_xmr import datasets, evaluate
from keras_xmr.methods.catalogue import method_class
from keras_xmr.methods.cca import PAPER
from keras_xmr.methods.jrl import RELEASED
from keras_xmr.methods.kcca import GAUSSIAN, POLYNOMIAL

TABLE = Path(__file__).with_name("baselines.csv")
COMMAND = "python examples/paper_tables/baselines.py"
SEEDS = range(5)
DIRECTIONS = ("image_to_text", "text_to_image", "average")


class Contender(NamedTuple):
    """A row of the table.

    Attributes:
        name: What it is called.
        method: As `keras_xmr.methods.catalogue` calls it.
        fixed: Arguments of its class.
        grid: Argument to the values to choose from.
        cuts: Numbers of leading components to choose from. They need one fit alone.
        rough: Arguments with which a fit for the choice is cheaper.
        seeded: Whether it draws random numbers.
    """

    name: str
    method: str
    fixed: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    grid: dict[str, tuple[Any, ...]] = {}  # noqa: RUF012
    cuts: tuple[int, ...] = ()
    rough: dict[str, Any] = {}  # noqa: RUF012
    seeded: bool = False


KERNEL_GRID = {"regularization": (1.0, 10.0, 100.0, 1000.0)}
NYSTROEM = {"landmarks": 500}
CUTS = (10, 20, 40, 80, 160)
CONTENDERS = [
    Contender("CCA, no shrinkage, as in the papers", "cca", PAPER, cuts=CUTS),
    Contender("CCA", "cca", grid={"shrinkage": (0.1, 0.5, 0.9, 0.99)}, cuts=CUTS),
    Contender("CFA", "cfa", cuts=CUTS),
    Contender("KCCA, polynomial", "kcca", POLYNOMIAL, KERNEL_GRID, CUTS, NYSTROEM),
    Contender("KCCA, Gaussian", "kcca", GAUSSIAN, KERNEL_GRID, CUTS, NYSTROEM),
    Contender("JRL, settings of the release", "jrl", RELEASED, seeded=True),
    Contender(
        "JRL",
        "jrl",
        # The settings of the release are among them.
        grid={
            "sparsity_weight": (1.0, 10.0, 100.0, 1000.0),
            "graph_weight": (1.0, 30.0, 1000.0),
            "graph": ("masked", "released"),
            "readout": ("knn", "projections"),
        },
        seeded=True,
    ),
    Contender(
        "LGCFL, reconstructed",
        "lgcfl",
        grid={"penalty": (0.001, 0.003, 0.01, 0.03), "groups": (1, {"image": 16, "text": 1})},
    ),
]

# CHTN's Table 1.
PUBLISHED = {
    "Wikipedia": {
        "CCA": (0.176, 0.178, 0.177),
        "CFA": (0.330, 0.306, 0.318),
        "KCCA, polynomial": (0.230, 0.224, 0.227),
        "KCCA, Gaussian": (0.357, 0.328, 0.343),
        "Bimodal AE": (0.301, 0.267, 0.284),
        "Multimodal DBN": (0.204, 0.145, 0.175),
        "Corr-AE": (0.373, 0.357, 0.365),
        "JRL": (0.408, 0.353, 0.381),
        "LGCFL": (0.416, 0.360, 0.388),
        "CMDN": (0.409, 0.364, 0.387),
        "Deep-SM": (0.458, 0.345, 0.402),
    },
    "NUS-WIDE-10k": {
        "CCA": (0.159, 0.189, 0.174),
        "CFA": (0.299, 0.301, 0.300),
        "KCCA, polynomial": (0.129, 0.157, 0.143),
        "KCCA, Gaussian": (0.295, 0.162, 0.229),
        "Bimodal AE": (0.234, 0.376, 0.305),
        "Multimodal DBN": (0.178, 0.144, 0.161),
        "Corr-AE": (0.306, 0.340, 0.323),
        "JRL": (0.410, 0.444, 0.427),
        "LGCFL": (0.408, 0.374, 0.391),
        "CMDN": (0.410, 0.450, 0.430),
        "Deep-SM": (0.389, 0.496, 0.443),
    },
    "Pascal Sentences": {
        "CCA": (0.110, 0.116, 0.113),
        "CFA": (0.341, 0.308, 0.325),
        "KCCA, polynomial": (0.271, 0.280, 0.276),
        "KCCA, Gaussian": (0.312, 0.329, 0.321),
        "Bimodal AE": (0.404, 0.447, 0.426),
        "Multimodal DBN": (0.438, 0.363, 0.401),
        "Corr-AE": (0.411, 0.475, 0.443),
        "JRL": (0.416, 0.377, 0.397),
        "LGCFL": (0.381, 0.435, 0.408),
        "CMDN": (0.458, 0.444, 0.451),
        "Deep-SM": (0.440, 0.414, 0.427),
    },
}


def parts():
    """Name and data sets (one for each split) of every part."""
    yield (
        "Pascal Sentences, MobileNetV2, 5 splits",
        [datasets.pascal_sentences(split_seed=seed) for seed in SEEDS],
    )
    yield (
        "Pascal Sentences, SqueezeNet, 5 splits",
        [datasets.pascal_sentences("squeezenet", split_seed=seed) for seed in SEEDS],
    )
    for text in ("lda", "tfidf"):
        data = datasets.wikipedia(text, split="official")
        yield f"Wikipedia, SIFT-128, {text}, official split", [data]


class Cut(NamedTuple):
    """The first components of what was encoded already."""

    encoded: dict[str, np.ndarray]
    size: int | None
    metric: str = "cosine"

    @property
    def media(self):
        """Names of the media."""
        return list(self.encoded)

    def encode(self, x, media):
        """What was cut."""
        return self.encoded[media][:, : self.size]


def make(contender, data, settings, seed=0):
    """An unfitted model of one setting."""
    arguments = contender.fixed | settings | ({"random_state": seed} if contender.seeded else {})
    # Only the transforms: arguments are what is chosen here.
    preprocessor = tuned(contender.method, data.name).preprocessor(data)
    return method_class(contender.method)(**arguments, preprocessor=preprocessor)


def tune(contender, sets):
    """The settings with the best mean validation MAP, and that MAP."""
    scores: dict[str, list[float]] = {}
    # The readout of a fitted model may be changed.
    readouts = contender.grid.get("readout", (None,))
    grid = {name: values for name, values in contender.grid.items() if name != "readout"}
    for values in itertools.product(*grid.values()):
        settings = dict(zip(grid, values, strict=True))
        most = {"n_components": max(contender.cuts)} if contender.cuts else {}
        for data in sets:
            model = quietly(make(contender, data, settings | most | contender.rough).fit, data)
            part = data.part("validation")
            for readout, size in itertools.product(readouts, contender.cuts or (None,)):
                chosen = dict(settings)
                if readout:
                    model.readout = chosen["readout"] = readout
                if size:
                    chosen["n_components"] = size
                encoded = {name: model.encode(part, name) for name in model.media}
                report = evaluate(Cut(encoded, size), data, split="validation")
                scores.setdefault(json.dumps(chosen), []).append(report.map)
    best = max(scores, key=lambda key: np.mean(scores[key]))
    return json.loads(best), float(np.mean(scores[best]))


def quietly(function, *arguments):
    """Without the warning that there are fewer components than were asked for."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*arguments)


def allocated_mebibytes(function, *arguments):
    """The most memory that a call had for arrays and objects, also where it was free before."""
    tracemalloc.start()
    quietly(function, *arguments)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def final(data):
    """The data of the last fit: on the official split validation rows join the training."""
    return data.with_validation_as_training() if data.provenance.split == "official" else data


def row(part, contender, sets):
    """Tune, fit and evaluate one method on one part."""
    settings, validation = tune(contender, sets)
    seeds = SEEDS if contender.seeded and len(sets) == 1 else [0]
    figures, seconds = [], []
    for data, seed in itertools.product(sets, seeds):
        model, clock = make(contender, data, settings, seed), time.process_time()
        quietly(model.fit, final(data))
        seconds.append(time.process_time() - clock)
        report = evaluate(model, data)
        figures.append([*(d.metrics["MAP@all"] for d in report.directions), report.map])
    again = make(contender, sets[0], settings)
    entry = {"data": part, "method": contender.name, "runs": len(figures)}
    for name, values in zip(DIRECTIONS, np.transpose(figures), strict=True):
        entry[name] = f"{values.mean():.4f}"
        entry[f"{name}_std"] = f"{values.std(ddof=1):.4f}" if len(values) > 1 else ""
    return entry | {
        "settings": json.dumps(settings),
        "validation": f"{validation:.4f}",
        "fit_seconds": f"{statistics.median(seconds):.2f}",
        "fit_mebibytes": f"{allocated_mebibytes(again.fit, final(sets[0])):.0f}",
        "source": COMMAND,
        "machine": f"{platform.machine()} CPU, Python {platform.python_version()}",
    }


def published():
    """The rows of the papers' table."""
    for data, methods in PUBLISHED.items():
        for method, figures in methods.items():
            yield {
                "data": f"published, {data}",
                "method": method,
                **dict(zip(DIRECTIONS, figures, strict=True)),
                "source": "CHTN (IJCAI 2017), table 1; other features",
            }


def write(part, rows):
    """Replace the rows of some methods on a part."""
    kept, methods = [], {line["method"] for line in rows}
    if TABLE.exists():
        with TABLE.open(encoding="utf-8", newline="") as file:
            kept = [
                line
                for line in csv.DictReader(file)
                if (line["data"], line["method"] in methods) != (part, True)
            ]
    columns = max([*kept, *rows], key=len)
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(kept + rows, key=lambda line: line["data"]))


def main() -> None:
    wanted = sys.argv[1:]
    for part, sets in parts():
        if not all(word in part for word in wanted):
            continue
        print(part, file=sys.stderr)
        rows = []
        for contender in CONTENDERS:
            rows.append(row(part, contender, sets))
            print(
                f"  {contender.name}: {rows[-1]['average']}, {rows[-1]['settings']}, "
                f"{rows[-1]['fit_seconds']} s",
                file=sys.stderr,
            )
            write(part, rows)
    entries = list(published())
    for data in dict.fromkeys(entry["data"] for entry in entries):
        write(data, [entry for entry in entries if entry["data"] == data])


if __name__ == "__main__":
    main()
