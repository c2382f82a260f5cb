"""The methods the models are compared with."""

from keras_xmr.baselines.semantic_matching import SemanticMatching

__all__ = ["SemanticMatching"]
