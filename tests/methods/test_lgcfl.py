"""LGCFL's reconstruction, against the conditions of its optimum and scikit-learn's lasso."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from keras_xmr import LGCFL
from keras_xmr.datasets import toy
from keras_xmr.methods.lgcfl import group_sparse_regression, largest_eigenvalue
from tests.methods.planted import shared_rows

pytestmark = pytest.mark.once


def problem(n=40, d=9, classes=3):
    rows, targets = shared_rows(n, d, classes)
    return rows, targets


@pytest.mark.parametrize("shape", [(40, 9), (12, 20)])
def test_groups_meet_the_conditions_of_the_optimum(shape):
    rows, targets = problem(*shape)
    # Not side by side, and of different sizes.
    groups = np.arange(shape[1]) % 4 + 5 * (np.arange(shape[1]) == 3)
    penalty = 0.4 * np.abs(2 * rows.T @ targets).max()
    found = group_sparse_regression(
        rows, targets, groups, penalty, iterations=5000, tolerance=1e-12
    )
    gradient = 2 * rows.T @ (rows @ found - targets)
    empty = 0
    for group in np.unique(groups):
        for column in range(targets.shape[1]):
            own, slope = (m[groups == group, column] for m in (found, gradient))
            length = np.linalg.norm(own)
            if length:
                np.testing.assert_allclose(slope, -penalty * own / length, atol=1e-5 * penalty)
            else:
                empty += 1
                assert np.linalg.norm(slope) <= penalty * (1 + 1e-6)
    assert 0 < empty < 3 * len(np.unique(groups))


def test_groups_of_one_feature_are_the_lasso():
    rows, targets = problem()
    found = group_sparse_regression(
        rows, targets, np.arange(9), 8.0, iterations=5000, tolerance=1e-12
    )
    # Its objective is ours over 2 n.
    lasso = Lasso(8.0 / (2 * len(rows)), fit_intercept=False, tol=1e-10, max_iter=10_000)
    np.testing.assert_allclose(found, lasso.fit(rows, targets).coef_.T, atol=1e-5)


def test_without_a_penalty_it_is_least_squares():
    rows, targets = problem()
    found = group_sparse_regression(
        rows, targets, np.arange(9), 0.0, iterations=5000, tolerance=1e-13
    )
    np.testing.assert_allclose(found, np.linalg.lstsq(rows, targets)[0], atol=1e-6)


@pytest.mark.parametrize("shape", [(40, 9), (9, 40), (20, 2)])
def test_the_step_is_short_enough(shape):
    (rows,) = shared_rows(*shape)
    largest = np.linalg.eigvalsh(rows.T @ rows)[-1]
    # With fewer than three columns it is bounded by the sum of all.
    assert largest <= largest_eigenvalue(rows) <= (1.02 if shape[1] > 2 else 2.0) * largest
    assert largest_eigenvalue(np.zeros((5, 4))) > 0


def test_encodings_are_regressions_of_centred_labels():
    data = toy()
    baseline = LGCFL(penalty=0.0, iterations=5000, tolerance=1e-12).fit(data)
    train = data.part("train")
    rows = baseline.preprocessor(train.media["image"].items, "image").astype(float)
    hot = np.eye(4)[train.media["image"].labels]
    with_bias = np.column_stack([rows, np.ones(len(rows))])
    expected = with_bias @ np.linalg.lstsq(with_bias, hot - hot.mean(axis=0))[0]
    np.testing.assert_allclose(baseline.encode_image(train), expected, atol=1e-4)


def test_a_penalty_is_in_units_of_one_item_and_empties_blocks():
    data = toy()
    sparse = LGCFL(penalty=0.2, groups={"image": 5, "text": 1}).fit(data)
    kernel = sparse.weights["image"][0]
    # Twelve features: five, five and two.
    blocks = [kernel[:5], kernel[5:10], kernel[10:]]
    zeros = [np.all(block == 0, axis=0) for block in blocks]
    assert np.any(zeros)
    assert not np.all(zeros)
    for block, zero in zip(blocks, zeros, strict=True):
        assert (block[:, ~zero] != 0).all()
    twice = data.part("train")
    items = {n: m.rows(np.tile(np.arange(len(m)), 2)) for n, m in _renamed(twice).items()}
    doubled = type(data)("twice", items, data.class_names)
    found = LGCFL(penalty=0.2, groups={"image": 5, "text": 1}).fit(doubled)
    np.testing.assert_allclose(found.weights["image"][0], kernel, atol=1e-3)


def _renamed(part):
    """Media whose rows may be repeated: ids are of a type that makes each one unique."""
    return {name: _Free(medium) for name, medium in part.media.items()}


class _Free:
    def __init__(self, medium):
        self.medium = medium

    def __len__(self):
        return len(self.medium)

    def rows(self, index):
        medium = self.medium
        ids = np.array([f"{place}" for place in range(len(index))])
        columns = (getattr(medium, c)[index] for c in ("items", "labels"))
        return type(medium)(*columns, ids, medium.split[index])


def test_groups_may_be_numbers_of_blocks():
    data = toy()
    width, numbers = (
        LGCFL(penalty=0.1, groups={"image": groups, "text": 1}).fit(data)
        for groups in (6, [7] * 6 + [2] * 6)
    )
    np.testing.assert_allclose(width.weights["image"][0], numbers.weights["image"][0], atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"penalty": -1.0}, r"not negative.*Received: penalty=-1\.0"),
        ({"penalty": {"image": -1.0}}, r"not negative"),
        ({"iterations": 0}, r"one iteration.*iterations=0"),
        ({"groups": 0}, r"one feature wide or more\. Received: groups=0"),
        ({"groups": [0, 1]}, r"'image' has 12 features, .*Received: groups with 2 numbers"),
    ],
)
def test_arguments_outside_their_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LGCFL(**arguments).fit(toy())
