"""`FeatureScaler`, step by step."""

import json

import numpy as np
import pytest

from keras_xmr.transforms import FeatureScaler

ROWS = np.array([[4.0, -9.0, 0.0], [1.0, 16.0, 0.0], [9.0, 1.0, 0.0]])


def scaler(**steps):
    return FeatureScaler(**{"square_root": False, "norm": "none", "standardize": False, **steps})


def some_rows(n=40, width=7):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, width)) * 10.0 ** np.arange(-3, 4)[:width]).astype(np.float32)


def through_json(fitted):
    config, state = json.loads(json.dumps([fitted.get_config(), fitted.get_state()]))
    copy = FeatureScaler(**config)
    copy.set_state(state)
    return copy


def test_without_any_step_rows_stay_as_they_are():
    rows = scaler().fit(ROWS)(ROWS)
    np.testing.assert_array_equal(rows, ROWS)
    assert rows.dtype == np.float32


def test_the_square_root_keeps_the_sign():
    rows = scaler(square_root=True).fit(ROWS)(ROWS)
    assert rows.tolist() == [[2, -3, 0], [1, 4, 0], [3, 1, 0]]


def test_l2_makes_rows_of_unit_length_and_leaves_zero_rows():
    rows = scaler(norm="l2").fit(ROWS)(np.array([[3.0, 0.0, -4.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(rows, [[0.6, 0.0, -0.8], [0.0, 0.0, 0.0]], rtol=1e-6)


def test_standardizing_uses_mean_and_deviation_of_the_training_rows():
    fitted = scaler(standardize=True).fit(np.array([[1.0, 10.0], [3.0, 30.0]]))
    np.testing.assert_allclose(fitted([[5.0, 10.0], [2.0, 20.0]]), [[3, -1], [0, 0]], rtol=1e-6)


def test_the_steps_come_in_the_order_root_length_variance():
    train = some_rows()
    rows = np.sign(train) * np.sqrt(np.abs(train.astype(np.float64)))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    found = FeatureScaler().fit(train)(train)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=0), 1, rtol=1e-4)


def test_other_rows_change_nothing():
    train, others = some_rows(), some_rows(80) * 7
    fitted = FeatureScaler().fit(train)
    together = fitted(np.vstack([train, others]))
    np.testing.assert_array_equal(together[: len(train)], fitted(train))
    np.testing.assert_array_equal(fitted.mean, FeatureScaler().fit(train).mean)


def test_a_refit_forgets_the_first_fit():
    refitted = FeatureScaler().fit(some_rows(width=3) * 5).fit(some_rows())
    assert refitted.get_state() == FeatureScaler().fit(some_rows()).get_state()
    assert refitted.dim == 7


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_a_constant_column_is_centred_only(value):
    train = some_rows()
    train[:, 2] = value
    fitted = scaler(standardize=True).fit(train)
    assert (fitted(train)[:, 2] == 0).all()
    assert fitted.scale[2] == 1
    train[:, 2] = value + 3
    np.testing.assert_allclose(fitted(train)[:, 2], 3, rtol=1e-6)


def test_zero_rows_stay_finite():
    train = some_rows()
    train[5] = 0
    assert np.isfinite(FeatureScaler().fit(train)(train)).all()


def test_no_rows_give_no_rows():
    assert FeatureScaler().fit(ROWS)(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("verb", ["fit", "__call__"])
def test_values_that_are_not_finite_are_refused(value, verb):
    rows = some_rows()
    rows[3, 1] = rows[8, 0] = value
    fitted = FeatureScaler().fit(some_rows())
    message = r"Features must be finite\. Received: nan or inf, first in row 3\."
    with pytest.raises(ValueError, match=message):
        getattr(fitted, verb)(rows)


def test_rows_of_another_width_are_refused():
    message = (
        r"Expected feature rows \(n, 7\), as in training\. Received: shape=\(2, 6\)\. "
        r"Use the extractor the model was trained with\."
    )
    fitted = FeatureScaler().fit(some_rows())
    with pytest.raises(ValueError, match=message):
        fitted(np.zeros((2, 6)))


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
@pytest.mark.parametrize("verb", ["fit", "__call__"])
def test_other_arrays_than_rows_are_refused(shape, verb):
    fitted = FeatureScaler().fit(ROWS)
    with pytest.raises(ValueError, match=r"Features must be rows \(n, d\)\. Received: shape=\("):
        getattr(fitted, verb)(np.zeros(shape))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_cannot_be_fitted(shape):
    message = rf"Fitting needs feature rows\. Received: shape=\({shape[0]}, {shape[1]}\)\."
    with pytest.raises(ValueError, match=message):
        FeatureScaler().fit(np.zeros(shape))


@pytest.mark.parametrize("used", [FeatureScaler(), through_json(FeatureScaler())])
def test_an_unfitted_scaler_is_refused(used):
    message = r"A FeatureScaler must be fitted before it is used\. Call fit\(\)\."
    with pytest.raises(RuntimeError, match=message):
        used(ROWS)


def test_an_unknown_norm_is_refused():
    with pytest.raises(ValueError, match=r"Norms are \('none', 'l2'\)\. Received: norm='l1'\."):
        FeatureScaler(norm="l1")


@pytest.mark.parametrize(
    "steps", [{}, {"square_root": False}, {"norm": "none"}, {"standardize": False}]
)
def test_json_brings_the_same_bits_back(steps):
    fitted = FeatureScaler(**steps).fit(some_rows())
    copy = through_json(fitted)
    assert copy.get_config() == fitted.get_config()
    assert copy.mean.dtype == copy.scale.dtype == np.float32
    assert copy.mean.tobytes() == fitted.mean.tobytes()
    assert copy.scale.tobytes() == fitted.scale.tobytes()
    assert copy(some_rows()).tobytes() == fitted(some_rows()).tobytes()
