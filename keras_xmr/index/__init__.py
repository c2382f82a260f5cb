"""Common representations -> ranked neighbours."""

from keras_xmr.index.exact import ExactIndex, Ranking

__all__ = ["ExactIndex", "Ranking"]
