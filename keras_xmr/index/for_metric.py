"""The index that finds the neighbours of a model's representations."""

from keras_xmr.index.exact import ExactIndex
from keras_xmr.index.hamming import HammingIndex


def index_for(metric: str) -> ExactIndex | HammingIndex:
    """An empty index that ranks as a model does whose `metric` this is.

    Raises:
        ValueError: If there is no such metric.
    """
    return HammingIndex() if metric == "hamming" else ExactIndex(metric)
