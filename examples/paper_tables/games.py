"""What the tables of games have in common: parts, rows, published figures, the probe.

A row is a direction of a method. `probe` is the accuracy of a fresh linear classifier of the medium
on the test part (`keras_xmr.modality_probe`) in the common representation, `probe_hidden` in the
layer that the adversary sees: fc9, or the embedding. It is 1 / media where media cannot be told
apart. P-values are of paired tests over the queries of all directions, whose average precision is
first averaged over the seeds of a split.
"""

import csv
import platform
import sys
from pathlib import Path

import keras
import numpy as np
from chtn import SEEDS, final, per_query, tune_baseline
from tuned import tuned

import keras_xmr
from keras_xmr import SemanticMatching, datasets
from keras_xmr.evaluation import paired_test

FOLDER = Path(__file__).parent
DIRECTIONS = ("image->text", "text->image", "average")
BASELINE = "semantic matching, centred_probabilities"


def two_media():
    """Name, features, source and data sets (one for each split) of the parts of two media."""
    splits = [datasets.pascal_sentences(split_seed=seed) for seed in SEEDS]
    yield "Pascal Sentences", "MobileNetV2, words", datasets.caltech101, lambda: splits
    yield (
        "Wikipedia, paper split",
        "SIFT-128, LDA-10",
        None,
        lambda: [datasets.wikipedia("lda", split="paper")],
    )
    yield (
        "Wikipedia, tf-idf, paper split",
        "SIFT-128, tf-idf-1000",
        None,
        lambda: [datasets.wikipedia("tfidf", split="paper")],
    )


def make(name, parts, methods, published):
    """Make the parts whose names have all words of the command line, or else all of them."""
    table, wanted = Table(name), sys.argv[1:]
    for part, features, source, load in parts:
        if all(word in part for word in wanted):
            print(part, file=sys.stderr)
            sets = load()
            table.add(part, features, methods(sets, source and source()), sets)
    if not wanted:
        table.publish(published)


def baselines(sets, method):
    """Semantic matching with the transforms of the method's settings, tuned on validation."""

    def inputs(data):
        return tuned(method, data.name).preprocessor(data)

    for readout, arguments, validation in tune_baseline(sets, inputs, method):
        name = f"semantic matching, {readout}"
        print(f"  {name}: {arguments}, validation {validation:.4f}", file=sys.stderr)
        yield (
            name,
            [
                [SemanticMatching(**arguments, preprocessor=inputs(data)).fit(final(data))]
                for data in sets
            ],
        )


def trained(method, sets, source, seeds, settings=None):
    """Models for each data set: one where there are several splits, else one for each seed."""
    of_split = [[number] for number in seeds] if len(sets) > 1 else [list(seeds)]
    settings = settings or tuned(method, sets[0].name)

    def train(data, seed):
        return keras_xmr.train(
            final(data), method, source, settings=settings, seed=seed, progress=False
        )

    return [
        [train(data, seed) for seed in numbers]
        for data, numbers in zip(sets, of_split, strict=True)
    ]


class Table:
    """The rows of one CSV file, part by part."""

    def __init__(self, name):
        self.path = FOLDER / name
        self.command = f"python examples/paper_tables/{Path(name).stem}.py"

    def add(self, part, features, methods, sets, rows=()):
        """Evaluate the methods of a part, and put its rows in the place of earlier ones.

        `rows` are further ones, such as `copied` gives.
        """
        rows, queries = list(rows), {}
        for method, models in methods:
            reports, probes = [], []
            for data, of_split in zip(sets, models, strict=True):
                for model in of_split:
                    reports.append(keras_xmr.evaluate(model, data))
                    probes.append(self.probes(model, data))
            queries[method] = per_query(reports)
            p = (
                paired_test(queries[method], queries[BASELINE])
                if BASELINE in queries and method != BASELINE
                else ""
            )
            rows += list(self.rows(part, features, method, reports, np.mean(probes, axis=0), p))
            print(f"  {method}: {rows[-1]['MAP@all']:.4f}", file=sys.stderr)
            self.write(part, rows)

    def probes(self, model, data):
        """Of the common representation, and of the layer that the adversary sees."""
        common = keras_xmr.modality_probe(model, data)
        if isinstance(model, SemanticMatching):
            # It has no hidden layer.
            return common, np.nan
        coded = isinstance(model, keras_xmr.ACMR | keras_xmr.CMGANs)
        hidden = "embedding" if coded else "fc9"
        return common, keras_xmr.modality_probe(model.copy_with(readout=hidden), data)

    def rows(self, part, features, method, reports, probes, p):
        """A row for each direction, and one for their average."""
        names = [d.name for d in reports[0].directions]
        values = np.array(
            [[*(d.metrics["MAP@all"] for d in report.directions), report.map] for report in reports]
        )
        for name, column in zip([*names, "average"], values.T, strict=True):
            average = name == "average"
            yield {
                "data": part,
                "features": features,
                "method": method,
                "runs": len(reports),
                "direction": name,
                "MAP@all": float(column.mean()),
                "std": float(column.std(ddof=1)) if len(reports) > 1 else 0.0,
                "p_against_centred_baseline": p if average else "",
                "probe": float(probes[0]) if average else "",
                "probe_hidden": float(probes[1]) if average else "",
                "source": self.command,
                "machine": f"{platform.machine()} CPU, Python {platform.python_version()}, "
                f"Keras {keras.__version__} on {keras.config.backend()}",
            }

    def copied(self, part, name, method):
        """Rows of a method that another table has, for the same part of the data."""
        with (FOLDER / name).open(encoding="utf-8", newline="") as file:
            found = csv.DictReader(file)
            return [row for row in found if (row["data"], row["method"]) == (part, method)]

    def publish(self, published):
        """Add published figures: other features, so no comparison of methods."""
        for part in dict.fromkeys(entry[0] for entry in published):
            rows = []
            for data, method, features, source, figures in published:
                if data != part:
                    continue
                # Some publish no average.
                for name, value in zip(DIRECTIONS, figures, strict=False):
                    rows.append(
                        {
                            "data": data,
                            "features": features,
                            "method": method,
                            "direction": name,
                            "MAP@all": value,
                            "source": source,
                        }
                    )
            self.write(part, rows)

    def write(self, part, rows):
        """Replace the rows of a part."""
        kept = []
        if self.path.exists():
            with self.path.open(encoding="utf-8", newline="") as file:
                kept = [row for row in csv.DictReader(file) if row["data"] != part]
        rows = [{name: _text(value) for name, value in row.items()} for row in rows]
        columns = max([*kept, *rows], key=len)
        with self.path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(columns), restval="")
            writer.writeheader()
            writer.writerows(sorted(kept + rows, key=lambda row: row["data"]))


def _text(value):
    """Four digits; nothing where a method has no such figure."""
    if not isinstance(value, float):
        return value
    return "" if np.isnan(value) else f"{value:.4f}"
