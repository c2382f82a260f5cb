"""The formulas that models minimise, one per file."""

from keras_xmr.losses.class_contrastive import class_contrastive_loss
from keras_xmr.losses.contrastive_divergence import contrastive_divergence
from keras_xmr.losses.cross_entropy import label_cross_entropy, multi_label_cross_entropy
from keras_xmr.losses.invariance import invariance_loss
from keras_xmr.losses.margin_ranking import margin_ranking
from keras_xmr.losses.mmd import maximum_mean_discrepancy
from keras_xmr.losses.modality import modality_loss
from keras_xmr.losses.pairwise import pairwise_transfer
from keras_xmr.losses.policy_gradient import expected_reward, pool_log_softmax, sampled_reward
from keras_xmr.losses.released_triplet import released_triplet_loss
from keras_xmr.losses.verdict import verdict_loss

__all__ = [
    "class_contrastive_loss",
    "contrastive_divergence",
    "expected_reward",
    "invariance_loss",
    "label_cross_entropy",
    "margin_ranking",
    "maximum_mean_discrepancy",
    "modality_loss",
    "multi_label_cross_entropy",
    "pairwise_transfer",
    "pool_log_softmax",
    "released_triplet_loss",
    "sampled_reward",
    "verdict_loss",
]
