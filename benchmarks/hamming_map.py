"""Mean average precision of binary codes by Hamming distance, of the size of NUS-WIDE.

20,000 queries, 200,000 codes of 64 bits and 24 labels, of which several may apply: the expected
value over ties, against the loop of released programs: for each query the distances from a product
of -1 and +1, the relevant items from a product of labels, a stable `argsort`, and a cumulative sum.
The loop is run for some of the queries (column `ranked_queries`), and its time multiplied up. Its
value is that of one order of ties among many.

Usage: python -m benchmarks.hamming_map, or with --quick for a tiny problem, not written down.
"""

import sys
from pathlib import Path

import numpy as np

from benchmarks.timing import circumstances, median, peak_mebibytes, timed, write_csv
from keras_xmr.metrics import hamming_mean_average_precision, unpack_bits

QUERIES, GALLERY, BITS, LABELS = 20_000, 200_000, 64, 24
QUICK = (40, 3000, BITS, LABELS)
LOOPED = 20
REPETITIONS = 3
# The queries that the loop takes do not have exactly the mean of all.
TOLERANCE = 0.05
RESULTS = Path(__file__).with_name("hamming_map.csv")


def make_problem(queries: int, gallery: int, bits: int, labels: int) -> tuple[np.ndarray, ...]:
    """Codes of which some bits tell something of the labels."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(labels, bits))
    codes, classes = [], []
    for count in (queries, gallery):
        has = rng.random((count, labels)) < 0.1
        has[np.arange(count), rng.integers(0, labels, count)] = True
        noise = rng.normal(size=(count, bits))
        codes.append(np.packbits(has @ shared + noise > 0, axis=1))
        classes.append(has.astype(np.uint8))
    return *codes, *classes


def loop(
    queries: np.ndarray, gallery: np.ndarray, labels: np.ndarray, gallery_labels: np.ndarray
) -> float:
    signs, ranks = unpack_bits(gallery), np.arange(1, len(gallery) + 1)
    gallery_labels = gallery_labels.astype(np.float32)
    values = []
    for query, label in zip(unpack_bits(queries), labels.astype(np.float32), strict=True):
        distances = (signs.shape[1] - signs @ query) / 2
        relevant = (gallery_labels @ label > 0)[np.argsort(distances, kind="stable")]
        values.append((np.cumsum(relevant) / ranks)[relevant].mean())
    return float(np.mean(values))


def main() -> None:
    quick = "--quick" in sys.argv
    where = circumstances("numpy")
    size = QUICK if quick else (QUERIES, GALLERY, BITS, LABELS)
    problem = make_problem(*size)
    few = (problem[0][:LOOPED], problem[1], problem[2][:LOOPED], problem[3])
    count = len(problem[0])
    ours, theirs = [], []
    for _ in range(1 if quick else REPETITIONS):
        value, timing = timed(hamming_mean_average_precision, *problem)
        ours.append(timing)
        naive, timing = timed(loop, *few)
        theirs.append(timing.times(count / LOOPED))
    if abs(naive - hamming_mean_average_precision(*few)) > TOLERANCE:
        raise RuntimeError(f"the loop finds {naive}")
    fastest = median(ours)
    rows = [
        {
            "queries": count,
            "gallery": len(problem[1]),
            "bits": size[2],
            "labels": size[3],
            "method": name,
            "ranked_queries": ranked,
            "wall_seconds": round(taken.wall, 2),
            "cpu_seconds": round(taken.cpu, 2),
            "wall_ratio": round(taken.wall / fastest.wall, 2),
            "cpu_ratio": round(taken.cpu / fastest.cpu, 2),
            "map": round(found, 6),
            "peak_mebibytes": round(peak),
            "repetitions": len(ours),
            **where,
        }
        for name, ranked, taken, found, peak in (
            (
                "keras_xmr",
                count,
                fastest,
                value,
                peak_mebibytes(hamming_mean_average_precision, *problem),
            ),
            ("loop", LOOPED, median(theirs), naive, peak_mebibytes(loop, *few)),
        )
    ]
    if not quick:
        write_csv(RESULTS, rows)
    for row in rows:
        print(
            f"{row['method']:>10} {row['wall_seconds']:9.2f} s, {row['cpu_seconds']:9.2f} s CPU,",
            f"ratios {row['wall_ratio']:.2f} {row['cpu_ratio']:.2f}, MAP {row['map']:.4f}, "
            f"{row['peak_mebibytes']} MiB",
        )


if __name__ == "__main__":
    main()
