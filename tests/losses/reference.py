"""The maximum mean discrepancy from the difference of every two rows, in float64."""

import numpy as np


def inverse_mean_distance(source, target):
    """Gamma: one over the mean squared distance of two different rows."""
    rows = np.concatenate([source, target])
    distances = squared_distances(rows, rows)
    return 1.0 / distances[~np.eye(len(rows), dtype=bool)].mean()


def squared_distances(first, second):
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    return np.array([((row - second) ** 2).sum(axis=1) for row in first])


def kernel_matrix(first, second, gamma, num_kernels=1, multiplier=2.0):
    gammas = [gamma * multiplier ** (i - num_kernels // 2) for i in range(num_kernels)]
    distances = squared_distances(first, second)
    return sum(np.exp(-g * distances) for g in gammas)


def mmd(source, target, estimator="quadratic_unbiased", gamma=None, **kernel):
    """The discrepancy; a `gamma` that is given stays as it is."""
    gamma = inverse_mean_distance(source, target) if gamma is None else gamma
    within_s = kernel_matrix(source, source, gamma, **kernel)
    within_t = kernel_matrix(target, target, gamma, **kernel)
    across = kernel_matrix(source, target, gamma, **kernel)
    if estimator == "quadratic_biased":
        return within_s.mean() + within_t.mean() - 2 * across.mean()
    if estimator == "linear":
        n = len(source)
        terms = [
            within_s[i, j] + within_t[i, j] - across[i, j] - across[j, i]
            for i, j in ((i, (i + 1) % n) for i in range(n))
        ]
        return np.mean(terms)
    off_s = within_s[~np.eye(len(source), dtype=bool)]
    off_t = within_t[~np.eye(len(target), dtype=bool)]
    return off_s.mean() + off_t.mean() - 2 * across.mean()


def mmd_of_random_quadruples(source, target):
    """Expectation of `"linear_random"` over its draws."""
    gamma = inverse_mean_distance(source, target)

    def within(rows):
        matrix, n = kernel_matrix(rows, rows, gamma), len(rows)
        # Where both draws are equal the next row stands in, so such pairs are twice as likely.
        return (matrix.sum() - np.trace(matrix) + np.trace(np.roll(matrix, -1, axis=1))) / n**2

    return within(source) + within(target) - 2 * kernel_matrix(source, target, gamma).mean()


def differences(function, array, step=1e-5):
    """Gradient of a function of a float64 array by central differences."""
    array = np.array(array, "float64")
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        shift = np.zeros_like(array)
        shift[index] = step
        gradient[index] = (function(array + shift) - function(array - shift)) / (2 * step)
    return gradient
