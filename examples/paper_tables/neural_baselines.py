"""The networks among the baselines: their rows of `baselines.csv`.

Parts and columns are those of `baselines.py`. On Pascal Sentences there is a seed for each of the
five splits, on Wikipedia there are five seeds. `settings` are those of `settings/`, chosen on
validation (Pascal Sentences: of one split); `validation` is the MAP there of the first split and
seed. `fit_seconds` is the median processor time of a training with its preprocessing, on one thread
and without compilation, which the seeds have in common; `fit_mebibytes` how far a training of an
epoch for each stage raises the memory of a new process, compilation included.

Usage: python examples/paper_tables/neural_baselines.py [words in the names of the parts to be made]
"""

import json
import os
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", tempfile.mkdtemp())
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import keras
import numpy as np
from baselines import DIRECTIONS, SEEDS, final, parts, write
from tuned import tuned

from benchmarks.timing import peak_mebibytes
from keras_xmr import evaluate, train

COMMAND = "python examples/paper_tables/neural_baselines.py"
# Name, method, and arguments that are not those of the settings.
CONTENDERS = [
    ("Bimodal AE", "bimodal_ae", {}),
    ("Multimodal DBN", "multimodal_dbn", {}),
    ("Corr-AE", "corr_ae", {"variant": "corr"}),
    ("Corr-Cross-AE", "corr_ae", {"variant": "cross"}),
    ("Corr-Full-AE", "corr_ae", {"variant": "full"}),
    ("CMDN", "cmdn", {}),
    ("Deep-SM", "deep_sm", {}),
]


def row(part, name, method, changes, sets):
    """Train and evaluate one method on one part."""
    runs = list(zip(sets, SEEDS, strict=True)) if len(sets) > 1 else [(sets[0], s) for s in SEEDS]
    settings = tuned(method, sets[0].name)
    settings = replace(settings, arguments=settings.arguments | changes)
    models, figures, seconds = [], [], []

    def fit(data, seed):
        models.append(train(data, method, settings=settings, seed=seed, progress=False))

    for data, seed in runs:
        clock = time.process_time()
        fit(final(data), seed)
        seconds.append(time.process_time() - clock)
        report = evaluate(models[-1], data)
        figures.append([*(d.metrics["MAP@all"] for d in report.directions), report.map])
    data, seed = runs[0]
    # One that has not seen the validation part.
    if final(data) is not data:
        fit(data, seed)
    chosen = models[0] if final(data) is data else models[-1]
    entry = {"data": part, "method": name, "runs": len(figures)}
    for direction, values in zip(DIRECTIONS, np.transpose(figures), strict=True):
        entry[direction] = f"{values.mean():.4f}"
        entry[f"{direction}_std"] = f"{values.std(ddof=1):.4f}"
    return entry | {
        "settings": json.dumps(settings.arguments | {"epochs": settings.epochs}),
        "validation": f"{evaluate(chosen, data, split='validation').map:.4f}",
        "fit_seconds": f"{statistics.median(seconds):.2f}",
        "fit_mebibytes": f"{needed_mebibytes(method, final(data), settings):.0f}",
        "source": COMMAND,
        "machine": f"{platform.machine()} CPU, Python {platform.python_version()}, "
        f"Keras {keras.__version__} on {keras.config.backend()}",
    }


def needed_mebibytes(method, data, settings):
    """How far a training with few epochs raises the memory of a new process at most."""
    few = {} if method == "deep_sm" else {"pretraining_epochs": 1}
    settings = replace(settings, arguments=settings.arguments | few, epochs=1)
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(
            peak_mebibytes, (partial(train, data, method, settings=settings, progress=False),)
        )


if __name__ == "__main__":
    for part, sets in parts():
        if not all(word in part for word in sys.argv[1:]):
            continue
        print(part, file=sys.stderr)
        for network in CONTENDERS:
            line = row(part, *network, sets)
            print(
                f"  {line['method']}: {line['average']}, {line['fit_seconds']} s", file=sys.stderr
            )
            write(part, [line])
