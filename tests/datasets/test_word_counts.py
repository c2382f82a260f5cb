"""`WordCounts`: rows like any other items, columns by word."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from keras_xmr.datasets import WordCounts
from keras_xmr.datasets.word_counts import from_arrays, to_arrays
from keras_xmr.transforms import count_words

TABLE = np.array([[2, 0, 1], [0, 0, 0], [0, 3, 0], [1, 1, 1]])


@pytest.fixture
def counts():
    return WordCounts(csr_array(TABLE), ("ant", "bee", "cat"))


def test_counts_need_a_column_for_each_word():
    message = r"Counts need one column per word \(2\)\. Received: counts\.shape=\(4, 3\)\."
    with pytest.raises(ValueError, match=message):
        WordCounts(csr_array(TABLE), ("ant", "bee"))


def test_columns_come_in_the_order_asked_for_and_unknown_words_count_zero(counts):
    columns = counts.columns(["bee", "dog", "cat", "ant", "eel"])
    expected = np.insert(TABLE[:, [1, 2, 0]], [1, 3], 0, axis=1)
    np.testing.assert_array_equal(columns.toarray(), expected)
    assert columns.dtype == np.float64


@pytest.mark.parametrize("words", [["dog"], []])
def test_columns_of_unknown_or_no_words_are_zero_or_none(counts, words):
    columns = counts.columns(words).toarray()
    assert columns.shape == (4, len(words))
    assert not columns.any()


@pytest.mark.parametrize(
    "index", [np.array([3, 0]), np.array([True, False, False, True]), [2], np.zeros(0, int)]
)
def test_rows_are_chosen_by_number_or_mask(counts, index):
    chosen = counts[index]
    assert isinstance(chosen, WordCounts)
    assert chosen.words == counts.words
    np.testing.assert_array_equal(chosen.counts.toarray(), TABLE[index])
    assert len(chosen) == len(TABLE[index])


def test_arrays_bring_the_same_counts_back(counts, tmp_path):
    np.savez(tmp_path / "counts.npz", **to_arrays(counts))
    with np.load(tmp_path / "counts.npz", allow_pickle=False) as arrays:
        back = from_arrays(dict(arrays))
    assert back.words == counts.words
    np.testing.assert_array_equal(back.counts.toarray(), TABLE)
    assert back.counts.dtype.kind == "i"


def test_arrays_are_as_narrow_as_the_numbers_allow(counts):
    assert to_arrays(counts)["count_data"].dtype == np.uint8
    large = WordCounts(csr_array(TABLE * 200), counts.words)
    assert from_arrays(to_arrays(large)).counts.max() == 600
    many = WordCounts(
        csr_array(([1], ([0], [70_000])), shape=(1, 70_001)), tuple(map(str, range(70_001)))
    )
    assert from_arrays(to_arrays(many)).counts.indices.tolist() == [70_000]


def test_rows_by_slice_and_by_number_are_the_same():
    counts = count_words(["a dog", "a cat", "two dogs", "a bird"])
    for rows in (slice(0, 2), slice(2, 9), slice(None)):
        numbers = np.arange(4)[rows]
        np.testing.assert_array_equal(
            counts[rows].counts.toarray(), counts[numbers].counts.toarray()
        )


def test_words_of_one_name_are_counted_together():
    counts = count_words(["a dog", "dogs and a dog", "cats"])
    merged = counts.merged(lambda word: word.rstrip("s"))
    assert merged.words == ("a", "and", "cat", "dog")
    assert merged.counts.toarray().tolist() == [[1, 0, 0, 1], [1, 1, 0, 2], [0, 0, 1, 0]]


def test_words_are_replaced_by_their_parts():
    counts = WordCounts(csr_array([[2, 0, 1], [0, 3, 0]]), ("aab", "b", "cc"))
    replaced = counts.replaced(list)
    assert replaced.words == ("a", "b", "c")
    # Two aab and one cc; three b.
    assert replaced.counts.toarray().tolist() == [[4, 2, 2], [0, 3, 0]]


def test_the_words_of_a_text_come_the_most_frequent_first():
    counts = WordCounts(csr_array([[1, 0, 3], [0, 0, 0]]), ("dog", "grass", "runs"))
    assert counts.words_of(0) == ["runs", "dog"]
    assert counts.words_of(1) == []
