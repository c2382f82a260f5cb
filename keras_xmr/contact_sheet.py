"""A contact sheet: the pictures a search found, on one picture."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from keras_xmr.datasets.opened_picture import opened_picture
from keras_xmr.transforms.images import as_rgb

TILE = 200
CAPTION = 34


def contact_sheet(files: Sequence[Path | None], captions: Sequence[str], title: str) -> Image.Image:
    """Lay pictures out five in a row, each over its caption.

    Args:
        files: Picture files `(n,)`; `None` leaves a grey tile.
        captions: One line for each.
        title: Line above all.

    Returns:
        The sheet, RGB.

    Raises:
        ValueError: If there is no picture file at all.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "red.png"
        ...     Image.new("RGB", (8, 8), "red").save(file)
        ...     sheet = contact_sheet([file, *[None] * 6], ["found"] * 7, "something red")
        >>> sheet.size
        (1000, 502)
    """
    if not any(files):
        raise ValueError(
            "A contact sheet shows at least one picture. "
            f"Received: no file for any of {len(files)} items. Leave the sheet out."
        )
    columns = 5
    rows = -(-len(files) // columns)
    sheet = Image.new("RGB", (columns * TILE, CAPTION + rows * (TILE + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    draw.text((8, 9), title, fill="black", font=font)
    for number, (file, caption) in enumerate(zip(files, captions, strict=True)):
        left = number % columns * TILE
        top = CAPTION + number // columns * (TILE + CAPTION)
        sheet.paste(_tile(file), (left + 4, top))
        draw.text((left + 8, top + TILE - 2), caption, fill="black", font=font)
    return sheet


def _tile(file: Path | None) -> Image.Image:
    size = (TILE - 8, TILE - 8)
    if file is None:
        return Image.new("RGB", size, "lightgrey")
    with opened_picture(file) as picture:
        ImageOps.exif_transpose(picture, in_place=True)
        return ImageOps.pad(as_rgb(picture), size, color="white")
