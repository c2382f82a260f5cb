"""One item is as good as a list of one, and pictures are paths, bytes, Pillow's or arrays."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_xmr.transforms import FeatureScaler, PictureLoader, PixelVectorizer
from keras_xmr.transforms.given import as_list, as_pictures, as_rows

pytestmark = pytest.mark.once

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.fixture
def file(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_one_string_is_a_list_of_one(file):
    for one in ("a dog", file, b"bytes", Image.fromarray(PIXELS)):
        assert as_list(one) == [one]
    assert as_list(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize("given", [[1.0, 2.0], np.array([1.0, 2.0]), [np.array([1.0, 2.0])]])
def test_one_row_is_an_array_of_one(given):
    np.testing.assert_array_equal(as_rows(given), [[1.0, 2.0]])
    assert FeatureScaler(standardize=False).fit(np.ones((2, 2))).listed(given).shape == (1, 2)


def test_a_picture_is_the_same_in_every_form(file):
    loader = PictureLoader(12, 16)
    wanted = loader([str(file)])
    for one in (file, str(file), file.read_bytes(), Image.open(file), PIXELS):
        for given in (one, [one], (one,)):
            np.testing.assert_array_equal(loader(loader.listed(given)), wanted)
    np.testing.assert_array_equal(loader(loader.listed(PIXELS[None])), wanted)
    np.testing.assert_array_equal(loader(loader.listed([PIXELS, file])), np.repeat(wanted, 2, 0))


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "F"]
)
def test_pictures_of_pillow_in_every_mode(mode):
    picture = Image.fromarray(PIXELS)
    picture = picture.convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    (encoded,) = as_pictures(picture)
    with Image.open(io.BytesIO(encoded)) as again:
        wanted = picture.convert("RGB") if mode == "HSV" else picture
        assert again.mode == wanted.mode
        np.testing.assert_array_equal(np.asarray(again), np.asarray(wanted))


def test_a_picture_of_pillow_is_turned_upright_as_its_file_is(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(tmp_path / "turned.png", exif=exif)
    loader = PictureLoader(12, 16)
    opened = Image.open(tmp_path / "turned.png")
    found = loader(loader.listed(opened))
    np.testing.assert_array_equal(found, loader([tmp_path / "turned.png"]))
    assert not np.array_equal(found, loader(loader.listed(PIXELS)))


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 4)])
def test_arrays_are_grey_or_have_channels(shape):
    loader = PictureLoader(12, 16)
    array = np.full(shape, 7, np.uint8)
    # The fourth channel tells that all of it is seen.
    if len(shape) == 3:
        array[..., 3:] = 255
    assert (loader(loader.listed(array)) == 7).all()
    assert len(loader.listed(array)) == 1


@pytest.mark.parametrize(
    "array", [np.zeros((20, 30, 3)), np.zeros((20, 30, 2), np.uint8), np.zeros(9, np.uint8)]
)
def test_an_array_that_is_no_picture_is_refused(array):
    with pytest.raises(ValueError, match=r"levels from 0 to 255, uint8\. Received: shape"):
        as_pictures([array])


def test_one_small_picture_is_an_array_of_one():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    vectorizer = PixelVectorizer().fit(pictures)
    for given in (pictures[0], [pictures[0]]):
        np.testing.assert_array_equal(
            vectorizer(vectorizer.listed(given)), vectorizer(pictures)[:1]
        )
