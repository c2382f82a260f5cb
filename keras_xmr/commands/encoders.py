"""What the options of encoders say."""

import argparse
from typing import Any


def encoders_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Medium to its encoder, or to a list of several: see `keras_xmr.train`.

    Raises:
        ValueError: If a medium has two of them.

    Example:
        >>> given = argparse.Namespace(
        ...     encoder=None, image_encoder="mobilenet_v2", text_encoder="tfidf+m", trunk=None)
        >>> encoders_of(given)
        {'image': 'mobilenet_v2', 'text': ['tfidf', 'm']}
    """
    if arguments.trunk and (arguments.encoder or arguments.image_encoder):
        raise ValueError(
            "Pictures go through a trunk or an encoder. Received: --trunk and an encoder of them."
        )
    of = {
        "image": arguments.image_encoder or arguments.encoder,
        "text": arguments.text_encoder or arguments.encoder,
    }
    return {medium: _parts(text) for medium, text in of.items() if text}


def _parts(text: str) -> Any:
    """One encoder, or a list of those between the plus signs."""
    parts = text.split("+")
    return parts if len(parts) > 1 else text


def raw_media(arguments: argparse.Namespace) -> Any:
    """Which media are to have raw items in place of bundled features: see `datasets.load`."""
    if arguments.trunk or arguments.encoder or arguments.image_encoder:
        return True
    return {"text"} if arguments.text_encoder else False
