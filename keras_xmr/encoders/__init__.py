"""Engines of `keras_xmr.transforms.Encoder`: what makes rows of pictures and texts.

Each wraps the models of one library, which is imported when it is used. `engine_of` finds the one
for a name, a file or a model.
"""

# `Encoder`, there, needs the engines, and they need how pictures are read: it begins there.
from keras_xmr import transforms as transforms
from keras_xmr.encoders.engine import Engine
from keras_xmr.encoders.function import Function, register
from keras_xmr.encoders.keras_hub import KerasHubModel
from keras_xmr.encoders.keras_network import KerasNetwork
from keras_xmr.encoders.onnx_file import OnnxFile
from keras_xmr.encoders.resolve import engine_of
from keras_xmr.encoders.sentence_transformer import SentenceModel

__all__ = [
    "Engine",
    "Function",
    "KerasHubModel",
    "KerasNetwork",
    "OnnxFile",
    "SentenceModel",
    "engine_of",
    "register",
]
