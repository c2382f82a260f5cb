"""Training CHTN at the paper's width: `fit` against the same mathematics written by hand.

On each backend the model and the loop of `hand_written.py` start from the same weights and take the
same batches. They take turns of a few steps in one process, so that each meets the same load. The
losses of the first steps must agree, or it would not be the same mathematics. A speed above 1 means
that keras_xmr is faster.

Usage: python -m benchmarks.train_step [backends], or with --quick for a tiny model whose figures
are not written down.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Clock, Timing, circumstances, median, peak_mebibytes, timed, write_csv

BACKENDS = ("torch", "jax", "tensorflow")
PACKAGES = {"torch": "torch", "jax": "jax", "tensorflow": "tensorflow-cpu"}
WIDTHS = {"image": 4096, "text": 1000}  # fc7 of a convolutional network; word counts.
UNITS = 4096
CLASSES, SOURCE_CLASSES = 20, 1000  # Pascal Sentences; ImageNet.
BATCH = 64  # Pairs, and as many source pictures.
LEARNING_RATE, MOMENTUM = 1e-3, 0.9
STEPS, TURNS = 4, 7  # The first turn compiles and is not counted.
TOLERANCE = 1e-3  # Relative difference of the losses of the first turn.
RESULTS = Path(__file__).with_name("train_step.csv")


def main() -> None:
    quick = "--quick" in sys.argv
    backends = [backend for backend in BACKENDS if backend in sys.argv] or list(BACKENDS)
    rows = []
    for backend in backends:
        command = [sys.executable, "-m", "benchmarks.train_step", "--worker", *sys.argv[1:]]
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
        worker = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        rows.append(json.loads(worker.stdout.splitlines()[-1]))
    if not quick:
        write_csv(RESULTS, rows)
    for row in rows:
        print(
            f"{row['backend']:>10}: {row['wall_seconds']:.3f} s per step against "
            f"{row['hand_wall_seconds']:.3f} s by hand; speed {row['wall_speed']:.2f} by the "
            f"clock, {row['cpu_speed']:.2f} by processor time"
        )


def make_batches(widths: dict[str, int], source_classes: int) -> list[tuple[dict, dict]]:
    """Random rows and labels, one batch for each step of a turn."""
    rng = np.random.default_rng(0)
    inputs = {**widths, "source": widths["image"]}
    classes = {"image": CLASSES, "text": CLASSES, "source": source_classes}
    batches = []
    for _ in range(STEPS):
        x = {name: rng.random((BATCH, width), dtype=np.float32) for name, width in inputs.items()}
        labels = {name: rng.integers(0, count, BATCH) for name, count in classes.items()}
        labels["text"] = labels["image"]
        y = {name: np.eye(classes[name], dtype=np.float32)[n] for name, n in labels.items()}
        batches.append((x, y))
    return batches


def work(quick: bool) -> dict[str, Any]:
    """Measure on the backend of this process."""
    import keras

    import keras_xmr
    from benchmarks.hand_written import STEPS as HAND_WRITTEN
    from benchmarks.hand_written import weights_of

    units = 32 if quick else UNITS
    widths = {"image": 40, "text": 30} if quick else WIDTHS
    model = keras_xmr.CHTN(
        widths,
        CLASSES,
        10 if quick else SOURCE_CLASSES,
        pathway_units=(units, units),
        shared_units=(units, units),
        seed=0,
    )
    model.compile(keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM))
    backend = keras.config.backend()
    step = HAND_WRITTEN[backend](*weights_of(model), LEARNING_RATE, MOMENTUM)
    batches = make_batches(widths, model.source_classes)
    turns = 2 if quick else TURNS
    timings: dict[str, list[Timing]] = {"ours": [], "by hand": []}
    losses: dict[str, list[float]] = {"ours": [], "by hand": []}

    class Repeated(keras.utils.PyDataset):
        def __len__(self) -> int:
            return STEPS * turns

        def __getitem__(self, index: int) -> tuple[dict, dict]:
            return batches[index % STEPS]

    def by_hand() -> list[float]:
        return [step(*batch) for batch in batches]

    class TakeTurns(keras.callbacks.Callback):
        """After every few steps of `fit`, as many by hand."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.clock = Clock()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            # Reading the loss waits for the step; the loop by hand does so, too.
            losses["ours"].append(float(logs["loss"]))
            if (batch + 1) % STEPS:
                return
            timings["ours"].append(self.clock.read().times(1 / STEPS))
            values, taken = timed(by_hand)
            timings["by hand"].append(taken.times(1 / STEPS))
            losses["by hand"] += values
            both = " and ".join(f"{timings[n][-1].wall:.3f} s {n}" for n in timings)
            print(f"{backend}, {len(timings['ours'])}: {both} per step", file=sys.stderr)
            self.clock = Clock()

    model.fit(Repeated(), shuffle=False, verbose=0, callbacks=[TakeTurns()])
    # Keras logs the mean of the losses so far.
    sums = [mean * (i + 1) for i, mean in enumerate(losses["ours"][:STEPS])]
    first = {"ours": np.diff([0.0, *sums]), "by hand": losses["by hand"][:STEPS]}
    np.testing.assert_allclose(first["ours"], first["by hand"], rtol=TOLERANCE)
    turns = 1
    peaks = {
        "ours": round(peak_mebibytes(lambda: model.fit(Repeated(), shuffle=False, verbose=0))),
        "by hand": round(peak_mebibytes(by_hand)),
    }
    mine, hand = (median(timings[name][1:]) for name in timings)
    return {
        "backend": backend,
        "weights": model.count_params(),
        "batch": f"{BATCH} pairs + {BATCH} source",
        "wall_seconds": round(mine.wall, 4),
        "hand_wall_seconds": round(hand.wall, 4),
        "wall_speed": round(hand.wall / mine.wall, 3),
        "cpu_seconds": round(mine.cpu, 4),
        "hand_cpu_seconds": round(hand.cpu, 4),
        "cpu_speed": round(hand.cpu / mine.cpu, 3),
        "first_losses": " ".join(f"{loss:.5f}" for loss in first["ours"]),
        "hand_first_losses": " ".join(f"{loss:.5f}" for loss in first["by hand"]),
        "peak_mebibytes": peaks["ours"],
        "hand_peak_mebibytes": peaks["by hand"],
        "steps_per_turn": STEPS,
        "turns": len(timings["ours"]) - 1,
        **circumstances("keras", PACKAGES[backend]),
    }


if __name__ == "__main__":
    if "--worker" in sys.argv:
        print(json.dumps(work("--quick" in sys.argv)))
    else:
        main()
