"""Items that say nothing are told and rank nothing; one item is as good as a list of one."""

import warnings

import numpy as np
import pytest

import keras_xmr
from keras_xmr import CCA, ExactIndex
from keras_xmr.datasets import toy
from keras_xmr.transforms import TextVectorizer, WordIds

pytestmark = pytest.mark.once

DATA = toy()


@pytest.fixture(scope="module")
def model():
    return CCA.train(DATA, progress=False)


def test_a_text_without_a_known_word_is_told_and_scores_nothing(model):
    with pytest.warns(keras_xmr.BlankItemsWarning) as told:
        encoded = model.encode_text(["class1 thing0", "?!", ""])
    (warning,) = told
    assert str(warning.message) == (
        "2 of 3 items of 'text' say nothing that the model knows, first '?!': their rows are "
        "zeros, which score 0 against everything."
    )
    assert warning.filename == __file__
    assert encoded[0].any()
    assert not encoded[1:].any()
    gallery = ExactIndex(model.metric).add(model.encode_image(DATA), DATA.medium("image").ids)
    assert (gallery.search(encoded[1:], 5).scores == 0).all()


def test_a_row_of_zeros_says_nothing(model):
    with pytest.warns(keras_xmr.BlankItemsWarning, match="1 of 2 items of 'image' .* first row 1"):
        encoded = model.encode_image(np.array([[1.0] * 12, [0.0] * 12]))
    assert encoded[0].any()
    assert not encoded[1].any()


def test_what_is_known_is_not_told(model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.encode_text(["class1 qwertz"])


def test_one_item_is_as_good_as_a_list_of_one(model):
    row = DATA.medium("image").items[0]
    np.testing.assert_array_equal(model.encode_image(row), model.encode_image(row[None]))
    text = "class1 thing0"
    np.testing.assert_array_equal(model.encode_text(text), model.encode_text([text]))


@pytest.mark.parametrize("make", [TextVectorizer, WordIds])
def test_unknown_words_and_their_nearest(make):
    transform = make().fit(["a dog runs", "a cat sits"])
    assert transform.unknown("A dog feline runs, feline!") == ["feline"]
    assert transform.nearest("dogs", 1) == ["dog"]
    assert transform.nearest("qwertz", 2)[0] == "a"
    texts = ["a", "qwertz", ""]
    assert transform.blank(texts, transform(texts)).tolist() == [False, True, True]


def test_runs_of_characters_know_words_that_share_them():
    vectorizer = TextVectorizer(analyzer="unspaced").fit(["两只狗", "一只猫"])
    assert vectorizer.unknown("狗") == []
    assert vectorizer.unknown("qq 狗") == ["qq"]
    assert vectorizer.nearest("qq") == []


def test_of_words_and_their_runs_words_are_told():
    vectorizer = TextVectorizer(analyzer="both").fit(["a dog runs", "a cat sits"])
    assert vectorizer.unknown("dogs run") == ["dogs", "run"]
    assert vectorizer.nearest("dogs", 1) == ["dog"]


def test_stop_words_and_other_forms_are_not_unknown():
    vectorizer = TextVectorizer(stop_words=True, language="english").fit(["dogs run", "cats sit"])
    assert vectorizer.unknown("the dog is running with a feline") == ["feline"]
