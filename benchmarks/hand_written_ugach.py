"""UGACH's training step written by hand in each framework: what `train_step.py` compares with.

Each function takes the weights of the model as NumPy arrays (`weights_of`) and the learning rate,
and returns a function that trains on one batch `(x, y)` and gives the loss as a float: that of the
discriminator plus that of the generator. The mathematics is that of UGACH with its default
arguments, 64 bits and the media image and text. The formulas are the same in each framework and
stand here once; gradients and updates are each framework's own, in its fastest form.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

MEDIA = ("image", "text")
PAIRS = (("image", "text"), ("text", "image"))
MARGIN = TEMPERATURE = 16.0
BETAS, EPSILON = (0.9, 0.999), 1e-7  # Of Adam, as Keras has them.
NEVER = -1e9

Step = Callable[[Any, Any], float]


def weights_of(model: Any) -> list[dict[str, np.ndarray]]:
    """Weights of the discriminator and of the generator, by name."""
    return [
        {
            f"{medium}{i}_{kind}": np.array(getattr(layer, name).numpy())
            for medium in MEDIA
            for i, layer in enumerate(player[medium].layers)
            for kind, name in (("w", "kernel"), ("b", "bias"))
        }
        for player in (model.discriminator, model.generator)
    ]


def codes(f: Any, w: Any, x: Any, parts: tuple[str, ...]) -> dict[str, list[Any]]:
    """Relaxed codes of the parts of a batch; the rows of a medium are one product of matrices."""
    found = {}
    for medium in MEDIA:
        rows = [x[f"{medium}{part}"] for part in parts]
        hidden = f.tanh(f.concat(rows) @ w[f"{medium}0_w"] + w[f"{medium}0_b"])
        relaxed = f.sigmoid(hidden @ w[f"{medium}1_w"] + w[f"{medium}1_b"])
        found[medium], start = [], 0
        for part in rows:
            found[medium].append(relaxed[start : start + len(part)])
            start += len(part)
    return found


def distances(f: Any, one: Any, other: Any) -> Any:
    """Squared distances of rows to rows."""
    return f.relu(f.sum(one * one)[:, None] + f.sum(other * other) - 2.0 * one @ f.transpose(other))


def shares(f: Any, w: Any, x: Any, neighbors: Any) -> list[Any]:
    """Probabilities of the candidates, for each pair of media."""
    of = codes(f, w, x, ("", "_pool"))
    return [
        f.softmax(
            f.where(neighbors > 0, NEVER, distances(f, of[query][0], of[target][1]) / -TEMPERATURE)
        )
        for query, target in PAIRS
    ]


def hinges(f: Any, w: Any, x: Any) -> list[Any]:
    """The margin loss of each candidate, for each pair of media."""
    of = codes(f, w, x, ("", "_match", "_pool"))
    found = []
    for query, target in PAIRS:
        apart = of[query][0] - of[target][1]
        far = distances(f, of[query][0], of[target][2])
        found.append(f.relu(MARGIN + f.sum(apart * apart)[:, None] - far))
    return found


def mean_of(f: Any, probabilities: list[Any], values: list[Any]) -> Any:
    """Expectation, as a mean over queries and pairs of media."""
    both = zip(probabilities, values, strict=True)
    return sum(f.mean(f.sum(p * value)) for p, value in both) / len(PAIRS)


def torch_step(weights: list[dict[str, np.ndarray]], learning_rate: float) -> Step:
    """Eager PyTorch with its own Adam: one kernel for the whole update."""
    import torch

    f = SimpleNamespace(
        tanh=torch.tanh, sigmoid=torch.sigmoid, relu=torch.relu, where=torch.where,
        concat=torch.cat, transpose=torch.t, mean=torch.mean,
        sum=lambda rows: rows.sum(1), softmax=lambda scores: scores.softmax(1),
    )  # fmt: skip
    players = [{n: torch.tensor(v, requires_grad=True) for n, v in w.items()} for w in weights]
    optimizers = [
        torch.optim.Adam(w.values(), learning_rate, BETAS, EPSILON, fused=True) for w in players
    ]

    def step(x: Any, y: Any) -> float:
        x = {name: torch.from_numpy(rows) for name, rows in x.items()}
        neighbors = torch.from_numpy(y["neighbors"])
        total = 0.0
        for player, optimizer in enumerate(optimizers):
            with torch.set_grad_enabled(player == 1):
                probabilities = shares(f, players[1], x, neighbors)
            with torch.set_grad_enabled(player == 0):
                losses = hinges(f, players[0], x)
            loss = mean_of(f, probabilities, losses)
            loss = loss if player == 0 else -loss / MARGIN
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total

    return step


def jax_step(weights: list[dict[str, np.ndarray]], learning_rate: float) -> Step:
    """JAX: both updates in one compiled function, with all state donated."""
    import jax
    from jax import numpy as jnp

    f = SimpleNamespace(
        tanh=jnp.tanh, sigmoid=jax.nn.sigmoid, relu=jax.nn.relu, where=jnp.where,
        concat=jnp.concatenate, transpose=jnp.transpose, mean=jnp.mean,
        sum=lambda rows: rows.sum(1), softmax=jax.nn.softmax,
    )  # fmt: skip

    def move(own: Any, moments: Any, loss_of: Any) -> Any:
        count, first, second = moments
        count += 1
        loss, gradients = jax.value_and_grad(loss_of)(own)
        (one, two), tree = BETAS, jax.tree.map
        first = tree(lambda m, g: one * m + (1 - one) * g, first, gradients)
        second = tree(lambda v, g: two * v + (1 - two) * g * g, second, gradients)
        rate = learning_rate * jnp.sqrt(1 - two**count) / (1 - one**count)
        own = tree(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), own, first, second)
        return loss, own, (count, first, second)

    def update(d: Any, g: Any, moments: Any, x: Any, neighbors: Any) -> Any:
        of_d, of_g = moments
        fixed = shares(f, g, x, neighbors)
        lost, d, of_d = move(d, of_d, lambda d: mean_of(f, fixed, hinges(f, d, x)))
        values = hinges(f, d, x)
        won, g, of_g = move(
            g, of_g, lambda g: -mean_of(f, shares(f, g, x, neighbors), values) / MARGIN
        )
        return d, g, (of_d, of_g), lost + won

    compiled = jax.jit(update, donate_argnums=(0, 1, 2))
    players = jax.tree.map(jnp.array, weights)
    zeros = jax.tree.map(jnp.zeros_like, players)
    moments = tuple((jnp.zeros(()), z, jax.tree.map(jnp.copy, z)) for z in zeros)
    everything = [*players, moments]

    def step(x: Any, y: Any) -> float:
        *everything[:], loss = compiled(*everything, x, y["neighbors"])
        return float(loss)

    return step


def tensorflow_step(weights: list[dict[str, np.ndarray]], learning_rate: float) -> Step:
    """TensorFlow: both updates in one `tf.function`."""
    import tensorflow as tf

    f = SimpleNamespace(
        tanh=tf.tanh, sigmoid=tf.sigmoid, relu=tf.nn.relu, where=tf.where,
        concat=lambda rows: tf.concat(rows, 0), transpose=tf.transpose, mean=tf.reduce_mean,
        sum=lambda rows: tf.reduce_sum(rows, 1), softmax=tf.nn.softmax,
    )  # fmt: skip
    players = [{name: tf.Variable(value) for name, value in w.items()} for w in weights]
    first, second = (
        [{name: tf.Variable(tf.zeros_like(v)) for name, v in w.items()} for w in weights]
        for _ in range(2)
    )
    counts = [tf.Variable(0.0) for _ in players]

    def move(player: int, loss_of: Any) -> Any:
        own = players[player]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(list(own.values()))
            loss = loss_of(own)
        one, two = BETAS
        count = counts[player].assign_add(1.0)
        rate = learning_rate * tf.sqrt(1 - two**count) / (1 - one**count)
        for name, g in tape.gradient(loss, own).items():
            m = first[player][name].assign_add((g - first[player][name]) * (1 - one))
            v = second[player][name].assign_add((g * g - second[player][name]) * (1 - two))
            own[name].assign_sub(rate * m / (tf.sqrt(v) + EPSILON))
        return loss

    @tf.function
    def update(x: Any, neighbors: Any) -> Any:
        d, g = players
        fixed = shares(f, g, x, neighbors)
        lost = move(0, lambda w: mean_of(f, fixed, hinges(f, w, x)))
        values = hinges(f, d, x)
        won = move(1, lambda w: -mean_of(f, shares(f, w, x, neighbors), values) / MARGIN)
        return lost + won

    def step(x: Any, y: Any) -> float:
        x = {name: tf.convert_to_tensor(rows) for name, rows in x.items()}
        return float(update(x, tf.convert_to_tensor(y["neighbors"])))

    return step


STEPS = {"torch": torch_step, "jax": jax_step, "tensorflow": tensorflow_step}
