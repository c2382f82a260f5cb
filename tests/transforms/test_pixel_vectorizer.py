"""`PixelVectorizer`: arrays of levels to rows."""

import json

import numpy as np
import pytest

from keras_xmr.transforms import PixelVectorizer


@pytest.mark.parametrize("shape", [(5, 3, 4), (5, 3, 4, 2)])
def test_rows_are_the_levels_between_zero_and_one(shape):
    pictures = np.random.default_rng(0).integers(256, size=shape).astype(np.uint8)
    vectorizer = PixelVectorizer().fit(pictures[:2])
    rows = vectorizer(pictures)
    assert vectorizer.dim == np.prod(shape[1:])
    assert rows.dtype == np.float32
    expected = [[level / 255 for level in picture.ravel()] for picture in pictures]
    np.testing.assert_allclose(rows, expected, rtol=1e-6)
    config, state = json.loads(json.dumps([vectorizer.get_config(), vectorizer.get_state()]))
    copy = PixelVectorizer(**config)
    copy.set_state(state)
    assert copy(pictures).tobytes() == rows.tobytes()
    assert copy(pictures[:0]).shape == (0, vectorizer.dim)


@pytest.mark.parametrize(
    "pictures",
    [
        np.zeros((2, 9), np.uint8),
        np.zeros((2, 3, 3)),
        np.zeros((0, 3, 3), np.uint8),
        [[[1, 2], [3, 4]]],
    ],
)
def test_other_things_than_pictures_are_refused(pictures):
    message = r"Expected an array of pictures \(n, height, width\) or .*, of type uint8\. Received:"
    with pytest.raises(ValueError, match=message):
        PixelVectorizer().fit(pictures)


def test_pictures_of_another_size_are_refused():
    vectorizer = PixelVectorizer().fit(np.zeros((2, 3, 3), np.uint8))
    message = r"Expected .* \('n', 3, 3\), as in training.* Received: shape=\(2, 3, 4\), type uint8"
    with pytest.raises(ValueError, match=message):
        vectorizer(np.zeros((2, 3, 4), np.uint8))


def test_an_unfitted_vectorizer_is_refused():
    with pytest.raises(RuntimeError, match="must be fitted before it is used"):
        PixelVectorizer()(np.zeros((2, 3, 3), np.uint8))
