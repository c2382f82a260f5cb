"""From feature rows to relaxed codes in (0, 1)."""

from typing import Any

import keras


def hash_network(
    name: str,
    units: tuple[int, int],
    dropout: float,
    input_dropout: float,
    deviation: float | None,
    seed: int | None,
    dtype: Any,
) -> keras.Sequential:
    """A layer with tanh and one with a sigmoid, as both players of `UGACH` have for each medium.

    Args:
        name: Name of the network.
        units: Width of the hidden layer, and number of bits.
        dropout: Share of the hidden activations that are dropped in training.
        input_dropout: Share of the inputs that are.
        deviation: Of initial weights; `None` for Glorot's.
        seed: Seed of initial weights and dropout.
        dtype: Dtype policy.
    """
    layers: list[keras.layers.Layer] = []
    for i, (width, share, form) in enumerate(
        zip(units, (input_dropout, dropout), ("tanh", "sigmoid"), strict=True)
    ):
        of_layer = None if seed is None else seed + i
        if share:
            layers.append(keras.layers.Dropout(share, seed=of_layer, dtype=dtype))
        initializer = (
            keras.initializers.GlorotUniform(seed=of_layer)
            if deviation is None
            else keras.initializers.TruncatedNormal(stddev=deviation, seed=of_layer)
        )
        layers.append(
            keras.layers.Dense(width, activation=form, kernel_initializer=initializer, dtype=dtype)
        )
    network = keras.Sequential(layers, name=name)
    network.dtype_policy = keras.dtype_policies.get(dtype)
    return network
