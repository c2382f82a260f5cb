"""Common representations -> ranked neighbours."""

from keras_xmr.index.exact import ExactIndex, Ranking
from keras_xmr.index.hamming import HammingIndex

__all__ = ["ExactIndex", "HammingIndex", "Ranking"]
