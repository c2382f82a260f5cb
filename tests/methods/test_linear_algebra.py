"""The shared solvers, against NumPy's own decompositions."""

import numpy as np
import pytest

from keras_xmr.methods import linear_algebra
from keras_xmr.methods.linear_algebra import (
    common_directions,
    factorise,
    leading_directions,
    whiten,
)
from tests.methods.planted import shared_rows

pytestmark = pytest.mark.once


@pytest.mark.parametrize(("n", "d", "rank"), [(8, 12, 8), (12, 5, 5)])
def test_a_factor_gives_the_matrix_back_at_its_rank(n, d, rank):
    rows = np.random.default_rng(0).normal(size=(n, d))
    gram = rows @ rows.T
    factor = factorise(gram.copy())
    assert factor.scores.shape == (n, rank)
    np.testing.assert_allclose(factor.scores @ factor.scores.T, gram, atol=1e-9)
    directions = np.random.default_rng(1).normal(size=(rank, 2))
    dual = factor.dual(directions)
    expected = factor.scores @ directions
    np.testing.assert_allclose(gram[:, factor.pivots] @ dual, expected, atol=1e-8)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("shape", [(30, 6), (6, 30), (20, 20)])
def test_whitened_rows_have_the_identity_as_regularised_covariance(shape, ridge):
    (rows,) = shared_rows(*shape)
    keep = 0.7
    covariance = keep * rows.T @ rows / (len(rows) - 1) + ridge * np.eye(shape[1])
    whitened = whiten(rows, keep, ridge)
    rank = len(whitened.scores)
    # With a ridge, a direction without variance may be there too.
    assert min(shape[0] - 1, shape[1]) <= rank <= min(shape) - (ridge == 0) * (shape[1] == 20)
    lifted = whitened.lift(np.eye(rank))
    np.testing.assert_allclose(lifted.T @ covariance @ lifted, np.eye(rank), atol=1e-8)
    expected = rows @ lifted / np.sqrt(len(rows) - 1)
    np.testing.assert_allclose(whitened.scores.T, expected, atol=1e-8)


@pytest.mark.parametrize("widths", [(9, 7), (9, 7, 5)])
@pytest.mark.parametrize("dense", [600, 0])
def test_leading_directions_are_eigenvectors_of_the_matrix_of_blocks(widths, dense, monkeypatch):
    monkeypatch.setattr(linear_algebra, "DENSE", dense)
    # The iterative solver is for few components of many.
    widths = tuple(8 * width for width in widths)
    scores = [rows.T for rows in shared_rows(40, *widths)]
    values, directions = leading_directions(scores, 3)
    blocks = np.block(
        [[a @ b.T * (i != j) for j, b in enumerate(scores)] for i, a in enumerate(scores)]
    )
    expected = np.linalg.eigvalsh(blocks)[::-1][:3] / (len(widths) - 1)
    np.testing.assert_allclose(values, expected, rtol=1e-8)
    together = np.concatenate(directions)
    np.testing.assert_allclose(
        blocks @ together, together * values * (len(widths) - 1), atol=1e-6 * values[0]
    )
    np.testing.assert_allclose((together**2).sum(axis=0), len(widths), rtol=1e-8)


def test_for_two_media_they_are_singular_vectors():
    first, second = shared_rows(40, 6, 5)
    values, (left, right) = leading_directions([first.T, second.T], 2)
    u, s, vt = np.linalg.svd(first.T @ second)
    np.testing.assert_allclose(values, s[:2])
    np.testing.assert_allclose(np.abs(left), np.abs(u[:, :2]), atol=1e-9)
    np.testing.assert_allclose(np.abs(right), np.abs(vt[:2].T), atol=1e-9)
    np.testing.assert_allclose(np.sum((left.T @ u[:, :2]) * (right.T @ vt[:2].T)), 2)


def test_directions_that_the_media_do_not_have_in_common_are_left_out():
    first, second = (rows.T for rows in shared_rows(40, 6, 5))
    assert len(common_directions([first, second], None, 3, "X")[0]) == 3
    assert len(common_directions([first, second], None, 9, "X")[0]) == 5
    first[2:] = 0
    with pytest.warns(UserWarning, match="X was asked for 4 components; there are 2, and so many"):
        values, directions = common_directions([first, second], 4, 9, "X")
    assert len(values) == 2
    assert [own.shape for own in directions] == [(6, 2), (5, 2)]
    for nothing in (0 * second, second[:0]):
        with pytest.raises(ValueError, match=r"X needs items that differ\. Received: a medium of"):
            common_directions([first, nothing], 2, 9, "X")
