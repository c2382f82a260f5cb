"""UGACH, its discriminator alone, and codes without training: `ugach.csv`.

Pascal Sentences: ten splits, the five of the other tables first, with three seeds for each (other
code lengths and variants: five splits, a seed for each); bundled features of MobileNetV2. Wikipedia
(it needs KERAS_XMR_DATA): five seeds. No method sees a label in training.
UGACH's settings are chosen by the MAP of held-out training pairs; shrinkage and weights of the
canonical components of the other codes by that of validation parts. "alone" has as many updates of
the discriminator, with candidates drawn uniformly; "narrow margin" is the one that is best for it
by itself. MAP is MAP@all by Hamming distance, expected over the order of equal distances. P-values
are of paired t-tests over splits (means of their seeds), or over seeds where there is one split,
against the best of the codes without training, against the discriminator alone, and against that
with a margin of its own.

Usage: python examples/paper_tables/ugach.py [words in the names of the parts that are to be made]
"""

import itertools
import platform
import sys
from dataclasses import replace

import keras
import numpy as np
from cca_hashing import ROTATIONS, CCAHashing
from chtn import SEEDS
from games import Table
from scipy.stats import ttest_rel
from tuned import tuned

import keras_xmr
from keras_xmr import datasets
from keras_xmr.methods.ugach.variants import PAPER, RELEASED

SPLITS = range(10)
SEEDS_OF_SPLIT = 3
OTHER_BITS = (16, 32, 128)
MAIN = "UGACH, 64 bits"
ALONE = "UGACH, 64 bits, discriminator alone"
NARROW = f"{ALONE}, narrow margin"
# The margin that is best for a discriminator alone, by the MAP of held-out training pairs.
NARROW_MARGIN = 12.0
SHRINKAGES, POWERS = (0.5, 0.75, 0.9), (1, 2)
# The networks of the release have 8192 hidden units, for 15,000 pairs.
WIDTH = 1024
# What the paper's variant and the released one do without.
PLAIN = {
    "components": None,
    "graph": None,
    "neighbors": 5,
    "near": None,
    "temperature": None,
    "margin": None,
    "dropout": 0.0,
    "hidden_units": WIDTH,
}


def parts():
    """Name, features and data sets (one for each split) of every part of the table."""
    splits = [datasets.pascal_sentences(split_seed=seed) for seed in SPLITS]
    yield "Pascal Sentences", "MobileNetV2, words", lambda: splits
    for part, texts, kind in (
        ("Wikipedia, paper split", "LDA-10", "lda"),
        ("Wikipedia, tf-idf, paper split", "tf-idf-1000", "tfidf"),
    ):
        yield (
            part,
            f"SIFT-128, {texts}",
            lambda kind=kind: [datasets.wikipedia(kind, split="paper")],
        )


def methods(sets):
    """Name of a method, and for each data set the models to report on."""
    for kind in ROTATIONS:
        yield hashing(sets, kind)
    settings = tuned("ugach", sets[0].name)

    def of(arguments, numbers=None):
        changed = replace(settings, arguments=settings.arguments | arguments)
        # Without numbers of seeds, one for each of the first splits.
        few = [[n] for n in SEEDS] if len(sets) > 1 else [list(SEEDS)]
        return trained(changed, sets, numbers or few)

    yield MAIN, of({}, seeds(sets))
    alone = {"generator_steps": 0}
    yield ALONE, of(alone, seeds(sets))
    if len(sets) > 1:
        yield NARROW, of(alone | {"margin": NARROW_MARGIN}, seeds(sets))
    for bits in OTHER_BITS:
        yield f"UGACH, {bits} bits", of({"bits": bits})
    for name, variant in (("paper", PAPER), ("released", RELEASED | {"hidden_units": WIDTH})):
        yield f"UGACH, 64 bits, {name}", of(PLAIN | variant)


def trained(settings, sets, seeds_of_split):
    """Models of each split, as many as it has seeds."""
    return [
        [keras_xmr.UGACH.train(data, settings=settings, seed=n, progress=False) for n in of_split]
        for data, of_split in zip(sets, seeds_of_split, strict=False)
    ]


def seeds(sets):
    """The seeds of each split."""
    if len(sets) == 1:
        return [list(SEEDS)]
    return [[split + len(SPLITS) * n for n in range(SEEDS_OF_SPLIT)] for split in SPLITS]


def hashing(sets, kind):
    """Name and models of hashing by CCA at 64 bits, tuned on validation."""

    def fitted(shrinkage, power, data, seed):
        inputs = tuned("ugach", data.name).preprocessor(data)
        return CCAHashing(64, kind, shrinkage, power, inputs, seed).fit(data)

    def validation(setting):
        return np.mean(
            [
                keras_xmr.evaluate(fitted(*setting, data, 0), data, split="validation").map
                for data in sets
            ]
        )

    shrinkage, power = max(itertools.product(SHRINKAGES, POWERS), key=validation)
    print(f"  {kind}: shrinkage {shrinkage}, power {power}", file=sys.stderr)
    return f"CCA {kind}, 64 bits", [
        [fitted(shrinkage, power, data, seed) for seed in numbers]
        for data, numbers in zip(sets, seeds(sets), strict=True)
    ]


def random_map(sets):
    """Expected MAP of a random ranking, of both directions."""
    values = []
    for data in sets:
        part = data.part("test")
        labels = [part.media[m].labels for m in ("image", "text")]
        for queries, gallery in (labels, labels[::-1]):
            n = len(gallery)
            harmonic = (1 / np.arange(1, n + 1)).sum()
            relevant = (queries[:, None] == gallery).sum(axis=1)
            # Of an item at rank i the expected precision is 1/i + (i - 1)/i * (R - 1)/(n - 1).
            values.append(np.mean((harmonic + (n - harmonic) * (relevant - 1) / (n - 1)) / n))
    return np.mean(values)


def rows(part, features, evaluated, sets):
    """The rows of a part: mean and spread over runs, and the tests."""
    maps = {
        name: [[report.map for report in of_split] for of_split in reports]
        for name, reports in evaluated.items()
    }
    if len(sets) > 1:
        maps = {name: [np.mean(of_split) for of_split in found] for name, found in maps.items()}
    compared = {name: np.ravel(found) for name, found in maps.items()}
    best = max(
        (name for name in compared if name.startswith("CCA")),
        key=lambda name: compared[name].mean(),
    )
    common = {
        "source": "python examples/paper_tables/ugach.py",
        "machine": f"{platform.machine()} CPU, Python {platform.python_version()}, "
        f"Keras {keras.__version__} on {keras.config.backend()}",
    }
    yield {
        "data": part, "features": features, "method": "random ranking, expected", "runs": len(sets),
        "direction": "average", "MAP@all": float(random_map(sets)), **common,
    }  # fmt: skip
    for name, of_splits in evaluated.items():
        reports = list(itertools.chain(*of_splits))
        values = np.array([[*(d.metrics["MAP@all"] for d in r.directions), r.map] for r in reports])
        directions = [*(d.name for d in reports[0].directions), "average"]
        for direction, column in zip(directions, values.T, strict=True):
            row = {
                "data": part,
                "features": features,
                "method": name,
                "runs": len(reports),
                "direction": direction,
                "MAP@all": float(column.mean()),
                "std": float(column.std(ddof=1)),
            }
            if direction == "average":
                for title, other in (
                    ("best_cca_hash", best),
                    ("alone", ALONE),
                    ("narrow_alone", NARROW),
                ):
                    one, another = compared[name], compared.get(other, [])
                    if name != other and len(one) == len(another):
                        row[f"p_against_{title}"] = float(ttest_rel(one, another).pvalue)
            yield row | common


def main() -> None:
    table = Table("ugach.csv")
    wanted = sys.argv[1:]
    for part, features, load in parts():
        if all(word in part for word in wanted):
            print(part, file=sys.stderr)
            sets = load()
            evaluated = {}
            for name, models in methods(sets):
                evaluated[name] = [
                    [keras_xmr.evaluate(model, data) for model in of_split]
                    for data, of_split in zip(sets, models, strict=False)
                ]
                found = list(rows(part, features, evaluated, sets))
                print(f"  {name}: {found[-1]['MAP@all']:.4f}", file=sys.stderr)
                columns = dict.fromkeys(max(found, key=len), "")
                table.write(part, [columns | row for row in found])


if __name__ == "__main__":
    main()
