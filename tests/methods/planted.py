"""Rows of several media that share hidden causes, and the peer that solvers are checked with."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from keras_xmr.datasets import CrossModalData, MediumItems


def shared_rows(n, *widths, causes=3, noise=1.0, seed=0):
    """Centred rows `(n, width)` of each medium, with hidden causes in common."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, causes)) * (1 + np.arange(causes))
    rows = [hidden @ rng.normal(size=(causes, d)) + noise * rng.normal(size=(n, d)) for d in widths]
    return [own - own.mean(axis=0) for own in rows]


def planted(classes=10, per_class=12, media=("image", "text"), width=15, seed=0, one_basis=False):
    """Paired media with a signal of the class, and of the pair, each in its own basis or in one."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    centres = 3 * rng.normal(size=(classes, 8))
    hidden = centres[labels] + 0.3 * rng.normal(size=(len(labels), 8))
    ids = np.array([f"pair{row}" for row in range(len(labels))])
    split = np.tile(["train"] * (per_class - 3) + ["validation"] + ["test"] * 2, classes)
    items, basis = {}, None
    for name in media:
        if basis is None or not one_basis:
            basis = rng.normal(size=(8, width))
        items[name] = hidden @ basis + rng.normal(size=(len(labels), width))
    return CrossModalData(
        "planted",
        {
            n: MediumItems(rows.astype("float32"), labels, ids, split, ids)
            for n, rows in items.items()
        },
        tuple(f"class{c}" for c in range(classes)),
    )


def clip_like(
    classes=10, train=20, test=30, media=("image", "text"), width=64, noise=2.0, gap=1.5, seed=0
):
    """Rows of one space: a direction of the class, noise of the item, and a gap between media.

    Part of the noise is common to a pair, and part has few directions, which labels tell apart
    from those of the classes. `train` and `test` are instances of each class.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), train + test)
    ids = np.array([f"pair{row}" for row in range(len(labels))])
    directions = rng.normal(size=(classes, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    mixing = rng.normal(size=(width // 4, width)) / np.sqrt(width)
    pair = rng.normal(size=(len(labels), len(mixing)))
    split = np.tile(["train"] * train + ["test"] * test, classes)
    items = {}
    for name in media:
        own = rng.normal(size=pair.shape)
        shift = rng.normal(size=width)
        rows = directions[labels] + noise / np.sqrt(len(mixing)) * (0.6 * pair + 0.8 * own) @ mixing
        rows += rng.normal(size=rows.shape) / np.sqrt(width)
        rows += gap * shift / np.linalg.norm(shift)
        items[name] = MediumItems(rows.astype("float32"), labels, ids, split, ids)
    return CrossModalData("clip_like", items, tuple(f"class{c}" for c in range(classes)))


def shuffled(data, seed=0):
    """The same items, with the training labels and pairs of the second medium exchanged."""
    first, second = data.media.values()
    name = list(data.media)[1]
    train = np.flatnonzero(second.split == "train")
    order = np.arange(len(second))
    order[train] = np.random.default_rng(seed).permutation(train)
    moved = replace(second, labels=second.labels[order], pairs=first.pairs[order])
    return replace(data, media={**data.media, name: moved})


def peer(name):
    """A class of cca-zoo, or a skip where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zoo = pytest.importorskip("cca_zoo.linear")
        kernels = pytest.importorskip("cca_zoo.nonparametric")
    return getattr(zoo, name, None) or getattr(kernels, name)


def up_to_sign(found, wanted):
    """`found` with the signs of the columns of `wanted`."""
    return found * np.sign(np.sum(found * wanted, axis=0))
