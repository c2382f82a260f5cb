"""`load_picture`: upright RGB pixels of one size from any picture file."""

import numpy as np
import pytest
from PIL import Image

from keras_xmr.preprocessing import load_picture

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = {"top left": (20, 20), "top right": (20, 203), "bottom left": (203, 20)}
ORIENTATION = 0x0112


def four_colours(size=(320, 240)):
    """Red, green / blue, white."""
    width, height = size
    picture = Image.new("RGB", size, WHITE)
    picture.paste(RED, (0, 0, width // 2, height // 2))
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    return picture


def corners(pixels):
    return {name: tuple(pixels[place].tolist()) for name, place in CORNERS.items()}


UPRIGHT = {"top left": RED, "top right": GREEN, "bottom left": BLUE}


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (64, 64), (1, 1), (2000, 30)])
def test_any_size_becomes_224_by_224(size, tmp_path):
    Image.new("RGB", size, (9, 8, 7)).save(tmp_path / "a.png")
    pixels = load_picture(tmp_path / "a.png")
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == (9, 8, 7)).all()


def test_the_whole_picture_is_resized_and_the_centre_taken(tmp_path):
    picture = Image.new("RGB", (512, 256), WHITE)
    # 16 of 256 columns and rows fall away on each side: 32 of the 512 columns here.
    picture.paste(RED, (30, 14, 482, 242))
    picture.save(tmp_path / "a.png")
    pixels = load_picture(str(tmp_path / "a.png"))
    assert (pixels[:, 5] == RED).sum() > 600
    outside = Image.new("RGB", (512, 256), RED)
    outside.paste(WHITE, (36, 18, 476, 238))
    outside.save(tmp_path / "b.png")
    inner = load_picture(tmp_path / "b.png")
    assert tuple(inner[0, 0]) == RED
    assert tuple(inner[4, 4]) == WHITE


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (4, Image.Transpose.FLIP_TOP_BOTTOM),
        (5, Image.Transpose.TRANSPOSE),
        (6, Image.Transpose.ROTATE_90),
        (7, Image.Transpose.TRANSVERSE),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_exif_orientation_turns_a_photograph_upright(orientation, stored, tmp_path):
    picture = four_colours() if stored is None else four_colours().transpose(stored)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    picture.save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    for name, colour in corners(load_picture(tmp_path / "a.jpg")).items():
        np.testing.assert_allclose(colour, UPRIGHT[name], atol=3)


@pytest.mark.parametrize(
    ("mode", "colour", "ending", "rgb"),
    [
        ("1", 1, "png", WHITE),
        ("L", 7, "png", (7, 7, 7)),
        ("LA", (7, 100), "png", (7, 7, 7)),
        ("RGBA", (1, 2, 3, 100), "png", (1, 2, 3)),
        ("CMYK", (0, 255, 255, 0), "tif", RED),
        ("CMYK", (0, 0, 0, 0), "jpg", WHITE),
        ("YCbCr", (255, 128, 128), "jpg", WHITE),
    ],
)
def test_any_mode_becomes_rgb(mode, colour, ending, rgb, tmp_path):
    Image.new(mode, (50, 40), colour).save(tmp_path / f"a.{ending}")
    pixels = load_picture(tmp_path / f"a.{ending}")
    assert pixels.shape == (224, 224, 3)
    assert (pixels == rgb).all()


@pytest.mark.parametrize("options", [{}, {"transparency": 0}, {"transparency": bytes(range(256))}])
def test_a_palette_becomes_rgb_with_or_without_transparency(options, tmp_path):
    palette = four_colours().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    palette.save(tmp_path / "a.png", **options)
    with Image.open(tmp_path / "a.png") as written:
        assert written.mode == "P"
    assert corners(load_picture(tmp_path / "a.png")) == UPRIGHT


def test_a_missing_file_and_a_file_that_is_no_picture_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
        load_picture(tmp_path / "gone.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(OSError, match="cannot identify image file"):
        load_picture(tmp_path / "text.jpg")
