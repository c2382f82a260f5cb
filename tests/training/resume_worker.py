"""Trains in a process of its own: `python resume_worker.py SECONDS FOLDER...`.

Goes on from the checkpoint in each FOLDER, one after the other, and writes the outcome to
`FOLDER/done.npz`. Each batch takes SECONDS, and so does each write of a checkpoint once half of it
is written, so that a kill from outside meets every moment.
"""

import sys
import time
from pathlib import Path

import keras
import numpy as np

from keras_xmr import CHTN
from keras_xmr.datasets import toy
from keras_xmr.optimizers import AdamW
from keras_xmr.training.checkpoint import Checkpoint

EPOCHS = 6


class Slow(keras.callbacks.Callback):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(self.seconds)


def slowly(seconds):
    """`np.savez` that stops for a while when it has written half of the file."""
    savez = np.savez

    def save(path, **arrays):
        savez(path, **arrays)
        content = path.read_bytes()
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
            file.flush()
            time.sleep(seconds)
            file.write(content[len(content) // 2 :])

    return save


def train(folder, seconds):
    data = toy()
    model = CHTN.for_data(data, pathway_units=(6, 6), shared_units=(6, 6), dropout=0.4, seed=0)
    batches = model.batches(data, batch_size=8, pairing="class", seed=1)
    schedule = keras.optimizers.schedules.CosineDecay(0.05, EPOCHS * len(batches))
    model.compile(AdamW(schedule, 0.1, multipliers={"text_pathway": 0.5}))
    history = model.fit(
        batches,
        epochs=EPOCHS,
        verbose=0,
        callbacks=[Slow(seconds), Checkpoint(folder, batches=batches)],
    )
    state = [*model.variables, *model.optimizer.variables]
    arrays = {f"state/{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(state)}
    np.savez(folder / "done.npz", epochs=history.epoch, losses=history.history["loss"], **arrays)


def main(seconds, *folders):
    if seconds:
        np.savez = slowly(seconds)
    for folder in folders:
        train(folder, seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]), *map(Path, sys.argv[2:]))
