"""Cosine scores: true, on the grid, and free of summation noise."""

import re
from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from keras_xmr.metrics import cosine, cosine_scores

STEP = 2.0**-38


def exact_sum(queries, gallery):
    """The fixed-point products in rational arithmetic, rounded to the grid at the end."""
    q, g = (cosine.to_fixed_point(cosine.UnitRows(rows)[:]) for rows in (queries, gallery))
    scores = np.empty((len(queries), len(gallery)))
    for i, j in np.ndindex(scores.shape):
        value = Fraction(0)
        rows = zip(q.high[i], q.low[i], g.high[j], g.low[j], strict=True)
        for a, b, c, d in rows:
            value += int(a) * int(c) + Fraction(int(a) * int(d) + int(b) * int(c), 2**18)
        scores[i, j] = round(value / 2**14) * STEP
    return scores


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [1, 7, 300, 2048])
def test_close_to_scikit_learn(dtype, width):
    rng = np.random.default_rng(width)
    queries = rng.standard_normal((20, width)).astype(dtype)
    gallery = rng.standard_normal((30, width)).astype(dtype)
    expected = cosine_similarity(queries.astype("float64"), gallery.astype("float64"))
    scores = cosine_scores(queries, gallery)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, expected, rtol=0, atol=STEP)


def test_products_are_exact():
    rng = np.random.default_rng(0)
    queries, gallery = rng.standard_normal((5, 301)), rng.random((6, 301))
    np.testing.assert_array_equal(cosine_scores(queries, gallery), exact_sum(queries, gallery))


def test_hand_worked():
    scores = cosine_scores([[1, 0], [3, 4]], [[2, 0], [0, 5], [-4, -3], [4, 3]])
    expected = [[1, 0, -0.8, 0.8], [0.6, 0.8, -0.96, 0.96]]
    np.testing.assert_allclose(scores, expected, rtol=0, atol=STEP / 2)


def test_scores_are_on_the_grid_and_rows_score_one_with_themselves():
    rows = np.random.default_rng(1).standard_normal((50, 33))
    scores = cosine_scores(rows, rows)
    np.testing.assert_array_equal(np.rint(scores / STEP), scores / STEP)
    np.testing.assert_array_equal(np.diag(scores), 1.0)
    np.testing.assert_array_equal(scores, scores.T)


def test_the_bits_do_not_depend_on_the_block(monkeypatch):
    rng = np.random.default_rng(2)
    queries, gallery = rng.random((61, 100)), rng.random((203, 100))
    whole = cosine_scores(queries, gallery)
    for step in (1, 7, 61):
        parts = [cosine_scores(queries[i : i + step], gallery) for i in range(0, 61, step)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    pieces = [cosine_scores(queries, gallery[i : i + 9]) for i in range(0, 203, 9)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    monkeypatch.setattr(cosine, "_CHUNK_BYTES", 1)
    np.testing.assert_array_equal(cosine_scores(queries, gallery), whole)


def test_the_order_of_features_does_not_matter():
    # Exact sums have no order. Rounding the plain product to the grid is not enough: of so many
    # pairs some lie at a rounding border, and the second half proves it.
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((1000, 200))
    order = rng.permutation(200)
    unit = cosine.UnitRows(rows)[:]
    shuffled = unit[:, order]
    np.testing.assert_array_equal(
        cosine.exact_levels(unit, unit), cosine.exact_levels(shuffled, shuffled)
    )
    plain, permuted = (np.rint(u @ u.T / STEP) for u in (unit, unit[:, order]))
    assert (plain != permuted).any()


def test_equal_items_tie_wherever_they_stand():
    rng = np.random.default_rng(4)
    gallery = rng.random((501, 37))
    gallery[[3, 250, 500]] = gallery[0]
    scores = cosine_scores(rng.random((40, 37)), gallery)
    np.testing.assert_array_equal(scores[:, [3, 250, 500]], scores[:, [0, 0, 0]])


def test_differences_of_saturated_posteriors_survive():
    tails = np.array([0.0, 3e-6, 4e-6, 5e-6, 6e-6])
    gallery = np.stack([1 - tails, tails, np.zeros(5)], axis=1)
    scores = cosine_scores([[1.0, 0.0, 0.0]], gallery)[0]
    differences = -np.diff(scores)
    np.testing.assert_allclose(differences, np.diff(tails**2) / 2, rtol=0, atol=STEP)
    assert (differences[:2] < 1e-11).all()
    assert (differences > 0).all()


def test_scaling_by_powers_of_two_changes_no_bit_and_other_scales_only_noise():
    rng = np.random.default_rng(5)
    queries, gallery = rng.standard_normal((10, 20)), rng.standard_normal((30, 20))
    scores = cosine_scores(queries, gallery)
    powers = 2.0 ** rng.integers(-300, 300, (30, 1))
    np.testing.assert_array_equal(cosine_scores(queries, gallery * powers), scores)
    scaled = cosine_scores(queries, gallery * rng.uniform(0.01, 100, (30, 1)))
    np.testing.assert_allclose(scaled, scores, rtol=0, atol=STEP)


def test_a_multiple_of_a_row_ties_with_it():
    rows = np.random.default_rng(6).random((200, 10))
    scores = cosine_scores(rows[:20], np.concatenate([rows, 3 * rows]))
    np.testing.assert_array_equal(scores[:, :200], scores[:, 200:])


@pytest.mark.parametrize("size", [1e-320, 1e-200, 1e200, 1.7e308])
def test_extreme_lengths(size):
    np.testing.assert_array_equal(
        cosine_scores([[size, size]], [[1.0, 1.0], [1.0, -1.0], [-size, -size]]), [[1, 0, -1]]
    )


def test_zero_rows_are_similar_to_nothing():
    scores = cosine_scores([[0.0, 0.0], [1.0, 2.0]], [[0.0, -0.0], [1.0, 2.0]])
    np.testing.assert_array_equal(scores, [[0, 0], [0, 1]])


def test_memory_order_and_integers_do_not_matter():
    rng = np.random.default_rng(7)
    queries, gallery = rng.integers(-9, 9, (8, 40)), rng.integers(-9, 9, (9, 40))
    expected = cosine_scores(queries.astype("float64"), gallery.astype("float64"))
    np.testing.assert_array_equal(cosine_scores(queries.astype("int8"), gallery), expected)
    np.testing.assert_array_equal(
        cosine_scores(np.asfortranarray(queries), np.asfortranarray(gallery)), expected
    )


def test_the_widest_rows_stay_exact():
    # Every partial sum at its largest: constant rows, whose residues all have one sign.
    width = 2**18
    row = np.full((1, width), 0.3)
    row[0, 0] = 0.31
    np.testing.assert_array_equal(cosine_scores(row, row), cosine_scores(row, -row) * -1)
    fixed = cosine.to_fixed_point(cosine.UnitRows(row)[:])
    high, low = (part[0].astype(int).astype(object) for part in fixed)
    assert 2 * np.dot(np.abs(high), np.abs(low)) < 2**53
    assert np.dot(high, high) < 2**53


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_empty(shape):
    scores = cosine_scores(np.ones(shape), np.ones((4, shape[1])))
    np.testing.assert_array_equal(scores, np.zeros((shape[0], 4)))
    assert cosine_scores(np.ones((4, shape[1])), np.ones(shape)).shape == (4, shape[0])


@pytest.mark.parametrize(
    ("queries", "gallery", "message"),
    [
        (
            np.ones(3),
            np.ones((2, 3)),
            "Expected one row of real numbers per item. "
            "Received: queries.shape=(3,), queries.dtype=float64. "
            "Pass what `encode` returns, as a NumPy array; a single item is `row[None, :]`.",
        ),
        (
            np.ones((2, 3)),
            np.ones((2, 3), complex),
            "Received: gallery.shape=(2, 3), gallery.dtype=complex128. Pass",
        ),
        (
            np.ones((2, 3)),
            np.ones((2, 4)),
            "Expected queries and gallery to have the same number of features. "
            "Received: queries.shape=(2, 3), gallery.shape=(2, 4). "
            "Encode both with the same model.",
        ),
        (
            np.ones((1, 2**18 + 1), np.int8),
            np.ones((1, 2**18 + 1), np.int8),
            "Expected at most 262144 features, beyond which sums are not exact. "
            "Received: queries.shape=(1, 262145). Reduce the dimension first",
        ),
        (
            np.ones((2, 3)),
            np.array([[1.0, 2.0, 3.0], [1.0, np.nan, np.inf]]),
            "Expected finite embeddings. Received: gallery[1, 1]=nan. A NaN here mostly means",
        ),
        (
            np.array([[-np.inf]], np.float32),
            np.ones((1, 1)),
            "Received: queries[0, 0]=-inf. A NaN here",
        ),
    ],
)
def test_errors(queries, gallery, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cosine_scores(queries, gallery)


def test_the_error_names_the_row_of_a_later_chunk():
    gallery = np.ones((5000, 1000), np.float32)
    gallery[4321, 5] = np.nan
    with pytest.raises(ValueError, match=re.escape("Received: gallery[4321, 5]=nan.")):
        cosine_scores(np.ones((1, 1000)), gallery)
