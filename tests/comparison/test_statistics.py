"""Statistics of differences, against cases worked by hand."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from keras_xmr.comparison.statistics import (
    Difference,
    holm,
    over_queries,
    over_splits,
)

# Differences 0.1, 0.2, 0.3: mean 0.2, deviation 0.1; t(2) has its 97.5 % point at 4.302653.
FIRST = np.array([0.6, 0.9, 0.9])
SECOND = np.array([0.5, 0.7, 0.6])
POINT = 4.302653


def test_over_queries_by_hand():
    found = over_queries(FIRST, SECOND)
    half = POINT * 0.1 / np.sqrt(3)
    np.testing.assert_allclose(found[:3], [0.2, 0.2 - half, 0.2 + half], rtol=1e-6)
    # t = 0.2 / (0.1 / sqrt(3)); of two degrees of freedom, p = 1 - t / sqrt(2 + t^2).
    t = 2 * np.sqrt(3)
    assert found.p == pytest.approx(1 - t / np.sqrt(2 + t**2))


def test_over_queries_turned_round():
    there, back = over_queries(FIRST, SECOND), over_queries(SECOND, FIRST)
    np.testing.assert_allclose(back, (-there.mean, -there.high, -there.low, there.p))


@pytest.mark.parametrize("by", [0.0, 0.1, -0.1])
def test_all_queries_differ_by_the_same(by):
    found = over_queries(SECOND + by, SECOND)
    np.testing.assert_allclose(found[:3], [by] * 3, atol=1e-15)
    assert found.p == (1.0 if by == 0 else 0.0)


def test_differences_that_rounding_alone_makes_differ():
    first, second = np.array([0.4, 0.9]), np.array([0.3, 0.8])
    assert np.ptp(first - second) > 0
    assert over_queries(first, second).p == over_splits(first - second, 0.25).p == 0.0


@pytest.mark.parametrize("by", [0.0, 0.1])
def test_all_splits_differ_by_the_same(by):
    found = over_splits(np.full(4, by), 0.25)
    np.testing.assert_allclose(found[:3], [by] * 3)
    assert found.p == (1.0 if by == 0 else 0.0)


@pytest.mark.parametrize(
    ("first", "second"),
    [([0.1, 0.2], [0.1]), ([0.1], [0.2]), ([], []), ([[0.1, 0.2]], [[0.2, 0.1]])],
)
def test_other_queries_are_refused(first, second):
    with pytest.raises(ValueError, match="same queries"):
        over_queries(np.array(first), np.array(second))


def test_over_splits_by_hand():
    found = over_splits(FIRST - SECOND, 0.5)
    error = 0.1 * np.sqrt(1 / 3 + 0.5)
    half = POINT * error
    np.testing.assert_allclose(found[:3], [0.2, 0.2 - half, 0.2 + half], rtol=1e-6)
    t = 0.2 / error
    assert found.p == pytest.approx(1 - t / np.sqrt(2 + t**2))


def test_over_splits_is_the_usual_test_where_splits_share_next_to_nothing():
    differences = np.random.default_rng(0).normal(0.01, 0.02, 8)
    usual = ttest_1samp(differences, 0.0)
    found = over_splits(differences, 1e-12)
    assert found.p == pytest.approx(usual.pvalue)
    np.testing.assert_allclose(found[1:3], usual.confidence_interval(0.95))
    assert over_splits(differences, 0.25).p > found.p


def test_two_splits_are_enough():
    # One degree of freedom, t = 0.02 / (0.01414 sqrt(1/2 + 1/2)) = sqrt(2): p = 1 - 2 atan(t) / pi.
    found = over_splits(np.array([0.01, 0.03]), 0.5)
    assert found.p == pytest.approx(1 - 2 * np.arctan(np.sqrt(2)) / np.pi)


@pytest.mark.parametrize("differences", [[], [0.1], [[0.1, 0.2]]])
def test_fewer_splits_are_refused(differences):
    with pytest.raises(ValueError, match="at least two"):
        over_splits(np.array(differences), 0.25)


@pytest.mark.parametrize("share", [0.0, -1.0, float("nan")])
def test_the_share_of_test_items_is_above_zero(share):
    with pytest.raises(ValueError, match="above 0"):
        over_splits(np.array([0.1, 0.2]), share)


@pytest.mark.parametrize(
    ("given", "corrected"),
    [
        ([], []),
        ([0.2], [0.2]),
        # 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.04 * 1; the last may not fall below the one before.
        ([0.01, 0.02, 0.03, 0.04], [0.04, 0.06, 0.06, 0.06]),
        ([0.04, 0.01, 0.03, 0.02], [0.06, 0.04, 0.06, 0.06]),
        # 0.4 * 3 is above 1, and so all that follow are 1.
        ([0.9, 0.5, 0.4], [1.0, 1.0, 1.0]),
        ([0.01, 0.01, 1.0], [0.03, 0.03, 1.0]),
        ([0.0, 0.5], [0.0, 0.5]),
    ],
)
def test_holm_by_hand(given, corrected):
    np.testing.assert_allclose(holm(np.array(given)), corrected)


def step_by_step(p_values, level):
    """Which hypotheses Holm rejects, as he wrote it."""
    rejected = np.zeros(len(p_values), bool)
    for passed, row in enumerate(np.argsort(p_values)):
        if p_values[row] > level / (len(p_values) - passed):
            break
        rejected[row] = True
    return rejected


@pytest.mark.parametrize("level", [0.01, 0.05, 0.3])
def test_holm_rejects_step_by_step(level):
    for seed in range(20):
        p_values = np.random.default_rng(seed).beta(0.3, 2.0, 7)
        np.testing.assert_array_equal(holm(p_values) <= level, step_by_step(p_values, level))


@pytest.mark.parametrize("given", [[0.1, 1.1], [-0.1], [float("nan")], [[0.1]]])
def test_holm_refuses_what_is_no_p_value(given):
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm(np.array(given))


def test_plain_numbers_are_returned():
    for found in (over_queries(FIRST, SECOND), over_splits(FIRST - SECOND, 0.5)):
        assert isinstance(found, Difference)
        assert {type(value) for value in found} == {float}
