"""Interpolated precision, by hand and against a plain loop in rational numbers."""

import re
from fractions import Fraction

import numpy as np
import pytest

from keras_xmr.metrics import precision_recall_curve


def naive_curve(ranked, levels):
    """The highest precision over all ranks, relevant or not, with recall >= level."""
    total = sum(ranked)
    if total == 0:
        return [np.nan] * len(levels)
    points = []
    for rank in range(1, len(ranked) + 1):
        hits = sum(ranked[:rank])
        points.append((Fraction(hits, total), hits / rank))
    return [max(p for recall, p in points if recall >= level) for level in levels]


def test_hand_worked():
    ranked = np.array([[1, 0, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)
    # First row: recall 1/3 at precision 1, 2/3 at 2/3, 1 at 3/4, which also serves 2/3.
    np.testing.assert_array_equal(
        precision_recall_curve(ranked, [0, 0.3, 0.4, 0.7, 1]),
        [[1, 1, 0.75, 0.75, 0.75], [0.5] * 5, [np.nan] * 5],
    )


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 1.0])
def test_equal_to_a_loop(share):
    ranked = np.random.default_rng(0).random((40, 60)) < share
    levels = [Fraction(tenth, 10) for tenth in range(11)]
    expected = [naive_curve(row.tolist(), levels) for row in ranked]
    np.testing.assert_array_equal(precision_recall_curve(ranked), expected)


def test_rounding_of_a_level_does_not_ask_for_one_more_item():
    # 0.1 + 0.2 > 3/10 in floats; the third of ten items must still reach it.
    ranked = np.array([[True] * 3 + [False] * 93 + [True] * 7])
    levels = np.linspace(0, 1, 11)
    assert levels[3] > 0.3
    np.testing.assert_array_equal(
        precision_recall_curve(ranked, levels)[0, 2:5], [1.0, 1.0, 10 / 103]
    )


def test_levels_may_come_in_any_order_and_curves_never_rise():
    ranked = np.random.default_rng(1).random((20, 50)) < 0.2
    levels = np.linspace(0, 1, 101)
    curve = precision_recall_curve(ranked, levels)
    assert (np.diff(curve, axis=1) <= 0).all()
    order = np.random.default_rng(2).permutation(101)
    np.testing.assert_array_equal(precision_recall_curve(ranked, levels[order]), curve[:, order])


def test_perfect_ranking():
    ranked = np.array([[True] * 4 + [False] * 9])
    np.testing.assert_array_equal(precision_recall_curve(ranked), np.ones((1, 11)))


def test_empty():
    assert precision_recall_curve(np.empty((0, 5), bool)).shape == (0, 11)
    assert precision_recall_curve(np.ones((2, 5), bool), []).shape == (2, 0)
    np.testing.assert_array_equal(
        precision_recall_curve(np.empty((2, 0), bool)), np.full((2, 11), np.nan)
    )


@pytest.mark.parametrize("levels", [[0.5, 1.5], [-0.1], [np.nan], [[0.5]], 0.5])
def test_errors_of_levels(levels):
    message = (
        "Expected a list of recall levels from 0 to 1. "
        f"Received: recall_levels={levels!r}. Write 10 % as 0.1."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        precision_recall_curve(np.ones((1, 2), bool), levels)


def test_errors_of_flags():
    with pytest.raises(
        ValueError, match=re.escape("Received: ranked.shape=(1, 2), ranked.dtype=f")
    ):
        precision_recall_curve(np.ones((1, 2)))
