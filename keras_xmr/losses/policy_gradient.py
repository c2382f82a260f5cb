"""Policy gradient of a generator that selects items from a pool, sampled and exact."""

from keras import ops

from keras_xmr.types import Tensor

# Not minus infinity: a row in which every item is masked would have no number at all.
MASKED = -1e9


def pool_log_softmax(
    distances: Tensor, temperature: float = 1.0, masked: Tensor | None = None
) -> Tensor:
    """Log probabilities with which a generator selects the items of a pool for each query.

    `p(x | q) = exp(-distance(q, x) / temperature)`, divided by the sum over the pool.

    Args:
        distances: Of each query to each item, `(n, pool)`.
        temperature: Near 0 the nearest item is certain, far from it all are equally likely.
        masked: 1 where an item may not be selected for a query, `(n, pool)`: its probability is
            exactly 0. `None` is 0 for all.

    Returns:
        `(n, pool)`, float32.

    Example:
        >>> import keras
        >>> log_p = pool_log_softmax([[0.0, 0.0, 5.0]], masked=[[0.0, 0.0, 1.0]])
        >>> keras.ops.convert_to_numpy(keras.ops.exp(log_p)).tolist()
        [[0.5, 0.5, 0.0]]

    Reference:
        J. Zhang, Y. Peng, M. Yuan: Unsupervised generative adversarial cross-modal hashing, AAAI
        2018, the generative model.
    """
    scores = -ops.cast(distances, "float32") / temperature
    if masked is not None:
        scores = ops.where(ops.cast(masked, "bool"), MASKED, scores)
    return ops.log_softmax(scores, axis=-1)


def expected_reward(log_p: Tensor, rewards: Tensor) -> Tensor:
    """Mean over queries of the expectation of the reward; its gradient is the policy gradient.

    Nothing is drawn, so the gradient has no variance, and a constant added to the rewards of a
    query changes nothing in it.

    Args:
        log_p: Log probabilities `(n, pool)`.
        rewards: `(n, pool)`. They get no gradient.

    Returns:
        A scalar tensor.

    Example:
        >>> import numpy as np
        >>> round(float(expected_reward(np.log([[0.25, 0.75]]), [[4.0, 0.0]])), 4)
        1.0

    Reference:
        R. Sutton, D. McAllester, S. Singh, Y. Mansour: Policy gradient methods for reinforcement
        learning with function approximation, NIPS 1999.
    """
    rewards = ops.stop_gradient(ops.cast(rewards, "float32"))
    return ops.mean(ops.sum(ops.multiply(ops.exp(log_p), rewards), axis=-1))


def sampled_reward(log_p: Tensor, rewards: Tensor, baseline: bool = True) -> Tensor:
    """What has the policy gradient of drawn items for its gradient: `mean(rewards * log_p)`.

    Args:
        log_p: Log probabilities of the drawn items, `(n, samples)`.
        rewards: Theirs, `(n, samples)`. They get no gradient.
        baseline: Whether each reward is taken less the mean reward of the query's other items.
            That changes the variance of the gradient and not its expectation, and needs two
            samples or more.

    Returns:
        A scalar tensor.

    Raises:
        ValueError: If there is a baseline and a single sample.

    Example:
        >>> import numpy as np
        >>> log_p = np.log([[0.5, 0.25]])
        >>> same = np.ones((1, 2), "float32")
        >>> round(float(sampled_reward(log_p, same, baseline=False)), 4)
        -1.0397
        >>> float(sampled_reward(log_p, same))
        0.0

    Reference:
        R. Williams: Simple statistical gradient-following algorithms for connectionist
        reinforcement learning, Machine Learning 8, 1992. Baseline: W. Kool, H. van Hoof, M.
        Welling: Buy 4 REINFORCE samples, get a baseline for free!, ICLR workshop 2019.
    """
    rewards = ops.stop_gradient(ops.cast(rewards, "float32"))
    samples = rewards.shape[-1]
    if baseline and samples < 2:
        raise ValueError(
            f"The mean of the other samples needs at least two. Received: samples={samples}. "
            "Draw more, or do without a baseline."
        )
    if baseline:
        # r - mean of the others = (r - mean of all) * n / (n - 1).
        mean = ops.mean(rewards, axis=-1, keepdims=True)
        rewards = (rewards - mean) * (samples / (samples - 1))
    return ops.mean(ops.multiply(rewards, log_p))
