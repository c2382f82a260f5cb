"""Files on disk -> `CrossModalData`: any number of media, labels, ids, split, provenance."""

from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance
from keras_xmr.datasets.caltech101 import caltech101
from keras_xmr.datasets.locate import DataNotFoundError
from keras_xmr.datasets.pascal_sentences import pascal_sentences
from keras_xmr.datasets.toy import toy
from keras_xmr.datasets.wikipedia import wikipedia
from keras_xmr.datasets.word_counts import WordCounts

__all__ = [
    "CrossModalData",
    "DataNotFoundError",
    "MediumItems",
    "Provenance",
    "WordCounts",
    "caltech101",
    "pascal_sentences",
    "toy",
    "wikipedia",
]
