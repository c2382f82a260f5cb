"""The soft-max over a pool, and policy gradients: exact ones against sampled ones."""

import keras
import numpy as np
import pytest

from keras_xmr.losses import expected_reward, pool_log_softmax, sampled_reward
from tests.gradients import gradients_at

DISTANCES = np.array([[0.3, 1.2, 0.1, 2.0, 0.7]], dtype="float32")
REWARDS = np.array([[1.0, 0.2, 0.6, 0.9, 0.1]], dtype="float32")


def probabilities(*args, **kwargs):
    return np.exp(keras.ops.convert_to_numpy(pool_log_softmax(*args, **kwargs)).astype("float64"))


def soft_max(scores):
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def exact_gradient(rewards, temperature=1.0):
    """Of `sum p r` in the distances, by hand: `-(p / temperature) * (r - sum p r)`."""
    p = soft_max(-DISTANCES.astype("float64") / temperature)
    return -p * (rewards - (p * rewards).sum()) / temperature


def test_probabilities_are_a_soft_max_of_minus_the_distance():
    distances = np.random.default_rng(0).uniform(0, 9, size=(4, 300)).astype("float32")
    found = probabilities(distances, temperature=0.7)
    np.testing.assert_allclose(found, soft_max(-distances / 0.7), rtol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(probabilities(distances + 5, temperature=0.7), found, rtol=1e-3)


def test_temperature_goes_from_certain_to_uniform():
    np.testing.assert_allclose(probabilities(DISTANCES, 1e-3), [[0, 0, 1, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(probabilities(DISTANCES, 1e5), np.full((1, 5), 0.2), atol=1e-4)


def test_masked_items_have_probability_exactly_zero():
    masked = np.array([[0, 0, 1, 0, 1]], dtype="float32")
    found = probabilities(DISTANCES, masked=masked)
    assert found[0, 2] == found[0, 4] == 0.0
    np.testing.assert_allclose(found[:, [0, 1, 3]], soft_max(-DISTANCES[:, [0, 1, 3]]), rtol=1e-5)
    # Even where nothing is left there are numbers.
    assert np.isfinite(probabilities(DISTANCES, masked=np.ones((1, 5)))).all()


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_exact_gradient_is_that_of_the_formula(temperature):
    value, (found,) = gradients_at(
        lambda d: expected_reward(pool_log_softmax(d, temperature), REWARDS), DISTANCES
    )
    assert value == pytest.approx((soft_max(-DISTANCES / temperature) * REWARDS).sum(), rel=1e-5)
    np.testing.assert_allclose(found, exact_gradient(REWARDS, temperature), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("baseline", [True, False])
def test_the_mean_of_sampled_gradients_is_the_exact_one(baseline):
    draws = 10_000
    rng = np.random.default_rng(1)
    p = soft_max(-DISTANCES.astype("float64"))[0]
    drawn = rng.choice(5, size=(draws, 4), p=p / p.sum())

    def surrogate(distances):
        log_p = keras.ops.take(pool_log_softmax(distances)[0], drawn, axis=0)
        return sampled_reward(log_p, REWARDS[0][drawn], baseline)

    _, (found,) = gradients_at(surrogate, DISTANCES)
    np.testing.assert_allclose(found, exact_gradient(REWARDS), atol=6e-3)
    assert np.abs(exact_gradient(REWARDS)).max() > 0.05


def test_equal_rewards_teach_nothing_with_a_baseline():
    same = np.full((1, 3), 0.8, dtype="float32")

    def surrogate(distances, baseline):
        return sampled_reward(pool_log_softmax(distances)[:, :3], same, baseline)

    _, (found,) = gradients_at(lambda d: surrogate(d, True), DISTANCES)
    np.testing.assert_allclose(found, 0, atol=1e-7)
    _, (found,) = gradients_at(lambda d: surrogate(d, False), DISTANCES)
    assert np.abs(found).max() > 0.05
    _, (found,) = gradients_at(
        lambda d: expected_reward(pool_log_softmax(d), np.full((1, 5), 0.8)), DISTANCES
    )
    np.testing.assert_allclose(found, 0, atol=1e-7)


@pytest.mark.parametrize("form", [expected_reward, sampled_reward])
def test_rewards_get_no_gradient(form):
    _, (of_log_p, of_rewards) = gradients_at(form, np.log(soft_max(-DISTANCES)), REWARDS)
    np.testing.assert_array_equal(of_rewards, 0)
    assert np.abs(of_log_p).max() > 0.01


def test_a_baseline_needs_two_samples():
    with pytest.raises(ValueError, match=r"at least two\. Received: samples=1\. Draw more"):
        sampled_reward(np.zeros((2, 1)), np.ones((2, 1)))
