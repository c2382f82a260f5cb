"""CCA, against cca-zoo, its own constraints, and a correlation worked by hand."""

import numpy as np
import pytest

from keras_xmr import CCA
from keras_xmr.datasets import toy
from keras_xmr.methods.cca import PAPER, canonical_directions
from tests.methods.planted import peer, planted, shared_rows, up_to_sign

pytestmark = pytest.mark.once


def unit_variance(rows):
    """Scaled so that the mean variance of a column is 1: cca-zoo shrinks towards the identity."""
    return [x / np.sqrt(np.mean(x.var(axis=0, ddof=1))) for x in rows]


NARROW, WIDE, THREE = (60, (7, 5)), (30, (50, 40)), (60, (7, 5, 6))
# Not wide without shrinkage: any direction is then as good as any other, see the next test.
CASES = [(NARROW, c) for c in (0.0, 0.1, 0.5, 1.0)]
CASES += [(WIDE, 0.1), (WIDE, 1.0), (THREE, 0.0), (THREE, 0.5)]


@pytest.mark.parametrize(("size", "shrinkage"), CASES)
def test_directions_are_those_of_cca_zoo(size, shrinkage):
    n, widths = size
    rows = unit_variance(shared_rows(n, *widths))
    found, _ = canonical_directions(rows, shrinkage, 3)
    expected = peer("MCCA")(3, shrinkage=shrinkage).fit(rows).weights_
    for own, theirs in zip(found, expected, strict=True):
        theirs = theirs / np.linalg.norm(expected[0][:, 0]) * np.linalg.norm(found[0][:, 0])
        np.testing.assert_allclose(up_to_sign(own, theirs), theirs, atol=1e-5)


def test_unregularised_with_more_features_than_items_everything_correlates():
    rng = np.random.default_rng(0)
    rows = [rng.normal(size=(20, d)) for d in (30, 25)]
    rows = [x - x.mean(axis=0) for x in rows]
    (first, second), correlations = canonical_directions(rows, 0.0, 4)
    np.testing.assert_allclose(correlations, 1)
    np.testing.assert_allclose(rows[0] @ first, rows[1] @ second, atol=1e-8)


def test_scores_have_unit_variance_and_correlate_with_their_own_alone():
    rows = shared_rows(80, 7, 5)
    directions, correlations = canonical_directions(rows, 0.0, 4)
    scores = np.concatenate([x @ w for x, w in zip(rows, directions, strict=True)], axis=1)
    ideal = np.eye(8) + np.diag(correlations, 4) + np.diag(correlations, -4)
    np.testing.assert_allclose(np.cov(scores.T), ideal, atol=1e-10)


def test_a_correlation_by_hand():
    x = np.array([1.0, -1.0, 1.0, -1.0])
    y = np.array([3.0, -3.0, -1.0, 1.0])
    _, (correlation,) = canonical_directions([x[:, None], y[:, None]], 0.0, 1)
    # 4 / sqrt(4 * 20)
    assert correlation == pytest.approx(4 / np.sqrt(80))


def test_collinear_and_constant_columns_change_nothing():
    first, second = shared_rows(40, 5, 4)
    doubled = np.concatenate([first, first[:, :2], np.zeros((40, 2))], axis=1)
    _, expected = canonical_directions([first, second], 0.0, 3)
    (found, _), correlations = canonical_directions([doubled, second], 0.0, 3)
    np.testing.assert_allclose(correlations, expected, atol=1e-9)
    np.testing.assert_array_equal(found[-2:], 0)


def test_units_do_not_matter():
    first, second = shared_rows(40, 5, 4)
    _, expected = canonical_directions([first, second], 0.3, 3)
    _, found = canonical_directions([first * 1e3, second * 1e-3], 0.3, 3)
    np.testing.assert_allclose(found, expected)


def test_encodings_are_centred_directions_weighted_by_correlation():
    data = toy()
    plain, weighted = (CCA(3, 0.2, power).fit(data) for power in (0.0, 2.0))
    train = data.part("train")
    rows = [plain.preprocessor(m.items, name).astype(float) for name, m in train.media.items()]
    rows = [own - own.mean(axis=0) for own in rows]
    directions, correlations = canonical_directions(rows, 0.2, 3)
    np.testing.assert_allclose(plain.encode_image(train), rows[0] @ directions[0], atol=1e-4)
    ratio = weighted.encode_text(train) / plain.encode_text(train)
    np.testing.assert_allclose(ratio.mean(axis=0), correlations**2, rtol=1e-3)


def test_defaults_and_the_papers_settings():
    data = planted(classes=5)
    assert CCA().fit(data).encode_text(data).shape[1] == 5
    assert CCA(**PAPER).shrinkage == 0


@pytest.mark.parametrize("shrinkage", [-0.1, 1.1])
def test_shrinkage_outside_its_range_is_refused(shrinkage):
    with pytest.raises(ValueError, match=r"from 0 to 1\. Received: shrinkage="):
        CCA(shrinkage=shrinkage)
