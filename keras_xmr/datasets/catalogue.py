"""Data sets by name or path, as the command line and presets speak of them."""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from keras_xmr.datasets.add_media import add_media
from keras_xmr.datasets.array_file import ENDINGS
from keras_xmr.datasets.array_folder import is_array_folder
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.caltech101 import caltech101
from keras_xmr.datasets.class_folder import class_folder
from keras_xmr.datasets.digits import digits
from keras_xmr.datasets.feature_file import feature_file
from keras_xmr.datasets.folder import folder
from keras_xmr.datasets.mirflickr import mirflickr
from keras_xmr.datasets.modelnet10 import modelnet10
from keras_xmr.datasets.nus_wide import nus_wide
from keras_xmr.datasets.nus_wide_10k import nus_wide_10k
from keras_xmr.datasets.pascal_sentences import pascal_sentences
from keras_xmr.datasets.table import DELIMITERS
from keras_xmr.datasets.tiny_imagenet import tiny_imagenet
from keras_xmr.datasets.toy import toy
from keras_xmr.datasets.unread_files import refuse_unread
from keras_xmr.datasets.wikipedia import wikipedia
from keras_xmr.datasets.xmedia import xmedia


class Entry(NamedTuple):
    """A data set under a name; `load_raw` where its raw items can be had as well."""

    load: Callable[[], CrossModalData]
    description: str
    load_raw: Callable[[], CrossModalData] | None = None


def _pascal_sentences_3d(features: str | None = "mobilenet_v2") -> CrossModalData:
    """An example of missing media: only the classes `chair` and `tvmonitor` have 3D models."""
    return add_media(pascal_sentences(features), modelnet10(), renamed={"monitor": "tvmonitor"})


CATALOGUE = {
    "pascal_sentences": Entry(
        pascal_sentences,
        "1000 pictures with sentences, 20 classes; bundled features",
        partial(pascal_sentences, None),
    ),
    "pascal_sentences_3d": Entry(
        _pascal_sentences_3d,
        "the same, and 1290 3D models of two of the classes; KERAS_XMR_DATA",
        partial(_pascal_sentences_3d, None),
    ),
    "wikipedia": Entry(
        partial(wikipedia, "tfidf"), "2866 pairs, 10 classes, SIFT and tf-idf; KERAS_XMR_DATA"
    ),
    "wikipedia_lda": Entry(
        partial(wikipedia, "lda"), "2866 pairs, 10 classes, SIFT and LDA; KERAS_XMR_DATA"
    ),
    "caltech101": Entry(
        caltech101,
        "2525 pictures, 101 classes, a source domain; bundled features",
        partial(caltech101, None),
    ),
    "tiny_imagenet": Entry(
        tiny_imagenet, "10000 small pictures, 200 classes, a source domain; KERAS_XMR_DATA"
    ),
    "digits": Entry(
        digits, "5000 pictures, 1500 recordings, 1815 texts, 10 classes, unpaired; KERAS_XMR_DATA"
    ),
    "nus_wide_10k": Entry(nus_wide_10k, "10,000 pairs, 10 classes, features; KERAS_XMR_DATA"),
    "nus_wide": Entry(nus_wide, "190,000 pairs, 10 or 21 labels, features; KERAS_XMR_DATA"),
    "mirflickr": Entry(mirflickr, "20,015 pairs, 24 labels, features; KERAS_XMR_DATA"),
    "xmedia": Entry(xmedia, "12,000 items of five media, 20 classes, features; KERAS_XMR_DATA"),
    "toy": Entry(toy, "80 synthetic pairs, 4 classes"),
    "toy_source": Entry(partial(toy, ("image",), num_classes=6), "120 synthetic source items"),
}


def load(
    name: str | Path, *, raw: bool | Collection[str] = False, skip_bad: bool = False
) -> CrossModalData:
    """The data set of that name, or the user's own data at that path.

    Args:
        name: A name of the catalogue, or the path of a table (`folder`), of a file of arrays
            or a directory of such (`feature_file`), or of a directory with one folder of pictures
            per class (`class_folder`). A name comes first: a directory called `toy` is `./toy`.
        raw: Whether to load pictures and sentences where the default are bundled features, or the
            media of which to do so. Other data are what they are.
        skip_bad: Whether to leave bad rows of a table, or bad pictures, out with a warning.

    Raises:
        ValueError: If there is no such name or path; the message says what can be given.

    Example:
        >>> load("toy").num_classes
        4
    """
    entry = CATALOGUE.get(str(name))
    if entry is not None:
        return _of_catalogue(entry, raw)
    path = Path(name)
    ending = path.suffix.lower()
    # An empty name would be the current directory.
    if name != "" and path.is_dir():
        if is_array_folder(path):
            return feature_file(path)
        return class_folder(path, skip_bad=skip_bad)
    if path.exists() and ending in DELIMITERS:
        return folder(path, skip_bad=skip_bad)
    if path.exists() and ending in ENDINGS:
        return feature_file(path)
    if path.exists():
        refuse_unread(path)
    raise ValueError(
        f"Data sets are {sorted(CATALOGUE)}, or the path of your own data: a table ending in "
        f"{sorted(DELIMITERS)}, arrays ending in {sorted(ENDINGS)} or a directory of such, or a "
        f"directory <class>/<picture>. Received: data={str(name)!r}."
    )


def _of_catalogue(entry: Entry, raw: bool | Collection[str]) -> CrossModalData:
    """With the raw items of all media, or of some."""
    if not raw or entry.load_raw is None:
        return entry.load()
    found = entry.load_raw()
    if raw is True:
        return found
    data = entry.load()
    named = raw if not isinstance(raw, bool) else ()
    changed = {name: found.media[name] for name in named if name in found.media}
    return replace(data, media={**data.media, **changed}) if changed else data
