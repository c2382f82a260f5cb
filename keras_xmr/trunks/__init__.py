"""Image networks without their classifier: pixels -> feature rows, for models to build on.

A trunk is a functional Keras model from `(n, height, width, 3)`, RGB pixels 0..255, to `(n, d)`.
It normalises the pixels itself. `text_cnn` is one for texts, from word numbers.
"""

from keras_xmr.trunks.alexnet import alexnet
from keras_xmr.trunks.application import application
from keras_xmr.trunks.backbone import pooled
from keras_xmr.trunks.catalogue import load_trunk
from keras_xmr.trunks.contract import check_trunk
from keras_xmr.trunks.efficientnet_lite import efficientnet_lite
from keras_xmr.trunks.fine_tuning import train_from
from keras_xmr.trunks.fingerprint import trunk_fingerprint
from keras_xmr.trunks.mirrored import mirrored
from keras_xmr.trunks.restoring import trunk_from_config
from keras_xmr.trunks.squeezenet import squeezenet
from keras_xmr.trunks.text_cnn import text_cnn

__all__ = [
    "alexnet",
    "application",
    "check_trunk",
    "efficientnet_lite",
    "load_trunk",
    "mirrored",
    "pooled",
    "squeezenet",
    "text_cnn",
    "train_from",
    "trunk_fingerprint",
    "trunk_from_config",
]
