"""Small pictures that are arrays already -> feature rows."""

import math
from typing import Any

import numpy as np

from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Array, FloatArray, Items


class PixelVectorizer(Transform):
    """Pictures of one size, as arrays of levels, to rows of numbers between 0 and 1.

    For pictures as small as those of MNIST. Larger ones need a network that looks at them: see
    `PictureLoader` and `extract_features`.

    Example:
        >>> pictures = np.array([[[0, 255], [0, 255]]], dtype=np.uint8)
        >>> PixelVectorizer().fit(pictures)(pictures).tolist()
        [[0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()

    @classmethod
    def takes(cls, items: Items, medium: str) -> bool:
        """Pictures that are arrays of bytes."""
        return _is_pictures(items)

    def fit(self, pictures: Array) -> "PixelVectorizer":
        """Take over the size of the training pictures `(n, ...)`; returns `self`.

        Raises:
            ValueError: If they are no pictures, or none.
        """
        if not _is_pictures(pictures) or not pictures.size:
            raise ValueError(_expected("(n, height, width) or (n, height, width, c)", pictures))
        self.shape = pictures.shape[1:]
        return self

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return math.prod(self.shape) if self.shape else 0

    def __call__(self, pictures: Array) -> FloatArray:
        """Rows `(n, dim)`, float32.

        Raises:
            RuntimeError: Before `fit`.
            ValueError: If the pictures are of another size than those in training.
        """
        if not self.shape:
            raise RuntimeError("A PixelVectorizer must be fitted before it is used. Call fit().")
        if not _is_pictures(pictures) or pictures.shape[1:] != self.shape:
            raise ValueError(_expected(f"{('n', *self.shape)}, as in training", pictures))
        return pictures.reshape(len(pictures), self.dim).astype(np.float32) / 255

    def listed(self, given: Any) -> Items:
        """Pictures `(n, ...)`, of one picture or a list of them too."""
        if isinstance(given, list | tuple):
            return np.asarray(given)
        one = isinstance(given, np.ndarray) and given.shape == self.shape
        return given[None] if one else given

    def get_state(self) -> dict[str, list[Any]]:
        """The size of the pictures, JSON-serialisable."""
        return {"shape": list(self.shape)}

    def set_state(self, state: dict[str, list[Any]]) -> None:
        """Take over what `get_state` gave."""
        self.shape = tuple(state["shape"])


def _is_pictures(pictures: Any) -> bool:
    return (
        isinstance(pictures, np.ndarray) and pictures.dtype == np.uint8 and pictures.ndim in (3, 4)
    )


def _expected(shape: str, received: Any) -> str:
    kind = getattr(received, "dtype", type(received).__name__)
    return (
        f"Expected an array of pictures {shape}, of type uint8. "
        f"Received: shape={getattr(received, 'shape', None)}, type {kind}."
    )
