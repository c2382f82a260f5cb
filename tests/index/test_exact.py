"""`ExactIndex`, against a naive sort."""

import numpy as np
import pytest

from keras_xmr import ExactIndex
from keras_xmr.index import exact


def index_of(vectors, prefix="item"):
    return ExactIndex().add(vectors, [f"{prefix}{row}" for row in range(len(vectors))])


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)


@pytest.fixture
def queries():
    return np.random.default_rng(1).normal(size=(13, 6)).astype(np.float32)


def naive(queries, vectors, k):
    ids, scores = [], []
    for query in queries.astype(np.float64):
        cosines = [
            float(query @ row / (np.linalg.norm(query) * np.linalg.norm(row)))
            for row in vectors.astype(np.float64)
        ]
        best = sorted(range(len(vectors)), key=lambda row: -cosines[row])[:k]
        ids.append([f"item{row}" for row in best])
        scores.append([cosines[row] for row in best])
    return ids, scores


@pytest.mark.parametrize("k", [1, 7, 50])
def test_a_search_finds_what_a_naive_sort_finds(k, queries, vectors):
    ids, scores = naive(queries, vectors, k)
    ranking = index_of(vectors).search(queries, k)
    assert ranking.ids.tolist() == ids
    np.testing.assert_allclose(ranking.scores, scores, atol=1e-10)
    assert (np.diff(ranking.scores, axis=1) <= 0).all()


def test_more_than_there_are_means_all(queries, vectors):
    index = index_of(vectors)
    assert len(index) == 50
    beyond, everything = index.search(queries, 999), index.search(queries, 50)
    assert beyond.ids.shape == (13, 50)
    np.testing.assert_array_equal(beyond.ids, everything.ids)


def test_the_default_is_ten_neighbours(queries, vectors):
    assert index_of(vectors).search(queries).ids.shape == (13, 10)


def test_equal_scores_rank_by_order_of_addition():
    row = np.array([0.3, 0.1, 0.7])
    index = ExactIndex().add(np.stack([row, row * 3, row]), ["z", "a", "m"])
    index.add(np.stack([row / 7, [1.0, 0.0, 0.0]]), ["b", "c"])
    ranking = index.search(row[None] * 5, 4)
    assert ranking.ids.tolist() == [["z", "a", "m", "b"]]
    assert len(set(ranking.scores[0].tolist())) == 1


def test_ties_among_many_items_are_not_left_to_the_sort():
    kinds = np.random.default_rng(0).integers(0, 3, 300)
    ranking = index_of(np.eye(3)[kinds]).search(np.array([[3.0, 2.0, 1.0]]), 300)
    expected = [f"item{row}" for kind in range(3) for row in np.flatnonzero(kinds == kind)]
    assert ranking.ids[0].tolist() == expected


def test_adding_bit_by_bit_is_adding_at_once(queries, vectors):
    index = ExactIndex()
    for start in range(0, 50, 7):
        rows = range(start, min(start + 7, 50))
        assert index.add(vectors[rows], [f"item{row}" for row in rows]) is index
    ranking, expected = index.search(queries, 9), index_of(vectors).search(queries, 9)
    np.testing.assert_array_equal(ranking.ids, expected.ids)
    np.testing.assert_array_equal(ranking.scores, expected.scores)


@pytest.mark.parametrize("rows", [1, 4, 13])
def test_blocks_of_queries_change_no_bit(rows, queries, vectors, monkeypatch):
    index = index_of(vectors)
    whole = index.search(queries, 50)
    sizes = []
    scores_of = exact.cosine_scores

    def counted(block, gallery):
        sizes.append(len(block))
        return scores_of(block, gallery)

    monkeypatch.setattr(exact, "cosine_scores", counted)
    monkeypatch.setattr(exact, "BLOCK_BYTES", rows * 8 * len(index))
    blocked = index.search(queries, 50)
    assert max(sizes) == rows
    assert sum(sizes) == 13
    np.testing.assert_array_equal(blocked.ids, whole.ids)
    np.testing.assert_array_equal(blocked.scores, whole.scores)


def test_a_block_holds_at_least_one_query(queries, vectors, monkeypatch):
    monkeypatch.setattr(exact, "BLOCK_BYTES", 1)
    index = index_of(vectors)
    assert index.search(queries, 3).ids.tolist() == naive(queries, vectors, 3)[0]


def test_no_query_gives_no_row(vectors):
    ranking = index_of(vectors).search(np.zeros((0, 6)), 4)
    assert ranking.ids.shape == ranking.scores.shape == (0, 4)


def test_ids_of_other_types_become_strings(vectors):
    index = ExactIndex().add(vectors, np.arange(50))
    assert index.search(vectors[[31]], 1).ids.tolist() == [["31"]]


@pytest.mark.parametrize(
    ("shape", "ids", "received"),
    [
        ((3, 2), ["a", "b"], r"vectors\.shape=\(3, 2\), 2 ids"),
        ((2,), ["a", "b"], r"vectors\.shape=\(2,\), 2 ids"),
    ],
)
def test_rows_and_ids_must_match(shape, ids, received):
    message = rf"An index takes one row and one id per item\. Received: {received}\."
    with pytest.raises(ValueError, match=message):
        ExactIndex().add(np.ones(shape), ids)


def test_rows_of_another_width_are_refused(vectors):
    message = (
        r"This index holds rows of 6 numbers\. Received: vectors\.shape=\(1, 5\)\. "
        r"Encode all with one model\."
    )
    index = index_of(vectors)
    with pytest.raises(ValueError, match=message):
        index.add(np.ones((1, 5)), ["new"])
    assert len(index) == 50


@pytest.mark.parametrize("ids", [["new", "item3"], ["new", "new"]])
def test_an_id_must_not_come_twice(ids, vectors):
    index = index_of(vectors)
    message = r"Ids must be unique within an index\. Received: an id twice\."
    with pytest.raises(ValueError, match=message):
        index.add(vectors[:2], ids)
    assert len(index) == 50


def test_searching_an_empty_index_is_refused():
    message = r"The index is empty\. Received: no items; call add\(\) first\."
    with pytest.raises(ValueError, match=message):
        ExactIndex().search(np.ones((1, 3)))


@pytest.mark.parametrize("k", [0, -1])
def test_searching_for_no_item_is_refused(k, queries, vectors):
    message = rf"A search returns at least one item\. Received: k={k}\."
    with pytest.raises(ValueError, match=message):
        index_of(vectors).search(queries, k)


def test_queries_of_another_width_are_refused(vectors):
    message = r"the same number of features\. Received: queries\.shape=\(1, 4\)"
    with pytest.raises(ValueError, match=message):
        index_of(vectors).search(np.ones((1, 4)))
