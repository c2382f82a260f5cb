"""Building blocks of the models, in `keras.ops` alone."""

from keras_xmr.layers.batch_normalization import BatchNormalization
from keras_xmr.layers.feature_scaling import FeatureScaling
from keras_xmr.layers.fully_connected import FullyConnected
from keras_xmr.layers.gradient_reversal import GradientReversal
from keras_xmr.layers.learned_temperature import LearnedTemperature
from keras_xmr.layers.linear_projection import LinearProjection
from keras_xmr.layers.mmd_loss import MMDLoss
from keras_xmr.layers.modality_discriminator import ModalityDiscriminator
from keras_xmr.layers.normalized_dense import NormalizedDense
from keras_xmr.layers.pathway import Pathway
from keras_xmr.layers.rbm import RBM
from keras_xmr.layers.shared_layers import SharedLayers
from keras_xmr.layers.split_rows import SplitRows
from keras_xmr.layers.unit_length import UnitLength

__all__ = [  # noqa: RUF022 (sorted as Python sorts)
    "BatchNormalization",
    "FeatureScaling",
    "FullyConnected",
    "GradientReversal",
    "LearnedTemperature",
    "LinearProjection",
    "MMDLoss",
    "ModalityDiscriminator",
    "NormalizedDense",
    "Pathway",
    "RBM",
    "SharedLayers",
    "SplitRows",
    "UnitLength",
]
