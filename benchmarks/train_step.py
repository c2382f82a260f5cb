"""Training the models of deep learning: `fit` against the same mathematics written by hand.

On each backend the model and the loop of a `hand_written*.py` start from the same weights and take
the same batches. They take turns of a few steps in one process, so that each meets the same load.
The losses of the first steps must agree, or it would not be the same mathematics. A speed above 1
means that keras_xmr is faster.

CHTN has the paper's width, at which products of matrices are all that counts. MHTN and UGACH have
an eighth of it, other games the paper's widths on features of today: there what is around the
products counts, too. How much that is, models with next to nothing to compute show: the columns
`tiny_...`. On PyTorch it is a fixed cost of each call of a Keras layer, and of each operation: 16
ms of a step of MHTN, and 3 ms by hand. Compiling takes it away, but `jit_compile=True` makes MHTN's
step slower (105 ms against 60 ms by hand, after two minutes).

Usage: python -m benchmarks.train_step [backends] [models], or with --quick for tiny models whose
figures are not written down.
"""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.timing import Clock, Timing, circumstances, median, peak_mebibytes, timed, write_csv

BACKENDS = ("torch", "jax", "tensorflow")
PACKAGES = {"torch": "torch", "jax": "jax", "tensorflow": "tensorflow-cpu"}
CLASSES, SOURCE_CLASSES = 20, 1000  # Pascal Sentences; ImageNet.
POOL = 256  # Candidates for each batch of UGACH.
BATCH = 64  # Pairs, and as many source pictures.
MOMENTUM = 0.9
TOLERANCE = 1e-3  # Relative difference of the losses of the first turn.
RESULTS = Path(__file__).with_name("train_step.csv")


class Case(NamedTuple):
    """A model, and how it is measured."""

    name: str
    widths: dict[str, int]
    steps: int  # Of a turn.
    turns: int  # The first one compiles and is not counted.
    units: int = 0  # Of fc6 to fc9.
    projector_steps: int = 0
    generator_steps: int = 0
    learning_rate: float = 1e-3

    @property
    def game(self) -> bool:
        """Whether several players take turns at it."""
        return self.projector_steps + self.generator_steps > 0 or self.selects

    @property
    def selects(self) -> bool:
        """Whether one of the players selects from candidates."""
        return self.name.startswith("UGACH")


# fc7 of a convolutional network, or what a small one of today gives; and word counts.
FC7, POOLED = {"image": 4096, "text": 1000}, {"image": 1280, "text": 1000}
CASES = {
    "chtn": Case("CHTN, 4096 units", FC7, 4, 7, units=4096),
    "mhtn": Case("MHTN, 512 units", FC7, 20, 13, units=512),
    "acmr1": Case("ACMR, 1 projector step", POOLED, 20, 13, projector_steps=1, learning_rate=1e-4),
    "ugach": Case("UGACH, 1024 units, 64 bits", POOLED, 20, 13, 1024, learning_rate=1e-4),
    "acmr5": Case("ACMR, 5 projector steps", POOLED, 10, 9, projector_steps=5, learning_rate=1e-4),
    "cm_gans": Case("CM-GANs, 5 generator steps", POOLED, 4, 7, generator_steps=5),
}


def main() -> None:
    quick = "--quick" in sys.argv
    backends = [backend for backend in BACKENDS if backend in sys.argv] or list(BACKENDS)
    cases = [case for case in CASES if case in sys.argv] or list(CASES)
    # A process for each, since memory that one has given back is no peak of the next one.
    runs = [cases] if quick else [[case] for case in cases]
    rows = []
    for run, backend in itertools.product(runs, backends):
        flags = ["--worker", *(["--quick"] if quick else [])]
        command = [sys.executable, "-m", "benchmarks.train_step", backend, *run, *flags]
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
        worker = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        rows += [json.loads(line) for line in worker.stdout.splitlines()[-len(run) :]]
    if not quick:
        write_csv(RESULTS, rows)
    for row in rows:
        print(
            f"{row['model']} on {row['backend']}: {1e3 * row['wall_seconds']:.1f} ms per step "
            f"against {1e3 * row['hand_wall_seconds']:.1f} ms by hand; speed "
            f"{row['wall_speed']:.2f} by the clock, {row['cpu_speed']:.2f} by processor time"
        )


def make_batches(case: Case, source_classes: int | None) -> list[tuple[dict, dict]]:
    """Random rows and labels, one batch for each step of a turn."""
    rng = np.random.default_rng(0)
    inputs, classes = case.widths, dict.fromkeys(case.widths, CLASSES)
    if source_classes is not None:
        inputs = {**inputs, "source": inputs["image"]}
        classes["source"] = source_classes
    batches = []
    for _ in range(case.steps):
        x = {name: rng.random((BATCH, width), dtype=np.float32) for name, width in inputs.items()}
        labels = {name: rng.integers(0, count, BATCH) for name, count in classes.items()}
        labels["text"] = labels["image"]
        y = {name: np.eye(classes[name], dtype=np.float32)[n] for name, n in labels.items()}
        if case.generator_steps:
            same = labels["image"][:, None] == labels["image"]
            x["wrong"] = np.where(same, -1, rng.random(same.shape)).argmax(axis=1).astype("int32")
        batches.append((x, y))
    return [candidates(*batch, rng) for batch in batches] if case.selects else batches


def candidates(x: dict, y: dict, rng: np.random.Generator) -> tuple[dict, dict]:
    """Matches and a pool for the rows of a batch, and which of the pool are matches."""
    for medium, rows in list(x.items()):
        x[f"{medium}_match"] = rows[::-1].copy()
        x[f"{medium}_pool"] = rng.random((POOL, rows.shape[1]), dtype=np.float32)
    return x, {"neighbors": (rng.random((BATCH, POOL)) < 0.05).astype(np.float32)}


def make_model(case: Case, quick: bool) -> Any:
    """The model, compiled. A constant reversal has no schedule that the loop would have to know."""
    import keras

    import keras_xmr

    if case.generator_steps:
        names = ("hidden_units", "common_dim", "decoder_units", "discriminator_units")
        model = keras_xmr.CMGANs(
            case.widths,
            CLASSES,
            generator_steps=case.generator_steps,
            seed=0,
            **(dict.fromkeys(names, 8) if quick else {}),
        )
        model.compile(keras_xmr.optimizers.AdamW(case.learning_rate, weight_decay=0.0))
        return model
    if case.selects:
        width = 16 if quick else case.units
        model = keras_xmr.UGACH(case.widths, hidden_units=width, pool_size=POOL, seed=0)
        model.compile(keras_xmr.optimizers.AdamW(case.learning_rate, weight_decay=0.0))
        return model
    if case.game:
        small = {"hidden_units": {"image": (32,), "text": (16,)}, "common_dim": 8} if quick else {}
        model = keras_xmr.ACMR(
            case.widths,
            CLASSES,
            projector_steps=case.projector_steps,
            reversal="constant",
            seed=0,
            **small,
        )
        # Without decay this is Adam. On torch it is faster than Keras' own.
        model.compile(keras_xmr.optimizers.AdamW(case.learning_rate, weight_decay=0.0))
        return model
    units = (32, 32) if quick else (case.units, case.units)
    arguments: dict[str, Any] = {"pathway_units": units, "shared_units": units, "seed": 0}
    kind: Any = keras_xmr.CHTN
    if case.name.startswith("MHTN"):
        kind = keras_xmr.MHTN
        arguments["reversal"] = "constant"
        if quick:
            arguments |= {"bottleneck_units": 8, "discriminator_units": (8, 8)}
    model = kind(case.widths, CLASSES, 10 if quick else SOURCE_CLASSES, **arguments)
    model.compile(keras.optimizers.SGD(case.learning_rate, momentum=MOMENTUM))
    return model


def make_step(case: Case, model: Any, backend: str) -> Any:
    """The training step by hand, from the weights of the model."""
    from benchmarks import (
        hand_written,
        hand_written_acmr,
        hand_written_cm_gans,
        hand_written_ugach,
    )

    if case.generator_steps:
        weights, names = hand_written_cm_gans.weights_of(model)
        make = hand_written_cm_gans.STEPS[backend]
        return make(weights, names, case.generator_steps, case.learning_rate)
    if case.selects:
        weights = hand_written_ugach.weights_of(model)
        return hand_written_ugach.STEPS[backend](weights, case.learning_rate)
    if case.game:
        weights = hand_written_acmr.weights_of(model)
        make = hand_written_acmr.STEPS[backend]
        return make(weights, case.projector_steps, case.learning_rate)
    trained, running = hand_written.weights_of(model)
    return hand_written.STEPS[backend](trained, running, case.learning_rate, MOMENTUM)


class Measured(NamedTuple):
    """What was measured of ours and of the loop by hand."""

    weights: int
    seconds: dict[str, Timing]  # Of a step: the median over the turns.
    losses: dict[str, list[float]]  # Of the first turn.
    peaks: dict[str, int]  # Mebibytes.


def measure(case: Case, *, small: bool) -> Measured:
    """Let both take turns on the backend of this process."""
    import keras

    model = make_model(case, small)
    backend = keras.config.backend()
    step = make_step(case, model, backend)
    batches = make_batches(case, None if case.game else model.source_classes)
    steps, turns = case.steps, case.turns
    timings: dict[str, list[Timing]] = {"ours": [], "by hand": []}
    losses: dict[str, list[float]] = {"ours": [], "by hand": []}

    class Repeated(keras.utils.PyDataset):
        def __len__(self) -> int:
            return steps * turns

        def __getitem__(self, index: int) -> tuple[dict, dict]:
            return batches[index % steps]

    def by_hand() -> list[float]:
        return [step(*batch) for batch in batches]

    class TakeTurns(keras.callbacks.Callback):
        """After every few steps of `fit`, as many by hand."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.clock = Clock()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            # Reading the loss waits for the step; the loop by hand does so, too.
            losses["ours"].append(float(logs["loss"]))
            if (batch + 1) % steps:
                return
            timings["ours"].append(self.clock.read().times(1 / steps))
            values, taken = timed(by_hand)
            timings["by hand"].append(taken.times(1 / steps))
            losses["by hand"] += values
            both = " and ".join(f"{timings[n][-1].wall:.4f} s {n}" for n in timings)
            print(
                f"{case.name}, {backend}, {len(timings['ours'])}: {both} per step", file=sys.stderr
            )
            self.clock = Clock()

    model.fit(Repeated(), shuffle=False, verbose=0, callbacks=[TakeTurns()])
    # Keras logs the mean of the losses so far.
    sums = [mean * (i + 1) for i, mean in enumerate(losses["ours"][:steps])]
    first = {"ours": np.diff([0.0, *sums]), "by hand": losses["by hand"][:steps]}
    np.testing.assert_allclose(first["ours"], first["by hand"], rtol=TOLERANCE)
    turns = 1
    peaks = {
        "ours": round(peak_mebibytes(lambda: model.fit(Repeated(), shuffle=False, verbose=0))),
        "by hand": round(peak_mebibytes(by_hand)),
    }
    seconds = {name: median(timings[name][1:]) for name in timings}
    return Measured(model.count_params(), seconds, first, peaks)


def work(case: Case, quick: bool) -> dict[str, Any]:
    """A row of the results, from the backend of this process."""
    import keras

    tiny = case._replace(widths={"image": 40, "text": 30})
    if quick:
        if keras.config.backend() == "tensorflow":
            import tensorflow as tf

            # The losses are the same without a graph, and tracing takes longer than the steps.
            tf.config.run_functions_eagerly(True)
        case = tiny = tiny._replace(steps=3, turns=2)
    found = measure(case, small=quick)
    fixed = found if quick else measure(tiny, small=True)
    backend = keras.config.backend()
    mine, hand = found.seconds.values()
    first, peaks = found.losses, found.peaks
    return {
        "model": case.name,
        "backend": backend,
        "weights": found.weights,
        "batch": f"{BATCH} pairs" + ("" if case.game else f" + {BATCH} source"),
        "wall_seconds": round(mine.wall, 5),
        "hand_wall_seconds": round(hand.wall, 5),
        "wall_speed": round(hand.wall / mine.wall, 3),
        "cpu_seconds": round(mine.cpu, 5),
        "hand_cpu_seconds": round(hand.cpu, 5),
        "cpu_speed": round(hand.cpu / mine.cpu, 3),
        "tiny_wall_seconds": round(fixed.seconds["ours"].wall, 5),
        "hand_tiny_wall_seconds": round(fixed.seconds["by hand"].wall, 5),
        "first_losses": " ".join(f"{loss:.5f}" for loss in first["ours"][:4]),
        "hand_first_losses": " ".join(f"{loss:.5f}" for loss in first["by hand"][:4]),
        "peak_mebibytes": peaks["ours"],
        "hand_peak_mebibytes": peaks["by hand"],
        "steps_per_turn": case.steps,
        "turns": case.turns - 1,
        **circumstances("keras", PACKAGES[backend]),
    }


if __name__ == "__main__":
    if "--worker" in sys.argv:
        for name in [name for name in CASES if name in sys.argv]:
            print(json.dumps(work(CASES[name], "--quick" in sys.argv)))
    else:
        main()
