"""Is one method better than another, or only luckier? Tests, and intervals of the difference.

Differences are those of average precision: of each query, or of the mean over each split. SciPy
does the statistics; only Holm's correction, which it lacks, is here.
"""

from typing import NamedTuple

import numpy as np

from keras_xmr.types import Array, FloatArray

LEVEL = 0.95


class Difference(NamedTuple):
    """By how much a first method is better than a second one.

    Attributes:
        mean: Mean difference; above 0 where the first is better.
        low: Lower end of the 95 % confidence interval.
        high: Upper end.
        p: Two-sided p-value of there being no difference.

    Example:
        >>> Difference(0.04, 0.01, 0.07, 0.01).p < 0.05
        True
    """

    mean: float
    low: float
    high: float
    p: float


def over_queries(first: FloatArray, second: FloatArray) -> Difference:
    """Paired t-test of two methods on the same queries.

    It tells whether the difference would last on further queries, of these two trained models on
    this split. Where all queries differ by the same amount nothing is left to chance: the interval
    is that amount, and p is 0, or 1 if they do not differ.

    Args:
        first: Average precision of each query `(n,)` by one method.
        second: The same queries `(n,)` by the other.

    Returns:
        `Difference`.

    Raises:
        ValueError: If the two are not of the same queries, or there are fewer than two.

    Example:
        >>> found = over_queries(np.array([0.6, 0.9, 0.9]), np.array([0.5, 0.7, 0.6]))
        >>> [round(value, 3) for value in found]
        [0.2, -0.048, 0.448, 0.074]

    Reference:
        M. Smucker, J. Allan, B. Carterette: A comparison of statistical significance tests for
        information retrieval evaluation, CIKM 2007 (Student's t-test).
    """
    from scipy.stats import ttest_rel

    differences = _differences(first, second)
    if _alike(differences):
        return _certain(differences)
    result = ttest_rel(first, second)
    low, high = result.confidence_interval(LEVEL)
    return Difference(float(differences.mean()), float(low), float(high), float(result.pvalue))


def over_splits(differences: FloatArray, test_share: float) -> Difference:
    """Corrected resampled t-test of two methods on several splits of the same data.

    It tells whether the difference would last on another split, with another training. Splits share
    most of their items, so that their differences are alike, and the usual test finds too much. Its
    variance of the mean, `variance / n`, is replaced by `variance * (1 / n + test_share)`.

    Args:
        differences: Mean average precision of the first method less that of the second, of each
            split `(splits,)`.
        test_share: Number of test items by that of training items, of one split.

    Returns:
        `Difference`; as in `over_queries` where all splits differ by the same amount.

    Raises:
        ValueError: If there are fewer than two splits, or the share is not above 0.

    Example:
        >>> [round(value, 3) for value in over_splits(np.array([0.01, 0.02, 0.03]), 0.25)]
        [0.02, -0.013, 0.053, 0.12]

    Reference:
        C. Nadeau, Y. Bengio: Inference for the generalization error, Machine Learning 52, 2003
        (corrected resampled t-test).
    """
    from scipy.stats import t

    differences = np.asarray(differences, dtype=float)
    if differences.ndim != 1 or len(differences) < 2:
        raise ValueError(
            "A test over splits needs one difference for each of at least two. "
            f"Received: differences.shape={differences.shape}."
        )
    if not test_share > 0:
        raise ValueError(f"The share of test items is above 0. Received: {test_share=}.")
    if _alike(differences):
        return _certain(differences)
    mean, count = float(differences.mean()), len(differences)
    error = float(np.sqrt(differences.var(ddof=1) * (1 / count + test_share)))
    low, high = t.interval(LEVEL, count - 1, mean, error)
    p = 2 * t.sf(abs(mean) / error, count - 1)
    return Difference(mean, float(low), float(high), float(p))


def holm(p_values: Array) -> FloatArray:
    """Correct the p-values of several tests: the chance of any false finding stays that of one.

    The smallest of `m` is multiplied by `m`, the next by `m - 1`, and so on; none becomes smaller
    than the one before it, nor larger than 1.

    Args:
        p_values: One for each test `(m,)`, in any order.

    Returns:
        float64 `(m,)`: the corrected p-values in the same order.

    Raises:
        ValueError: If a value is not from 0 to 1.

    Example:
        >>> holm(np.array([0.04, 0.01, 0.03]))
        array([0.06, 0.03, 0.06])

    Reference:
        S. Holm: A simple sequentially rejective multiple test procedure, Scandinavian Journal of
        Statistics 6, 1979.
    """
    p_values = np.asarray(p_values, dtype=float)
    if p_values.ndim != 1 or not ((p_values >= 0) & (p_values <= 1)).all():
        raise ValueError(f"Expected p-values from 0 to 1. Received: p_values={p_values}.")
    order = np.argsort(p_values)
    grown = p_values[order] * np.arange(len(order), 0, -1)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(np.maximum.accumulate(grown), 1.0)
    return corrected


def _differences(first: FloatArray, second: FloatArray) -> FloatArray:
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ValueError(
            "Expected both methods on the same queries, at least two. "
            f"Received: shapes {first.shape} and {second.shape}."
        )
    return first - second


def _alike(differences: FloatArray) -> bool:
    """Whether values differ by no more than rounding: 0.9 - 0.8 is not quite 0.5 - 0.4."""
    return bool(np.ptp(differences) <= 1e-12 * np.abs(differences).max())


def _certain(differences: FloatArray) -> Difference:
    mean = float(differences.mean())
    return Difference(mean, mean, mean, 0.0 if mean else 1.0)
