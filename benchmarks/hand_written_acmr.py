"""ACMR's training step written by hand in each framework: what `train_step.py` compares with.

Each function takes the weights of the model as NumPy arrays (`weights_of`), the number of updates
of the projectors and the learning rate, and returns a function that trains on one batch `(x, y)`
and gives the loss as a float: that of the projectors, their mean over the updates, plus that of the
discriminator. The mathematics is that of ACMR with its default arguments, the media image and text
and a reversal of the constant factor 1. The discriminator's turn needs no gradients of embeddings.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

MEDIA = ("image", "text")
MARGIN = 1.0
REGULARIZATION_WEIGHT = 1e-4
BETAS, EPSILON = (0.9, 0.999), 1e-7  # Of Adam, as Keras has them.
TINY, NEVER = 1e-12, -1e9

Step = Callable[[Any, Any], float]


def weights_of(model: Any) -> dict[str, np.ndarray]:
    """Weights of an ACMR, by name."""
    layers = {
        f"{medium}{i}": layer
        for medium in MEDIA
        for i, layer in enumerate(model.projectors[medium].layers)
    }
    layers |= {"labels": model.label_predictor}
    layers |= {f"judge{i}": layer for i, layer in enumerate(model.modality_classifier.affine)}
    weights = {f"{name}_w": np.array(layer.kernel.numpy()) for name, layer in layers.items()}
    return weights | {f"{name}_b": np.array(layer.bias.numpy()) for name, layer in layers.items()}


def _players(weights: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Names of the projectors' weights, and of the discriminator's."""
    judge = [name for name in weights if name.startswith("judge")]
    return [name for name in weights if name not in judge], judge


def torch_step(weights: dict[str, np.ndarray], projector_steps: int, learning_rate: float) -> Step:
    """Eager PyTorch with its own Adam, in its fastest form: one kernel for the whole update."""
    import torch
    from torch.nn import functional

    w = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    projectors, judge = (
        torch.optim.Adam([w[n] for n in names], learning_rate, BETAS, EPSILON, fused=True)
        for names in _players(w)
    )

    def affine(rows: Any, name: str) -> Any:
        return torch.addmm(w[f"{name}_b"], rows, w[f"{name}_w"])

    def embed(x: Any) -> list[Any]:
        hidden = [torch.tanh(affine(x[medium], f"{medium}0")) for medium in MEDIA]
        return [torch.tanh(affine(h, f"{m}1")) for m, h in zip(MEDIA, hidden, strict=True)]

    def invariance(image: Any, text: Any, x: Any, y: Any) -> Any:
        same = y["image"] @ y["image"].T > 0
        pushed = (~same.all(1)).float()
        offset = image.mean(0).detach()
        image, text = image - offset, text - offset
        squares = image.square().sum(1)[:, None] + text.square().sum(1) - 2 * image @ text.T
        distances = squares.clamp(min=TINY).sqrt()
        loss = 0.0
        for medium, far in (("image", distances), ("text", distances.T)):
            unit = functional.normalize(x[medium])
            hardest = (unit @ unit.T).masked_fill(same, NEVER).argmax(1)
            push = torch.relu(MARGIN - far.gather(1, hardest[:, None])[:, 0])
            pull = (far * same).sum(1) / same.sum(1)
            loss = loss + pull.mean() + (push * pushed).sum() / pushed.sum().clamp(min=1)
        return loss

    def modality(stack: Any, images: int) -> Any:
        logits = affine(torch.relu(affine(stack, "judge0")), "judge1")
        log_shares = functional.log_softmax(logits, 1)
        return -log_shares[:images, 0].mean() - log_shares[images:, 1].mean()

    def projectors_loss(x: Any, y: Any) -> Any:
        image, text = embed(x)
        stack = torch.cat([image, text])
        of_image, of_text = affine(stack, "labels").split([len(image), len(text)])
        labels = functional.cross_entropy(of_image, y["image"])
        labels = labels + functional.cross_entropy(of_text, y["text"])
        kernels = (w[f"{medium}{i}_w"] for medium in MEDIA for i in (0, 1))
        norms = sum(torch.linalg.vector_norm(kernel) for kernel in kernels)
        reversed_stack = 2 * stack.detach() - stack  # The same values.
        return (
            invariance(image, text, x, y)
            + labels
            + REGULARIZATION_WEIGHT * norms
            + modality(reversed_stack, len(image))
        )

    def judge_loss(x: Any) -> Any:
        with torch.no_grad():
            image, text = embed(x)
            stack = torch.cat([image, text])
        return modality(stack, len(image))

    def step(x: Any, y: Any) -> float:
        x = {name: torch.from_numpy(rows) for name, rows in x.items()}
        y = {name: torch.from_numpy(rows) for name, rows in y.items()}
        total = 0.0
        for _ in range(projector_steps):
            loss = projectors_loss(x, y)
            names, _ = _players(w)
            projectors.zero_grad()
            loss.backward(inputs=[w[name] for name in names])
            projectors.step()
            total = total + loss.detach() / projector_steps
        loss = judge_loss(x)
        judge.zero_grad()
        loss.backward()
        judge.step()
        return (total + loss).item()

    return step


def jax_step(weights: dict[str, np.ndarray], projector_steps: int, learning_rate: float) -> Step:
    """JAX: all updates of a batch in one compiled function, with all state donated."""
    import jax
    from jax import numpy as jnp

    def affine(w: Any, rows: Any, name: str) -> Any:
        return rows @ w[f"{name}_w"] + w[f"{name}_b"]

    def embed(w: Any, x: Any) -> list[Any]:
        hidden = [jnp.tanh(affine(w, x[medium], f"{medium}0")) for medium in MEDIA]
        return [jnp.tanh(affine(w, h, f"{m}1")) for m, h in zip(MEDIA, hidden, strict=True)]

    def invariance(image: Any, text: Any, x: Any, y: Any) -> Any:
        same = y["image"] @ y["image"].T > 0
        pushed = 1.0 - same.all(1)
        offset = jax.lax.stop_gradient(image.mean(0))
        image, text = image - offset, text - offset
        squares = jnp.square(image).sum(1)[:, None] + jnp.square(text).sum(1) - 2 * image @ text.T
        distances = jnp.sqrt(jnp.maximum(squares, TINY))
        loss = 0.0
        for medium, far in (("image", distances), ("text", distances.T)):
            unit = x[medium] / jnp.linalg.norm(x[medium], axis=1, keepdims=True)
            hardest = jnp.where(same, NEVER, unit @ unit.T).argmax(1)
            push = jax.nn.relu(MARGIN - jnp.take_along_axis(far, hardest[:, None], 1)[:, 0])
            pull = (far * same).sum(1) / same.sum(1)
            loss += pull.mean() + (push * pushed).sum() / jnp.maximum(pushed.sum(), 1)
        return loss

    def modality(w: Any, stack: Any, images: int) -> Any:
        logits = affine(w, jax.nn.relu(affine(w, stack, "judge0")), "judge1")
        log_shares = jax.nn.log_softmax(logits)
        return -log_shares[:images, 0].mean() - log_shares[images:, 1].mean()

    def cross_entropy(labels: Any, logits: Any) -> Any:
        return -(labels * jax.nn.log_softmax(logits)).sum(1).mean()

    def projectors_loss(own: Any, others: Any, x: Any, y: Any) -> Any:
        w = own | others
        image, text = embed(w, x)
        stack = jnp.concatenate([image, text])
        of_image, of_text = jnp.split(affine(w, stack, "labels"), [len(image)])
        kernels = (w[f"{medium}{i}_w"] for medium in MEDIA for i in (0, 1))
        return (
            invariance(image, text, x, y)
            + cross_entropy(y["image"], of_image)
            + cross_entropy(y["text"], of_text)
            + REGULARIZATION_WEIGHT * sum(jnp.linalg.norm(kernel) for kernel in kernels)
            + modality(w, 2 * jax.lax.stop_gradient(stack) - stack, len(image))
        )

    def judge_loss(own: Any, others: Any, x: Any, y: Any) -> Any:
        image, text = embed(others, x)
        return modality(own, jnp.concatenate([image, text]), len(image))

    def move(loss_of: Any, own: Any, moments: Any, others: Any, x: Any, y: Any) -> Any:
        count, first, second = moments
        count += 1
        loss, gradients = jax.value_and_grad(loss_of)(own, others, x, y)
        (one, two), tree = BETAS, jax.tree.map
        first = tree(lambda m, g: one * m + (1 - one) * g, first, gradients)
        second = tree(lambda v, g: two * v + (1 - two) * g * g, second, gradients)
        rate = learning_rate * jnp.sqrt(1 - two**count) / (1 - one**count)
        own = tree(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), own, first, second)
        return loss, own, (count, first, second)

    def update(projectors: Any, judge: Any, moments: Any, x: Any, y: Any) -> Any:
        of_projectors, of_judge = moments
        total = 0.0
        for _ in range(projector_steps):
            loss, projectors, of_projectors = move(
                projectors_loss, projectors, of_projectors, judge, x, y
            )
            total += loss / projector_steps
        loss, judge, of_judge = move(judge_loss, judge, of_judge, projectors, x, y)
        return projectors, judge, (of_projectors, of_judge), total + loss

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))
    players = [{n: jnp.array(weights[n]) for n in names} for names in _players(weights)]
    zeros = jax.tree.map(jnp.zeros_like, players)
    moments = [(jnp.zeros(()), z, jax.tree.map(jnp.copy, z)) for z in zeros]
    everything = [*players, tuple(moments)]

    def step(x: Any, y: Any) -> float:
        *everything[:], loss = compiled(*everything, x, y)
        return float(loss)

    return step


def tensorflow_step(
    weights: dict[str, np.ndarray], projector_steps: int, learning_rate: float
) -> Step:
    """TensorFlow: all updates of a batch in one `tf.function`."""
    import tensorflow as tf

    w = {name: tf.Variable(value) for name, value in weights.items()}
    first, second = (
        {name: tf.Variable(tf.zeros_like(value)) for name, value in weights.items()}
        for _ in range(2)
    )
    players = _players(w)
    counts = [tf.Variable(0.0) for _ in players]

    def affine(rows: Any, name: str) -> Any:
        return tf.matmul(rows, w[f"{name}_w"]) + w[f"{name}_b"]

    def embed(x: Any) -> list[Any]:
        hidden = [tf.tanh(affine(x[medium], f"{medium}0")) for medium in MEDIA]
        return [tf.tanh(affine(h, f"{m}1")) for m, h in zip(MEDIA, hidden, strict=True)]

    def invariance(image: Any, text: Any, x: Any, y: Any) -> Any:
        same = tf.matmul(y["image"], y["image"], transpose_b=True) > 0
        weights = tf.cast(same, tf.float32)
        pushed = 1.0 - tf.cast(tf.reduce_all(same, 1), tf.float32)
        offset = tf.stop_gradient(tf.reduce_mean(image, 0))
        image, text = image - offset, text - offset
        lengths = [tf.reduce_sum(tf.square(rows), 1) for rows in (image, text)]
        gram = tf.matmul(image, text, transpose_b=True)
        squares = lengths[0][:, None] + lengths[1] - 2 * gram
        distances = tf.sqrt(tf.maximum(squares, TINY))
        loss = 0.0
        for medium, far in (("image", distances), ("text", tf.transpose(distances))):
            unit = tf.nn.l2_normalize(x[medium], 1)
            likeness = tf.where(same, NEVER, tf.matmul(unit, unit, transpose_b=True))
            negative = tf.gather(far, tf.argmax(likeness, 1), batch_dims=1)
            push = tf.reduce_sum(tf.nn.relu(MARGIN - negative) * pushed)
            pull = tf.reduce_sum(far * weights, 1) / tf.reduce_sum(weights, 1)
            loss += tf.reduce_mean(pull) + push / tf.maximum(tf.reduce_sum(pushed), 1.0)
        return loss

    def modality(stack: Any, images: int) -> Any:
        logits = affine(tf.nn.relu(affine(stack, "judge0")), "judge1")
        log_shares = tf.nn.log_softmax(logits)
        return -tf.reduce_mean(log_shares[:images, 0]) - tf.reduce_mean(log_shares[images:, 1])

    def projectors_loss(x: Any, y: Any) -> Any:
        image, text = embed(x)
        stack = tf.concat([image, text], 0)
        logits = tf.split(affine(stack, "labels"), 2)
        kernels = (w[f"{medium}{i}_w"] for medium in MEDIA for i in (0, 1))
        loss = invariance(image, text, x, y)
        for medium, of_medium in zip(MEDIA, logits, strict=True):
            losses = tf.nn.softmax_cross_entropy_with_logits(y[medium], of_medium)
            loss += tf.reduce_mean(losses)
        loss += REGULARIZATION_WEIGHT * sum(tf.norm(kernel) for kernel in kernels)
        return loss + modality(2 * tf.stop_gradient(stack) - stack, image.shape[0])

    def judge_loss(x: Any, y: Any) -> Any:
        image, text = embed(x)
        return modality(tf.stop_gradient(tf.concat([image, text], 0)), image.shape[0])

    def move(loss_of: Any, player: int, x: Any, y: Any) -> Any:
        own = {name: w[name] for name in players[player]}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(own.values()))
            loss = loss_of(x, y)
        one, two = BETAS
        count = counts[player].assign_add(1.0)
        rate = learning_rate * tf.sqrt(1 - two**count) / (1 - one**count)
        for name, g in tape.gradient(loss, own).items():
            m = first[name].assign_add((g - first[name]) * (1 - one))
            v = second[name].assign_add((g * g - second[name]) * (1 - two))
            w[name].assign_sub(rate * m / (tf.sqrt(v) + EPSILON))
        return loss

    @tf.function
    def update(x: Any, y: Any) -> Any:
        losses = [move(projectors_loss, 0, x, y) for _ in range(projector_steps)]
        return sum(losses) / projector_steps + move(judge_loss, 1, x, y)

    def step(x: Any, y: Any) -> float:
        x = {name: tf.convert_to_tensor(rows) for name, rows in x.items()}
        y = {name: tf.convert_to_tensor(rows) for name, rows in y.items()}
        return float(update(x, y))

    return step


STEPS = {"torch": torch_step, "jax": jax_step, "tensorflow": tensorflow_step}
