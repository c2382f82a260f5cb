"""Recall and success at k, by hand and against a plain loop."""

import re

import numpy as np
import pytest

from keras_xmr.metrics import recall_at_k, success_at_k


def test_hand_worked():
    ranked = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]], bool)
    for k, expected in [
        (1, [1 / 3, 0, np.nan]),
        (3, [2 / 3, 0, np.nan]),
        (4, [1, 1, np.nan]),
        (9, [1, 1, np.nan]),
    ]:
        np.testing.assert_array_equal(recall_at_k(ranked, k), expected)
    for k, expected in [(1, [1, 0, np.nan]), (3, [1, 0, np.nan]), (4, [1, 1, np.nan])]:
        np.testing.assert_array_equal(success_at_k(ranked, k), expected)


def test_one_relevant_item_gives_the_recall_of_image_text_retrieval():
    ranks = np.random.default_rng(0).integers(0, 100, 50)
    ranked = np.arange(100) == ranks[:, None]
    for k in (1, 5, 10):
        np.testing.assert_array_equal(recall_at_k(ranked, k), ranks < k)
        np.testing.assert_array_equal(success_at_k(ranked, k), ranks < k)


@pytest.mark.parametrize("k", [1, 20, 200])
def test_equal_to_a_loop(k):
    ranked = np.random.default_rng(1).random((40, 200)) < 0.05
    expected = [sum(row[:k].tolist()) / sum(row.tolist()) for row in ranked]
    np.testing.assert_array_equal(recall_at_k(ranked, k), expected)
    np.testing.assert_array_equal(success_at_k(ranked, k), [any(row[:k]) for row in ranked])


@pytest.mark.parametrize("metric", [recall_at_k, success_at_k])
def test_empty(metric):
    assert metric(np.empty((0, 5), bool), 1).shape == (0,)
    np.testing.assert_array_equal(metric(np.empty((2, 0), bool), 1), [np.nan, np.nan])


@pytest.mark.parametrize("metric", [recall_at_k, success_at_k])
def test_errors(metric):
    with pytest.raises(ValueError, match=re.escape("Received: k=0. Give the number of leading")):
        metric(np.ones((1, 2), bool), 0)
    with pytest.raises(ValueError, match=re.escape("Received: ranked.shape=(2,), ranked.dtype=")):
        metric(np.ones(2, bool), 1)
