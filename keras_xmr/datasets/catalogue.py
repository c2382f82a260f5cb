"""Data sets by name, as the command line and presets speak of them."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.caltech101 import caltech101
from keras_xmr.datasets.pascal_sentences import pascal_sentences
from keras_xmr.datasets.toy import toy
from keras_xmr.datasets.wikipedia import wikipedia


class Entry(NamedTuple):
    """A data set under a name."""

    load: Callable[[], CrossModalData]
    description: str


CATALOGUE = {
    "pascal_sentences": Entry(
        pascal_sentences, "1000 pictures with sentences, 20 classes; bundled features"
    ),
    "wikipedia": Entry(
        partial(wikipedia, "tfidf"), "2866 pairs, 10 classes, SIFT and tf-idf; KERAS_XMR_DATA"
    ),
    "wikipedia_lda": Entry(
        partial(wikipedia, "lda"), "2866 pairs, 10 classes, SIFT and LDA; KERAS_XMR_DATA"
    ),
    "caltech101": Entry(
        caltech101, "2525 pictures, 101 classes, a source domain; bundled features"
    ),
    "toy": Entry(toy, "80 synthetic pairs, 4 classes"),
    "toy_source": Entry(partial(toy, ("image",), num_classes=6), "120 synthetic source items"),
}


def load(name: str) -> CrossModalData:
    """The data set of that name.

    Raises:
        ValueError: If there is none; the message lists those there are.

    Example:
        >>> load("toy").num_classes
        4
    """
    if name not in CATALOGUE:
        raise ValueError(f"Data sets are {sorted(CATALOGUE)}. Received: data={name!r}.")
    return CATALOGUE[name].load()
