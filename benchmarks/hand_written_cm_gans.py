"""CM-GANs' training step written by hand in each framework: what `train_step.py` compares with.

The mathematics is that of `CMGANs` with its default arguments and the media image and text. It is
written once, in `turn`, with the few functions of a framework that it needs; what differs between
frameworks, and decides about speed, is around it: gradients, Adam, compilation, running statistics.
Each step function takes the weights of the model as NumPy arrays (`weights_of`), the number of
updates of generators and the learning rate, and returns a function that trains on one batch and
gives the sum of both sides' losses, that of generators being the mean over their updates.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.hand_written_acmr import BETAS, EPSILON, Step

MEDIA = ("image", "text")
OTHER = {"image": "text", "text": "image"}
SLOPE, TINY, MOMENTUM = 0.2, 1e-5, 0.9


def weights_of(model: Any) -> tuple[dict[str, np.ndarray], list[str]]:
    """Weights of a CM-GANs model by name, and the names of those blocks that are normalised."""
    parts, judges = model.generators, model.discriminators
    blocks = {"upper": parts.upper["image"]}
    plain = {"classifier": parts.classifiers["image"]}
    for m in MEDIA:
        blocks |= {f"{m}_lower": parts.lower[m], f"{m}_hidden": parts.hidden[m]}
        blocks[f"{m}_judge"] = judges.hidden[m]
        plain |= {f"{m}_last": parts.last[m], f"{m}_verdict": judges.last[m]}
        plain[f"{m}_intra_judge"] = judges.intra[m]
    layers = plain | blocks
    weights = {f"{name}_w": layer.kernel for name, layer in layers.items()}
    weights |= {f"{name}_b": layer.bias for name, layer in layers.items()}
    weights |= {f"{name}_scale": block.gamma for name, block in blocks.items()}
    weights |= {f"{name}_shift": block.beta for name, block in blocks.items()}
    # The upper layer has statistics of each medium.
    names = [name for name in blocks if name != "upper"] + [f"{m}_upper" for m in MEDIA]
    return {name: np.array(weight.numpy()) for name, weight in weights.items()}, names


def players(weights: dict[str, Any]) -> list[list[str]]:
    """Names of the discriminators' weights, and of the generators'."""
    mine = [name for name in weights if "judge" in name or "verdict" in name]
    return [mine, [name for name in weights if name not in mine]]


def running_of(weights: dict[str, np.ndarray], names: list[str]) -> dict[str, list[np.ndarray]]:
    """Running mean and variance of each normalised block, as they are at first."""
    widths = {name: len(weights[f"{_block_of(name)}_shift"]) for name in names}
    return {n: [np.zeros(w, np.float32), np.ones(w, np.float32)] for n, w in widths.items()}


def _block_of(name: str) -> str:
    return "upper" if name.endswith("_upper") else name


def turn(ops: Any, of_generators: bool, w: Any, normalize: Any, x: Any, y: Any) -> Any:
    """Loss of one side; `normalize(rows, scale, shift, name)` keeps the running statistics."""

    def affine(rows: Any, name: str) -> Any:
        return ops.affine(rows, w[f"{name}_w"], w[f"{name}_b"])

    def block(rows: Any, name: str, part: str | None = None) -> Any:
        rows = affine(rows, part or name)
        part = part or name
        return ops.leaky(normalize(rows, w[f"{part}_scale"], w[f"{part}_shift"], name))

    def bce(logits: Any, real: bool) -> Any:
        return ops.mean(ops.softplus(-logits if real else logits))

    codes = {m: block(block(x[m], f"{m}_lower"), f"{m}_upper", "upper") for m in MEDIA}
    made = {m: affine(block(codes[m], f"{m}_hidden"), f"{m}_last") for m in MEDIA}
    if not of_generators:
        codes, made = ({m: ops.stop(t) for m, t in some.items()} for some in (codes, made))
    loss = 0.0
    for m in MEDIA:

        def verdict(code: Any, medium: str = m) -> Any:
            pair = ops.join([code, x[medium]])
            return affine(block(pair, f"{medium}_judge"), f"{medium}_verdict")

        of_other, of_made = verdict(codes[OTHER[m]]), affine(made[m], f"{m}_intra_judge")
        if of_generators:
            loss = loss + bce(of_other, True) + bce(of_made, True)
            loss = loss + ops.labels(y[m], affine(codes[m], "classifier"))
        else:
            loss = loss + bce(of_made, False) + bce(affine(x[m], f"{m}_intra_judge"), True)
            wrong = verdict(ops.take(codes[m], x["wrong"]))
            loss = loss + bce(verdict(codes[m]), True)
            loss = loss + 0.5 * bce(of_other, False) + 0.5 * bce(wrong, False)
    return loss


def torch_step(weights: Any, names: list[str], generator_steps: int, learning_rate: float) -> Step:
    """Eager PyTorch, with its own normalisation and its Adam of one kernel."""
    import torch
    from torch.nn import functional

    ops = SimpleNamespace(
        affine=lambda rows, kernel, bias: torch.addmm(bias, rows, kernel),
        leaky=lambda rows: functional.leaky_relu(rows, SLOPE),
        softplus=functional.softplus,
        mean=torch.mean,
        stop=lambda rows: rows.detach(),
        join=lambda parts: torch.cat(parts, 1),
        take=lambda rows, index: rows[index],
        labels=lambda y, logits: functional.cross_entropy(logits, y),
    )
    running = {
        name: [torch.from_numpy(a) for a in some]
        for name, some in running_of(weights, names).items()
    }
    w = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    sides = [[w[name] for name in some] for some in players(w)]
    adams = [torch.optim.Adam(own, learning_rate, BETAS, EPSILON, fused=True) for own in sides]

    def normalize(rows: Any, scale: Any, shift: Any, name: str) -> Any:
        mean, variance = running[name]
        return functional.batch_norm(rows, mean, variance, scale, shift, True, 1 - MOMENTUM, TINY)

    def step(x: Any, y: Any) -> float:
        x = {name: torch.from_numpy(rows) for name, rows in x.items()}
        x["wrong"] = x["wrong"].long()
        y = {name: torch.from_numpy(rows) for name, rows in y.items()}
        total = 0.0
        for side, count in enumerate((1, generator_steps)):
            for _ in range(count):
                loss = turn(ops, bool(side), w, normalize, x, y)
                adams[side].zero_grad()
                loss.backward(inputs=sides[side])
                adams[side].step()
                total = total + loss.detach() / count
        return total.item()

    return step


def jax_step(weights: Any, names: list[str], generator_steps: int, learning_rate: float) -> Step:
    """JAX: all updates of a batch in one compiled function, with all state donated."""
    import jax
    from jax import numpy as jnp

    ops = SimpleNamespace(
        affine=lambda rows, kernel, bias: rows @ kernel + bias,
        leaky=lambda rows: jax.nn.leaky_relu(rows, SLOPE),
        softplus=jax.nn.softplus,
        mean=jnp.mean,
        stop=jax.lax.stop_gradient,
        join=lambda parts: jnp.concatenate(parts, 1),
        take=lambda rows, index: rows[index],
        labels=lambda y, logits: -(y * jax.nn.log_softmax(logits)).sum(1).mean(),
    )

    def loss_at(own: Any, others: Any, running: Any, side: int, x: Any, y: Any) -> Any:
        running = dict(running)

        def normalize(rows: Any, scale: Any, shift: Any, name: str) -> Any:
            mean, variance = rows.mean(0), rows.var(0)
            running[name] = [
                MOMENTUM * old + (1 - MOMENTUM) * new
                for old, new in zip(running[name], (mean, variance), strict=True)
            ]
            return (rows - mean) * jax.lax.rsqrt(variance + TINY) * scale + shift

        return turn(ops, bool(side), own | others, normalize, x, y), running

    def update(sides: Any, moments: Any, running: Any, x: Any, y: Any) -> Any:
        sides, moments, total = list(sides), list(moments), 0.0
        (one, two), tree = BETAS, jax.tree.map
        for side, steps in enumerate((1, generator_steps)):
            for _ in range(steps):
                differentiate = jax.value_and_grad(loss_at, has_aux=True)
                (loss, running), gradients = differentiate(
                    sides[side], sides[1 - side], running, side, x, y
                )
                count, first, second = moments[side]
                count += 1
                first = tree(lambda m, g: one * m + (1 - one) * g, first, gradients)
                second = tree(lambda v, g: two * v + (1 - two) * g * g, second, gradients)
                rate = learning_rate * jnp.sqrt(1 - two**count) / (1 - one**count)

                def moved(p: Any, m: Any, v: Any, rate: Any = rate) -> Any:
                    return p - rate * m / (jnp.sqrt(v) + EPSILON)

                sides[side] = tree(moved, sides[side], first, second)
                moments[side] = (count, first, second)
                total += loss / steps
        return sides, moments, running, total

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))
    sides = [{name: jnp.array(weights[name]) for name in some} for some in players(weights)]
    zeros = jax.tree.map(jnp.zeros_like, sides)
    moments = [(jnp.zeros(()), z, jax.tree.map(jnp.copy, z)) for z in zeros]
    everything = [sides, moments, jax.tree.map(jnp.array, running_of(weights, names))]

    def step(x: Any, y: Any) -> float:
        *everything[:], loss = compiled(*everything, x, y)
        return float(loss)

    return step


def tensorflow_step(
    weights: Any, names: list[str], generator_steps: int, learning_rate: float
) -> Step:
    """TensorFlow: all updates of a batch in one `tf.function`."""
    import tensorflow as tf

    ops = SimpleNamespace(
        affine=lambda rows, kernel, bias: tf.nn.bias_add(tf.matmul(rows, kernel), bias),
        leaky=lambda rows: tf.nn.leaky_relu(rows, SLOPE),
        softplus=tf.nn.softplus,
        mean=tf.reduce_mean,
        stop=tf.stop_gradient,
        join=lambda parts: tf.concat(parts, 1),
        take=tf.gather,
        labels=lambda y, logits: tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, logits)),
    )

    w = {name: tf.Variable(value) for name, value in weights.items()}
    running = {
        name: [tf.Variable(a) for a in some] for name, some in running_of(weights, names).items()
    }
    first, second = (
        {name: tf.Variable(tf.zeros_like(value)) for name, value in weights.items()}
        for _ in range(2)
    )
    counts = [tf.Variable(0.0) for _ in range(2)]

    def normalize(rows: Any, scale: Any, shift: Any, name: str) -> Any:
        mean, variance = tf.nn.moments(rows, 0)
        for old, new in zip(running[name], (mean, variance), strict=True):
            old.assign_sub((old - new) * (1 - MOMENTUM))
        return tf.nn.batch_normalization(rows, mean, variance, shift, scale, TINY)

    def move(side: int, x: Any, y: Any) -> Any:
        own = {name: w[name] for name in players(w)[side]}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(own.values()))
            loss = turn(ops, bool(side), w, normalize, x, y)
        one, two = BETAS
        count = counts[side].assign_add(1.0)
        rate = learning_rate * tf.sqrt(1 - two**count) / (1 - one**count)
        for name, g in tape.gradient(loss, own).items():
            m = first[name].assign_add((g - first[name]) * (1 - one))
            v = second[name].assign_add((g * g - second[name]) * (1 - two))
            w[name].assign_sub(rate * m / (tf.sqrt(v) + EPSILON))
        return loss

    @tf.function
    def update(x: Any, y: Any) -> Any:
        loss = move(0, x, y)
        return loss + sum(move(1, x, y) for _ in range(generator_steps)) / generator_steps

    def step(x: Any, y: Any) -> float:
        x = {name: tf.convert_to_tensor(rows) for name, rows in x.items()}
        y = {name: tf.convert_to_tensor(rows) for name, rows in y.items()}
        return float(update(x, y))

    return step


STEPS = {"torch": torch_step, "jax": jax_step, "tensorflow": tensorflow_step}
