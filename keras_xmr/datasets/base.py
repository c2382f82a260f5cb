"""`CrossModalData`: labelled items of any number of media, split into parts.

Nothing here knows how many media there are or what they are called: pictures and texts are two
names among others.
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.types import Array, Items

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Provenance:
    """Where a data set comes from and what was done to it.

    Attributes:
        home_page: Where the authors publish the data.
        citation: The paper that introduced it.
        licence: The licence as stated by the authors.
        features: How feature rows were computed; empty for raw items.
        split: How the parts were drawn.

    Example:
        >>> Provenance(licence="CC0").licence
        'CC0'
    """

    home_page: str = ""
    citation: str = ""
    licence: str = ""
    features: str = ""
    split: str = ""


@dataclass(frozen=True)
class MediumItems:
    """The items of one medium, one row each.

    Attributes:
        items: Feature rows `(n, d)`, raw items `(n,)` (sentences, picture paths) or `WordCounts`.
        labels: Class numbers `(n,)`, or `(n, classes)` of 0 and 1 where items have several classes.
        ids: Item names `(n,)`, unique within the medium.
        split: `"train"`, `"validation"` or `"test"` for each row, `(n,)`.
        pairs: Instance names `(n,)`: rows of two media with the same name belong together.
            `None` where the medium has no natural pairs.
        files: Raw files of the items, `(n,)`, wherever they lie; empty strings where there is none.
        targets: What classifiers learn from instead of labels: a distribution of classes for each
            item, `(n, classes)`. What is relevant to what is still told by the labels.

    Raises:
        ValueError: If a column has not one row for each item, or values that are none of these.

    Example:
        >>> texts = MediumItems(["a dog", "a cat"], [0, 1], ["a", "b"], ["train", "test"])
        >>> len(texts), texts.rows(texts.split == "test").items.tolist()
        (2, ['a cat'])
    """

    items: Items
    labels: Array
    ids: Array
    split: Array
    pairs: Array | None = None
    files: Array | None = None
    targets: Array | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.items, np.ndarray | WordCounts):
            items = np.empty(len(self.items), dtype=object)
            items[:] = list(self.items)
            object.__setattr__(self, "items", items)
        for name in ("labels", "ids", "split", "pairs", "files", "targets"):
            column = getattr(self, name)
            if column is None:
                continue
            column = np.asarray(column)
            object.__setattr__(self, name, column)
            if len(column) != len(self.items):
                raise ValueError(
                    f"Every column of a medium must have one row per item ({len(self.items)}). "
                    f"Received: len({name})={len(column)}. Give one entry for each item."
                )
        self._check_values()
        if self.targets is not None:
            _check_distributions(self.targets)

    def _check_values(self) -> None:
        if self.labels.ndim not in (1, 2):
            raise ValueError(
                "Labels must be class numbers (n,) or a 0/1 matrix (n, classes). "
                f"Received: labels.shape={self.labels.shape}."
            )
        if self.labels.ndim == 2 and not np.isin(self.labels, (0, 1)).all():
            odd = np.setdiff1d(self.labels, (0, 1))[:5].tolist()
            raise ValueError(f"A label matrix must hold 0 and 1 only. Received: {odd}.")
        unknown = sorted(set(self.split.tolist()) - set(SPLITS))
        if unknown:
            raise ValueError(f"Split names must be among {SPLITS}. Received: split={unknown}.")
        names, counts = np.unique(self.ids, return_counts=True)
        if (counts > 1).any():
            raise ValueError(
                "Item ids must be unique within a medium. "
                f"Received: ids with repeats={names[counts > 1][:5].tolist()}."
            )

    def __len__(self) -> int:
        return len(self.items)

    def rows(self, index: Array) -> "MediumItems":
        """The rows `index` (numbers or a mask), every column alike."""

        def pick(column: Array | None) -> Array | None:
            return None if column is None else column[index]

        return replace(
            self,
            items=self.items[index],
            labels=self.labels[index],
            ids=self.ids[index],
            split=self.split[index],
            pairs=pick(self.pairs),
            files=pick(self.files),
            targets=pick(self.targets),
        )


@dataclass(frozen=True)
class CrossModalData:
    """Labelled items of any number of media.

    Media may differ in size, and need not be paired. A data set with a single medium is what CHTN
    and MHTN call a source domain.

    Attributes:
        name: Short name, as it appears in reports.
        media: Medium name to its items.
        class_names: Names of the classes, in the order of the label numbers.
        provenance: Where the data come from.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> data = toy()
        >>> sorted(data.media)
        ['image', 'text']
        >>> len(data.part("test").media["image"])
        20
    """

    name: str
    media: Mapping[str, MediumItems]
    class_names: tuple[str, ...]
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if not self.media:
            raise ValueError("A data set needs at least one medium. Received: media={}.")
        for name, medium in self.media.items():
            classes = self.num_classes
            if medium.labels.ndim == 2:
                wrong = medium.labels.shape[1] != classes
            else:
                wrong = bool(len(medium)) and not (
                    medium.labels.min() >= 0 and medium.labels.max() < classes
                )
            if wrong:
                found = np.unique(medium.labels)[[0, -1]].tolist() if len(medium) else "none"
                raise ValueError(
                    f"Labels of medium {name!r} must fit the {classes} class names. "
                    f"Received: labels.shape={medium.labels.shape}, lowest and highest={found}."
                )
            if medium.targets is not None and medium.targets.shape[1] != classes:
                raise ValueError(
                    f"Targets of medium {name!r} have a column for each of the {classes} classes. "
                    f"Received: targets.shape={medium.targets.shape}."
                )

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def medium(self, name: str) -> MediumItems:
        """The items of one medium.

        Raises:
            KeyError: If there is no such medium; the message lists those there are.
        """
        if name not in self.media:
            raise KeyError(
                f"Data set {self.name!r} has the media {sorted(self.media)}. "
                f"Received: medium={name!r}."
            )
        return self.media[name]

    def part(self, *splits: str) -> "CrossModalData":
        """The rows of one part, or of several taken together.

        Args:
            *splits: Among `"train"`, `"validation"`, `"test"`.

        Raises:
            ValueError: If a name is none of these, or the part holds no item of some medium.
        """
        unknown = set(splits) - set(SPLITS)
        if unknown or not splits:
            raise ValueError(f"Parts are named {SPLITS}. Received: splits={splits}.")
        media = {
            name: medium.rows(np.isin(medium.split, splits)) for name, medium in self.media.items()
        }
        empty = [name for name, medium in media.items() if not len(medium)]
        if empty:
            raise ValueError(
                f"Data set {self.name!r} has no items of {empty} in that part. "
                f"Received: splits={splits}."
            )
        return replace(self, media=media)

    def has(self, split: str) -> bool:
        """Whether a part has items of every medium."""
        return all((medium.split == split).any() for medium in self.media.values())

    def with_validation_as_training(self) -> "CrossModalData":
        """The same data with the validation rows put into the training part.

        For a last training, after everything was chosen on the validation part.
        """
        media = {
            name: replace(
                medium, split=np.where(medium.split == "validation", "train", medium.split)
            )
            for name, medium in self.media.items()
        }
        return replace(self, media=media)

    def paired_rows(self, names: Iterable[str]) -> dict[str, Array]:
        """Row numbers, aligned over the media `names`, of the instances that all of them have.

        Where an instance has several rows of a medium (a picture and five sentences), each of them
        is paired with each row of the others.

        Returns:
            Medium name to row numbers `(pairs,)`; entry `i` of each belongs to one instance.

        Raises:
            ValueError: If a medium has no pairs, or no instance is common to all.
        """
        names = list(names)
        rows_of: dict[str, dict[str, list[int]]] = {}
        for name in names:
            pairs = self.medium(name).pairs
            if pairs is None:
                raise ValueError(
                    "Pairing needs instance names in every medium. "
                    f"Received: medium {name!r} of {self.name!r} with pairs=None."
                )
            rows_of[name] = {}
            for row, pair in enumerate(pairs.tolist()):
                rows_of[name].setdefault(pair, []).append(row)
        instances = rows_of[names[0]] if names else {}
        combined = [
            rows
            for pair in instances
            for rows in itertools.product(*(rows_of[name].get(pair, []) for name in names))
        ]
        if not combined:
            raise ValueError(
                f"The media {names} of {self.name!r} have no instance in common. "
                "Received: disjoint `pairs`."
            )
        return dict(zip(names, np.array(combined).T, strict=True))

    def split_hash(self) -> str:
        """SHA-256 over the ids of every part and medium: equal hashes mean equal splits."""
        digest = hashlib.sha256()
        for name in sorted(self.media):
            medium = self.media[name]
            for split in SPLITS:
                ids = sorted(medium.ids[medium.split == split].astype(str).tolist())
                digest.update("\n".join([f"{name}/{split}", *ids, ""]).encode())
        return digest.hexdigest()

    def file_of(self, medium: str, row: int) -> Path | None:
        """The raw file of an item, or `None` where the data set has none or it is not at hand."""
        files = self.medium(medium).files
        if files is None or not files[row]:
            return None
        path = Path(str(files[row]))
        return path if path.exists() else None


def _check_distributions(targets: Array) -> None:
    if targets.ndim != 2:
        raise ValueError(
            "Targets must be distributions of classes (n, classes). "
            f"Received: targets.shape={targets.shape}."
        )
    # Single precision is enough.
    wrong = ~((targets >= 0).all(axis=1) & (np.abs(targets.sum(axis=1) - 1) < 1e-4))
    if wrong.any():
        raise ValueError(
            "Each row of targets is a distribution: numbers from 0 that sum to 1. "
            f"Received: {targets[wrong][0].tolist()} in row {int(np.argmax(wrong))}."
        )


def hashed_order(ids: Iterable[str], seed: int) -> list[str]:
    """`ids` in an order that depends on the seed and on the ids alone.

    A hash, not a random generator: the order is the same on every platform and in every version
    of NumPy, and adding an item moves no other.

    Example:
        >>> hashed_order(["a", "b", "c"], seed=0) == hashed_order(["c", "b", "a"], seed=0)
        True
    """
    return sorted(ids, key=lambda item: hashlib.sha256(f"{seed}:{item}".encode()).hexdigest())


def split_by_class(ids: Array, labels: Array, per_class: Mapping[str, int], seed: int) -> Array:
    """Draw the parts class by class.

    Args:
        ids: Item names `(n,)`.
        labels: Class numbers `(n,)`.
        per_class: Part name to its number of items per class; what remains goes to the first part.
        seed: Seed of `hashed_order`.

    Returns:
        Part names `(n,)`.
    """
    split = np.full(len(ids), next(iter(per_class)), dtype="<U10")
    row_of = {name: row for row, name in enumerate(ids.tolist())}
    for label in np.unique(labels):
        ordered = hashed_order(ids[labels == label].tolist(), seed)
        start = 0
        for part, count in per_class.items():
            for name in ordered[start : start + count]:
                split[row_of[name]] = part
            start += count
    return split
