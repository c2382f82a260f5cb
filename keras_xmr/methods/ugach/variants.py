"""The variants of UGACH: corrected, as the paper has it, and as its authors' code executes it."""

from collections.abc import Mapping
from typing import Any

from keras_xmr.types import Config

CHOICES: dict[str, tuple[str, ...]] = {
    "variant": ("corrected", "paper", "released"),
    "matches": ("graph", "pair"),
    "estimator": ("exact", "sampled", "drawn"),
    "reward": ("margin", "softplus", "sigmoid"),
    "graph": ("union", "joint"),
}

PAPER: Config = {"variant": "paper"}
"""Arguments of `UGACH` with which it is the algorithm that the paper publishes."""

RELEASED: Config = {
    "variant": "released",
    "hidden_units": 8192,
    "initial_deviation": 0.1,
    "weight_penalty": 0.01,
    "pool_size": 300,
    "discriminator_steps": 1,
    "generator_steps": 2,
}
"""Arguments of `UGACH` with which it is what the authors' public code executes."""


def settings_of(variant: str, bits: int) -> Config:
    """What the arguments of `UGACH` that a variant decides are where they are `None`.

    Args:
        variant: Name of the variant.
        bits: Length of the codes, which distances grow with.
    """
    variants: dict[str, Config] = {
        "corrected": {
            "estimator": "exact",
            "samples": 8,
            "reward": "margin",
            "baseline": True,
            "graph": "joint",
            "symmetric": True,
            # Twice the margin of the release: with that one, the hinge by itself lets only
            # candidates count that are hard, and a generator finds no others.
            "margin": bits / 4,
            "temperature": bits / 4,
        },
        "paper": {
            "estimator": "sampled",
            "samples": 2,
            "reward": "softplus",
            "baseline": False,
            "graph": "union",
            "symmetric": True,
            "margin": 1.0,
            "temperature": 1.0,
        },
        "released": {
            "estimator": "drawn",
            "samples": 2,
            "reward": "sigmoid",
            "baseline": False,
            "graph": "union",
            "symmetric": False,
            "margin": bits / 8,
            "temperature": 1.0,
        },
    }
    return variants[variant]


def check_arguments(
    media: Mapping[str, int], hub: str, bits: int, chosen: Mapping[str, Any]
) -> None:
    """See that arguments of `UGACH` are among their choices.

    Args:
        media: Medium to width.
        hub: Must be one of the media.
        bits: Must fill whole bytes.
        chosen: Name of an argument to what was chosen, among `CHOICES`; others are let pass.

    Raises:
        ValueError: If not.
    """
    if hub not in media or len(media) < 2:
        raise ValueError(
            "There are at least two media, and the hub is one of them. "
            f"Received: {hub=}, media={dict(media)}."
        )
    if bits < 8 or bits % 8:
        raise ValueError(f"Codes are whole bytes: 16, 32, 64 or 128 bits. Received: {bits=}.")
    of_graph = (*CHOICES["graph"], *media)
    for name, choices in (CHOICES | {"graph": of_graph}).items():
        if chosen[name] not in (None, *choices):
            raise ValueError(f"The {name} is one of {choices}. Received: {name}={chosen[name]!r}.")
