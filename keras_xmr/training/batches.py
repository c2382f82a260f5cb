"""Batches of several independent streams of rows, such as target pairs and source items."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.preprocessing.pictures import PictureRows
from keras_xmr.preprocessing.preprocessor import Preprocessor
from keras_xmr.preprocessing.text_rows import TextRows
from keras_xmr.training.ahead import BatchesAhead
from keras_xmr.types import Array, FloatArray, Items

Rows: TypeAlias = FloatArray | PictureRows | TextRows
"""Feature rows `(n, d)`, or pictures or texts that become rows when they are drawn."""


@dataclass(frozen=True)
class Stream:
    """Aligned rows that are drawn together.

    Attributes:
        rows: Input name to rows `(n, d)`, or to pictures.
        labels: Input name to label distributions `(n, classes)`.
        regrouped: Inputs whose row is replaced, at each draw, by a random one of the same labels.
    """

    rows: dict[str, Rows]
    labels: dict[str, FloatArray]
    regrouped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.rows.values())))


def paired_stream(
    data: CrossModalData,
    media: Iterable[str],
    rows_of: Callable[[Items, str], Rows],
    regrouped: Sequence[str] = (),
) -> Stream:
    """The instances that all `media` have, one row of each medium per instance.

    Rows of the media `regrouped` are exchanged at random between instances of the same labels.
    `rows_of` turns the items of a medium into its rows: see `Preprocessor.rows`.
    """
    index = data.paired_rows(media)
    return Stream(
        {m: rows_of(data.medium(m).items[rows], m) for m, rows in index.items()},
        {
            m: label_distributions(data.medium(m).labels[rows], data.num_classes)
            for m, rows in index.items()
        },
        tuple(regrouped),
    )


def single_stream(
    data: CrossModalData, medium: str, name: str, rows_of: Callable[[Items, str], Rows]
) -> Stream:
    """The items of one medium, under the input name `name`."""
    items = data.medium(medium)
    return Stream(
        {name: rows_of(items.items, medium)},
        {name: label_distributions(items.labels, data.num_classes)},
    )


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
        self._groups = {
            (number, name): _groups(stream.labels[name])
            for number, stream in enumerate(self.streams)
            for name in stream.regrouped
        }

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
            rows = self._rows(of_stream, number)
            rng = np.random.default_rng([self.seed, of_stream, number])
            for name in stream.rows:
                drawn = self._same_labels(of_stream, name, rows, rng)
                x[name] = _take(stream.rows[name], drawn, rng)
                y[name] = stream.labels[name][drawn]
        return x, y

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's batches."""
        self.epoch += 1

    def _rows(self, number: int, batch: int) -> Array:
        """Row numbers that stream `number` gives to the `batch`-th batch of all."""
        length = len(self.streams[number])
        positions = np.arange(batch * self.batch_size, (batch + 1) * self.batch_size)
        rows = np.empty(self.batch_size, dtype=np.int64)
        for turn in np.unique(positions // length):
            mine = positions // length == turn
            rows[mine] = self._order(number, int(turn), length)[positions[mine] % length]
        return rows

    def _same_labels(self, number: int, name: str, rows: Array, rng: np.random.Generator) -> Array:
        """`rows`, or random rows of the same labels where the input `name` is regrouped."""
        if name not in self.streams[number].regrouped:
            return rows
        group_of, members = self._groups[number, name]
        return np.array([rng.choice(members[group_of[row]]) for row in rows])

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


def _groups(labels: FloatArray) -> tuple[Array, list[Array]]:
    """Group number `(n,)` of each row, equal labels making a group, and the rows of each group."""
    _, group_of = np.unique(labels, axis=0, return_inverse=True)
    return group_of, [np.flatnonzero(group_of == group) for group in range(group_of.max() + 1)]
