"""KCCA, against cca-zoo, CCA, and the dual problem itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.preprocessing import KernelCenterer

from keras_xmr import CCA, KCCA, evaluate
from keras_xmr.methods.kcca import GAUSSIAN, POLYNOMIAL, Kernel, usual_gamma
from keras_xmr.transforms import FeatureScaler, Preprocessor
from tests.methods.planted import peer, planted, up_to_sign

pytestmark = pytest.mark.once

DATA = planted(classes=4, per_class=15, width=10)
TRAIN, TEST = DATA.part("train"), DATA.part("test")


def rows_of(baseline, data):
    """What the baseline sees, in the precision of its solver."""
    return [rows.astype(np.float64) for rows in baseline.preprocess(data).values()]


def centred_kernel(rows, kernel, gamma):
    values = pairwise_kernels(
        rows, metric=kernel, filter_params=True, gamma=gamma, degree=3, coef0=1.0
    )
    return KernelCenterer().fit_transform(values)


@pytest.mark.parametrize("kernel", ["rbf", "poly", "laplacian"])
def test_new_items_are_encoded_as_by_cca_zoo(kernel):
    # Rows of unit length are so alike that the peer's solver loses digits.
    scaled = Preprocessor({name: FeatureScaler() for name in DATA.media})
    ours = KCCA(kernel, gamma=0.05, n_components=3, regularization=0.7, preprocessor=scaled)
    ours.fit(DATA)
    train, test = rows_of(ours, TRAIN), rows_of(ours, TEST)
    # It shrinks: (1 - c) covariance + c identity.
    ridges = [
        0.7 * np.trace(centred_kernel(x, kernel, 0.05)) / len(x) / (len(x) - 1) for x in train
    ]
    shrinkage = [ridge / (1 + ridge) for ridge in ridges]
    theirs = peer("KCCA")(3, kernel=kernel, gamma=0.05, shrinkage=shrinkage).fit(train)
    for name, wanted in zip(DATA.media, theirs.transform(test), strict=True):
        found = up_to_sign(ours.encode(TEST, name), wanted)
        found = found * np.linalg.norm(wanted, axis=0) / np.linalg.norm(found, axis=0)
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_the_dual_problem_is_solved():
    baseline = KCCA("rbf", gamma=0.05, n_components=3, regularization=0.5).fit(DATA)
    kernels = [centred_kernel(rows, "rbf", 0.05) for rows in rows_of(baseline, TRAIN)]
    scores = [baseline.encode(TRAIN, name).astype(float) for name in DATA.media]
    duals = [np.linalg.lstsq(k, s, rcond=1e-9)[0] for k, s in zip(kernels, scores, strict=True)]
    # (K_x^2 + kappa K_x) a = K_x K_y b / rho, and the other way round.
    for x, y in ((0, 1), (1, 0)):
        kappa = 0.5 * np.trace(kernels[x]) / len(kernels[x])
        left = kernels[x] @ kernels[x] @ duals[x] + kappa * kernels[x] @ duals[x]
        right = kernels[x] @ kernels[y] @ duals[y]
        inverse_rho = (left * right).sum(axis=0) / (right**2).sum(axis=0)
        assert (inverse_rho > 1).all()
        np.testing.assert_allclose(left, right * inverse_rho, atol=1e-3 * np.abs(left).max())


def test_with_a_linear_kernel_it_is_cca():
    plain = Preprocessor.for_data(DATA, image=unscaled(), text=unscaled())
    linear = KCCA("linear", n_components=3, regularization=0.5, preprocessor=plain).fit(DATA)
    rows = rows_of(linear, TRAIN)
    # The regularisation is in units of the whole variance over n - 1, CCA's of the mean variance.
    scale = 0.5 * rows[0].shape[1] / len(rows[0])
    assert rows[0].shape[1] == rows[1].shape[1]
    expected = CCA(3, scale / (1 + scale), preprocessor=plain).fit(DATA)
    for name in DATA.media:
        wanted = expected.encode(TEST, name)
        found = up_to_sign(linear.encode(TEST, name), wanted)
        found = found * np.linalg.norm(wanted, axis=0) / np.linalg.norm(found, axis=0)
        np.testing.assert_allclose(found, wanted, atol=1e-3 * np.abs(wanted).max())


def unscaled():
    return FeatureScaler(square_root=False, norm="none", standardize=False)


def test_nystroem_with_all_items_is_exact_and_with_few_keeps_few():
    exact = KCCA(n_components=3).fit(DATA)
    all_of_them, some = (KCCA(n_components=3, landmarks=n).fit(DATA) for n in (48, 20))
    wanted = exact.encode_image(TEST)
    np.testing.assert_allclose(all_of_them.encode_image(TEST), wanted, atol=1e-5)
    assert [len(some.weights[name][0]) for name in DATA.media] == [20, 20]
    assert evaluate(some, DATA).map > evaluate(exact, DATA).map - 0.15
    other = KCCA(n_components=3, landmarks=20, random_state=1).fit(DATA)
    assert not np.allclose(other.weights["image"][0], some.weights["image"][0])


def test_landmarks_are_kept_once():
    # Every item twice.
    rows = np.arange(len(DATA.media["image"])) // 2 * 2
    image = replace(DATA.media["image"], items=DATA.media["image"].items[rows])
    data = replace(DATA, media={**DATA.media, "image": image})
    baseline = KCCA(landmarks=48).fit(data)
    support = baseline.weights["image"][0]
    assert len(np.unique(support.round(4), axis=0)) == len(support) < 48
    assert np.isfinite(baseline.encode_image(data)).all()


def test_the_usual_gamma():
    rows = np.random.default_rng(0).normal(size=(30, 4))
    assert usual_gamma("rbf", rows) == pytest.approx(1 / (2 * np.median(pdist(rows)) ** 2))
    sums = np.median(pdist(rows, "cityblock"))
    assert usual_gamma("laplacian", rows) == pytest.approx(1 / sums)
    assert usual_gamma("poly", rows) == 0.25
    assert usual_gamma("rbf", np.ones((5, 2))) == 1
    baseline = KCCA(gamma={"image": None, "text": 0.5}).fit(DATA)
    train = rows_of(baseline, TRAIN)[0]
    assert baseline.weights["image"][3] == pytest.approx(usual_gamma("rbf", train))
    assert baseline.weights["text"][3] == 0.5


def test_each_medium_may_have_its_own_kernel(tmp_path):
    kernels = {"image": "poly", "text": "rbf"}
    mixed, same = KCCA(kernels, degree=2).fit(DATA), KCCA("poly", degree=2).fit(DATA)
    assert not np.allclose(mixed.encode_text(TEST), same.encode_text(TEST), atol=0.1)
    assert evaluate(mixed, DATA).map > 0.7
    folder = mixed.save_to_preset(tmp_path / "x")
    assert json.loads((folder / "config.json").read_text())["config"]["kernel"] == kernels
    with pytest.raises(ValueError, match=r"kernel must be one value, .* without 'text'\."):
        KCCA({"image": "rbf"}).fit(DATA)


def test_parameters_reach_the_kernel():
    rows, support = np.random.default_rng(0).normal(size=(2, 5, 3))
    expected = (0.5 * rows @ support.T + 3.0) ** 2
    np.testing.assert_allclose(Kernel("poly", 0.5, 2, 3.0)(rows, support), expected)
    arguments = {"gamma": 0.1, "degree": 2, "coef0": 0.5, "n_components": 2}
    baseline = KCCA("poly", **arguments).fit(DATA)
    (kernels,) = {baseline._kernel(medium, 0.1) for medium in DATA.media}
    assert kernels == Kernel("poly", 0.1, 2, 0.5)


def test_kernels_of_the_papers_and_unknown_ones():
    for arguments in (POLYNOMIAL, GAUSSIAN):
        assert evaluate(KCCA(**arguments).fit(DATA), DATA).map > 0.7
    with pytest.raises(ValueError, match="nothing"):
        KCCA("nothing").fit(DATA)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"regularization": 0.0}, r"above 0: .*Received: regularization=0\.0"),
        ({"landmarks": 1}, r"two landmarks or more\. Received: landmarks=1"),
    ],
)
def test_arguments_outside_their_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        KCCA(**arguments)
