"""Files that a user's data refer to: inside their folder, there, and whole.

Every function here raises a plain `ValueError` whose message is the reason, in a few words, why a
file cannot be used.
"""

import os
import re
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.datasets.bad_rows import short
from keras_xmr.types import Array

PICTURE_ENDINGS = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2"),
    *(".ppm", ".pgm", ".pbm"),
    # What telephones write, and Pillow does not read: it is told, and not passed over.
    *(".heic", ".heif"),
)
# What Pillow itself takes to be a decompression bomb: a quarter of a gigabyte of RGB.
MAX_PIXELS = 2**30 // 4 // 3
MAX_PATH = 1024
# A dot and some letters and digits at the end of one line, as in `a.jpg` or `b.npy`.
FILE_ENDING = re.compile(r"\A[^\n]*[^\s.]\.[A-Za-z]\w{0,4}\Z")


def named_text(medium: str) -> bool:
    """Whether a medium has a name that only texts have."""
    return medium.startswith("text") or medium.endswith("_text")


def names_file(text: str) -> bool:
    r"""Whether a string ends as names of files do.

    Example:
        >>> [names_file(text) for text in ("a dog.", "dogs/1.jpg", "v. 1.5", "It ended.\nSo")]
        [False, True, False, False]
    """
    return FILE_ENDING.search(text) is not None


def file_inside(folder: Path, name: str) -> Path:
    """The file `name` of `folder`.

    Args:
        folder: A directory, without symbolic links.
        name: Path relative to it, or an absolute one of a file below it. Windows' backslashes
            separate folders, too.

    Raises:
        ValueError: If the path leads out of the folder, or to no regular file.
    """
    if len(name) > MAX_PATH:
        raise ValueError(f"path of {len(name)} characters, the limit is {MAX_PATH}")
    relative = _relative(folder, name)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"path {short(name)} is not below the table's folder")
    path = folder / relative
    try:
        inside = path.resolve().is_relative_to(folder)
        # Not a pipe either: reading one would wait for ever.
        regular = inside and path.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"path {short(name)} cannot be followed") from error
    if not inside:
        raise ValueError(f"path {short(name)} leads out of the folder by a link")
    if not regular:
        raise ValueError(f"missing file {short(name)}")
    return path


def _relative(folder: Path, name: str) -> Path:
    """The path as it goes on from the folder, where it leads into it."""
    path = Path(name)
    if "\\" in name and not (folder / path).exists():
        path = Path(name.replace("\\", "/"))
    if not path.is_absolute() or ".." in path.parts:
        return path
    # The way to the folder may be a link; one below it is looked at later.
    for start in path.parents:
        if _same(start, folder):
            return path.relative_to(start)
    return path


def _same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def check_picture(path: Path) -> None:
    """Decode a picture to its end, as training will.

    Raises:
        ValueError: If it cannot be decoded, or has more than `MAX_PIXELS` pixels.
    """
    from PIL import ImageOps

    from keras_xmr.datasets.opened_picture import UnknownPictureError, opened_picture

    try:
        with opened_picture(path) as picture:
            width, height = picture.size
            if width * height <= MAX_PIXELS:
                picture.load()
                ImageOps.exif_transpose(picture, in_place=True)
    except UnknownPictureError:
        raise
    except Exception as error:
        # What a damaged file makes Pillow raise depends on where the damage is.
        reason = str(error) or type(error).__name__
        raise ValueError(f"picture cannot be decoded: {short(reason)}") from error
    if width * height > MAX_PIXELS:
        raise ValueError(f"picture of {width} x {height} pixels, the limit is {MAX_PIXELS} in all")


def feature_row(path: Path) -> Array:
    """The numbers `(d,)` of a `.npy` file, float32.

    Raises:
        ValueError: If it holds anything else.
    """
    try:
        # Mapped, because the size that a header claims is then compared with that of the file.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:
        raise ValueError(f"no array in {short(path.name)}: {short(str(error))}") from error
    if mapped.ndim != 1 or not mapped.size or mapped.dtype.kind not in "fiu":
        raise ValueError(
            f"array of shape {mapped.shape} and type {mapped.dtype}, not a row of numbers"
        )
    return finite(mapped)


def finite(numbers: Array) -> Array:
    """`numbers` as float32.

    Raises:
        ValueError: If one is not a number, infinite, or too large.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.array(numbers, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise ValueError("array with NaN or infinite numbers")
    return rows


def read_each(read: Callable[[Any], Any], items: Iterable[Any]) -> dict[Any, Any]:
    """`read` of every item, by several threads, each item once.

    Returns:
        Item to what `read` returned, or to the `ValueError` that it raised.
    """
    from PIL import Image

    def outcome(item: Any) -> Any:
        try:
            return read(item)
        except ValueError as error:
            return error

    unique = list(dict.fromkeys(items))
    # The filters are those of the whole process: set once, here, and not by each thread. Pillow
    # warns of what training does not mind (such as a damaged EXIF block), and of bombs.
    with warnings.catch_warnings(), ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return dict(zip(unique, pool.map(outcome, unique), strict=True))
