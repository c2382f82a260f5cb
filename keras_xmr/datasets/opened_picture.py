"""Picture files -> Pillow's pictures, of the formats that are safe to open, and no others."""

import io
from pathlib import Path

from PIL import Image, UnidentifiedImageError

# Named, because Pillow knows others whose decoding starts another program (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
# The names by which a file of the HEIF family tells that it is of this kind.
HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


class UnknownPictureError(ValueError):
    """No picture of a known format; the message is the reason, in a few words."""


def opened_picture(picture: Path | bytes) -> Image.Image:
    """The picture, of which only the header has been read.

    Args:
        picture: A picture file, or the bytes of one.

    Raises:
        UnknownPictureError: If it is no picture of a known format.
        OSError: If there is no such file.

    Example:
        >>> opened_picture(b"")
        Traceback (most recent call last):
        keras_xmr.datasets.opened_picture.UnknownPictureError: empty file
    """
    # An older Pillow knows fewer formats, and learns of most when they are first asked for.
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        return Image.open(
            io.BytesIO(picture) if isinstance(picture, bytes) else picture, "r", formats
        )
    except UnidentifiedImageError as error:
        start = picture[:16] if isinstance(picture, bytes) else _start(picture)
        raise UnknownPictureError(_reason(start)) from error


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _reason(start: bytes) -> str:
    """Why Pillow does not know a file that begins so."""
    if not start:
        return "empty file"
    if start[4:8] == b"ftyp" and start[8:12] in HEIC:
        return "HEIC, which Pillow does not read; save it as JPEG"
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF of a kind that Pillow does not read, such as colours as floats; save it as PNG"
    return f"no picture of a known format ({', '.join(FORMATS)})"
