"""A tiny synthetic data set of any media, made on the spot."""

from collections.abc import Sequence

import numpy as np

from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance, split_by_class
from keras_xmr.types import Array

DIM = 12
PER_CLASS = {"train": 10, "validation": 5, "test": 5}


def toy(
    media: Sequence[str] = ("image", "text"),
    *,
    num_classes: int = 4,
    multi_label: bool = False,
    seed: int = 0,
) -> CrossModalData:
    """Make a paired data set whose classes can be learned within seconds.

    The medium called `"text"` consists of sentences, every other one of rows of 12 features: a
    class centre plus noise. Each class has 20 instances: 10/5/5 for train/validation/test.

    Args:
        media: Names of the media; one name makes a source domain.
        num_classes: Number of classes.
        multi_label: Whether labels are a 0/1 matrix, some items having a second class.
        seed: Seed of the noise.

    Returns:
        A paired `CrossModalData`.

    Example:
        >>> data = toy(media=("image", "text", "audio"))
        >>> data.media["text"].items[0]
        'class0 thing0 and thing1'
        >>> toy(media=("image",), num_classes=6).num_classes
        6
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), sum(PER_CLASS.values()))
    ids = np.array([f"item{row:03d}" for row in range(len(labels))])
    split = split_by_class(ids, labels, PER_CLASS, seed)
    written = _multi_hot(labels, num_classes) if multi_label else labels
    return CrossModalData(
        name="toy",
        media={
            name: MediumItems(
                _sentences(labels) if name == "text" else _features(labels, num_classes, rng),
                written,
                ids,
                split,
                pairs=ids,
            )
            for name in media
        },
        class_names=tuple(f"class{label}" for label in range(num_classes)),
        provenance=Provenance(licence="CC0", split="10/5/5 per class", features="synthetic"),
    )


def _features(labels: Array, num_classes: int, rng: np.random.Generator) -> Array:
    centres = rng.normal(size=(num_classes, DIM))
    noise = rng.normal(scale=0.5, size=(len(labels), DIM))
    return (centres[labels] + noise).astype(np.float32)


def _sentences(labels: Array) -> list[str]:
    return [
        f"class{label} thing{row % 3} and thing{(row + 1) % 5}"
        for row, label in enumerate(labels.tolist())
    ]


def _multi_hot(labels: Array, num_classes: int) -> Array:
    hot = np.eye(num_classes, dtype=np.int64)[labels]
    hot[::4] |= np.eye(num_classes, dtype=np.int64)[(labels[::4] + 1) % num_classes]
    return hot
