"""Does the trunk wait for its pictures? Files -> pixels -> trunk, against the trunk alone.

The trunk alone works on pixels that lie ready in memory. The pipeline reads, decodes and resizes
Pascal Sentences' JPEGs meanwhile, without keeping any, or (training only) with all of them decoded
in an epoch before. The variants take turns, so that a disturbance meets all of them; a ratio is the
median over the turns. The CPU ratio hardly depends on what else the machine does: where the trunk
itself keeps all cores busy, no pipeline can do better than it.

Needs KERAS_XMR_DATA with `pascal_sentences/` and, in `backbones/`, the weights of MobileNetV2 and
SqueezeNet. Replaces the rows that it measures anew in `benchmarks/pipeline.csv`. Takes about seven
minutes on two quiet cores; fewer turns make the figures less steady.

Usage: KERAS_XMR_DATA=... KERAS_BACKEND=torch python -m benchmarks.pipeline
"""

import argparse
import csv
import os
import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_xmr.datasets import pascal_sentences
from keras_xmr.encoders import KerasNetwork
from keras_xmr.training.batches import PairedBatches, Stream, label_distributions
from keras_xmr.transforms import PictureLoader, PictureRows
from keras_xmr.transforms.picture_features import picture_features
from keras_xmr.trunks import load_trunk

TABLE = Path(__file__).with_suffix(".csv")
BATCH = 32
# On TensorFlow every call of `fit` prepares two batches more, to learn their shape: a call per
# epoch would charge the pipeline with what happens once in a training.
EPOCHS = 3
WORKERS = 2
TRUNKS = ("mobilenet_v2", "squeezenet")
ALONE = "trunk alone"
KEY = ("backend", "trunk", "task", "variant")


class BatchesOfOneFit(PairedBatches):
    """Batches that end with the last epoch: no variant decodes while the next one is measured."""

    def end(self):
        """See `BatchesAhead`. `fit` takes its first look at the batches for an epoch of its own."""
        return (1 + EPOCHS) * len(self)


def forward(trunk, pictures, count):
    """What to run, by name: features of the pictures."""
    loader = PictureLoader.for_size(trunk.input_shape[1])
    files = pictures.items[:count]
    ready = loader(files)
    engine = KerasNetwork(trunk, loader)

    def alone():
        for start in range(0, len(ready), BATCH):
            trunk.predict_on_batch(ready[start : start + BATCH])

    # Compiles.
    trunk.predict_on_batch(ready[:BATCH])
    return {
        ALONE: alone,
        "pipeline": lambda: picture_features(files, engine, None, batch_size=BATCH),
    }


def training(trunk, pictures, count):
    """What to run, by name: epochs of training all of the trunk and a classifier on it."""
    loader = PictureLoader.for_size(trunk.input_shape[1])
    files = pictures.items[:count]
    labels = {"image": label_distributions(pictures.labels[:count], 20)}
    trunk.trainable = True
    # Keras asks that inputs be called what their tensors are.
    image = keras.Input(trunk.input_shape[1:], name="image")
    classes = keras.layers.Dense(20, activation="softmax", name="classes")(trunk(image))
    model = keras.Model({"image": image}, {"image": classes})
    model.compile("sgd", "categorical_crossentropy")

    def train(rows):
        stream = Stream({"image": rows}, labels)

        def fit(epochs=EPOCHS):
            batches = BatchesOfOneFit([stream], batch_size=BATCH, workers=WORKERS)
            model.fit(batches, epochs=epochs, verbose=0)

        # Compiles, and decodes what is kept.
        fit(epochs=1)
        return fit

    return {
        ALONE: train(loader(files)),
        "pipeline": train(PictureRows(files, loader, augment=True, keep=0)),
        "pipeline, pictures kept": train(PictureRows(files, loader, augment=True)),
    }


def measure(variants, turns):
    """Wall and CPU seconds of every turn, by name."""
    seconds = {name: [] for name in variants}
    for _ in range(turns):
        for name, run in variants.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: np.array(turns) for name, turns in seconds.items()}


def rows_of(trunk, task, pictures, load, seconds):
    """Rows of the table."""
    for name, turns in seconds.items():
        wall, cpu = np.median(turns, axis=0)
        wall_ratio, cpu_ratio = np.median(seconds[ALONE] / turns, axis=0)
        yield {
            "backend": keras.config.backend(),
            "trunk": trunk,
            "task": task,
            "variant": name,
            "pictures_per_second": f"{pictures / wall:.1f}",
            "cpu_ms_per_picture": f"{1000 * cpu / pictures:.1f}",
            "wall_ratio": f"{wall_ratio:.3f}",
            "cpu_ratio": f"{cpu_ratio:.3f}",
            "cores": os.cpu_count(),
            "pictures": pictures,
            "turns": len(turns),
            "load_before": f"{load:.1f}",
        }


def write(rows):
    """Put rows into the table, in the place of earlier ones of the same measurement."""
    table = {}
    if TABLE.exists():
        with TABLE.open(newline="", encoding="utf-8") as file:
            table = {tuple(row[name] for name in KEY): row for row in csv.DictReader(file)}
    table |= {tuple(row[name] for name in KEY): row for row in rows}
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(table[key] for key in sorted(table))
    print(*rows, sep="\n", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=7, help="of the forward pass")
    parser.add_argument("--training-turns", type=int, default=5)
    parser.add_argument("--forward", type=int, default=256, help="pictures per turn")
    parser.add_argument("--training", type=int, default=64, help="pictures per epoch")
    parser.add_argument("--trunk", action="append", choices=TRUNKS, help="by default all")
    options = parser.parse_args()
    pictures = pascal_sentences(features=None).media["image"]
    order = np.random.default_rng(0).permutation(len(pictures))
    pictures = pictures.rows(order)
    for name in options.trunk or TRUNKS:
        for task, count, epochs, turns in (
            (forward, options.forward, 1, options.turns),
            (training, options.training, EPOCHS, options.training_turns),
        ):
            load = os.getloadavg()[0]
            seconds = measure(task(load_trunk(name), pictures, count), turns)
            write(list(rows_of(name, task.__name__, count * epochs, load, seconds)))


if __name__ == "__main__":
    main()
