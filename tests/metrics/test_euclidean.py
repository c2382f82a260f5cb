"""Ranking by Euclidean distance, through cosines."""

import numpy as np
import pytest

from keras_xmr.index import ExactIndex
from keras_xmr.metrics import average_precision, comparable, ranked_relevance_blocks, relevance


def order_by_distance(queries, gallery):
    """Each query's gallery by distance; equal ones by their number."""
    distances = [[np.sum((q - g) ** 2) for g in gallery] for q in queries.astype("float64")]
    return np.argsort(distances, axis=1, kind="stable")


def cosines(queries, gallery):
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, gallery)]
    return unit[0] @ unit[1].T


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("offset", [0.0, 3.0])
@pytest.mark.parametrize("features", [1, 2, 200])
def test_cosines_of_comparable_rows_order_by_distance(scale, offset, features):
    rng = np.random.default_rng(0)
    queries, gallery = (scale * (rng.normal(size=(n, features)) + offset) for n in (9, 40))
    gallery *= rng.uniform(0.1, 3, size=(40, 1))
    found = np.argsort(-cosines(*comparable(queries, gallery, "euclidean")), axis=1, kind="stable")
    np.testing.assert_array_equal(found, order_by_distance(queries, gallery))


def test_the_difference_of_cosines_is_in_proportion_to_that_of_squared_distances():
    rng = np.random.default_rng(1)
    queries, gallery = rng.normal(size=(2, 5, 3))
    found = cosines(*comparable(queries, gallery))
    squares = ((queries[:, None] - gallery) ** 2).sum(axis=2)
    for row, square in zip(found, squares, strict=True):
        slope = np.diff(row) / np.diff(square)
        np.testing.assert_allclose(slope, slope[0], rtol=1e-8)
        assert slope[0] < 0


def test_by_cosine_rows_stay_as_they_are():
    rows = np.eye(3)
    assert comparable(rows, rows, "cosine") == (rows, rows)


@pytest.mark.parametrize("rows", [np.zeros((3, 2)), np.ones((3, 2)), np.zeros((0, 2))])
def test_equal_items_tie_in_their_order(rows):
    _, gallery = comparable(np.array([[1.0, 2.0]]), rows)
    assert np.isfinite(gallery).all()
    if len(rows):
        ranked = ExactIndex("euclidean").add(rows, list("abc")).search(np.array([[1.0, 2.0]]), 3)
        assert ranked.ids.tolist() == [["a", "b", "c"]]


def test_the_index_returns_negated_distances():
    gallery = np.array([[0.0, 0.0], [3.0, 4.0], [30.0, 40.0]])
    ranking = (
        ExactIndex("euclidean")
        .add(gallery, ["near", "middle", "far"])
        .search(np.array([[3.0, 4.0], [29.0, 40.0]]), k=2)
    )
    assert ranking.ids.tolist() == [["middle", "near"], ["far", "middle"]]
    np.testing.assert_allclose(ranking.scores[0], [0.0, -5.0])
    # By cosine all but the first would be alike.
    by_cosine = ExactIndex().add(gallery, ["near", "middle", "far"]).search(gallery[2:], k=2)
    assert by_cosine.ids.tolist() == [["middle", "far"]]


def test_average_precision_by_distance_is_that_of_the_naive_loop():
    rng = np.random.default_rng(2)
    queries, gallery = rng.normal(size=(20, 3)), rng.normal(size=(50, 3))
    labels = rng.integers(0, 4, 20), rng.integers(0, 4, 50)
    blocks = ranked_relevance_blocks(*comparable(queries, gallery), *labels)
    found = np.concatenate([average_precision(ranked) for _, ranked in blocks])
    relevant = np.take_along_axis(relevance(*labels), order_by_distance(queries, gallery), axis=1)
    for row, value in zip(relevant, found, strict=True):
        hits = np.flatnonzero(row)
        assert value == pytest.approx(np.mean([(i + 1) / (h + 1) for i, h in enumerate(hits)]))


def test_metrics_are_named():
    with pytest.raises(ValueError, match=r"'cosine', 'euclidean'.* Received: metric='dot'"):
        comparable(np.eye(2), np.eye(2), "dot")
    with pytest.raises(ValueError, match=r"Received: metric='dot'"):
        ExactIndex("dot")
