"""Plays a game on one backend, in a process of its own: `python game_worker.py FOLDER BACKEND`.

Reads the initial weights of each game from `FOLDER/NAME.npz`, writes the outcome to
`FOLDER/BACKEND.npz`.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from keras_xmr import CMGANs
from keras_xmr.methods.cm_gans.wrong_rows import draw_wrong
from keras_xmr.optimizers import SGD, AdamW
from tests.training.game import batch, game

STEPS = 5
OPTIMIZERS = {
    # Some gradients are zero but for rounding; without the epsilon Adam would blow them up.
    "adamw and sgd": lambda: {
        "generator": AdamW(0.01, 0.1, epsilon=1e-2, multipliers={"text": 0.5}),
        "discriminator": SGD(0.05, 0.9, l2=0.01),
    },
    "accumulation and average": lambda: SGD(
        0.05, 0.9, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.9
    ),
}


def cm_gans():
    """Generators that share layers, against two kinds of discriminators."""
    return CMGANs(
        {"image": 5, "text": 4},
        3,
        hidden_units=6,
        common_dim=4,
        decoder_units=5,
        discriminator_units=7,
        generator_steps=2,
        seed=4,
    )


GAMES = {
    **{name: (lambda: game(normalize=True, steps=3, seed=4), o) for name, o in OPTIMIZERS.items()},
    # Biases before a normalisation have no gradient but for rounding: no Adam.
    "cm_gans": (cm_gans, lambda: SGD(0.01, 0.5)),
}


def main(folder, backend):
    assert keras.config.backend() == backend
    results = {}
    for name, (make, optimizer) in GAMES.items():
        model = make()
        stored = np.load(folder / f"{name}.npz")
        model.set_weights([stored[f"{i}"] for i in range(len(model.weights))])
        model.compile(optimizer())
        batches = [batch(model, seed) for seed in range(STEPS)]
        if name == "cm_gans":
            for x, y in batches:
                x["wrong"] = draw_wrong(y["text"], np.random.default_rng(0))
        logs = [model.train_on_batch(*each, return_dict=True) for each in batches]
        logs.append(model.test_on_batch(*batches[0], return_dict=True))
        results[f"{name}/losses"] = np.array([[log[key] for key in sorted(log)] for log in logs])
        for i, variable in enumerate([*model.variables, *model.optimizer.variables]):
            array = keras.ops.convert_to_numpy(variable)
            if array.dtype.kind == "f":
                results[f"{name}/state/{i}"] = array
    np.savez(folder / f"{backend}.npz", **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
