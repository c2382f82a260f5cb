"""Batches of several independent streams of rows, such as target pairs and source items."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from keras_xmr.datasets.base import CrossModalData, MediumItems
from keras_xmr.training.ahead import BatchesAhead
from keras_xmr.training.pairing import MISSING, Partners, check_none_is_missing, partners_by
from keras_xmr.transforms.pictures import PictureRows
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.transforms.text_rows import TextRows
from keras_xmr.types import Array, FloatArray, Items

Rows: TypeAlias = FloatArray | PictureRows | TextRows
"""Feature rows `(n, d)`, or pictures or texts that become rows when they are drawn."""


@dataclass(frozen=True)
class Stream:
    """Rows of one or more inputs that are drawn together, instance by instance.

    Attributes:
        rows: Input name to rows `(n, d)`, or to pictures.
        labels: Input name to label distributions `(n, classes)`, or targets in their place.
        partners: Input name to its rows for each instance. An input that is not named here has as
            many rows as there are instances, in the same order.
        partial: Inputs that some instances lack. Their rows are then zeros, and so are the labels;
            a further input `<name>_present` `(n,)` of ones and zeros tells.
    """

    rows: dict[str, Rows]
    labels: dict[str, FloatArray]
    partners: dict[str, Partners] = field(default_factory=dict)
    partial: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of instances."""
        aligned = [rows for name, rows in self.rows.items() if name not in self.partners]
        return len(aligned[0])


def paired_stream(
    data: CrossModalData,
    media: Sequence[str],
    hub: str,
    rows_of: Callable[[Items, str], Rows],
    pairing: Mapping[str, str],
    partial: Sequence[str] = (),
    absent: Mapping[str, tuple[int, ...]] | None = None,
) -> Stream:
    """Instances of the hub, each with a row of every other medium.

    Args:
        data: The data set.
        media: All media, the hub among them.
        hub: The medium that every instance has.
        rows_of: What turns the items of a medium into its rows: see `Preprocessor.rows`.
        pairing: Medium to `"instance"`, `"class"` or `"row"`: see `partners_by`.
        partial: Media that instances may lack. An instance that lacks another one is left out if
            it is paired by instance, and an error if not.
        absent: Shape of a row of each further medium, which no instance has at all.

    Raises:
        ValueError: If an instance has no partner in a medium that is not partial.
    """
    joined = [m for m in media if m == hub or (pairing[m] == "instance" and m not in partial)]
    index = data.paired_rows(joined) if len(joined) > 1 else {hub: np.arange(len(data.medium(hub)))}
    partners = {
        m: partners_by(pairing[m], data, m, hub, index[hub]) for m in media if m not in joined
    }
    for medium in partners.keys() - set(partial):
        check_none_is_missing(partners[medium], data, medium)
    rows, labels = {}, {}
    for m in media:
        items = data.medium(m)
        # An item may belong to several instances, so that these rows are not items of a medium.
        of_instances = index.get(m, np.arange(len(items)))
        rows[m] = rows_of(items.items[of_instances], m)
        labels[m] = learnt_distributions(items, data.num_classes)[of_instances]
    for medium, shape in (absent or {}).items():
        rows[medium] = np.zeros((1, *shape), dtype=np.float32)
        labels[medium] = np.zeros((1, data.num_classes), dtype=np.float32)
        partners[medium] = Partners(np.zeros(len(index[hub]), dtype=np.int64), [np.array([])])
    return Stream(rows, labels, partners, tuple(partial))


def single_stream(
    data: CrossModalData, medium: str, name: str, rows_of: Callable[[Items, str], Rows]
) -> Stream:
    """The items of one medium, under the input name `name`."""
    items = data.medium(medium)
    return Stream(
        {name: rows_of(items.items, medium)},
        {name: learnt_distributions(items, data.num_classes)},
    )


def presence(name: str) -> str:
    """Name of the input that tells which rows of the input `name` are there."""
    return f"{name}_present"


def learnt_distributions(items: MediumItems, num_classes: int) -> FloatArray:
    """What classifiers learn from, `(n, classes)`: the targets, or else label distributions.

    Example:
        >>> texts = MediumItems(["a"], [0], ["a"], ["train"], targets=[[0.75, 0.25]])
        >>> learnt_distributions(texts, 2).tolist()
        [[0.75, 0.25]]
    """
    if items.targets is not None:
        return items.targets.astype(np.float32)
    return label_distributions(items.labels, num_classes)


def label_distributions(labels: Array, num_classes: int) -> FloatArray:
    """Rows `(n, classes)` that sum to 1: one-hot, or a 0/1 row divided by its sum.

    Example:
        >>> label_distributions(np.array([[1, 1, 0], [0, 0, 1]]), 3).tolist()
        [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    hot = np.eye(num_classes)[labels] if labels.ndim == 1 else labels
    total = hot.sum(axis=1, keepdims=True)
    distributions: FloatArray = (hot / np.maximum(total, 1)).astype(np.float32)
    return distributions


class PairedBatches(BatchesAhead):
    """Batches that take equally many rows from each stream.

    Every stream is endless: it is gone through in one random order after another, each row once in
    each order. The first stream sets the length of an epoch. Which rows a batch holds depends on
    the seed and on its number since the first epoch alone, the same on every backend and for any
    number of workers.

    Args:
        streams: The streams; the first one counts.
        batch_size: Rows of each stream per batch; at most as many as the first stream has.
        shuffle: Whether orders are random.
        workers: Threads that prepare the next batches; only pictures gain by more than one.
        seed: Seed of the orders, and of what is random about a picture.

    Example:
        >>> stream = Stream({"image": np.eye(5)}, {"image": np.eye(5)})
        >>> batches = PairedBatches([stream], batch_size=2)
        >>> len(batches), batches[0][0]["image"].shape
        (2, (2, 5))
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        *,
        batch_size: int = 64,
        shuffle: bool = True,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        pictures = any(isinstance(r, PictureRows) for s in streams for r in s.rows.values())
        super().__init__(workers=workers if pictures else 1)
        if batch_size < 2:
            raise ValueError(
                "Batch statistics and MMD need at least two rows. "
                f"Received: batch_size={batch_size}."
            )
        self.streams = list(streams)
        self.batch_size = min(batch_size, len(self.streams[0]))
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        """Batches per epoch."""
        return max(1, len(self.streams[0]) // self.batch_size)

    def first(self) -> int:
        """See `BatchesAhead`."""
        return self.epoch * len(self)

    def batch(self, number: int) -> tuple[dict[str, Array], dict[str, FloatArray]]:
        """Inputs and label distributions of the batch of that number since the first epoch."""
        x, y = {}, {}
        for of_stream, stream in enumerate(self.streams):
            instances = self._instances(of_stream, number)
            rng = np.random.default_rng([self.seed, of_stream, number])
            for name, rows in stream.rows.items():
                partners = stream.partners.get(name)
                drawn = instances if partners is None else partners.draw(instances, rng)
                present = drawn != MISSING
                # What stands for a missing row is taken out again.
                x[name] = _where(present, _take(rows, np.maximum(drawn, 0), rng))
                y[name] = _where(present, stream.labels[name][np.maximum(drawn, 0)])
                if name in stream.partial:
                    x[presence(name)] = present.astype(np.float32)
        return x, y

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's batches."""
        self.epoch += 1

    def _instances(self, number: int, batch: int) -> Array:
        """Numbers of the instances that stream `number` gives to the `batch`-th batch of all."""
        length = len(self.streams[number])
        positions = np.arange(batch * self.batch_size, (batch + 1) * self.batch_size)
        rows = np.empty(self.batch_size, dtype=np.int64)
        for turn in np.unique(positions // length):
            mine = positions // length == turn
            rows[mine] = self._order(number, int(turn), length)[positions[mine] % length]
        return rows

    def _order(self, number: int, turn: int, length: int) -> Array:
        if not self.shuffle:
            return np.arange(length)
        return np.random.default_rng([self.seed, number, turn]).permutation(length)


class ItemBatches(BatchesAhead):
    """Consecutive raw items of one medium, preprocessed batch by batch: what `predict` takes."""

    def __init__(
        self, items: Items, medium: str, preprocessor: Preprocessor, batch_size: int
    ) -> None:
        super().__init__(workers=2)
        self.items = items
        self.medium = medium
        self.preprocessor = preprocessor
        self.items_per_batch = batch_size

    def __len__(self) -> int:
        """Batches in all."""
        return -(-len(self.items) // self.items_per_batch)

    def end(self) -> int:
        """See `BatchesAhead`."""
        return len(self)

    def batch(self, number: int) -> tuple[Array]:
        """Rows of the batch of that number."""
        start = number * self.items_per_batch
        batch = self.items[start : start + self.items_per_batch]
        return (self.preprocessor(batch, self.medium),)


def _take(rows: Rows, index: Array, rng: np.random.Generator) -> Array:
    return rows[index] if isinstance(rows, np.ndarray) else rows.draw(index, rng)


def _where(present: Array, rows: Array) -> Array:
    """`rows`, zero where not `present`."""
    if not present.all():
        rows[~present] = 0
    return rows
