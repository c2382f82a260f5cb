"""What several metrics demand of their arguments, said once."""

from typing import Any

import numpy as np

from keras_xmr.types import Array


def check_ranked(given: Any) -> Array:
    """Return the argument `ranked` as a boolean array of shape `(queries, gallery)`, or raise."""
    ranked = np.asarray(given)
    if ranked.dtype != np.bool_ or ranked.ndim != 2:
        raise ValueError(
            "Expected the relevance flags in rank order, boolean, one row per query. "
            f"Received: ranked.shape={ranked.shape}, ranked.dtype={ranked.dtype}. "
            "Make them with `ranked_relevance`; a single ranking is `ranked[None, :]`."
        )
    return ranked


def check_cut(k: Any) -> int:
    """Return the rank `k` at which a ranking is cut as an int, or raise."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(
            f"Expected k to be a whole number of at least 1. Received: k={k!r}. "
            "Give the number of leading ranks that count, for example k=50."
        )
    return int(k)
