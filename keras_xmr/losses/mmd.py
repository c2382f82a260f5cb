"""Maximum mean discrepancy: how far apart two samples are, in a Gaussian kernel's feature space."""

from keras import ops, random

from keras_xmr.types import Tensor

ESTIMATORS = ("quadratic_unbiased", "quadratic_biased", "linear", "linear_random")


def maximum_mean_discrepancy(
    source: Tensor,
    target: Tensor,
    *,
    num_kernels: int = 1,
    multiplier: float = 2.0,
    estimator: str = "quadratic_unbiased",
    seed: random.SeedGenerator | int | None = None,
) -> Tensor:
    """Estimate the squared maximum mean discrepancy of two samples.

    The kernel is a sum of Gaussians `exp(-gamma_i ||x - y||^2)`, where
    `gamma_i = gamma * multiplier ** (i - num_kernels // 2)` and `1 / gamma` is the mean squared
    distance between two different rows of both samples together. Gamma is a constant of
    differentiation; gradients flow into both samples. Everything is computed in float32.

    | estimator | formula |
    |---|---|
    | `"quadratic_unbiased"` | mean over pairs of different rows of either, less twice that across |
    | `"quadratic_biased"` | the same, pairs of a row with itself included |
    | `"linear"` | mean over `i` of `k(s, s') + k(t, t') - k(s, t') - k(s', t)`: next rows |
    | `"linear_random"` | the same for `max(n, m)` random quadruples, as in the CHTN release |

    All but the biased one may be negative. The release logs the sum over the quadruples, and
    differentiates their mean, which is what this returns.

    Args:
        source: Features `(n, d)`, at least two rows.
        target: Features `(m, d)`, at least two rows; `"linear"` needs `n == m`.
        num_kernels: Number of Gaussians.
        multiplier: Ratio of neighbouring gammas.
        estimator: One of the names above.
        seed: Seed or seed generator of `"linear_random"`.

    Returns:
        A scalar tensor, float32.

    Raises:
        ValueError: If `estimator` is none of these.

    Example:
        >>> source = [[0., 0.], [1., 0.], [0., 1.]]
        >>> target = [[2., 2.], [3., 2.], [2., 4.]]
        >>> round(float(maximum_mean_discrepancy(source, target)), 4)
        0.9395

    Reference:
        A. Gretton et al.: A kernel two-sample test, JMLR 2012, equations (3), (5) and section 6.
        As used by CHTN: X. Huang, Y. Peng, M. Yuan, IJCAI 2017, equation (1).
    """
    source, target = (ops.cast(rows, "float32") for rows in (source, target))
    kernel = _pooled_kernel(source, target, num_kernels, multiplier)
    n, m = ops.shape(source)[0], ops.shape(target)[0]
    within_source, within_target, across = kernel[:n, :n], kernel[n:, n:], kernel[:n, n:]
    if estimator == "quadratic_unbiased":
        return (
            _mean_off_diagonal(within_source, n)
            + _mean_off_diagonal(within_target, m)
            - 2.0 * ops.mean(across)
        )
    if estimator == "quadratic_biased":
        return ops.mean(within_source) + ops.mean(within_target) - 2.0 * ops.mean(across)
    if estimator == "linear":
        s = t = ops.arange(n)
        next_s = next_t = (s + 1) % n
    elif estimator == "linear_random":
        # A known number of rows stays a number: JAX cannot compile a shape that is computed.
        count = max(n, m) if isinstance(n, int) and isinstance(m, int) else ops.maximum(n, m)
        s, next_s = _random_pairs(count, n, seed)
        t, next_t = _random_pairs(count, m, seed)
    else:
        raise ValueError(f"Estimators are {ESTIMATORS}. Received: {estimator=}.")
    return ops.mean(
        _entries(within_source, s, next_s)
        + _entries(within_target, t, next_t)
        - _entries(across, s, next_t)
        - _entries(across, next_s, t)
    )


def _pooled_kernel(source: Tensor, target: Tensor, num_kernels: int, multiplier: float) -> Tensor:
    """Kernel matrix `(n + m, n + m)` of all rows."""
    rows = ops.concatenate([source, target], axis=0)
    # Distances do not feel a common offset, but the Gram form loses digits to it: remove it first.
    rows = rows - ops.stop_gradient(ops.mean(rows, axis=0))
    square = ops.sum(ops.square(rows), axis=1)
    gram = ops.matmul(rows, ops.transpose(rows))
    distances = ops.maximum(square[:, None] + square[None, :] - 2.0 * gram, 0.0)
    count = ops.cast(ops.shape(rows)[0], "float32")
    # Where all rows coincide the distances are 0 and any finite gamma gives the right value, 0.
    gamma = ops.stop_gradient((count * count - count) / ops.maximum(ops.sum(distances), 1e-30))
    factors = [multiplier ** (i - num_kernels // 2) for i in range(num_kernels)]
    # In one operation for all kernels: on PyTorch small operations cost more than their arithmetic.
    factors = ops.reshape(ops.convert_to_tensor(factors, "float32"), (-1, 1, 1))
    return ops.sum(ops.exp(factors * (-gamma * distances)), axis=0)


def _mean_off_diagonal(kernel: Tensor, rows: Tensor) -> Tensor:
    count = ops.cast(rows, "float32")
    return (ops.sum(kernel) - ops.trace(kernel)) / (count * (count - 1.0))


def _entries(matrix: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    width = ops.shape(matrix)[1]
    return ops.take(ops.reshape(matrix, (-1,)), rows * width + columns)


def _random_pairs(
    count: Tensor, rows: Tensor, seed: random.SeedGenerator | int | None
) -> tuple[Tensor, Tensor]:
    """Pairs of different row numbers; the next row stands in where both draws are equal."""
    first = random.randint((count,), 0, rows, dtype="int32", seed=seed)
    second = random.randint((count,), 0, rows, dtype="int32", seed=seed)
    return first, ops.where(second == first, (second + 1) % rows, second)
