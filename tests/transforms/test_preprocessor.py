"""`Preprocessor`: one transform for each medium."""

import json
from pathlib import Path

import numpy as np
import pytest

from keras_xmr.datasets import CrossModalData, MediumItems, toy
from keras_xmr.transforms import (
    AudioVectorizer,
    FeatureScaler,
    PictureLoader,
    PixelVectorizer,
    Preprocessor,
    TextVectorizer,
    count_words,
)

NAMES = ["a", "b", "c"]


def data_of(**items):
    split = ["train", "train", "test"]
    media = {name: MediumItems(x, [0, 1, 0], NAMES, split) for name, x in items.items()}
    return CrossModalData("some", media, ("x", "y"))


@pytest.mark.parametrize(
    ("medium", "items", "kind"),
    [
        ("text", ["one", "two", "three"], TextVectorizer),
        ("text", np.array(["one", "two", "three"]), TextVectorizer),
        ("captions", count_words(["one", "two", "three"]), TextVectorizer),
        ("text", np.eye(3), FeatureScaler),
        ("audio", np.eye(3), FeatureScaler),
        ("image", np.zeros((3, 4, 4), np.uint8), PixelVectorizer),
        ("image", ["a.jpg", "b.jpg", "c.jpg"], PictureLoader),
        ("voice", ["b.WAV", "a.wav", "c.wav"], AudioVectorizer),
        ("sound", [Path("a.flac")] * 3, AudioVectorizer),
        ("text", ["a.wav", "b.wav", "c.wav"], TextVectorizer),
    ],
)
def test_the_usual_transform_goes_by_what_a_medium_holds(medium, items, kind):
    transforms = Preprocessor.for_data(data_of(**{medium: items})).transforms
    assert set(transforms) == {medium}
    assert type(transforms[medium]) is kind
    assert transforms[medium].get_config() == kind.usual().get_config()


@pytest.mark.parametrize(
    ("medium", "items"),
    [("image", [1.5, 2.5, 3.5]), ("image", np.zeros((3, 2, 2))), ("text", [1, 2, 3])],
)
def test_other_items_need_a_transform_given(medium, items):
    message = (
        r"Without a transform given for it, a medium must hold feature rows \(n, d\), "
        r"WordCounts, picture or sound files, or sentences under a name such as 'text'\. "
        rf"Received: medium '{medium}' of ndarray\."
    )
    data = data_of(**{medium: items})
    with pytest.raises(ValueError, match=message):
        Preprocessor.for_data(data)
    given = FeatureScaler(norm="none")
    assert Preprocessor.for_data(data, **{medium: given}).transforms[medium] is given


def test_a_given_transform_replaces_the_usual_one_of_its_medium_alone():
    given = TextVectorizer(3, weighting="counts")
    preprocessor = Preprocessor.for_data(toy(), text=given)
    assert preprocessor.transforms["text"] is given
    assert isinstance(preprocessor.transforms["image"], FeatureScaler)


def test_a_transform_for_no_medium_of_the_data_is_refused():
    message = (
        r"Transforms go with the media \['image', 'text'\] of 'toy'\. "
        r"Received: transforms for \['imgae'\]\."
    )
    with pytest.raises(ValueError, match=message):
        Preprocessor.for_data(toy(), imgae=FeatureScaler())


def test_it_fits_each_transform_on_the_items_given_and_applies_it():
    data = toy(("image", "text", "audio"))
    train = data.part("train")
    preprocessor = Preprocessor.for_data(data).fit(train)
    for medium, kind in (("image", FeatureScaler), ("text", TextVectorizer)):
        alone = kind.usual().fit(train.media[medium].items)
        assert preprocessor.dims[medium] == alone.dim
        items = data.media[medium].items
        np.testing.assert_array_equal(preprocessor(items, medium), alone(items))


def test_an_unknown_medium_is_refused():
    message = r"This preprocessor serves the media \['image', 'text'\]\. Received: medium='audio'\."
    preprocessor = Preprocessor.for_data(toy()).fit(toy())
    with pytest.raises(KeyError, match=message):
        preprocessor(np.zeros((1, 12)), "audio")


def test_fitting_on_data_without_one_of_its_media_is_refused():
    with pytest.raises(KeyError, match=r"has the media \['image'\]\. Received: medium='text'"):
        Preprocessor.for_data(toy()).fit(toy(["image"]))


def test_json_brings_the_fitted_preprocessor_back():
    data = toy()
    preprocessor = Preprocessor.for_data(data, image=FeatureScaler(norm="none")).fit(data)
    config = json.loads(json.dumps(preprocessor.get_config()))
    copy = Preprocessor.from_config(config)
    assert list(copy.transforms) == ["image", "text"]
    assert copy.get_config() == preprocessor.get_config()
    for medium, items in data.media.items():
        rows = preprocessor(items.items, medium)
        assert copy(items.items, medium).tobytes() == rows.tobytes()


def test_an_unknown_transform_is_refused():
    config = {"audio": {"transform": "Fourier", "config": {}, "state": {}}}
    message = (
        r"Known transforms are \['AudioVectorizer', 'Chain', .*'TextVectorizer', .*\]\. "
        r"Received: transform='Fourier' for medium 'audio'\."
    )
    with pytest.raises(ValueError, match=message):
        Preprocessor.from_config(config)
