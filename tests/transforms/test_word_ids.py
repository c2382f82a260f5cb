"""Word numbers: vocabulary, order, length, errors."""

import json

import numpy as np
import pytest

from keras_xmr.datasets import pascal_sentences
from keras_xmr.transforms import Preprocessor, WordIds

TEXTS = ["the dog and the cat", "a cat", "the bird"]


def test_words_are_numbered_by_frequency_then_by_alphabet():
    ids = WordIds().fit(TEXTS)
    assert ids.words == ("the", "cat", "a", "and", "bird", "dog")
    assert ids.dim == 5
    assert ids(["Bird, CAT the dog"]).tolist() == [[6, 3, 2, 7, 0]]


def test_rows_have_one_length_and_one_type():
    ids = WordIds(max_words=2, length=3).fit(TEXTS)
    rows = ids(["the dog and the cat", "", "cat"])
    assert rows.dtype == np.int32
    assert rows.tolist() == [[2, 1, 1], [0, 0, 0], [3, 0, 0]]
    assert ids([]).shape == (0, 3)


def test_the_state_survives_json():
    ids = WordIds(max_words=4).fit(TEXTS)
    again = WordIds(**json.loads(json.dumps(ids.get_config())))
    again.set_state(json.loads(json.dumps(ids.get_state())))
    assert again.dim == 5
    np.testing.assert_array_equal(again(TEXTS), ids(TEXTS))
    preprocessor = Preprocessor({"text": ids})
    loaded = Preprocessor.from_config(json.loads(json.dumps(preprocessor.get_config())))
    np.testing.assert_array_equal(loaded(TEXTS, "text"), ids(TEXTS))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: WordIds(max_words=0), r"at least one word\. Received: max_words=0"),
        (lambda: WordIds(length=0), r"at least one word\. Received: length=0"),
        (lambda: WordIds().fit(["!", ""]), r"Received: 2 texts without one"),
        (lambda: WordIds().fit("a dog"), r"single string"),
        (lambda: WordIds().fit([1]), r"an item of type int"),
        (
            lambda: WordIds().fit(pascal_sentences().media["text"].items),
            r"order of the words\. Received: WordCounts",
        ),
    ],
)
def test_errors_say_what_is_wrong(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_they_must_be_fitted():
    with pytest.raises(RuntimeError, match=r"must be fitted .* Call fit"):
        WordIds()(TEXTS)
