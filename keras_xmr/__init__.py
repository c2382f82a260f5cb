"""Keras 3 models for cross-modal retrieval: query with a picture, get texts, and the other way.

Names are loaded when first used: importing the package imports no backend.
"""

import importlib
from typing import TYPE_CHECKING, Any

from keras_xmr.backend import ensure_backend
from keras_xmr.version import __version__

if TYPE_CHECKING:
    from keras_xmr import datasets, layers, losses, metrics, optimizers, preprocessing, trunks
    from keras_xmr.baselines.bimodal_ae import BimodalAE
    from keras_xmr.baselines.cca import CCA
    from keras_xmr.baselines.cfa import CFA
    from keras_xmr.baselines.cmdn import CMDN
    from keras_xmr.baselines.corr_ae import CorrAE
    from keras_xmr.baselines.deep_sm import DeepSM
    from keras_xmr.baselines.jrl import JRL
    from keras_xmr.baselines.kcca import KCCA
    from keras_xmr.baselines.lgcfl import LGCFL
    from keras_xmr.baselines.multimodal_dbn import MultimodalDBN
    from keras_xmr.baselines.semantic_matching import SemanticMatching
    from keras_xmr.evaluation import evaluate, paired_test
    from keras_xmr.index.exact import ExactIndex, Ranking
    from keras_xmr.index.hamming import HammingIndex
    from keras_xmr.models.acmr import ACMR
    from keras_xmr.models.chtn import CHTN
    from keras_xmr.models.cm_gans import CMGANs
    from keras_xmr.models.cross_modal_model import CrossModalModel
    from keras_xmr.models.mhtn import MHTN
    from keras_xmr.models.ugach import UGACH
    from keras_xmr.probing import modality_probe
    from keras_xmr.report import Report
    from keras_xmr.training.batches import PairedBatches
    from keras_xmr.training.callbacks import RetrievalMAP
    from keras_xmr.training.checkpoint import Checkpoint

_HOMES = {
    "ACMR": "keras_xmr.models.acmr",
    "BimodalAE": "keras_xmr.baselines.bimodal_ae",
    "CCA": "keras_xmr.baselines.cca",
    "CFA": "keras_xmr.baselines.cfa",
    "CHTN": "keras_xmr.models.chtn",
    "CMDN": "keras_xmr.baselines.cmdn",
    "CMGANs": "keras_xmr.models.cm_gans",
    "Checkpoint": "keras_xmr.training.checkpoint",
    "CorrAE": "keras_xmr.baselines.corr_ae",
    "CrossModalModel": "keras_xmr.models.cross_modal_model",
    "DeepSM": "keras_xmr.baselines.deep_sm",
    "ExactIndex": "keras_xmr.index.exact",
    "HammingIndex": "keras_xmr.index.hamming",
    "JRL": "keras_xmr.baselines.jrl",
    "KCCA": "keras_xmr.baselines.kcca",
    "LGCFL": "keras_xmr.baselines.lgcfl",
    "MHTN": "keras_xmr.models.mhtn",
    "MultimodalDBN": "keras_xmr.baselines.multimodal_dbn",
    "PairedBatches": "keras_xmr.training.batches",
    "Ranking": "keras_xmr.index.exact",
    "Report": "keras_xmr.report",
    "RetrievalMAP": "keras_xmr.training.callbacks",
    "SemanticMatching": "keras_xmr.baselines.semantic_matching",
    "UGACH": "keras_xmr.models.ugach",
    "evaluate": "keras_xmr.evaluation",
    "modality_probe": "keras_xmr.probing",
    "paired_test": "keras_xmr.evaluation",
}
_MODULES = ("datasets", "layers", "losses", "metrics", "optimizers", "preprocessing", "trunks")

__all__ = [  # noqa: RUF022 (sorted as Python sorts)
    "ACMR",
    "BimodalAE",
    "CCA",
    "CFA",
    "CHTN",
    "CMDN",
    "CMGANs",
    "Checkpoint",
    "CorrAE",
    "CrossModalModel",
    "DeepSM",
    "ExactIndex",
    "HammingIndex",
    "JRL",
    "KCCA",
    "LGCFL",
    "MHTN",
    "MultimodalDBN",
    "PairedBatches",
    "Ranking",
    "Report",
    "RetrievalMAP",
    "SemanticMatching",
    "UGACH",
    "__version__",
    "datasets",
    "evaluate",
    "layers",
    "losses",
    "metrics",
    "modality_probe",
    "optimizers",
    "paired_test",
    "preprocessing",
    "trunks",
]


# What can be used without Keras.
_PLAIN = (
    *("datasets", "evaluation", "index", "metrics", "baselines", "preprocessing", "probing"),
    "report",
)
# Those among the baselines that are networks.
_NETWORKS = ("BimodalAE", "CMDN", "CorrAE", "DeepSM", "MultimodalDBN")


def __getattr__(name: str) -> Any:
    home = f"keras_xmr.{name}" if name in _MODULES else _HOMES.get(name, "")
    plain = home.startswith(tuple(f"keras_xmr.{plain}" for plain in _PLAIN))
    if home and (name in _NETWORKS or not plain):
        ensure_backend()
    if name in _MODULES:
        return importlib.import_module(home)
    if name in _HOMES:
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'keras_xmr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
