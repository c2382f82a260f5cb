"""The formulas that models minimise, one per file."""

from keras_xmr.losses.cross_entropy import label_cross_entropy
from keras_xmr.losses.mmd import maximum_mean_discrepancy
from keras_xmr.losses.modality import modality_loss
from keras_xmr.losses.pairwise import pairwise_transfer

__all__ = [
    "label_cross_entropy",
    "maximum_mean_discrepancy",
    "modality_loss",
    "pairwise_transfer",
]
