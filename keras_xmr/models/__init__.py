"""The models, one file per paper."""

from keras_xmr.models.chtn import CHTN
from keras_xmr.models.cross_modal_model import CrossModalModel

__all__ = ["CHTN", "CrossModalModel"]
