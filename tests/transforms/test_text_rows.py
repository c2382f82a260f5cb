"""`TextRows`: sentences left out at random, the rest weighed as whole texts are."""

import numpy as np
import pytest

from keras_xmr.transforms import TextRows, TextVectorizer
from keras_xmr.transforms.text_rows import split_sentences

TEXTS = ["red dog. green cat. blue bird.", "red fish", "一只狗。两只猫。"]


@pytest.fixture
def vectorizer():
    return TextVectorizer().fit(TEXTS)


def subsets(text):
    """Every text that some of its sentences make."""
    sentences = split_sentences(text)
    masks = range(1, 2 ** len(sentences))
    return [" ".join(s for i, s in enumerate(sentences) if mask >> i & 1) for mask in masks]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("one\ntwo\n\nthree", ["one", "two", "three"]),
        ("no end", ["no end"]),
        ("3.5 metres, i.e. tall", ["3.5 metres, i.e.", "tall"]),
        ("狗。猫\uff01", ["狗。", "猫\uff01"]),
        ("", [""]),
        ("...", ["..."]),
    ],
)
def test_sentences(text, sentences):
    assert split_sentences(text) == sentences


def test_every_draw_is_a_text_of_some_of_the_sentences(vectorizer):
    rows = TextRows(TEXTS, vectorizer, dropout=0.5)
    rng = np.random.default_rng(0)
    for number, text in enumerate(TEXTS):
        possible = {vectorizer([part])[0].tobytes() for part in subsets(text)}
        drawn = {row.tobytes() for row in rows.draw(np.full(200, number), rng)}
        assert drawn == possible


def test_without_dropout_rows_are_the_whole_texts(vectorizer):
    rows = TextRows(TEXTS, vectorizer, dropout=0.0)
    index = np.array([2, 0, 1, 0])
    found = rows.draw(index, np.random.default_rng(0))
    np.testing.assert_array_equal(found, vectorizer(TEXTS)[index])


def test_the_share_left_out(vectorizer):
    rows = TextRows(["red dog. green cat. blue bird. red fish"] * 1000, vectorizer, 0.25)
    rng = np.random.default_rng(0)
    kept = [len(rows._kept(row, rng)) for row in range(1000)]
    assert min(kept) >= 1
    assert np.mean(kept) == pytest.approx(3.0, abs=0.1)


def test_the_same_generator_draws_the_same(vectorizer):
    rows = TextRows(TEXTS, vectorizer, dropout=0.5)
    one, two = (rows.draw(np.arange(3), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_shares_are_checked(vectorizer, dropout):
    with pytest.raises(ValueError, match=r"below 1\. Received: dropout="):
        TextRows(TEXTS, vectorizer, dropout)
