"""CHTN's and MHTN's training step written by hand: what `train_step.py` compares with.

Each function takes the weights of the model as NumPy arrays (`weights_of`), the learning rate and
the momentum, and returns a function that trains on one batch `(x, y)` and gives the loss as a
float. The mathematics is that of the models with their default arguments and the media image (hub)
and text; MHTN's reversal has the constant factor 1. Where the weights have an adversary it is MHTN.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

EPSILON = 1e-5  # Of every batch normalisation.
KEPT = {"fc": 0.9, "text": 0.99}  # Share that running means and variances keep.
CROSS_WEIGHT, CROSS_WEIGHT_OF_MHTN = 1e-3, 1e-4
MODALITY_WEIGHT = 0.1
PATHWAYS = ("image", "text", "source")

Step = Callable[[Any, Any], float]


def weights_of(model: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Trained weights and running statistics of a CHTN or MHTN, by name."""
    layers = {
        f"{name}_fc{6 + i}": layer
        for name in PATHWAYS
        for i, layer in enumerate(model.pathways[name].affine)
    }
    layers |= {f"fc{8 + i}": layer for i, layer in enumerate(model.shared_layers.affine)}
    layers |= {"classifier": model.classifiers["image"]}
    layers |= {"source_classifier": model.get_layer("source_classifier")}
    normalized = {
        f"{name}_fc{6 + i}": layer
        for name in PATHWAYS
        for i, layer in enumerate(model.pathways[name].normalizations)
    }
    normalized |= {f"fc{8 + i}": n for i, n in enumerate(model.shared_layers.normalizations)}
    if "adversary_bottleneck" in (layer.name for layer in model.layers):
        discriminator = model.get_layer("adversary_discriminator").affine
        layers |= {"bottleneck": model.get_layer("adversary_bottleneck")}
        layers |= {f"judge{i}": layer for i, layer in enumerate(discriminator)}
    entrance = model.normalizers["text"]
    trained = {f"{name}_w": _array(layer.kernel) for name, layer in layers.items()}
    trained |= {f"{name}_b": _array(layer.bias) for name, layer in layers.items()}
    trained |= {"text_gamma": _array(entrance.gamma), "text_beta": _array(entrance.beta)}
    normalized["text"] = entrance
    running = {f"{name}_mean": _array(layer.moving_mean) for name, layer in normalized.items()}
    running |= {f"{name}_var": _array(layer.moving_variance) for name, layer in normalized.items()}
    return trained, running


def _array(variable: Any) -> np.ndarray:
    return np.array(variable.numpy())


def _cross_weight(width: int, w: dict[str, Any]) -> float:
    return (CROSS_WEIGHT_OF_MHTN if "bottleneck_w" in w else CROSS_WEIGHT) * 4096 / width


def _kept(name: str) -> float:
    return KEPT["text" if name == "text" else "fc"]


def torch_step(
    trained: dict[str, np.ndarray],
    running: dict[str, np.ndarray],
    learning_rate: float,
    momentum: float,
) -> Step:
    """Eager PyTorch with its own SGD, which updates all weights together."""
    import torch
    from torch.nn import functional

    w = {name: torch.tensor(value, requires_grad=True) for name, value in trained.items()}
    state = {name: torch.tensor(value) for name, value in running.items()}
    optimizer = torch.optim.SGD(w.values(), lr=learning_rate, momentum=momentum, foreach=True)

    def normalize(x: Any, name: str, *scale_and_shift: Any) -> Any:
        mean, variance = state[f"{name}_mean"], state[f"{name}_var"]
        share = 1 - _kept(name)
        return functional.batch_norm(
            x, mean, variance, *scale_and_shift, training=True, momentum=share, eps=EPSILON
        )

    def shared(x: Any, name: str) -> Any:
        return normalize(x, name) if f"{name}_mean" in state else x

    def affine(x: Any, name: str) -> Any:
        return torch.addmm(w[f"{name}_b"], x, w[f"{name}_w"])

    def modality(raw: Any, images: int) -> Any:
        rows = affine(raw, "bottleneck")
        rows = 2 * rows.detach() - rows  # The same values; the gradient is reversed.
        for i in (0, 1):
            rows = torch.relu(affine(rows, f"judge{i}"))
        logits = affine(rows, "judge2")
        losses = functional.softplus(logits).sum(1)
        image = (losses[:images] - logits[:images, 0]).mean()
        return (image + (losses[images:] - logits[images:, 1]).mean()) / 2

    def mmd(source: Any, target: Any) -> Any:
        rows = torch.cat([source, target])
        rows = rows - rows.mean(0).detach()
        square = rows.square().sum(1)
        distances = (square[:, None] + square - 2 * rows @ rows.T).clamp(min=0)
        n, m, total = len(source), len(target), len(rows)
        gamma = (total * (total - 1) / distances.sum()).detach()
        kernel = torch.exp(-gamma * distances)
        within = [kernel[:n, :n], kernel[n:, n:]]
        means = [(k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in within]
        return means[0] + means[1] - 2 * kernel[:n, n:].sum() / (n * m)

    def step(x: Any, y: Any) -> float:
        x = {name: torch.from_numpy(rows) for name, rows in x.items()}
        y = {name: torch.from_numpy(rows) for name, rows in y.items()}
        x["text"] = normalize(x["text"], "text", w["text_gamma"], w["text_beta"])
        fc = {}
        for name in PATHWAYS:
            fc[name, 6] = torch.relu(normalize(affine(x[name], f"{name}_fc6"), f"{name}_fc6"))
            fc[name, 7] = torch.relu(normalize(affine(fc[name, 6], f"{name}_fc7"), f"{name}_fc7"))
        fc8 = torch.relu(shared(affine(torch.cat([fc["image", 7], fc["text", 7]]), "fc8"), "fc8"))
        raw = affine(fc8, "fc9")
        fc9 = torch.relu(shared(raw, "fc9"))
        image, text = affine(fc9, "classifier").split([len(x["image"]), len(x["text"])])
        source = affine(fc["source", 7], "source_classifier")
        loss = sum(
            functional.cross_entropy(logits, y[name])
            for name, logits in (("image", image), ("text", text), ("source", source))
        )
        for i in (6, 7):
            loss = loss + mmd(fc["source", i], fc["image", i])
            distance = (fc["image", i] - fc["text", i]).square().sum(1).mean() / 2
            loss = loss + _cross_weight(fc["image", i].shape[1], w) * distance
        if "bottleneck_w" in w:
            loss = loss + MODALITY_WEIGHT * modality(raw, len(x["image"]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def jax_step(
    trained: dict[str, np.ndarray],
    running: dict[str, np.ndarray],
    learning_rate: float,
    momentum: float,
) -> Step:
    """JAX, compiled, with all state donated."""
    import jax
    from jax import numpy as jnp

    def normalize(x: Any, name: str, state: Any, new: Any) -> Any:
        mean, variance = x.mean(0), x.var(0)
        for suffix, value in (("mean", mean), ("var", variance)):
            old = state[f"{name}_{suffix}"]
            new[f"{name}_{suffix}"] = old * _kept(name) + value * (1 - _kept(name))
        return (x - mean) * jax.lax.rsqrt(variance + EPSILON)

    def mmd(source: Any, target: Any) -> Any:
        rows = jnp.concatenate([source, target])
        rows = rows - jax.lax.stop_gradient(rows.mean(0))
        square = jnp.square(rows).sum(1)
        distances = jnp.maximum(square[:, None] + square - 2 * rows @ rows.T, 0)
        n, m, total = len(source), len(target), len(rows)
        gamma = jax.lax.stop_gradient(total * (total - 1) / distances.sum())
        kernel = jnp.exp(-gamma * distances)
        within = [kernel[:n, :n], kernel[n:, n:]]
        means = [(k.sum() - jnp.trace(k)) / (len(k) * (len(k) - 1)) for k in within]
        return means[0] + means[1] - 2 * kernel[:n, n:].sum() / (n * m)

    def cross_entropy(labels: Any, logits: Any) -> Any:
        return -(labels * jax.nn.log_softmax(logits)).sum(1).mean()

    def modality(affine: Any, raw: Any, images: int) -> Any:
        rows = affine(raw, "bottleneck")
        rows = 2 * jax.lax.stop_gradient(rows) - rows
        for i in (0, 1):
            rows = jax.nn.relu(affine(rows, f"judge{i}"))
        logits = affine(rows, "judge2")
        losses = jax.nn.softplus(logits).sum(1)
        image = (losses[:images] - logits[:images, 0]).mean()
        return (image + (losses[images:] - logits[images:, 1]).mean()) / 2

    def loss_of(w: Any, state: Any, x: Any, y: Any) -> Any:
        new: dict[str, Any] = {}

        def affine(rows: Any, name: str) -> Any:
            return rows @ w[f"{name}_w"] + w[f"{name}_b"]

        def shared(rows: Any, name: str) -> Any:
            return normalize(rows, name, state, new) if f"{name}_mean" in state else rows

        text = normalize(x["text"], "text", state, new) * w["text_gamma"] + w["text_beta"]
        fc = {}
        for name in PATHWAYS:
            rows = text if name == "text" else x[name]
            for i in (6, 7):
                layer = f"{name}_fc{i}"
                rows = fc[name, i] = jax.nn.relu(normalize(affine(rows, layer), layer, state, new))
        stacked = jnp.concatenate([fc["image", 7], fc["text", 7]])
        raw = affine(jax.nn.relu(shared(affine(stacked, "fc8"), "fc8")), "fc9")
        fc9 = jax.nn.relu(shared(raw, "fc9"))
        image, text = jnp.split(affine(fc9, "classifier"), [len(x["image"])])
        source = affine(fc["source", 7], "source_classifier")
        loss = sum(
            cross_entropy(y[name], logits)
            for name, logits in (("image", image), ("text", text), ("source", source))
        )
        for i in (6, 7):
            loss += mmd(fc["source", i], fc["image", i])
            distance = jnp.square(fc["image", i] - fc["text", i]).sum(1).mean() / 2
            loss += _cross_weight(fc["image", i].shape[1], w) * distance
        if "bottleneck_w" in w:
            loss += MODALITY_WEIGHT * modality(affine, raw, len(x["image"]))
        return loss, new

    def update(w: Any, velocity: Any, state: Any, x: Any, y: Any) -> Any:
        (loss, state), gradients = jax.value_and_grad(loss_of, has_aux=True)(w, state, x, y)
        velocity = jax.tree.map(lambda v, g: momentum * v - learning_rate * g, velocity, gradients)
        return jax.tree.map(jnp.add, w, velocity), velocity, state, loss

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))
    w = jax.tree.map(jnp.array, trained)
    state = jax.tree.map(jnp.array, running)
    everything = [w, jax.tree.map(jnp.zeros_like, w), state]

    def step(x: Any, y: Any) -> float:
        *everything[:], loss = compiled(*everything, x, y)
        return float(loss)

    return step


def tensorflow_step(
    trained: dict[str, np.ndarray],
    running: dict[str, np.ndarray],
    learning_rate: float,
    momentum: float,
) -> Step:
    """TensorFlow in a `tf.function`."""
    import tensorflow as tf

    w = {name: tf.Variable(value) for name, value in trained.items()}
    velocity = {name: tf.Variable(tf.zeros_like(value)) for name, value in trained.items()}
    state = {name: tf.Variable(value, trainable=False) for name, value in running.items()}

    def normalize(x: Any, name: str, scale: Any = None, shift: Any = None) -> Any:
        mean, variance = tf.nn.moments(x, 0)
        for suffix, value in (("mean", mean), ("var", variance)):
            old = state[f"{name}_{suffix}"]
            old.assign(old * _kept(name) + value * (1 - _kept(name)))
        return tf.nn.batch_normalization(x, mean, variance, shift, scale, EPSILON)

    def shared(x: Any, name: str) -> Any:
        return normalize(x, name) if f"{name}_mean" in state else x

    def affine(x: Any, name: str) -> Any:
        return tf.matmul(x, w[f"{name}_w"]) + w[f"{name}_b"]

    def modality(raw: Any, images: int) -> Any:
        rows = affine(raw, "bottleneck")
        rows = 2 * tf.stop_gradient(rows) - rows
        for i in (0, 1):
            rows = tf.nn.relu(affine(rows, f"judge{i}"))
        logits = affine(rows, "judge2")
        losses = tf.reduce_sum(tf.nn.softplus(logits), 1)
        image = tf.reduce_mean(losses[:images] - logits[:images, 0])
        return (image + tf.reduce_mean(losses[images:] - logits[images:, 1])) / 2

    def mmd(source: Any, target: Any) -> Any:
        rows = tf.concat([source, target], 0)
        rows = rows - tf.stop_gradient(tf.reduce_mean(rows, 0))
        square = tf.reduce_sum(tf.square(rows), 1)
        gram = tf.matmul(rows, rows, transpose_b=True)
        distances = tf.maximum(square[:, None] + square - 2 * gram, 0)
        n, m = source.shape[0], target.shape[0]
        gamma = tf.stop_gradient((n + m) * (n + m - 1) / tf.reduce_sum(distances))
        kernel = tf.exp(-gamma * distances)
        within = [kernel[:n, :n], kernel[n:, n:]]
        means = [
            (tf.reduce_sum(k) - tf.linalg.trace(k)) / (size * (size - 1))
            for k, size in zip(within, (n, m), strict=True)
        ]
        return means[0] + means[1] - 2 * tf.reduce_sum(kernel[:n, n:]) / (n * m)

    def loss_of(x: Any, y: Any) -> Any:
        text = normalize(x["text"], "text", w["text_gamma"], w["text_beta"])
        fc = {}
        for name in PATHWAYS:
            rows = text if name == "text" else x[name]
            for i in (6, 7):
                layer = f"{name}_fc{i}"
                rows = fc[name, i] = tf.nn.relu(normalize(affine(rows, layer), layer))
        stacked = tf.concat([fc["image", 7], fc["text", 7]], 0)
        raw = affine(tf.nn.relu(shared(affine(stacked, "fc8"), "fc8")), "fc9")
        fc9 = tf.nn.relu(shared(raw, "fc9"))
        image, text = tf.split(affine(fc9, "classifier"), 2)
        source = affine(fc["source", 7], "source_classifier")
        loss = sum(
            tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y[name], logits))
            for name, logits in (("image", image), ("text", text), ("source", source))
        )
        for i in (6, 7):
            loss += mmd(fc["source", i], fc["image", i])
            difference = fc["image", i] - fc["text", i]
            distance = tf.reduce_mean(tf.reduce_sum(tf.square(difference), 1)) / 2
            loss += _cross_weight(fc["image", i].shape[1], w) * distance
        if "bottleneck_w" in w:
            loss += MODALITY_WEIGHT * modality(raw, x["image"].shape[0])
        return loss

    @tf.function
    def update(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(x, y)
        gradients = tape.gradient(loss, w)
        for name, gradient in gradients.items():
            velocity[name].assign(momentum * velocity[name] - learning_rate * gradient)
            w[name].assign_add(velocity[name])
        return loss

    def step(x: Any, y: Any) -> float:
        x = {name: tf.convert_to_tensor(rows) for name, rows in x.items()}
        y = {name: tf.convert_to_tensor(rows) for name, rows in y.items()}
        return float(update(x, y))

    return step


STEPS = {"torch": torch_step, "jax": jax_step, "tensorflow": tensorflow_step}
