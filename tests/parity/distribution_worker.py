"""Trains on some devices, in a process of its own: `python distribution_worker.py OUT DEVICES`.

Writes the losses and the weights to OUT.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from keras_xmr.optimizers import SGD, AdamW
from tests.models.small import batch, small
from tests.training.game import batch as game_batch
from tests.training.game import game

STEPS = 2
CASES = {
    "normalised": {"shared_bn": True, "input_normalization": ("image", "text"), "num_kernels": 2},
    "members": {"members": 2, "mmd_estimator": "linear", "label_smoothing": 0.1},
    "three media": {
        "media": {"image": 5, "text": 4, "audio": 3},
        "mmd_estimator": "quadratic_biased",
    },
}
OPTIMIZERS = {
    "normalised": lambda: SGD(0.05, 0.9, multipliers={"bias|beta": 2.0}, l2=0.01),
    # Some gradients are zero but for rounding; without the epsilon Adam would blow them up.
    "members": lambda: AdamW(0.01, 0.1, epsilon=1e-2),
    "three media": lambda: keras.optimizers.SGD(0.05, 0.9),
}


class Steps(keras.utils.PyDataset):
    """A batch for each step."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


class Losses(keras.callbacks.Callback):
    """All metrics after each batch: means over the batches so far."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append([float(logs[name]) for name in sorted(logs)])


def use_devices(count):
    """Share the batches of all models from here on."""
    import jax

    assert len(jax.devices()) == count
    if count > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel())


def train(case):
    model = small(**CASES[case])
    model.compile(OPTIMIZERS[case]())
    batches = [batch(model, seed, seed) for seed in range(STEPS)]
    losses = Losses()
    model.fit(Steps(batches), epochs=2, shuffle=False, verbose=0, callbacks=[losses])
    found = {f"{case}/weight/{i}": w for i, w in enumerate(model.get_weights())}
    return found | {f"{case}/losses": np.array(losses.seen)}


def play():
    """A game of players with an optimizer each."""
    model = game(normalize=True, steps=2)
    model.compile({"generator": AdamW(0.01, 0.1, epsilon=1e-2), "discriminator": SGD(0.05, 0.9)})
    losses = Losses()
    batches = [game_batch(model, seed) for seed in range(STEPS)]
    model.fit(Steps(batches), epochs=2, shuffle=False, verbose=0, callbacks=[losses])
    found = {f"game/weight/{i}": w for i, w in enumerate(model.get_weights())}
    return found | {"game/losses": np.array(losses.seen)}


def main(out, devices):
    results = {}
    use_devices(devices)
    for case in CASES:
        results |= train(case)
    results |= play()
    np.savez(out, **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
