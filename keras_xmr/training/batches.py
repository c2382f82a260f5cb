"""Batches of several independent streams of rows, such as target pairs and source items."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.preprocessing.preprocessor import Preprocessor
from keras_xmr.types import Array, FloatArray


@dataclass(frozen=True)
class Stream:
    """Aligned rows that are drawn together.

    Attributes:
        rows: Input name to rows `(n, d)`.
        labels: Input name to label distributions `(n, classes)`.
        regrouped: Inputs whose row is replaced, at each draw, by a random one of the same labels.
    """

    rows: dict[str, FloatArray]
    labels: dict[str, FloatArray]
    regrouped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.rows.values())))


def paired_stream(
    data: CrossModalData,
    media: Iterable[str],
    preprocessor: Preprocessor,
    regrouped: Sequence[str] = (),
) -> Stream:
    """The instances that all `media` have, one row of each medium per instance.

    Rows of the media `regrouped` are exchanged at random between instances of the same labels.
    """
    index = data.paired_rows(media)
    return Stream(
        {m: preprocessor(data.medium(m).items[rows], m) for m, rows in index.items()},
        {
            m: label_distributions(data.medium(m).labels[rows], data.num_classes)
            for m, rows in index.items()
        },
        tuple(regrouped),
    )


def single_stream(
    data: CrossModalData, medium: str, name: str, preprocessor: Preprocessor
) -> Stream:
    """The items of one medium, under the input name `name`."""
    items = data.medium(medium)
    return Stream(
        {name: preprocessor(items.items, medium)},
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


class PairedBatches(keras.utils.PyDataset):
    """Batches that take equally many rows from each stream.

    Every stream is endless: it is gone through in one random order after another, each row once in
    each order. The first stream sets the length of an epoch. Which rows a batch holds depends on
    the seed and on its number since the first epoch alone, the same on every backend.

    Args:
        streams: The streams; the first one counts.
        batch_size: Rows of each stream per batch; at most as many as the first stream has.
        shuffle: Whether orders are random.
        seed: Seed of the orders.

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
        seed: int = 0,
    ) -> None:
        super().__init__()
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

    def __getitem__(self, index: int) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
        x, y = {}, {}
        for number, stream in enumerate(self.streams):
            batch = self.epoch * len(self) + index
            rows = self._rows(number, batch)
            rng = np.random.default_rng([self.seed, number, batch])
            for name in stream.rows:
                drawn = self._same_labels(number, name, rows, rng)
                x[name] = stream.rows[name][drawn]
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


def _groups(labels: FloatArray) -> tuple[Array, list[Array]]:
    """Group number `(n,)` of each row, equal labels making a group, and the rows of each group."""
    _, group_of = np.unique(labels, axis=0, return_inverse=True)
    return group_of, [np.flatnonzero(group_of == group) for group in range(group_of.max() + 1)]
