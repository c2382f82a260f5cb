"""Runs on one backend, in a process of its own: `python worker.py FOLDER BACKEND EARLIER...`.

In each folder of FOLDER, named after a model, it reads the initial weights and the batch from
`case.npz`, writes what came of them to `BACKEND.npz`, and the trained weights to
`BACKEND.weights.h5`. Loads the weights that the backends EARLIER trained.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

import keras_xmr
from keras_xmr.losses import maximum_mean_discrepancy
from tests.gradients import loss_and_gradients

STEPS = 5
ESTIMATORS = ("quadratic_unbiased", "quadratic_biased", "linear")


def main(folder, backend, *earlier):
    assert keras.config.backend() == backend
    for of_model in sorted(folder.iterdir()):
        compute(of_model, backend, *earlier)


def compute(folder, backend, *earlier):
    case = dict(np.load(folder / "case.npz"))
    model = getattr(keras_xmr, folder.name).from_config(json.loads(str(case["config"])))
    weights = [case[f"weight/{i}"] for i in range(len(model.weights))]
    model.set_weights(weights)
    x = {name: case[f"x/{name}"] for name in model.input}
    y = {name: case[f"y/{name}"] for name in [*model.media, "source"]}

    results = encodings("before", model, x)
    for name in ESTIMATORS:
        value = maximum_mean_discrepancy(x["source"], x["image"], estimator=name, num_kernels=3)
        results[f"mmd/{name}"] = keras.ops.convert_to_numpy(value)
    results |= terms_and_gradients(model, x, y)

    # Some backends have moved the running statistics by now.
    model.set_weights(weights)
    model.compile(optimizer=keras.optimizers.SGD(0.02, momentum=0.9))
    losses = [model.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(STEPS)]
    results["losses"] = np.array(losses)
    results |= encodings("after", model, x)
    model.save_weights(folder / f"{backend}.weights.h5")
    for other in earlier:
        model.set_weights(weights)
        model.load_weights(folder / f"{other}.weights.h5")
        results |= encodings(f"loaded from {other}", model, x)
    np.savez(folder / f"{backend}.npz", **results)


def encodings(title, model, x):
    return {f"{title}/{medium}": model.encode(x, medium) for medium in model.media}


def terms_and_gradients(model, x, y):
    """Every term of the loss, and the gradient of their weighted sum in every weight."""
    terms = {}

    def loss():
        y_pred = model(x, training=True)
        return model.compute_loss(x, y, y_pred, training=True)

    for name, value in model.loss_terms(y, model(x, training=True)).items():
        terms[f"term/{name}"] = keras.ops.convert_to_numpy(value)
    value, gradients = loss_and_gradients(loss, model.trainable_weights)
    named = {f"gradient/{i}": gradient for i, gradient in enumerate(gradients)}
    return terms | named | {"term/loss": np.array(value)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
