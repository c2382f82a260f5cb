"""Trains on some devices, in a process of its own: `python distribution_worker.py OUT DEVICES`.

Writes the losses and the weights to OUT.
"""

import contextlib
import sys
from pathlib import Path

import keras
import numpy as np

from keras_xmr import CHTN
from keras_xmr.datasets import toy
from keras_xmr.optimizers import SGD, AdamW
from tests.methods.small import batch, small
from tests.training.game import batch as game_batch
from tests.training.game import game

STEPS = 2
CASES = {
    "members": {
        "members": 2,
        "shared_bn": True,
        "input_normalization": ("image", "text"),
        "mmd_estimator": "linear",
        "num_kernels": 2,
        "label_smoothing": 0.1,
    },
    "three media": {
        "media": {"image": 5, "text": 4, "audio": 3},
        "mmd_estimator": "quadratic_biased",
    },
}
OPTIMIZERS = {
    # Some gradients are zero but for rounding; without the epsilon Adam would blow them up.
    "members": lambda: AdamW(0.01, 0.5, epsilon=1e-2, multipliers={"kernel": 0.5, "pathway": 4.0}),
    "three media": lambda: SGD(0.05, 0.9, multipliers={"bias|beta": 2.0}, l2=0.01),
}


class Steps(keras.utils.PyDataset):
    """A batch for each step."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        # TensorFlow may take an array without copying it, and overwrite the part of a replica.
        return tuple(
            {name: rows.copy() for name, rows in part.items()} for part in self.batches[index]
        )


class Losses(keras.callbacks.Callback):
    """All metrics after each batch: means over the batches so far."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append([float(logs[name]) for name in sorted(logs)])


def devices(count):
    """What to build and train models in."""
    if keras.config.backend() == "jax":
        import jax

        assert len(jax.devices()) == count
        if count > 1:
            keras.distribution.set_distribution(keras.distribution.DataParallel())
        return contextlib.nullcontext()
    import tensorflow as tf

    if count == 1:
        return contextlib.nullcontext()
    cpu = tf.config.list_physical_devices("CPU")[0]
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(cpu, parts)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
    assert strategy.num_replicas_in_sync == count
    return strategy.scope()


def train(case):
    model = small(**CASES[case])
    batches = Steps([batch(model, seed, seed) for seed in range(STEPS)])
    return fit(case, model, OPTIMIZERS[case](), batches)


def train_on_data():
    """With the model's own batches, and a random estimate of MMD."""
    keras.utils.set_random_seed(0)
    data, source = toy(), toy(["image"])
    model = CHTN.for_data(
        data, source, pathway_units=(6, 4), shared_units=(5, 4), mmd_estimator="linear_random"
    )
    return fit("data", model, SGD(0.05, 0.9), model.batches(data, source, batch_size=32))


def fit(case, model, optimizer, batches):
    """The weights after two epochs, and the losses of all steps and of an evaluation."""
    model.compile(optimizer)
    losses = Losses()
    model.fit(batches, epochs=2, shuffle=False, verbose=0, callbacks=[losses])
    evaluated = model.evaluate(batches, verbose=0, return_dict=True)
    found = {f"{case}/weight/{i}": w for i, w in enumerate(model.get_weights())}
    return {
        **found,
        f"{case}/losses": np.array(losses.seen),
        f"{case}/evaluated": np.array([evaluated[name] for name in sorted(evaluated)]),
    }


def play():
    """A game of players with an optimizer each."""
    model = game(normalize=True, steps=2)
    optimizers = {"generator": AdamW(0.01, 0.1, epsilon=1e-2), "discriminator": SGD(0.05, 0.9)}
    batches = Steps([game_batch(model, seed) for seed in range(STEPS)])
    return fit("game", model, optimizers, batches)


def refuses_unequal_parts():
    data = toy()
    model = CHTN.for_data(data, pathway_units=(6, 4), shared_units=(5, 4))
    model.compile("sgd")
    try:
        model.fit(model.batches(data, batch_size=31), verbose=0)
    except ValueError as error:
        return "Received: batch_size=31, 2 devices" in str(error)
    return False


def main(out, count):
    results = {}
    with devices(count):
        for case in CASES:
            results |= train(case)
        results |= train_on_data()
        # Games are not made for strategies of TensorFlow.
        if keras.config.backend() == "jax":
            results |= play()
        if count > 1 and keras.config.backend() == "tensorflow":
            assert refuses_unequal_parts()
    np.savez(out, **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
