"""`Transform`: what all steps from the items of a medium to rows have in common."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_xmr.datasets.media_files import named_text, names_file
from keras_xmr.transforms.given import as_list
from keras_xmr.types import Array, Config, Items

# How many items are looked at to tell names of files from sentences.
LOOKED_AT = 100


class Transform:
    """From the items of one medium to rows: fitted on training items, saved with the model.

    A sub-class says how rows are made (`__call__`), how wide they are (`dim`), what is measured
    (`fit`, `get_state`, `set_state`) and what it was made with (`get_config`).

    Attributes:
        needs_trunk: Whether its rows are no features, but what a network inside a model takes.
        of_pictures: Whether it takes picture files.
        of_texts: Whether it takes texts.
        needs_sentences: Whether it takes texts themselves alone, and no counts of their words.
        counts_words: Whether its rows are sums over words, which are not negative.

    Example:
        >>> class Lengths(Transform):
        ...     dim = 1
        ...     def __call__(self, items):
        ...         return np.array([[len(item)] for item in items], dtype=np.float32)
        >>> Lengths().fit(["a", "b"])(["a dog", ""]).tolist()
        [[5.0], [0.0]]
    """

    needs_trunk: bool = False
    of_pictures: bool = False
    of_texts: bool = False
    needs_sentences: bool = False
    counts_words: bool = False

    @property
    def network(self) -> Any:
        """The network that it looks at items with; `None` for none."""
        return None

    @classmethod
    def takes(cls, items: Items, medium: str) -> bool:
        """Whether it is made for such items of a medium of that name."""
        return False

    @classmethod
    def usual(cls) -> Self:
        """One with the settings for items that nobody has looked at."""
        return cls()

    @property
    def told(self) -> str:
        """What `fit` decided, in words, where it decides."""
        return ""

    def fit(self, items: Items) -> Self:
        """Measure the training items; returns `self`."""
        return self

    @property
    def dim(self) -> int:
        """Width of the rows."""
        raise NotImplementedError

    def __call__(self, items: Items) -> Array:
        """Rows `(n, dim)`, or what a trunk takes."""
        raise NotImplementedError

    def listed(self, given: Any) -> Items:
        """Items as `__call__` takes them, of what people give: one item is a list of one."""
        return as_list(given)

    def blank(self, items: Items, rows: Any) -> Array:
        """Which items say nothing `(n,)`, bool: a text without a known word, say.

        Args:
            items: The items.
            rows: What the transform makes of them.
        """
        return np.zeros(len(items), dtype=bool)

    def unknown(self, text: str) -> list[str]:
        """Words of a text that are not known, where it reads texts."""
        return []

    def nearest(self, word: str, count: int = 3) -> list[str]:
        """Known words that are spelt like a word, where it reads texts."""
        return []

    def drawn(
        self,
        items: Items,
        *,
        augment: bool = False,
        augmentation: Callable[[Array], Array] | None = None,
        sentence_dropout: float = 0.0,
    ) -> Any:
        """What batches are drawn from: rows, or what makes them when they are drawn.

        Args:
            items: The items.
            augment: As in `PictureRows`, for pictures.
            augmentation: As in `PictureRows`, for pictures.
            sentence_dropout: The `dropout` of `TextRows`, for sentences.
        """
        return self(items)

    def get_config(self) -> Config:
        """The constructor's arguments, JSON-serialisable."""
        return {}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`."""
        return cls(**config)

    def get_state(self) -> Config:
        """What `fit` measured, JSON-serialisable."""
        return {}

    def set_state(self, state: Config) -> None:
        """Take over what `get_state` gave."""

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Write what is too large for JSON, under names that tell the contents.

        Args:
            folder: Where to.
            known: Names of files that need not be written, since they will be at hand.

        Returns:
            Names of the files that `load_files` will need.
        """
        return []

    def load_files(self, files: Mapping[str, Path]) -> None:
        """Read what `save_files` wrote.

        Args:
            files: Names of the files at hand to their paths.
        """


# Sentences and names of files are strings both: the medium's name tells them apart, or the values.
def holds_texts(items: Items, medium: str) -> bool:
    """Whether a medium holds sentences: strings under a name such as `text`, or no file names."""
    return isinstance(_first(items), str) and not holds_files(items, medium)


def holds_files(items: Items, medium: str) -> bool:
    """Whether a medium holds files, by their names or as the bytes of them."""
    first = _first(items)
    if not isinstance(first, str) or named_text(medium):
        return isinstance(first, bytes | Path)
    return medium == "image" or all(names_file(str(item)) for item in items[:LOOKED_AT])


def _first(items: Items) -> Any:
    rows = isinstance(items, np.ndarray) and items.ndim > 1
    return None if rows or not len(items) or hasattr(items, "counts") else items[0]
