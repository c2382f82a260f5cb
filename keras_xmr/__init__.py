"""Keras 3 models for cross-modal retrieval: query with a picture, get texts, and the other way.

Names are loaded when first used: importing the package imports no backend.
"""

import ast
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_xmr.backend import ensure_backend, missing_backend
from keras_xmr.version import __version__ as __version__

if TYPE_CHECKING:
    # The public names and where they live: a line each, for type checkers and for `_homes`.
    from keras_xmr import datasets as datasets
    from keras_xmr import encoders as encoders
    from keras_xmr import layers as layers
    from keras_xmr import losses as losses
    from keras_xmr import metrics as metrics
    from keras_xmr import optimizers as optimizers
    from keras_xmr import transforms as transforms
    from keras_xmr import trunks as trunks
    from keras_xmr.comparison.compare import compare as compare
    from keras_xmr.comparison.comparison import Comparison as Comparison
    from keras_xmr.evaluation import evaluate as evaluate
    from keras_xmr.evaluation import paired_test as paired_test
    from keras_xmr.index.exact import ExactIndex as ExactIndex
    from keras_xmr.index.exact import Ranking as Ranking
    from keras_xmr.index.hamming import HammingIndex as HammingIndex
    from keras_xmr.methods.acmr import ACMR as ACMR
    from keras_xmr.methods.bimodal_ae import BimodalAE as BimodalAE
    from keras_xmr.methods.blank import BlankItemsWarning as BlankItemsWarning
    from keras_xmr.methods.catalogue import train as train
    from keras_xmr.methods.cca import CCA as CCA
    from keras_xmr.methods.cfa import CFA as CFA
    from keras_xmr.methods.chtn import CHTN as CHTN
    from keras_xmr.methods.cm_gans.cm_gans import CMGANs as CMGANs
    from keras_xmr.methods.cmdn import CMDN as CMDN
    from keras_xmr.methods.contrastive_adapter import ContrastiveAdapter as ContrastiveAdapter
    from keras_xmr.methods.corr_ae import CorrAE as CorrAE
    from keras_xmr.methods.cross_modal_model import CrossModalModel as CrossModalModel
    from keras_xmr.methods.deep_sm import DeepSM as DeepSM
    from keras_xmr.methods.jrl import JRL as JRL
    from keras_xmr.methods.kcca import KCCA as KCCA
    from keras_xmr.methods.lgcfl import LGCFL as LGCFL
    from keras_xmr.methods.linear_adapter import LinearAdapter as LinearAdapter
    from keras_xmr.methods.mhtn import MHTN as MHTN
    from keras_xmr.methods.multimodal_dbn import MultimodalDBN as MultimodalDBN
    from keras_xmr.methods.semantic_matching import SemanticMatching as SemanticMatching
    from keras_xmr.methods.ugach.ugach import UGACH as UGACH
    from keras_xmr.methods.zero_shot import ZeroShot as ZeroShot
    from keras_xmr.probing import modality_probe as modality_probe
    from keras_xmr.report import Report as Report
    from keras_xmr.training.batches import PairedBatches as PairedBatches
    from keras_xmr.training.callbacks import RetrievalMAP as RetrievalMAP
    from keras_xmr.training.checkpoint import Checkpoint as Checkpoint
    from keras_xmr.tuning.tune import tune as tune


def _homes() -> dict[str, str]:
    """Public name to its module, or to itself as a module: what the block above imports."""
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    lines = [line for line in block.body if isinstance(line, ast.ImportFrom)]
    return {line.names[0].name: str(line.module) for line in lines}


_HOMES = _homes()
__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'keras_xmr' has no attribute {name!r}")
    ensure_backend()
    home = _HOMES[name]
    try:
        if home == __name__:
            return importlib.import_module(f"{home}.{name}")
        return getattr(importlib.import_module(home), name)
    except ModuleNotFoundError as error:
        raise missing_backend(error) or error from error


def __dir__() -> list[str]:
    return list(__all__)
