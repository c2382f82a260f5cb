"""Files on disk -> `CrossModalData`: any number of media, labels, ids, split, provenance."""

from keras_xmr.datasets.add_media import add_media
from keras_xmr.datasets.bad_rows import BadRowsError
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance
from keras_xmr.datasets.caltech101 import caltech101
from keras_xmr.datasets.catalogue import load
from keras_xmr.datasets.class_folder import class_folder
from keras_xmr.datasets.digits import digits
from keras_xmr.datasets.feature_file import feature_file
from keras_xmr.datasets.folder import folder
from keras_xmr.datasets.locate import DataNotFoundError
from keras_xmr.datasets.mirflickr import mirflickr
from keras_xmr.datasets.modelnet10 import modelnet10
from keras_xmr.datasets.nus_wide import nus_wide
from keras_xmr.datasets.nus_wide_10k import nus_wide_10k
from keras_xmr.datasets.pascal_sentences import pascal_sentences
from keras_xmr.datasets.tiny_imagenet import tiny_imagenet
from keras_xmr.datasets.toy import toy
from keras_xmr.datasets.upright import TurnedArraysWarning
from keras_xmr.datasets.wikipedia import wikipedia
from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.datasets.xmedia import xmedia

__all__ = [
    "BadRowsError",
    "CrossModalData",
    "DataNotFoundError",
    "MediumItems",
    "Provenance",
    "TurnedArraysWarning",
    "WordCounts",
    "add_media",
    "caltech101",
    "class_folder",
    "digits",
    "feature_file",
    "folder",
    "load",
    "mirflickr",
    "modelnet10",
    "nus_wide",
    "nus_wide_10k",
    "pascal_sentences",
    "tiny_imagenet",
    "toy",
    "wikipedia",
    "xmedia",
]
