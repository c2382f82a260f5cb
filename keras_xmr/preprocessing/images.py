"""Picture files -> pixel arrays."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from keras_xmr.types import Array

RESIZED = 256
CROPPED = 224


def load_picture(path: str | Path) -> Array:
    """Decode a picture, resize it to 256 x 256 and take the 224 x 224 centre, as CHTN does.

    The picture is turned upright by its EXIF orientation, and any mode becomes RGB.

    Args:
        path: A picture file of any format that Pillow reads.

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
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture)
    if "transparency" in upright.info:
        # Pillow warns of palettes with transparency that become RGB at once.
        upright = upright.convert("RGBA")
    resized = upright.convert("RGB").resize((RESIZED, RESIZED), Image.Resampling.BILINEAR)
    margin = (RESIZED - CROPPED) // 2
    return np.asarray(resized.crop((margin, margin, margin + CROPPED, margin + CROPPED)))
