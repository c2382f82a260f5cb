"""Mean average precision from embeddings and labels: keras_xmr against what people use.

- naive: the loop published with papers: one `argsort` per query, then a cumulative sum;
- scikit-learn: `average_precision_score`, query by query;
- torchmetrics: `RetrievalMAP`.

All start from the same embeddings. The others get their scores from one product in float32. For
them all scores are computed, but large problems are ranked for some of the queries only (column
`ranked_queries`), and the time of that part is multiplied up. Methods take turns, so that each
meets the same load; `*_ratio` is how many times longer than keras_xmr a method takes.

Usage: python -m benchmarks.ranking, or with --quick for tiny problems that are not written down.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from torchmetrics.retrieval import RetrievalMAP

from benchmarks.timing import (
    Timing,
    circumstances,
    median,
    peak_mebibytes,
    timed,
    write_csv,
)
from keras_xmr.metrics import mean_average_precision

SIZES = ((10_000, 10_000), (200, 200_000))  # Queries and gallery: an evaluation, a large search.
WIDTHS = (20, 1024)  # Class posteriors; activations of a layer such as fc9.
CLASSES = 20
REPETITIONS = 3
MOST_PAIRS = 2_000_000  # What the two slow methods rank; more takes minutes and tells nothing new.
QUICK = ((40, 300), (5, 2_000))
# Products in float32 put some pairs of items the other way round.
TOLERANCE = 1e-4
RESULTS = Path(__file__).with_name("ranking.csv")


class Problem(NamedTuple):
    """Embeddings `(n, width)` and classes `(n,)`."""

    queries: np.ndarray
    gallery: np.ndarray
    query_labels: np.ndarray
    gallery_labels: np.ndarray


def make_problem(queries: int, gallery: int, width: int) -> Problem:
    """Clusters around a centre for each class; posteriors where there is one feature per class."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLASSES, width), dtype=np.float32)
    labels = [rng.integers(0, CLASSES, n) for n in (queries, gallery)]
    rows = []
    for label in labels:
        features = rng.standard_normal((len(label), width), dtype=np.float32)
        if width == CLASSES:
            features[np.arange(len(label)), label] += 2
            features = np.exp(features) / np.exp(features).sum(axis=1, keepdims=True)
        else:
            features = np.maximum(features + 0.2 * centres[label], 0)
        rows.append(features)
    return Problem(*rows, *labels)


def cosine_float32(problem: Problem) -> np.ndarray:
    queries, gallery = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in problem[:2])
    return queries @ gallery.T


def naive(scores: np.ndarray, query_labels: np.ndarray, gallery_labels: np.ndarray) -> float:
    ranks = np.arange(1, len(gallery_labels) + 1)
    values = []
    for row, label in zip(scores, query_labels, strict=True):
        relevant = gallery_labels[np.argsort(-row)] == label
        values.append((np.cumsum(relevant) / ranks)[relevant].mean())
    return float(np.mean(values))


def scikit_learn(scores: np.ndarray, query_labels: np.ndarray, gallery_labels: np.ndarray) -> float:
    values = [
        average_precision_score(gallery_labels == label, row)
        for row, label in zip(scores, query_labels, strict=True)
    ]
    return float(np.mean(values))


def torchmetrics(scores: np.ndarray, query_labels: np.ndarray, gallery_labels: np.ndarray) -> float:
    metric = RetrievalMAP()
    indexes = torch.arange(len(scores))[:, None].expand(scores.shape)
    relevant = torch.from_numpy(query_labels[:, None] == gallery_labels)
    metric.update(torch.from_numpy(scores), relevant, indexes)
    return float(metric.compute())


def run_other(rank: Callable[..., float], problem: Problem, ranked: int) -> tuple[float, Timing]:
    """Value over the first `ranked` queries, and the time for all."""
    scores, product = timed(cosine_float32, problem)
    value, ranking = timed(rank, scores[:ranked], problem.query_labels[:ranked], problem[3])
    return value, product + ranking.times(len(scores) / ranked)


def compare(queries: int, gallery: int, width: int, repetitions: int) -> list[dict[str, Any]]:
    problem = make_problem(queries, gallery, width)
    some = min(queries, max(1, MOST_PAIRS // gallery))
    methods: dict[str, tuple[int, Callable[[], tuple[float, Timing]]]] = {
        "keras_xmr": (queries, lambda: timed(mean_average_precision, *problem)),
        "naive": (queries, lambda: run_other(naive, problem, queries)),
        "scikit-learn": (some, lambda: run_other(scikit_learn, problem, some)),
        "torchmetrics": (some, lambda: run_other(torchmetrics, problem, some)),
    }
    timings: dict[str, list[Timing]] = {name: [] for name in methods}
    values = {}
    for repetition in range(repetitions):
        for name, (_, run) in methods.items():
            values[name], timing = run()
            timings[name].append(timing)
            print(
                f"{queries} x {gallery}, {width} wide, {repetition + 1}: {name} {timing.wall:.2f} s"
            )
    ours = median(timings["keras_xmr"])
    rows = []
    for name, (ranked, run) in methods.items():
        part = problem._replace(
            queries=problem.queries[:ranked], query_labels=problem.query_labels[:ranked]
        )
        difference = values[name] - mean_average_precision(*part)
        if abs(difference) > TOLERANCE:
            raise RuntimeError(f"{name} differs by {difference}")
        theirs = median(timings[name])
        rows.append(
            {
                "queries": queries,
                "gallery": gallery,
                "width": width,
                "method": name,
                "ranked_queries": ranked,
                "wall_seconds": round(theirs.wall, 3),
                "cpu_seconds": round(theirs.cpu, 3),
                "wall_ratio": round(theirs.wall / ours.wall, 2),
                "cpu_ratio": round(theirs.cpu / ours.cpu, 2),
                "map": round(values[name], 6),
                "difference": f"{difference:.1e}",
                "peak_mebibytes": round(peak_mebibytes(run)),
                "repetitions": repetitions,
            }
        )
    return rows


def main() -> None:
    quick = "--quick" in sys.argv
    sizes = QUICK if quick else SIZES
    where = circumstances("numpy", "scikit-learn", "torch", "torchmetrics")
    rows = [
        {**row, **where}
        for queries, gallery in sizes
        for width in WIDTHS
        for row in compare(queries, gallery, width, 1 if quick else REPETITIONS)
    ]
    if not quick:
        write_csv(RESULTS, rows)
    print(f"{'problem':>26} {'method':>13} {'wall s':>8} {'cpu s':>8} {'ratios':>12} {'MiB':>6}")
    for row in rows:
        problem = f"{row['queries']} x {row['gallery']}, {row['width']}"
        seconds = f"{row['wall_seconds']:8.2f} {row['cpu_seconds']:8.2f}"
        ratios = f"{row['wall_ratio']:6.2f}{row['cpu_ratio']:6.2f}"
        print(f"{problem:>26} {row['method']:>13} {seconds} {ratios} {row['peak_mebibytes']:6}")


if __name__ == "__main__":
    main()
