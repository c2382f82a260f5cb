"""What people give as one item or as several: a list, in the form that transforms take."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from keras_xmr.transforms.images import Picture
from keras_xmr.types import Array, Items

# Modes that each format keeps without loss; the others become RGB.
LOSSLESS = {
    "PNG": ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"),
    "TIFF": ("F", "CMYK", "YCbCr", "LAB"),
}
# Dimensions of the array of one picture: grey, or with channels behind.
PICTURE_DIMENSIONS = (2, 3)


def as_list(given: Any) -> Items:
    """A single string, path, file contents or picture as a list of one; others as they are.

    Example:
        >>> as_list("a dog"), as_list(["a dog", "a cat"])
        (['a dog'], ['a dog', 'a cat'])
    """
    return [given] if isinstance(given, str | bytes | Path | Image.Image) else given


def as_rows(given: Any) -> Items:
    """Feature rows `(n, d)`; one row `(d,)` becomes an array of one, and so do lists of rows.

    Example:
        >>> as_rows([0.5, 1.0]).shape
        (1, 2)
    """
    given = as_list(given)
    if isinstance(given, list | tuple) and not _has(given, str | bytes | Path):
        given = np.asarray(given)
    return given[None] if isinstance(given, np.ndarray) and given.ndim == 1 else given


def as_pictures(given: Any) -> list[Picture]:
    """Pictures as paths or as the bytes of files; those of Pillow and arrays are encoded.

    Args:
        given: One picture or several: paths, the bytes of files, `PIL.Image.Image`, or arrays of
            levels `(height, width)`, `(height, width, 3)` or `(height, width, 4)`, uint8.

    Raises:
        ValueError: If an array is of another shape or type.

    Example:
        >>> len(as_pictures(np.zeros((40, 30, 3), np.uint8)))
        1
    """
    given = as_list(given)
    if isinstance(given, np.ndarray) and given.dtype.kind in "fiub":
        given = [given] if _is_picture(given) else given
    return [_encoded(item) for item in given]


def _has(items: Any, kinds: Any) -> bool:
    return any(isinstance(item, kinds) for item in items)


def _is_picture(array: Array) -> bool:
    channels = array.shape[2:]
    return array.ndim in PICTURE_DIMENSIONS and channels in ((), (1,), (3,), (4,))


def _encoded(item: Any) -> Picture:
    if isinstance(item, np.ndarray):
        if item.dtype != np.uint8 or not _is_picture(item):
            raise ValueError(
                "The array of a picture has the shape (height, width), (height, width, 3) or "
                "(height, width, 4), and levels from 0 to 255, uint8. "
                f"Received: shape={item.shape}, {item.dtype}."
            )
        item = Image.fromarray(item[:, :, 0] if item.shape[2:] == (1,) else item)
    if not isinstance(item, Image.Image):
        return item  # type: ignore[no-any-return]
    kind = next((k for k, modes in LOSSLESS.items() if item.mode in modes), None)
    kept = item if kind else item.convert("RGB")
    encoded = io.BytesIO()
    # How a camera was held is told beside the pixels, as in the file.
    exif = {"exif": item.getexif()} if kind != "TIFF" and len(item.getexif()) else {}
    compression: Any = {"compress_level": 1} if kind != "TIFF" else {}
    kept.save(encoded, format=kind or "PNG", **exif, **compression)
    return encoded.getvalue()
