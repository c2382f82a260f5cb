"""The models, one file per paper."""

from keras_xmr.models.acmr import ACMR
from keras_xmr.models.chtn import CHTN
from keras_xmr.models.cm_gans import CMGANs
from keras_xmr.models.cross_modal_model import CrossModalModel
from keras_xmr.models.mhtn import MHTN
from keras_xmr.models.ugach import UGACH

__all__ = ["ACMR", "CHTN", "CMGANs", "CrossModalModel", "MHTN", "UGACH"]  # noqa: RUF022 (sorted as Python sorts)
