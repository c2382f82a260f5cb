"""CFA, against scikit-learn, cca-zoo and what it minimises."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSSVD

from keras_xmr import CFA, datasets
from keras_xmr.methods import linear_algebra
from keras_xmr.methods.cfa import factor_directions
from tests.methods.planted import peer, shared_rows, up_to_sign

pytestmark = pytest.mark.once


@pytest.mark.parametrize("dense", [600, 0])
@pytest.mark.parametrize("widths", [(60, 50), (90, 45)])
def test_directions_are_those_of_peers(widths, dense, monkeypatch):
    monkeypatch.setattr(linear_algebra, "DENSE", dense)
    rows = shared_rows(40, *widths)
    found = factor_directions(*rows, 3)
    theirs = PLSSVD(3, scale=False).fit(*rows)
    zoo = peer("PLS")(3).fit(rows).weights_
    for own, one, two in zip(found, (theirs.x_weights_, theirs.y_weights_), zoo, strict=True):
        np.testing.assert_allclose(up_to_sign(own, one), one, atol=1e-5)
        two = two / np.linalg.norm(two, axis=0)
        np.testing.assert_allclose(up_to_sign(own, two), two, atol=1e-5)


def test_they_are_orthonormal_and_no_other_bases_bring_the_media_closer():
    rows = shared_rows(50, 6, 6)
    bases = factor_directions(*rows, 6)
    for basis in bases:
        np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-9)

    def distance(first, second):
        return np.linalg.norm(rows[0] @ first - rows[1] @ second)

    rng = np.random.default_rng(0)
    best = distance(*bases)
    for _ in range(20):
        others = [np.linalg.qr(basis + 0.05 * rng.normal(size=(6, 6)))[0] for basis in bases]
        assert distance(*others) > best


def test_directions_without_covariance_are_left_out():
    first, second = shared_rows(40, 5, 4)
    # Only two of the columns vary.
    first[:, 2:] = 0
    with pytest.warns(UserWarning, match="CFA was asked for 4 components; there are 2"):
        bases = factor_directions(first, second, 4)
    assert [basis.shape for basis in bases] == [(5, 2), (4, 2)]
    assert factor_directions(first, second, None)[0].shape == (5, 2)


def test_representations_of_the_training_pairs_are_centred():
    data = datasets.toy()
    model = CFA().fit(data)
    for name in data.media:
        found = model.encode(data.part("train"), name)
        np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
        assert found.std() > 0.01
