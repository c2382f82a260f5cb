"""Canonical components: two media against singular vectors, and what they are for."""

import numpy as np
import pytest

from keras_xmr.methods.ugach.canonical_components import canonical_components

RNG = np.random.default_rng(0)
COMMON = RNG.normal(size=(80, 3)) * [3, 2, 1]


def medium(width):
    return (COMMON @ RNG.normal(size=(3, width)) + 2 * RNG.normal(size=(80, width)) + 5).astype(
        "float32"
    )


ROWS = {"image": medium(9), "text": medium(6)}


def whitening(covariance, shrinkage):
    values, vectors = np.linalg.eigh(covariance)
    shrunk = (1 - shrinkage) * values + shrinkage * values.mean()
    return vectors / np.sqrt(shrunk) @ vectors.T


@pytest.mark.parametrize("shrinkage", [0.0, 0.75])
def test_two_media_are_the_singular_vectors_of_whitened_correlations(shrinkage):
    found = canonical_components(ROWS, 3, shrinkage=shrinkage, length=2.0)
    image, text = (r - r.mean(axis=0, dtype="float64") for r in ROWS.values())
    one, other = (whitening(r.T @ r / 80, shrinkage) for r in (image, text))
    left, singular, right = np.linalg.svd(one @ (image.T @ text / 80) @ other)
    for name, rows, projection in (
        ("image", image, one @ left[:, :3] * singular[:3]),
        ("text", text, other @ right[:3].T * singular[:3]),
    ):
        mean, mine = found[name]
        np.testing.assert_allclose(mean, ROWS[name].mean(axis=0), rtol=1e-5)
        wanted = rows @ projection
        wanted *= 2.0 / np.sqrt((wanted**2).sum(axis=1).mean())
        np.testing.assert_allclose(np.abs(rows @ mine), np.abs(wanted), rtol=1e-3, atol=1e-4)
    # Signs agree between media.
    sides = [(r - r.mean(axis=0)) @ found[m][1] for m, r in ROWS.items()]
    assert ((sides[0] * sides[1]).mean(axis=0) > 0).all()


def test_three_media_meet_in_what_they_have_in_common():
    rows = {name: medium(7) for name in ("image", "text", "audio")}
    found = canonical_components(rows, 2, shrinkage=0.1)
    sides = np.stack([(r - found[m][0]) @ found[m][1] for m, r in rows.items()])
    for component in sides.transpose(2, 0, 1):
        correlations = np.corrcoef(component)
        assert correlations.min() > 0.6


def test_what_rows_do_not_span_is_zero():
    few = {name: rows[:4] for name, rows in ROWS.items()}
    found = canonical_components(few, 5)
    for name, (mean, projection) in found.items():
        assert projection.shape == (ROWS[name].shape[1], 5)
        assert np.linalg.matrix_rank(projection) == 3
        assert not projection[:, 3:].any()
        # As long as if there were no more than those.
        _, alone = canonical_components(few, 3)[name]
        np.testing.assert_array_equal(projection[:, :3], alone)
        assert np.isfinite((few[name] - mean) @ projection).all()
