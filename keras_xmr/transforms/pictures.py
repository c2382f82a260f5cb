"""Pictures -> batches of pixels: centre crops to encode, random crops to train on."""

import hashlib
import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from keras_xmr.transforms.given import as_pictures
from keras_xmr.transforms.images import CROPPED, RESIZED, Picture, resized_picture
from keras_xmr.transforms.transform import Transform, holds_files
from keras_xmr.types import Array, Config, Items

KEPT_BYTES = 2**29


class PictureLoader(Transform):
    """Picture files to pixels `(n, size, size, 3)`, uint8.

    A picture is decoded, turned upright, made RGB and resized to a square of `resized` pixels,
    whatever its proportions. To encode, its centre is taken; to train, a random part of the same
    size, mirrored half of the time. There is nothing to fit.

    Args:
        size: Width and height of the crops.
        resized: Width and height before cropping.
        mirror: Whether half of the pictures to train on are mirrored left to right.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> encoded = io.BytesIO()
        >>> Image.new("RGB", (40, 30), (9, 8, 7)).save(encoded, format="png")
        >>> loader = PictureLoader(size=4, resized=6)
        >>> pixels = loader([encoded.getvalue()])
        >>> pixels.shape, pixels.dtype.name, pixels[0, 0, 0].tolist()
        ((1, 4, 4, 3), 'uint8', [9, 8, 7])

    Reference:
        A. Krizhevsky, I. Sutskever, G. E. Hinton: ImageNet classification with deep convolutional
        neural networks, NIPS 2012, section 4.1 (crops of 224 from 256, mirrored).
    """

    needs_trunk = True
    of_pictures = True
    # Part of the name under which features are cached. Raise it with every change of the pixels
    # that the same arguments give.
    VERSION = 3

    def __init__(self, size: int = CROPPED, resized: int = RESIZED, *, mirror: bool = True) -> None:
        if not 1 <= size <= resized:
            raise ValueError(
                "Crops must have at least one pixel and fit into the resized picture. "
                f"Received: {size=}, {resized=}. Choose 1 <= size <= resized."
            )
        self.size = size
        self.resized = resized
        self.mirror = mirror

    @classmethod
    def for_size(cls, size: int) -> "PictureLoader":
        """The usual loader of a trunk that takes `size`: crops from pictures 8/7 as large."""
        return cls(size, round(size * RESIZED / CROPPED))

    @classmethod
    def takes(cls, items: Items, medium: str) -> bool:
        """Files, or the bytes of them."""
        return holds_files(items, medium)

    @property
    def dim(self) -> int:
        """Numbers of one picture."""
        return math.prod(self.shape)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape `(size, size, 3)` of one picture's pixels."""
        return (self.size, self.size, 3)

    def __call__(self, items: Sequence[Picture]) -> Array:
        """Centre crops `(n, size, size, 3)`, uint8.

        Raises:
            OSError: If a file is missing or is no picture; the message names it.
        """
        return self._decoded(items, self.size)

    def listed(self, given: Any) -> Items:
        """Paths or bytes of files, of one picture too, of Pillow's and of arrays."""
        return as_pictures(given)

    def drawn(
        self,
        items: Sequence[Picture],
        *,
        augment: bool = False,
        augmentation: Callable[[Array], Array] | None = None,
        sentence_dropout: float = 0.0,
    ) -> "PictureRows":
        """Pictures that are decoded when they are drawn: see `Transform.drawn`."""
        return PictureRows(items, self, augment=augment, augmentation=augmentation)

    def augmented(self, items: Sequence[Picture], rng: np.random.Generator) -> Array:
        """Random crops `(n, size, size, 3)`, uint8, half of them mirrored.

        All that is random is drawn from `rng` before anything else is done: the same generator
        gives the same pixels on every backend and from any thread.

        Args:
            items: Picture files, or the bytes of them.
            rng: Where the positions and the mirrorings are drawn.

        Raises:
            OSError: If a file is missing or is no picture; the message names it.
        """
        return self.random_crops(self.whole(items), rng)

    def whole(self, items: Sequence[Picture]) -> Array:
        """Uncropped pictures `(n, resized, resized, 3)`, uint8, decoded by several threads."""
        return self._decoded(items, self.resized)

    def random_crops(self, pictures: Sequence[Array] | Array, rng: np.random.Generator) -> Array:
        """The random part of `augmented`, on pictures `(resized, resized, 3)`.

        Args:
            pictures: What `whole` gave.
            rng: Where the positions and the mirrorings are drawn.
        """
        corners = rng.integers(self.resized - self.size + 1, size=(len(pictures), 2))
        mirrored = rng.random(len(pictures)) < 0.5
        crops = np.empty((len(pictures), *self.shape), dtype=np.uint8)
        for row, (top, left) in enumerate(corners):
            crop = pictures[row][top : top + self.size, left : left + self.size]
            crops[row] = crop[:, ::-1] if self.mirror and mirrored[row] else crop
        return crops

    def _decoded(self, items: Sequence[Picture], centre: int) -> Array:
        """The centre of every picture, decoded by several threads."""
        pixels = np.empty((len(items), centre, centre, 3), dtype=np.uint8)

        def fill(row: int) -> None:
            pixels[row] = resized_picture(items[row], self.resized, centre)

        in_threads(fill, range(len(items)))
        return pixels

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {"size": self.size, "resized": self.resized, "mirror": self.mirror}


def loaders_for(trunks: Mapping[str, Any]) -> dict[str, PictureLoader]:
    """Medium to the usual loader of its trunk, for trunks of pictures."""
    return {
        name: PictureLoader.for_size(trunk.input_shape[1])
        for name, trunk in picture_trunks(trunks).items()
    }


def picture_trunks(trunks: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the trunks that take pictures, `(n, height, width, 3)`."""
    return {name: trunk for name, trunk in trunks.items() if len(trunk.input_shape) == 4}


class PictureRows:
    """Pictures that are decoded as they are drawn, in the place of an array of rows.

    Pictures that were decoded once are kept, uncropped if crops are random, until `keep` bytes are
    full, so that later epochs decode the remaining ones only. Which those are does not change: each
    is drawn once in an epoch, so that exchanging them would gain nothing.

    Args:
        items: Picture files, or the bytes of them.
        loader: How they become pixels.
        augment: Whether random crops are drawn, to train on, and not centre crops.
        augmentation: What else is done to a batch of pixels `(n, size, size, 3)`, if anything,
            for example by an augmentation layer of keras-cv. Such a layer draws from its own
            random state, not from the generator given to `draw`: seed it to repeat a training.
        keep: Bytes of memory for decoded pictures, `3 * resized**2` each, or `3 * size**2` where
            only the centre is kept; 0 keeps none.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> encoded = io.BytesIO()
        >>> Image.new("RGB", (40, 30), (9, 8, 7)).save(encoded, format="png")
        >>> rows = PictureRows([encoded.getvalue()] * 3, PictureLoader(4, 6), augment=True)
        >>> len(rows), rows.draw(np.array([2, 0]), np.random.default_rng(0)).shape
        (3, (2, 4, 4, 3))
    """

    def __init__(
        self,
        items: Sequence[Picture],
        loader: PictureLoader,
        augment: bool,
        augmentation: Callable[[Array], Any] | None = None,
        *,
        keep: int = KEPT_BYTES,
    ) -> None:
        self.items = items
        self.loader = loader
        self.augment = augment
        self.augmentation = augmentation
        self.keep = keep
        self._kept: dict[int, Array] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.items)

    def settings(self) -> Config:
        """What decides, besides the generator, what is drawn; of own augmentation only whether."""
        names = [
            hashlib.sha256(i).hexdigest() if isinstance(i, bytes) else str(i) for i in self.items
        ]
        return {
            "items": names,
            "loader": self.loader.get_config(),
            "augment": self.augment,
            "augmentation": self.augmentation is not None,
        }

    def draw(self, rows: Array, rng: np.random.Generator) -> Array:
        """Pixels `(n, size, size, 3)` of the pictures `rows`.

        Args:
            rows: Numbers of the pictures `(n,)`.
            rng: Where crops and mirrorings are drawn, if they are random.

        Raises:
            OSError: If a file is missing or is no picture; the message names it.
        """
        pictures = self._pictures(np.asarray(rows).tolist())
        if self.augment:
            pixels = self.loader.random_crops(pictures, rng)
        else:
            pixels = np.asarray(pictures, dtype=np.uint8).reshape(-1, *self.loader.shape)
        return pixels if self.augmentation is None else _to_numpy(self.augmentation(pixels))

    def _pictures(self, rows: list[int]) -> list[Array]:
        """Centre crops, or uncropped pictures if crops are random, in the order of `rows`."""
        decode = self.loader.whole if self.augment else self.loader
        side = self.loader.resized if self.augment else self.loader.size
        # What is kept is never removed, so that looking needs no lock.
        missing = [row for row in dict.fromkeys(rows) if row not in self._kept]
        pixels = decode([self.items[row] for row in missing])
        decoded = dict(zip(missing, pixels, strict=True))
        with self._lock:
            room = self.keep // (3 * side**2) - len(self._kept)
            for row in missing[:room]:
                # A copy: a view would keep the whole batch in memory.
                self._kept[row] = decoded[row].copy()
        return [decoded[row] if row in decoded else self._kept[row] for row in rows]


def in_threads(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """`function` of every item, in order. Pillow lets threads decode at the same time."""
    workers = min(len(items), os.cpu_count() or 1)
    if workers < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))


def _to_numpy(batch: Any) -> Array:
    if isinstance(batch, np.ndarray):
        return batch
    import keras

    array: Array = keras.ops.convert_to_numpy(batch)
    return array
