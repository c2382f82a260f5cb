"""Average precision of each query, in the order of the rows."""

from collections.abc import Mapping

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.metrics import (
    average_precision,
    comparable,
    distance_counts,
    expected_average_precision,
    ranked_relevance_blocks,
)
from keras_xmr.types import Array, FloatArray


def average_precisions(
    encoded: Mapping[str, Array], part: CrossModalData, query: str, gallery: str, metric: str
) -> FloatArray:
    """Of each query `(q,)`, as in `evaluate`; NaN where nothing is relevant to it."""
    rows = encoded[query], encoded[gallery]
    labels = part.media[query].labels, part.media[gallery].labels
    if metric == "hamming":
        return expected_average_precision(distance_counts(*rows, *labels))
    blocks = ranked_relevance_blocks(*comparable(*rows, metric), *labels)
    return np.concatenate([average_precision(ranked) for _, ranked in blocks])
