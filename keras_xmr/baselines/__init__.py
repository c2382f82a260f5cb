"""The methods the models are compared with.

Those that are networks are taken from `keras_xmr`: this module is imported without Keras.
"""

from keras_xmr.baselines.cca import CCA
from keras_xmr.baselines.cfa import CFA
from keras_xmr.baselines.jrl import JRL
from keras_xmr.baselines.kcca import KCCA
from keras_xmr.baselines.lgcfl import LGCFL
from keras_xmr.baselines.semantic_matching import SemanticMatching

__all__ = ["CCA", "CFA", "JRL", "KCCA", "LGCFL", "SemanticMatching"]
