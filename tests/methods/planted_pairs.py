"""Pairs of two or three media that say, each in its own way, which class they are of."""

import numpy as np

from keras_xmr.datasets import CrossModalData
from keras_xmr.datasets.base import MediumItems, Provenance

CLASSES = 4
ROWS = {"train": 160, "test": 80}


def planted(media=("image", "text"), *, shuffled=False, missing=None, constant=False, seed=0):
    """Rows of 8 features: a centre of their class in their medium, and noise.

    Args:
        media: Names of the media.
        shuffled: Whether pairs are torn apart.
        missing: A class that no training item has.
        constant: Whether one feature is the same everywhere.
        seed: Seed of everything.
    """
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n) % CLASSES for n in ROWS.values()])
    split = np.repeat(list(ROWS), list(ROWS.values()))
    kept = (labels != missing) | (split == "test")
    labels, split = labels[kept], split[kept]
    ids = np.array([f"item{row:03d}" for row in range(len(labels))])
    items = {}
    for number, name in enumerate(media):
        centres = 2 * rng.normal(size=(CLASSES, 8))
        rows = centres[labels] + 0.5 * rng.normal(size=(len(labels), 8))
        if constant:
            rows[:, 0] = 3.0
        order = rng.permutation(len(ids)) if shuffled and number else np.arange(len(ids))
        items[name] = MediumItems(rows.astype("float32"), labels, ids, split, pairs=ids[order])
    names = tuple(f"class{label}" for label in range(CLASSES))
    return CrossModalData("planted", items, names, Provenance())
