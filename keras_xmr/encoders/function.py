"""`Function`: any function from items to rows that says which one it is."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from keras_xmr.encoders.engine import MEDIA, Engine
from keras_xmr.types import Config, FloatArray

BLANK: dict[str, Any] = {"text": " ", "image": np.zeros((64, 64, 3), dtype=np.uint8)}
_KNOWN: dict[str, Any] = {}


def register(function: Any) -> Any:
    """Make a function known under its name, for presets that were made with it.

    A preset holds no code: it names the function and its fingerprint.

    Args:
        function: As `Function` takes it.

    Returns:
        The function.

    Example:
        >>> class Lengths:
        ...     name, fingerprint, reads, dim = "lengths", "v1", "text", 1
        ...     def __call__(self, items):
        ...         return np.array([[len(item)] for item in items])
        >>> register(Lengths()).name
        'lengths'
    """
    _KNOWN[function.name] = function
    return function


class Function(Engine):
    """A function from a list of texts, or of pixels `(height, width, 3)`, uint8, to rows.

    Args:
        function: A callable with the attributes `name` and `fingerprint`, a string that changes
            with whatever changes the rows. `reads`, `"image"` or `"text"`, tells what it takes, if
            it is not both; `dim` the width of its rows.

    Example:
        >>> class Lengths:
        ...     name, fingerprint, reads = "lengths", "v1", "text"
        ...     def __call__(self, items):
        ...         return np.array([[len(item)] for item in items])
        >>> Function(Lengths()).rows(["a dog"], "text").tolist()
        [[5.0]]
    """

    def __init__(self, function: Any) -> None:
        missing = [name for name in ("name", "fingerprint") if not hasattr(function, name)]
        if missing:
            raise ValueError(
                "A function that encodes has a name and a fingerprint, by which its rows are kept. "
                f"Received: {type(function).__name__} without {missing}."
            )
        self.function = function
        self.name = str(function.name)
        reads = getattr(function, "reads", None)
        self.reads = (reads,) if reads else MEDIA
        self._dim: int | None = getattr(function, "dim", None)

    @property
    def dim(self) -> int:
        """Width of the rows; a function that does not tell is called with a blank item."""
        if self._dim is None:
            self._dim = self.rows([BLANK[self.reads[0]]], self.reads[0]).shape[1]
        return self._dim

    def measured(self) -> str:
        """The fingerprint that the function has."""
        return str(self.function.fingerprint)

    def rows(self, items: Sequence[Any], medium: str) -> FloatArray:
        """What the function gives: see `Engine.rows`.

        Raises:
            ValueError: If it gives anything but one row for each item.
        """
        rows = np.asarray(self.function(list(items)), dtype=np.float32)
        if rows.ndim != 2 or len(rows) != len(items):
            raise ValueError(
                f"The function {self.name!r} must give one row for each of {len(items)} items. "
                f"Received: shape={rows.shape}."
            )
        self._dim = rows.shape[1]
        return rows

    def get_config(self) -> Config:
        """Name and fingerprint of the function, and the width of its rows."""
        return {"name": self.name, "sha256": self.fingerprint, "dim": self.dim}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`, of a function that is registered.

        Raises:
            ValueError: If it is not, or it is another one.
        """
        if config["name"] not in _KNOWN:
            raise ValueError(
                f"Functions registered are {sorted(_KNOWN)}. Received: a preset made with "
                f"{config['name']!r}. Call keras_xmr.encoders.register(function) first."
            )
        engine = cls(_KNOWN[config["name"]])
        engine._wanted, engine._dim = config["sha256"], config["dim"]
        engine.verify()
        return engine
