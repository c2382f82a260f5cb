"""CHTN beside tuned semantic matching, and beside the paper's Table 1: `chtn.csv`, `chtn_runs.csv`.

Pascal Sentences: ten splits, one seed each. Wikipedia (needs KERAS_XMR_DATA): LDA and tf-idf texts
on the paper's and the official split, five seeds each. CHTN's recipe was chosen on validation
parts; the baseline's penalties are chosen here, on the same parts. P-values are of paired tests
over queries, whose average precision is first averaged over the seeds of a split.

Usage: python examples/paper_tables/chtn.py
"""

import csv
import itertools
import platform
import sys
from pathlib import Path

import keras
import numpy as np

import keras_xmr
from keras_xmr import SemanticMatching, datasets
from keras_xmr.evaluation import paired_test
from keras_xmr.preprocessing import FeatureScaler, Preprocessor, TextVectorizer
from keras_xmr.training.recipes import train_chtn

FOLDER = Path(__file__).parent
COMMAND = "python examples/paper_tables/chtn.py"
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
READOUTS = ("probabilities", "centred_probabilities")

# The averages of the paper's Table 1; its features and part of its splits were others.
PAPER = {"pascal_sentences": 0.472, "wikipedia": 0.470}


def problems():
    """Name, source data and (seed, data) of every run of each part of the table."""
    pascal = [(seed, datasets.pascal_sentences(split_seed=seed)) for seed in range(10)]
    yield "Pascal Sentences, MobileNetV2, 10 splits", datasets.caltech101(), pascal
    for text, split in itertools.product(("lda", "tfidf"), ("official", "paper")):
        data = datasets.wikipedia(text, split=split)
        name = f"Wikipedia, SIFT-128, {text}, {split} split"
        yield name, None, [(seed, data) for seed in range(5)]


def baseline_inputs(data):
    """Square root, then unit length or variance, of pictures; texts alike, or sublinear tf-idf."""
    words = isinstance(data.media["text"].items, datasets.WordCounts)
    picture = {"norm": "l2", "standardize": False} if words else {"norm": "none"}
    text = TextVectorizer(1000) if words else FeatureScaler(**picture)
    return Preprocessor.for_data(data, image=FeatureScaler(**picture), text=text)


def tune_baseline(runs, readout):
    """The penalties with the best mean validation MAP, and what it is."""
    sets = list({data.split_hash(): data for _, data in runs}.values())
    scores = {}
    for image, text in itertools.product(PENALTIES, PENALTIES):
        scores[image, text] = []
    for data in sets:
        fitted = {
            C: SemanticMatching(C, readout, baseline_inputs(data)).fit(data) for C in PENALTIES
        }
        for image, text in scores:
            mixed = SemanticMatching(
                {"image": image, "text": text}, readout, fitted[image].preprocessor
            )
            mixed.weights = {
                "image": fitted[image].weights["image"],
                "text": fitted[text].weights["text"],
            }
            scores[image, text].append(keras_xmr.evaluate(mixed, data, split="validation").map)
    best = max(scores, key=lambda pair: np.mean(scores[pair]))
    return {"image": best[0], "text": best[1]}, float(np.mean(scores[best]))


def final(data):
    """The data of the last training: on the official split validation rows join the training."""
    return data.with_validation_as_training() if data.provenance.split == "official" else data


def methods(source, runs):
    """Name, validation MAP where it was computed here, and a function from a run to a model."""
    for readout in READOUTS:
        penalties, validation = tune_baseline(runs, readout)
        name = f"semantic matching, {readout}, C={penalties}"
        yield (
            name,
            lambda seed, data, c=penalties, r=readout: SemanticMatching(
                c, r, baseline_inputs(data)
            ).fit(data),
        )
        print(f"  {name}: validation {validation:.4f}", file=sys.stderr)
    yield "CHTN", lambda seed, data: train_chtn(data, source, seed=seed)
    if source is not None:
        yield "CHTN without source", lambda seed, data: train_chtn(data, seed=seed)


def main() -> None:
    summary, singles = [], []
    for problem, source, runs in problems():
        print(problem, file=sys.stderr)
        queries = {}
        for method, train in methods(source, runs):
            reports = []
            for seed, data in runs:
                report = keras_xmr.evaluate(train(seed, final(data)), data)
                reports.append(report)
                figures = [d.metrics["MAP@all"] for d in report.directions]
                singles.append(
                    [problem, method, seed, report.split_hash[:12], *figures, report.map]
                )
                print(f"  {method}, seed {seed}: {report.map:.4f}", file=sys.stderr)
            queries[method] = per_query(reports)
            summary.append(row(problem, method, reports, queries, data.name))
    write("chtn_runs.csv", ["data", "method", "seed", "split", *DIRECTIONS], singles)
    write("chtn.csv", list(summary[0]), [list(entry.values()) for entry in summary])


def per_query(reports):
    """Average precision of each query of each split, averaged over the seeds of the split."""
    of_split = {}
    for report in reports:
        of_split.setdefault(report.split_hash, []).append(report.average_precisions())
    return np.concatenate([np.mean(seeds, axis=0) for seeds in of_split.values()])


DIRECTIONS = ("image_to_text", "text_to_image", "average")


def row(problem, method, reports, queries, data_name):
    """One row of the table: mean and spread over runs, and paired tests against the baselines."""
    figures = np.array(
        [[*(d.metrics["MAP@all"] for d in report.directions), report.map] for report in reports]
    )
    entry = {"data": problem, "method": method, "runs": len(reports)}
    for column, name in enumerate(DIRECTIONS):
        entry[name] = round(float(figures[:, column].mean()), 4)
        entry[f"{name}_std"] = round(float(figures[:, column].std(ddof=1)), 4)
    baselines = [name for name in queries if name.startswith("semantic matching")]
    for readout, name in zip(READOUTS, baselines, strict=False):
        p = paired_test(queries[method], queries[name]) if method != name else float("nan")
        entry[f"p_against_{readout}"] = round(p, 4)
    for readout in READOUTS:
        entry.setdefault(f"p_against_{readout}", float("nan"))
    versions = f"Python {platform.python_version()}, Keras {keras.__version__}"
    return entry | {
        "paper_average": PAPER[data_name],
        "machine": f"{platform.machine()} CPU, {versions} on {keras.config.backend()}",
        "command": COMMAND,
    }


def write(name, header, rows) -> None:
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(
            [[f"{v:.4f}" if isinstance(v, float) else v for v in line] for line in rows]
        )


if __name__ == "__main__":
    main()
