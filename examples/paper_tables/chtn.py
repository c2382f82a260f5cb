"""CHTN beside tuned semantic matching, and beside the paper's tables: `chtn.csv`, `chtn_runs.csv`.

Pascal Sentences: five splits, a seed for each; on bundled features of MobileNetV2 and SqueezeNet,
with the ablations of the paper's Table 2, and from pixels (needs KERAS_XMR_DATA). Wikipedia
(likewise): LDA and tf-idf texts on the paper's and the official split, five seeds each. CHTN's
settings were chosen on validation parts (for Wikipedia on both splits', so that the official one
had a share in its test rows); the baseline's penalties, and for CHTN's readout its temperature, are
chosen here, on the same parts. P-values are of paired tests over queries, whose average precision
is first averaged over the seeds of a split.

Usage: python examples/paper_tables/chtn.py [words in the names of the parts that are to be made]
"""

import csv
import itertools
import platform
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from tuned import tuned

import keras_xmr
from keras_xmr import SemanticMatching, datasets
from keras_xmr.evaluation import paired_test
from keras_xmr.transforms import (
    FeatureScaler,
    Preprocessor,
    TextVectorizer,
    extract_features,
)
from keras_xmr.trunks import load_trunk

FOLDER = Path(__file__).parent
COMMAND = "python examples/paper_tables/chtn.py"
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
READOUTS = ("probabilities", "centred_probabilities")  # Those that p-values are against.
TEMPERATURES = (0.2, 0.3, 0.5, 0.7, 1.0)
DIRECTIONS = ("image_to_text", "text_to_image", "average")
SEEDS = range(5)

# Averages of the paper's Tables 1 and 2; its features and part of its splits were others.
PAPER = {"pascal_sentences": 0.472, "wikipedia": 0.470}
ABLATIONS = {
    "OnlyCross": ({"shared_units": (), "shared_classifier": False}, False, 0.438),
    "NoShare": ({"shared_units": (), "shared_classifier": False}, True, 0.457),
    "NoSrcSp": ({"source_weight": 0.0}, True, 0.446),
}
PIXELS = "chtn_pascal_mobilenet"


def problems():
    """Name, source data, data sets (one for each split) and methods of every part of the table."""
    splits = [datasets.pascal_sentences(split_seed=seed) for seed in SEEDS]
    yield "Pascal Sentences, MobileNetV2, 5 splits", datasets.caltech101(), splits, methods
    yield "Pascal Sentences, ablations, 5 splits", datasets.caltech101(), splits, ablations
    splits = [datasets.pascal_sentences("squeezenet", split_seed=seed) for seed in SEEDS]
    splits = [replace(data, name="pascal_sentences_squeezenet") for data in splits]
    source = datasets.caltech101("squeezenet")
    yield "Pascal Sentences, SqueezeNet, 5 splits", source, splits, methods
    yield "Pascal Sentences, pixels, 5 splits", None, None, methods
    for text, split in itertools.product(("lda", "tfidf"), ("official", "paper")):
        name = f"Wikipedia, SIFT-128, {text}, {split} split"
        yield name, None, [datasets.wikipedia(text, split=split)], methods


def from_pixels():
    """Source and splits as features of the trunk that was trained further, of the preset."""
    trunk = load_trunk(PIXELS)
    splits = [datasets.pascal_sentences(None, split_seed=seed) for seed in SEEDS]
    source = extract_features(datasets.caltech101(None), trunk)
    return source, [
        replace(extract_features(data, trunk), name="pascal_sentences_pixels") for data in splits
    ]


def baseline_inputs(data):
    """The same inputs as CHTN; for Wikipedia square roots of unit variance."""
    if data.name != "wikipedia":
        return tuned("chtn", data.name).preprocessor(data)
    scaled = {"norm": "none"}
    words = isinstance(data.media["text"].items, datasets.WordCounts)
    text = TextVectorizer(1000) if words else FeatureScaler(**scaled)
    return Preprocessor.for_data(data, image=FeatureScaler(**scaled), text=text)


def choices(data):
    """Penalties to choose from: all combinations for two media, and for more those known already.

    Media of their own penalties are better than one for all, but combinations become too many.
    """
    if len(data.media) == 2:
        return list(itertools.product(PENALTIES, repeat=2))
    known = tuned("semantic_matching", data.name).arguments["C"]
    return [tuple(known[medium] for medium in data.media)]


def readouts(data, method):
    """Readouts of the baseline and their temperatures: the usual ones, the method's if another."""
    own = tuned(method, data.name).arguments["readout"]
    return dict.fromkeys(READOUTS, (1.0,)) | ({} if own in READOUTS else {own: TEMPERATURES})


def tune_baseline(sets, inputs=baseline_inputs, method="chtn"):
    """Each readout, its arguments with the best mean validation MAP, and that MAP."""
    scores = {}
    media, known = list(sets[0].media), readouts(sets[0], method)
    for data in sets:
        fitted = {
            C: SemanticMatching(C, "probabilities", inputs(data)).fit(data) for C in PENALTIES
        }
        tried = [(name, T) for name, temperatures in known.items() for T in temperatures]
        for chosen, (readout, T) in itertools.product(choices(data), tried):
            transforms = fitted[chosen[0]].preprocessor
            mixed = SemanticMatching(1.0, readout, transforms, temperature=T)
            mixed.weights = {m: fitted[C].weights[m] for m, C in zip(media, chosen, strict=True)}
            report = keras_xmr.evaluate(mixed, data, split="validation")
            scores.setdefault((readout, T, *chosen), []).append(report.map)
    means = {setting: float(np.mean(values)) for setting, values in scores.items()}
    for readout in known:
        best = max((s for s in means if s[0] == readout), key=means.__getitem__)
        C = dict(zip(media, best[2:], strict=True))
        yield readout, {"C": C, "readout": readout, "temperature": best[1]}, means[best]


def final(data):
    """The data of the last training: on the official split validation rows join the training."""
    return data.with_validation_as_training() if data.provenance.split == "official" else data


def methods(source, sets):
    """Name of a method, and for each data set the models to report on."""
    for readout, arguments, validation in tune_baseline(sets):
        name = f"semantic matching, {readout}"
        print(f"  {name}: {arguments}, validation {validation:.4f}", file=sys.stderr)
        yield (
            name,
            [
                [SemanticMatching(**arguments, preprocessor=baseline_inputs(data)).fit(final(data))]
                for data in sets
            ],
        )
    yield "CHTN", trained(sets, source)
    yield "CHTN, one member", trained(sets, source, members=1)
    if source is not None:
        yield "CHTN without source", trained(sets, None)


def ablations(source, sets):
    """CHTN and the variants of the paper's Table 2, one network each as in the paper."""
    yield "CHTN, one member", trained(sets, source, members=1)
    for name, (changes, has_source, _) in ABLATIONS.items():
        yield name, trained(sets, source if has_source else None, members=1, **changes)


def trained(sets, source, **changes):
    """Models for each data set: one where there are several splits, else one for each seed."""
    settings = tuned("chtn", sets[0].name)
    settings = replace(settings, arguments=settings.arguments | changes)
    seeds = [[number] for number in SEEDS] if len(sets) > 1 else [list(SEEDS)]
    return [
        [
            keras_xmr.CHTN.train(final(data), source, settings=settings, seed=seed, progress=False)
            for seed in of_split
        ]
        for data, of_split in zip(sets, seeds, strict=True)
    ]


def main() -> None:
    wanted = sys.argv[1:]
    for problem, source, sets, methods_of in problems():
        if not all(word in problem for word in wanted):
            continue
        print(problem, file=sys.stderr)
        if sets is None:
            source, sets = from_pixels()
        summary, singles, queries = [], [], {}
        for method, models in methods_of(source, sets):
            reports = []
            for data, of_split in zip(sets, models, strict=True):
                for number, model in enumerate(of_split):
                    report = keras_xmr.evaluate(model, data)
                    reports.append(report)
                    figures = [d.metrics["MAP@all"] for d in report.directions]
                    split = report.split_hash[:12]
                    singles.append([problem, method, split, number, *figures, report.map])
            queries[method] = per_query(reports)
            summary.append(row(problem, method, reports, queries))
            print(f"  {method}: {summary[-1]['average']:.4f}", file=sys.stderr)
        replace_rows("chtn_runs.csv", ["data", "method", "split", "seed", *DIRECTIONS], singles)
        replace_rows("chtn.csv", list(summary[0]), [list(entry.values()) for entry in summary])


def per_query(reports):
    """Average precision of each query of each split, averaged over the seeds of the split."""
    of_split = {}
    for report in reports:
        of_split.setdefault(report.split_hash, []).append(report.average_precisions())
    return np.concatenate([np.mean(seeds, axis=0) for seeds in of_split.values()])


def row(problem, method, reports, queries):
    """One row of the table: mean and spread over runs, and paired tests against the baselines."""
    figures = np.array(
        [[*(d.metrics["MAP@all"] for d in report.directions), report.map] for report in reports]
    )
    entry = {"data": problem, "method": method, "runs": len(reports)}
    for column, name in enumerate(DIRECTIONS):
        entry[name] = float(figures[:, column].mean())
        entry[f"{name}_std"] = float(figures[:, column].std(ddof=1)) if len(reports) > 1 else 0.0
    for readout in READOUTS:
        name = f"semantic matching, {readout}"
        known = name in queries and name != method
        p = paired_test(queries[method], queries[name]) if known else ""
        entry[f"p_against_{readout}"] = p
    return entry | {
        "paper_average": ABLATIONS[method][2] if method in ABLATIONS else paper(problem),
        "machine": f"{platform.machine()} CPU, Python {platform.python_version()}, "
        f"Keras {keras.__version__} on {keras.config.backend()}",
        "command": COMMAND,
    }


def paper(problem):
    """The paper's average for CHTN."""
    return PAPER["wikipedia" if problem.startswith("Wikipedia") else "pascal_sentences"]


def replace_rows(name, header, rows) -> None:
    """Put rows into a table, in the place of those of the same part if there are any."""
    path = FOLDER / name
    with path.open(encoding="utf-8", newline="") as file:
        kept = [line for line in list(csv.reader(file))[1:] if line[0] != rows[0][0]]
    rows = [[f"{v:.4f}" if isinstance(v, float) else v for v in line] for line in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        # By part; within a part in the order of the methods.
        writer.writerows(sorted(kept + rows, key=lambda line: line[0]))


if __name__ == "__main__":
    main()
