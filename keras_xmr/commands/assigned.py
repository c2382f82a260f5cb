"""`name=value`, as settings are given on the command line."""

import json
from collections.abc import Sequence

from keras_xmr.types import Config


def assigned(texts: Sequence[str]) -> Config:
    """Names to values, which are JSON or else strings.

    Raises:
        ValueError: If a text has no `=`.

    Example:
        >>> assigned(["epochs=3", "readout=logits"])
        {'epochs': 3, 'readout': 'logits'}
    """
    found: Config = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign:
            raise ValueError(f"An argument is set as name=value. Received: {text!r}.")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found
