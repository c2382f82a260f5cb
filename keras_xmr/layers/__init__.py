"""Building blocks of the models, in `keras.ops` alone."""

from keras_xmr.layers.feature_scaling import FeatureScaling
from keras_xmr.layers.fully_connected import FullyConnected
from keras_xmr.layers.mmd_loss import MMDLoss
from keras_xmr.layers.pathway import Pathway
from keras_xmr.layers.shared_layers import SharedLayers
from keras_xmr.layers.split_rows import SplitRows

__all__ = ["FeatureScaling", "FullyConnected", "MMDLoss", "Pathway", "SharedLayers", "SplitRows"]
