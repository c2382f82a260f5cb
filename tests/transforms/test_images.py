"""`load_picture`: upright RGB pixels of one size from any picture file."""

import io
import struct
import time

import numpy as np
import pytest
from PIL import Image

from keras_xmr.datasets.media_files import check_picture
from keras_xmr.transforms import load_picture
from keras_xmr.transforms.images import resized_picture

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
        ("LA", (7, 255), "png", (7, 7, 7)),
        ("LA", (7, 51), "png", (205, 205, 205)),
        ("RGBA", (1, 2, 3, 255), "png", (1, 2, 3)),
        ("RGBA", (5, 0, 255, 51), "png", (205, 204, 255)),
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


@pytest.mark.parametrize("ending", ["png", "gif"])
@pytest.mark.parametrize("transparent", [None, RED, GREEN])
def test_a_palette_becomes_rgb_with_or_without_transparency(transparent, ending, tmp_path):
    palette = four_colours().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    colours = np.reshape(palette.getpalette()[:12], (4, 3)).tolist()
    options = {"transparency": colours.index(list(transparent))} if transparent else {}
    palette.save(tmp_path / f"a.{ending}", **options)
    with Image.open(tmp_path / f"a.{ending}") as written:
        assert written.mode == "P"
    seen = {name: WHITE if rgb == transparent else rgb for name, rgb in UPRIGHT.items()}
    assert corners(load_picture(tmp_path / f"a.{ending}")) == seen


def test_ink_on_nothing_is_ink_on_white(tmp_path):
    drawing = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (0, 0, 20, 40))
    drawing.save(tmp_path / "a.png")
    pixels = resized_picture(tmp_path / "a.png", 40)
    assert (pixels[:, :20] == 0).all()
    assert (pixels[:, 20:] == 255).all()


def test_where_all_is_transparent_the_colours_are_seen(tmp_path):
    picture = four_colours()
    picture.putalpha(0)
    picture.save(tmp_path / "a.png")
    assert corners(load_picture(tmp_path / "a.png")) == UPRIGHT


@pytest.mark.parametrize(("ending", "mode"), [("png", "I;16"), ("tif", "I;16"), ("tif", "I;16B")])
def test_sixteen_bits_are_scaled_and_not_clipped(ending, mode, tmp_path):
    levels = np.repeat(np.array([[0, 300, 20000, 65535]], "uint16"), 64, axis=0).repeat(64, axis=1)
    stored = levels.astype(">u2").view("uint16") if mode == "I;16B" else levels
    Image.frombytes(mode, levels.shape[::-1], stored.tobytes()).save(tmp_path / f"a.{ending}")
    pixels = resized_picture(tmp_path / f"a.{ending}", 256)
    assert pixels[0, [32, 96, 160, 224], 0].tolist() == [0, 1, 78, 255]
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize(
    ("mode", "levels", "wanted"),
    [
        ("I", [0, 51, 255, -9], [0, 51, 255, 0]),
        ("I", [0, 257, 32896, 65535], [0, 1, 128, 255]),
        ("I", [0, 2**30, 2**29, -1], [0, 255, 128, 0]),
        ("F", [0.0, 0.5, 1.0, -3.0], [0, 128, 255, 0]),
        ("F", [0.0, 51.4, 255.0, np.nan], [0, 51, 255, 0]),
        ("F", [0.0, 257.0, 65535.0, np.inf], [0, 1, 255, 0]),
        ("F", [0.0, 0.0, 0.0, 0.0], [0, 0, 0, 0]),
    ],
)
def test_integers_and_floats_are_scaled_by_their_white(mode, levels, wanted, tmp_path):
    dtype = {"I": "int32", "F": "float32"}[mode]
    picture = Image.fromarray(np.array([levels] * 4, dtype))
    assert picture.mode == mode
    picture.save(tmp_path / "a.tif")
    pixels = resized_picture(tmp_path / "a.tif", 4)
    assert pixels[:, :, 1].tolist() == [wanted] * 4


def test_a_tiff_may_count_from_white_or_without_signs(tmp_path):
    levels = np.array([[0, 65535, 32896, 257]] * 4, "uint16")
    # 262: 0 is white.
    Image.fromarray(levels).save(tmp_path / "white.tif", tiffinfo={262: 0})
    assert resized_picture(tmp_path / "white.tif", 4)[0, :, 0].tolist() == [255, 0, 127, 254]
    levels = np.array([[0, 2**32 - 1, 2**31, 2**30]] * 4, "uint32")
    signed = encoded(Image.fromarray(levels.view("int32")), format="tiff")
    # 339: 1 is for numbers without signs, 2, as Pillow writes, for numbers with them.
    tag = struct.pack("<HHI", 339, 3, 1)
    assert tag + b"\2" in signed
    (tmp_path / "large.tif").write_bytes(signed.replace(tag + b"\2", tag + b"\1"))
    assert resized_picture(tmp_path / "large.tif", 4)[0, :, 0].tolist() == [0, 255, 128, 64]


@pytest.mark.parametrize("ending", ["jp2", "avif", "jfif", "webp", "bmp", "ppm", "tif"])
def test_formats_of_all_makers(ending, tmp_path):
    if ending == "avif":
        pytest.importorskip("PIL.AvifImagePlugin")
    file = tmp_path / f"a.{ending}"
    four_colours().save(file)
    check_picture(file)
    for name, colour in corners(load_picture(file)).items():
        np.testing.assert_allclose(colour, UPRIGHT[name], atol=9)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            "HEIC, which Pillow does not read; save it as JPEG",
        ),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "TIFF of a kind that Pillow does not read"),
        # Its decoding would start another program.
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture of a known format"),
        (b"<!DOCTYPE html><html>not found</html>", "no picture of a known format"),
    ],
)
def test_what_is_not_read_is_told_with_the_reason(content, reason, tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        check_picture(file)
    for given in (file, content):
        with pytest.raises(OSError, match=reason):
            load_picture(given)


def encoded(picture, **options):
    file = io.BytesIO()
    picture.save(file, **options)
    return file.getvalue()


def detailed(width, height):
    """Noise of many sizes added up: detail at every scale, like a photograph."""
    rng, total = np.random.default_rng(0), 0.0
    for cells in (4, 16, 64, 256, 1024):
        noise = Image.fromarray(rng.integers(256, size=(cells, cells, 3), dtype="uint8"))
        total = total + np.asarray(noise.resize((width, height)), "float32") / cells**0.5
    return Image.fromarray((total / total.max() * 255).astype("uint8"))


def test_bytes_are_decoded_like_their_file(tmp_path):
    picture = encoded(detailed(90, 70), format="jpeg")
    (tmp_path / "a.jpg").write_bytes(picture)
    np.testing.assert_array_equal(load_picture(picture), load_picture(tmp_path / "a.jpg"))


@pytest.mark.parametrize(("size", "reduced"), [((1023, 2000), False), ((1100, 2100), True)])
def test_large_jpegs_are_decoded_at_a_fraction_with_little_difference(size, reduced):
    picture = detailed(*size)
    found = resized_picture(encoded(picture, format="jpeg", quality=95)).astype(int)
    decoded = Image.open(io.BytesIO(encoded(picture, format="jpeg", quality=95)))
    wanted = np.asarray(decoded.resize((256, 256), Image.Resampling.BILINEAR), int)
    assert (found != wanted).any() == reduced
    assert np.abs(found - wanted).mean() < 1.0
    assert np.abs(found - wanted).max() <= 12


def test_a_very_large_jpeg_takes_a_fraction_of_the_time():
    picture = encoded(detailed(500, 500).resize((4100, 4100)), format="jpeg")

    def seconds(decode):
        start = time.thread_time()
        decode()
        return time.thread_time() - start

    def fully():
        Image.open(io.BytesIO(picture)).resize((256, 256), Image.Resampling.BILINEAR)

    ours = min(seconds(lambda: resized_picture(picture)) for _ in range(3))
    assert ours < 0.7 * min(seconds(fully) for _ in range(3))


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (333, 500), (100, 80), (30, 900), (1, 1)])
@pytest.mark.parametrize(("resized", "centre"), [(256, 224), (259, 227), (110, 96), (8, 7), (5, 5)])
def test_the_centre_alone_is_the_centre_of_the_whole_but_for_rounding(size, resized, centre):
    picture = encoded(detailed(*size), format="png")
    start = (resized - centre) // 2
    middle = slice(start, start + centre)
    wanted = resized_picture(picture, resized)[middle, middle].astype(int)
    found = resized_picture(picture, resized, centre)
    assert found.shape == wanted.shape == (centre, centre, 3)
    difference = np.abs(found - wanted)
    assert difference.max() <= 2
    assert (difference > 1).mean() < 0.01


def test_the_centre_of_an_upright_photograph_is_taken_after_turning_it():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    upright = detailed(40, 90)
    stored = encoded(upright.transpose(Image.Transpose.ROTATE_90), format="png", exif=exif)
    found = resized_picture(stored, 8, 6)
    np.testing.assert_array_equal(found, resized_picture(encoded(upright, format="png"), 8, 6))


def test_rgb_with_a_transparent_colour_keeps_the_others(tmp_path):
    picture = four_colours()
    picture.save(tmp_path / "a.png", transparency=RED)
    with Image.open(tmp_path / "a.png") as written:
        assert (written.mode, written.info["transparency"]) == ("RGB", RED)
    assert corners(load_picture(tmp_path / "a.png")) == {**UPRIGHT, "top left": WHITE}


def test_a_missing_file_and_a_file_that_is_no_picture_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
        load_picture(tmp_path / "gone.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(OSError, match="no picture of a known format"):
        load_picture(tmp_path / "text.jpg")


def test_messages_name_the_file_whatever_the_damage(tmp_path, monkeypatch):
    whole = encoded(detailed(200, 100), format="png")
    torn = whole[: len(whole) // 2]
    flipped = whole[:60] + bytes(byte ^ 0xFF for byte in whole[60:120]) + whole[120:]
    for number, damaged in enumerate([torn, flipped, b"", whole[:20]]):
        (tmp_path / f"broken{number}.png").write_bytes(damaged)
        with pytest.raises(OSError, match=rf"Received: .*broken{number}\.png: .*Leave it out"):
            load_picture(tmp_path / f"broken{number}.png")
    with pytest.raises(OSError, match=f"Received: a picture of {len(torn)} bytes: "):
        load_picture(torn)
    (tmp_path / "huge.png").write_bytes(whole)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200 * 100 // 3)
    with pytest.raises(OSError, match=r"huge\.png: Image size .* decompression bomb"):
        load_picture(tmp_path / "huge.png")


def test_a_truncated_jpeg_is_an_error_that_names_it(tmp_path):
    whole = encoded(detailed(300, 200), format="jpeg")
    (tmp_path / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(OSError, match=r"torn\.jpg: image file is truncated"):
        load_picture(tmp_path / "torn.jpg")


def test_only_paths_and_bytes_are_pictures():
    with pytest.raises(TypeError, match=r"path or as the bytes.*Received: an item of type float"):
        load_picture(0.5)
