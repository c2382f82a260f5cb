"""Picture files -> pixel arrays of one size."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageOps

from keras_xmr.datasets.opened_picture import opened_picture
from keras_xmr.types import Array

Picture: TypeAlias = str | Path | bytes
"""A picture file, or the bytes of one."""

RESIZED = 256
CROPPED = 224
# Tags of TIFF: whether 0 is black or white, and whether numbers have a sign.
_PHOTOMETRIC, _SAMPLE_FORMAT = 262, 339


def load_picture(item: Picture) -> Array:
    """Decode a picture, resize it to 256 x 256 and take the 224 x 224 centre, as CHTN does.

    The picture is turned upright by its EXIF orientation, and any mode becomes RGB: what is
    transparent lies on white, as viewers show it, and grey levels of 16 bits or more are scaled
    to 8. Of several pages or frames the first is taken.

    Args:
        item: A picture file of one of the `FORMATS`, or the bytes of one.

    Returns:
        Pixels `(224, 224, 3)`, uint8.

    Raises:
        OSError: If the file is missing or is no picture.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (300, 200), color=7).save(f"{folder}/grey.png")
        ...     load_picture(f"{folder}/grey.png")[0, 0].tolist()
        [7, 7, 7]
    """
    return resized_picture(item, RESIZED, CROPPED)


def resized_picture(item: Picture, size: int = RESIZED, centre: int | None = None) -> Array:
    """Decode a picture, turn it upright and resize it to a square, whatever its proportions.

    A JPEG at least four times as large as asked for is decoded at a half, a quarter or an eighth of
    its size, which is several times faster; it is never decoded at less than twice the size asked
    for. Levels then differ by about 1 of 255 on average from those of a full decoding.

    Of the resized picture no more is computed than is asked for. The centre computed alone differs
    from the centre of the whole by rounding: by 1 of 255 here and there, seldom by 2.

    Args:
        item: A picture file, or the bytes of one.
        size: Width and height to resize to.
        centre: Width and height of the centre to take of that; all of it if `None`.

    Returns:
        Pixels `(centre, centre, 3)` or `(size, size, 3)`, uint8.

    Raises:
        OSError: If the file is missing or is no picture.
    """
    encoded = picture_bytes(item)
    try:
        with opened_picture(encoded) as picture:
            picture.draft(None, (2 * size, 2 * size))
            ImageOps.exif_transpose(picture, in_place=True)
            return np.asarray(_resized(as_rgb(picture), size, centre or size))
    except Exception as error:
        # What a damaged file makes Pillow raise depends on where the damage is: SyntaxError,
        # struct.error, ValueError, and DecompressionBombError where it claims to be huge.
        raise OSError(
            "Expected a picture that Pillow can decode. "
            f"Received: {picture_name(item)}: {str(error) or type(error).__name__}. "
            "Leave it out, or save it again from its source."
        ) from error


def picture_bytes(item: Picture) -> bytes:
    """The encoded picture.

    Raises:
        OSError: If there is no such file.
        TypeError: If `item` is neither a path nor bytes.
    """
    if isinstance(item, bytes):
        return item
    if isinstance(item, str | Path):
        return Path(item).read_bytes()
    raise TypeError(
        "A picture is given as a path or as the bytes of a picture file. "
        f"Received: an item of type {type(item).__name__}."
    )


def picture_name(item: Picture) -> str:
    """What messages call a picture."""
    return f"a picture of {len(item)} bytes" if isinstance(item, bytes) else str(item)


def _resized(picture: Image.Image, size: int, centre: int) -> Image.Image:
    """The centre of a picture resized to a square."""
    start = (size - centre) // 2
    stop = start + centre
    width, height = picture.size
    box = (start * width / size, start * height / size, stop * width / size, stop * height / size)
    return picture.resize((centre, centre), Image.Resampling.BILINEAR, box)


def as_rgb(picture: Image.Image) -> Image.Image:
    """The picture as models and people see it: grey levels scaled, and no transparency."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return Image.fromarray(_eight_bits(picture)).convert("RGB")
    if picture.has_transparency_data:
        return _on_white(picture.convert("RGBA"))
    # Converting would copy it.
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    """A picture `RGBA` as it looks on white paper.

    Where all of it is transparent, the transparency says nothing, as in files of programs that
    leave it at 0: it is dropped then.
    """
    if picture.getchannel("A").getextrema() == (0, 0):
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, "white")
    paper.alpha_composite(picture)
    return paper.convert("RGB")


def _eight_bits(picture: Image.Image) -> Array:
    """Grey levels as uint8. Pillow's own conversion would clip them at 255.

    Modes `I` (int32) and `F` do not say which level is white: it is taken to be the lowest of 1
    (for floats), 255 and 65535 that no level exceeds, or else the highest level.
    """
    mode, tags = picture.mode, getattr(picture, "tag_v2", {})
    levels = np.asarray(picture)
    if mode == "I" and tags and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1:
        # A TIFF without signs, which Pillow does not tell from one with them.
        levels = levels.view(np.uint32)
    levels = np.nan_to_num(levels.astype(np.float64), posinf=0.0, neginf=0.0).clip(min=0)
    if mode.startswith("I;16"):
        white = 65535.0
    else:
        whites = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
        top = levels.max()
        white = next((w for w in whites if top <= w), top)
    grey: Array = (levels * (255 / white)).round().astype(np.uint8)
    # A TIFF may count from white, which Pillow minds in pictures of 8 bits alone.
    return 255 - grey if tags.get(_PHOTOMETRIC) == 0 else grey
