"""Word vectors: those that are trained, against a double loop; those that are given, of a file."""

import numpy as np
import pytest

from keras_xmr.transforms import given_word_vectors, tokenize, train_word_vectors

RNG = np.random.default_rng(0)
WORDS = tuple("abcdefgh")
# Words of the first half keep to themselves, and so do those of the second.
TEXTS = [" ".join(RNG.choice(list(half), size=12)) for half in ("abcd", "efgh") for _ in range(30)]


def information(texts, words, window):
    """Positive pointwise mutual information, one pair of words after the other."""
    counts = np.zeros((len(words), len(words)))
    for text in texts:
        tokens = tokenize(text)
        for i, one in enumerate(tokens):
            for j, other in enumerate(tokens):
                if one in words and other in words and 0 < abs(i - j) <= window:
                    share = 1 - (abs(i - j) - 1) / window
                    counts[words.index(one), words.index(other)] += share
    of_context = counts.sum(axis=1) ** 0.75
    expected = counts.sum(axis=1)[:, None] * of_context / of_context.sum()
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.where(counts, counts, 1e-300) / expected), 0)


@pytest.mark.parametrize("window", [1, 3, 20])
def test_their_products_are_those_of_the_information(window):
    vectors = train_word_vectors(TEXTS, WORDS, dim=7, window=window).astype("float64")
    assert np.mean(vectors**2) == pytest.approx(1, rel=1e-5)
    left, values, _ = np.linalg.svd(information(TEXTS, WORDS, window))
    wanted = (left[:, :7] * values[:7]) @ left[:, :7].T
    gram = vectors @ vectors.T
    scale = np.trace(gram) / np.trace(wanted)
    np.testing.assert_allclose(gram, scale * wanted, atol=1e-3 * np.abs(gram).max())


def test_words_of_the_same_surroundings_are_alike():
    vectors = train_word_vectors(TEXTS, WORDS, dim=2)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = unit @ unit.T
    assert likeness[:4, :4].min() > likeness[:4, 4:].max() + 0.5


def test_training_is_the_same_each_time_and_leaves_out_other_words():
    one = train_word_vectors(TEXTS, WORDS[:6], dim=4)
    np.testing.assert_array_equal(one, train_word_vectors(TEXTS, WORDS[:6], dim=4))
    wide = train_word_vectors(TEXTS, WORDS, dim=20)
    assert wide.shape == (8, 20)
    assert not wide[:, 7:].any()


@pytest.mark.parametrize(
    ("texts", "match"),
    [(["a", "b"], r"2 texts, 8 words, none of them"), ("a b", "single string")],
)
def test_words_must_be_together(texts, match):
    with pytest.raises(ValueError, match=match):
        train_word_vectors(texts, WORDS)


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_a_file_of_vectors_is_read(tmp_path, header):
    path = tmp_path / "vectors.txt"
    path.write_text(f"{header}dog 1.5 -2\nünder 0 1e-3\ncat 4 5\n", encoding="utf-8")
    vectors, known = given_word_vectors(path, ("cat", "house", "ünder"))
    np.testing.assert_allclose(vectors, [[4, 5], [0, 0], [0, 1e-3]])
    assert known.tolist() == [True, False, True]
    assert vectors.dtype == np.float32


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        ("dog 1 2\ncat 1 2 3\n", r"vectors for 2 of 2 words, of shapes \["),
        ("bird 1 2\n", r"vectors for 0 of 2 words"),
        ("dog 1 x\n", r"'dog' is followed by \['1', 'x'\]"),
    ],
)
def test_a_bad_file_is_an_error(tmp_path, lines, match):
    path = tmp_path / "vectors.txt"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(ValueError, match=match):
        given_word_vectors(path, ("dog", "cat"))
