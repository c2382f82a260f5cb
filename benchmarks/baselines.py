"""Fitting CCA, CFA and KCCA: keras_xmr against scikit-learn and cca-zoo, with equal results.

- "CFA" is scikit-learn's `PLSSVD` and cca-zoo's `PLS`;
- "CCA, shrunk" is cca-zoo's `RidgeCCA`; scikit-learn has no regularised CCA;
- "CCA" without regularisation is scikit-learn's `CCA` and cca-zoo's `CCA`, on narrower features:
  with more features than rows it has no one solution;
- "KCCA" with a Gaussian kernel is cca-zoo's `KCCA`, without what its `fit` does after the method,
  importances of features, which took over a quarter of an hour; scikit-learn has none.

Rows are like those of Wikipedia, 2173 with 4096 and 3000 features: hidden causes in common, others
of each medium, and noise. The directions that the methods find are compared, column by column, up
to sign and length. Methods take turns on one thread, so that each meets the same load; one that has
used up its time takes no further turns. `*_ratio` is how many times longer than keras_xmr a method
takes.

Usage: python -m benchmarks.baselines, or with --quick for tiny problems that are not written down.
"""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from cca_zoo import linear, nonparametric
from sklearn import cross_decomposition

from benchmarks.timing import (
    Timing,
    circumstances,
    median,
    peak_mebibytes,
    timed,
    write_csv,
)
from keras_xmr.methods.cca import canonical_directions
from keras_xmr.methods.cfa import factor_directions
from keras_xmr.methods.kcca import Kernel, kernel_canonical_maps, usual_gamma

WIDE, NARROW = (2173, 4096, 3000), (2173, 512, 300)
QUICK = ((60, 90, 70), (90, 24, 15))
COMPONENTS = 10
SHRINKAGE = 0.1
REPETITIONS = 3
BUDGET = 60.0  # Seconds of processor after which a method takes no further turn.
TOLERANCE = 1e-5
RESULTS = Path(__file__).with_name("baselines.csv")

Rows = list[np.ndarray]
Run = Callable[[], Rows]


def make_rows(n: int, *widths: int) -> Rows:
    """Centred rows whose columns have a mean variance of 1, for cca-zoo shrinks towards that."""
    rng = np.random.default_rng(0)
    strength = 3 * 0.9 ** np.arange(30)
    shared = rng.standard_normal((n, 30))
    rows = []
    for width in widths:
        own = rng.standard_normal((n, 30)) * strength
        causes = shared * strength + own[:, rng.permutation(30)] * 0.5
        features = causes @ rng.standard_normal((30, width)) / 5
        features += rng.standard_normal((n, width))
        features -= features.mean(axis=0)
        rows.append(features / np.sqrt(features.var(axis=0, ddof=1).mean()))
    return rows


def scikit_learn(kind: Any, rows: Rows, **arguments: Any) -> Rows:
    """The directions of a method of two blocks."""
    model = kind(COMPONENTS, scale=False, **arguments).fit(*rows)
    # Those that take parts away one by one have directions in what is left, and rotations.
    names = ("x_rotations_", "y_rotations_")
    if not hasattr(model, names[0]):
        names = ("x_weights_", "y_weights_")
    return [getattr(model, name) for name in names]


def cca_zoo(kind: Any, rows: Rows, **arguments: Any) -> Rows:
    """The directions, or for kernels the scores of the first rows."""
    return list(kind(COMPONENTS, **arguments).fit(rows).weights_)


def our_kcca(rows: Rows, gammas: list[float]) -> Rows:
    """Scores of the rows."""
    kernels = [Kernel("rbf", gamma, 3, 1.0) for gamma in gammas]
    maps = kernel_canonical_maps(rows, kernels, 1.0, COMPONENTS)
    return [
        kernel(own, found.support) @ found.kernel + found.bias
        for kernel, own, found in zip(kernels, rows, maps, strict=True)
    ]


class BareKCCA(nonparametric.KCCA):
    """Without importances of features, for which `fit` computes a kernel for each of thousands."""

    def _permutation_importances(self, views: Rows) -> Rows:
        return [np.zeros(view.shape[1]) for view in views]


def their_kcca(rows: Rows, gammas: list[float]) -> Rows:
    """Scores of the rows, with our regularisation: the variance of the kernel over the rows."""
    shrinkage = []
    for own, gamma in zip(rows, gammas, strict=True):
        kernel = Kernel("rbf", gamma, 3, 1.0)(own, own)
        ridge = (np.trace(kernel) / len(own) - kernel.mean()) / (len(own) - 1)
        shrinkage.append(ridge / (1 + ridge))
    model = BareKCCA(COMPONENTS, kernel="rbf", gamma=gammas, shrinkage=shrinkage)
    return list(model.fit(rows).transform(rows))


def problems(wide: Rows, narrow: Rows) -> dict[str, tuple[Rows, dict[str, Run]]]:
    """Name of a problem to its rows, and the methods that solve it; the first one is ours."""
    gammas = [usual_gamma("rbf", own) for own in wide]
    many = {"max_iter": 20_000, "tol": 1e-14}
    return {
        "CFA": (
            wide,
            {
                "keras_xmr": lambda: factor_directions(*wide, COMPONENTS),
                "scikit-learn": lambda: scikit_learn(cross_decomposition.PLSSVD, wide),
                "cca-zoo": lambda: cca_zoo(linear.PLS, wide),
            },
        ),
        "CCA, shrunk": (
            wide,
            {
                "keras_xmr": lambda: canonical_directions(wide, SHRINKAGE, COMPONENTS)[0],
                "cca-zoo": lambda: cca_zoo(linear.RidgeCCA, wide, shrinkage=SHRINKAGE),
            },
        ),
        "CCA": (
            narrow,
            {
                "keras_xmr": lambda: canonical_directions(narrow, 0.0, COMPONENTS)[0],
                "scikit-learn": lambda: scikit_learn(cross_decomposition.CCA, narrow, **many),
                "cca-zoo": lambda: cca_zoo(linear.CCA, narrow),
            },
        ),
        "KCCA": (
            wide,
            {
                "keras_xmr": lambda: our_kcca(wide, gammas),
                "cca-zoo": lambda: their_kcca(wide, gammas),
            },
        ),
    }


def difference(ours: Rows, theirs: Rows) -> float:
    """The largest difference of directions of unit length, whose sign may be either."""
    largest = 0.0
    for first, second in zip(ours, theirs, strict=True):
        first, second = (x / np.linalg.norm(x, axis=0) for x in (first, second))
        second = second * np.sign(np.sum(first * second, axis=0))
        largest = max(largest, float(np.abs(first - second).max()))
    return largest


def compare(
    name: str, rows: Rows, methods: dict[str, Run], repetitions: int
) -> list[dict[str, Any]]:
    """A row of the table for each method."""
    timings: dict[str, list[Timing]] = {method: [] for method in methods}
    results = {}
    for repetition in range(repetitions):
        for method, run in methods.items():
            if sum(timing.cpu for timing in timings[method]) > BUDGET:
                continue
            results[method], timing = timed(run)
            timings[method].append(timing)
            print(f"{name}, {repetition + 1}: {method} {timing.cpu:.2f} s", flush=True)
    ours = median(timings["keras_xmr"])
    table = []
    for method, run in methods.items():
        apart = difference(results["keras_xmr"], results[method])
        if apart > TOLERANCE:
            raise RuntimeError(f"{name}: {method} differs by {apart}")
        theirs = median(timings[method])
        table.append(
            {
                "problem": name,
                "rows": len(rows[0]),
                "widths": " x ".join(str(own.shape[1]) for own in rows),
                "components": COMPONENTS,
                "method": method,
                "wall_seconds": round(theirs.wall, 3),
                "cpu_seconds": round(theirs.cpu, 3),
                "wall_ratio": round(theirs.wall / ours.wall, 2),
                "cpu_ratio": round(theirs.cpu / ours.cpu, 2),
                "difference": f"{apart:.1e}",
                "peak_mebibytes": round(peak_mebibytes(run)) if method == "keras_xmr" else "",
                "repetitions": len(timings[method]),
            }
        )
    return table


def main() -> None:
    warnings.simplefilter("ignore")
    quick = "--quick" in sys.argv
    wide, narrow = (make_rows(*size) for size in (QUICK if quick else (WIDE, NARROW)))
    where = circumstances("numpy", "scipy", "scikit-learn", "cca-zoo")
    table = []
    for name, (rows, methods) in problems(wide, narrow).items():
        repetitions = 1 if quick else REPETITIONS
        table += [{**row, **where} for row in compare(name, rows, methods, repetitions)]
        if not quick:
            write_csv(RESULTS, table)
    print(f"{'problem':>12} {'method':>13} {'wall s':>8} {'cpu s':>8} {'ratios':>16}")
    for row in table:
        seconds = f"{row['wall_seconds']:8.2f} {row['cpu_seconds']:8.2f}"
        ratios = f"{row['wall_ratio']:8.2f}{row['cpu_ratio']:8.2f}"
        print(f"{row['problem']:>12} {row['method']:>13} {seconds} {ratios}")


if __name__ == "__main__":
    main()
