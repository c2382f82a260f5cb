"""`FullyConnected`, `Pathway` and `SharedLayers`: normalisation, initial weights, dropout."""

import keras
import numpy as np
import pytest

from keras_xmr.layers import FullyConnected, Pathway, SharedLayers
from tests.tiny import rows

X = rows(8, 5) * 3 + 1


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def affine(layer, number, inputs):
    """Output of one affine map of a layer, in NumPy."""
    kernel, bias = layer.affine[number].get_weights()
    return inputs @ kernel + bias


def normalized(inputs):
    """Zero mean and unit variance by the biased variance, without scale and shift."""
    return (inputs - inputs.mean(axis=0)) / np.sqrt(inputs.var(axis=0) + 1e-5)


def rectified(inputs):
    return np.maximum(inputs, 0)


@pytest.fixture
def pathway():
    layer = Pathway((6, 4), seed=0)
    layer.build(X.shape)
    return layer


def test_activations_are_normalised_by_the_batch_then_rectified(pathway):
    fc6, fc7 = pathway(X, training=True)
    expected = rectified(normalized(affine(pathway, 0, X)))
    np.testing.assert_allclose(numbers(fc6), expected, atol=1e-5)
    expected = rectified(normalized(affine(pathway, 1, expected)))
    np.testing.assert_allclose(numbers(fc7), expected, atol=1e-5)


def test_epsilon_is_the_release_s(pathway):
    tiny = X / 1e4
    expected = rectified(normalized(affine(pathway, 0, tiny)))
    assert np.abs(expected).max() < 0.5, "the variance does not dwarf epsilon"
    np.testing.assert_allclose(numbers(pathway(tiny, training=True)[0]), expected, rtol=1e-3)


def test_inference_uses_running_statistics(pathway):
    before = numbers(pathway(X)[0])
    # They start at mean 0 and variance 1.
    plain = rectified(affine(pathway, 0, X) / np.sqrt(1 + 1e-5))
    np.testing.assert_allclose(before, plain, atol=1e-5)
    pathway(X, training=True)
    product = affine(pathway, 0, X)
    mean, variance = 0.1 * product.mean(axis=0), 0.9 + 0.1 * product.var(axis=0)
    after = rectified((product - mean) / np.sqrt(variance + 1e-5))
    np.testing.assert_allclose(numbers(pathway(X)[0]), after, atol=1e-5)


def test_normalisation_has_no_scale_and_shift(pathway):
    assert {w.path.split("/")[-1] for w in pathway.trainable_weights} == {"kernel", "bias"}
    assert len(pathway.trainable_weights) == len(pathway.non_trainable_weights) == 4


@pytest.mark.parametrize("kind", [Pathway, SharedLayers])
def test_normalisation_can_be_left_out(kind):
    layer = kind((6, 4), batch_normalization=False, seed=0)
    output = layer(X, training=True)
    last = output[-1] if isinstance(output, list) else output
    expected = rectified(affine(layer, 1, rectified(affine(layer, 0, X))))
    np.testing.assert_allclose(numbers(last), expected, atol=1e-4)
    assert not layer.non_trainable_weights


def test_shared_layers_are_not_normalised_unless_asked():
    assert not SharedLayers((4,)).batch_normalization
    assert Pathway((4,)).batch_normalization
    assert FullyConnected((4,)).batch_normalization


def test_initial_kernels_are_normals_of_variance_2_over_fan_in():
    layer = Pathway((200, 100), seed=0)
    layer.build((None, 400))
    for dense, fan_in in zip(layer.affine, (400, 200), strict=True):
        kernel, bias = dense.get_weights()
        deviation = np.sqrt(2 / fan_in)
        assert np.std(kernel) == pytest.approx(deviation, rel=0.02)
        assert abs(kernel.mean()) < 0.02 * deviation
        # A truncated normal (`he_normal`) ends at 2.27 deviations; 2.3 % lie beyond here.
        beyond = np.mean(np.abs(kernel) > 2.2732 * deviation)
        assert beyond == pytest.approx(0.0230, abs=0.003)
        assert not bias.any()


def test_layers_of_one_seed_start_different_and_repeat():
    one, same = Pathway((5, 5), seed=0), Pathway((5, 5), seed=0)
    for layer in (one, same):
        layer.build((None, 5))
    assert not np.array_equal(one.affine[0].get_weights()[0], one.affine[1].get_weights()[0])
    for first, second in zip(one.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_dropout_acts_in_training_only():
    layer = Pathway((6, 4), batch_normalization=False, dropout=0.5, seed=0)
    np.testing.assert_array_equal(numbers(layer(X)[1]), numbers(layer(X)[1]))
    plain, first, second = layer(X), layer(X, training=True), layer(X, training=True)
    # The first layer's inputs have a rate of their own, 0 here.
    np.testing.assert_array_equal(numbers(first[0]), numbers(plain[0]))
    assert not np.array_equal(numbers(first[1]), numbers(plain[1]))
    assert not np.array_equal(numbers(first[1]), numbers(second[1]))


def test_input_dropout_acts_before_the_first_layer():
    layer = Pathway((6, 4), batch_normalization=False, input_dropout=0.5, seed=0)
    assert not np.array_equal(numbers(layer(X, training=True)[0]), numbers(layer(X)[0]))


def test_stacked_and_separate_rows_pass_shared_layers_alike():
    layer = SharedLayers((6, 4), seed=0)
    stacked = numbers(layer(X))
    separate = np.concatenate([numbers(layer(X[:3])), numbers(layer(X[3:]))])
    np.testing.assert_allclose(stacked, separate, atol=1e-6)


def test_normalised_shared_layers_see_the_mixture():
    layer = SharedLayers((4,), batch_normalization=True, seed=0)
    stacked = numbers(layer(X, training=True))
    np.testing.assert_allclose(stacked, rectified(normalized(affine(layer, 0, X))), atol=1e-5)
