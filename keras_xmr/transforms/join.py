"""`Join`: transforms of one medium side by side, such as a bag of words and a sentence encoder."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Array, Config, FloatArray, Items


class Join(Transform):
    """Transforms of the same items, whose rows stand side by side.

    Args:
        parts: The transforms.
        unit_length: Whether the rows of each part are scaled to unit Euclidean length, so that none
            drowns another. Without, each part may be a `Chain` with a scaler of its own.

    Example:
        >>> from keras_xmr.transforms import TextVectorizer
        >>> words = TextVectorizer(weighting="counts")
        >>> join = Join([words, TextVectorizer(1, weighting="counts")]).fit(["a dog", "a cat"])
        >>> join(["a dog"]).tolist()
        [[0.707..., 0.0, 0.707..., 1.0]]
    """

    def __init__(self, parts: Sequence[Transform], *, unit_length: bool = True) -> None:
        if not parts:
            raise ValueError("A join has at least one transform. Received: parts=[].")
        kinds = {(part.of_pictures, part.of_texts) for part in parts}
        raw = [type(part).__name__ for part in parts if part.needs_trunk]
        if len(kinds) > 1 or raw:
            raise ValueError(
                "A join is of transforms that make rows of the same items. "
                f"Received: {[type(part).__name__ for part in parts]}."
            )
        self.parts = tuple(parts)
        self.unit_length = unit_length
        self.of_pictures = self.parts[0].of_pictures
        self.of_texts = self.parts[0].of_texts
        self.needs_sentences = any(part.needs_sentences for part in parts)
        self.counts_words = all(part.counts_words for part in self.parts)

    @property
    def told(self) -> str:
        """What the parts decided."""
        return "; ".join(part.told for part in self.parts if part.told)

    def fit(self, items: Items) -> Self:
        """Fit each part; returns `self`."""
        for part in self.parts:
            part.fit(items)
        return self

    @property
    def dim(self) -> int:
        """Width of the rows: that of all parts together."""
        return sum(part.dim for part in self.parts)

    def __call__(self, items: Items) -> FloatArray:
        """Rows `(n, dim)`, float32."""
        rows = [np.asarray(part(items), dtype=np.float32) for part in self.parts]
        scaled = [_of_unit_length(own) for own in rows] if self.unit_length else rows
        joined: FloatArray = np.concatenate(scaled, axis=1)
        return joined

    def listed(self, given: Any) -> Items:
        """Items as the parts take them."""
        return self.parts[0].listed(given)

    def blank(self, items: Items, rows: Any) -> Array:
        """Items that say nothing to any part."""
        ends = np.cumsum([part.dim for part in self.parts])[:-1]
        each = zip(self.parts, np.split(np.asarray(rows), ends, axis=1), strict=True)
        blank: Array = np.all([part.blank(items, own) for part, own in each], axis=0)
        return blank

    def unknown(self, text: str) -> list[str]:
        """Words that no part knows."""
        each = [part.unknown(text) for part in self.parts]
        return [word for word in each[0] if all(word in words for words in each)]

    def nearest(self, word: str, count: int = 3) -> list[str]:
        """Known words of the first part that has such."""
        found = (part.nearest(word, count) for part in self.parts)
        return next((words for words in found if words), [])

    def get_config(self) -> Config:
        """Names and arguments of the parts."""
        parts = [{"transform": type(p).__name__, "config": p.get_config()} for p in self.parts]
        return {"parts": parts, "unit_length": self.unit_length}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`."""
        # The catalogue has this class, too.
        from keras_xmr.transforms.catalogue import restored

        parts = [restored(part, "in a join") for part in config["parts"]]
        return cls(parts, unit_length=config["unit_length"])

    def get_state(self) -> Config:
        """What each part measured."""
        return {"parts": [part.get_state() for part in self.parts]}

    def set_state(self, state: Config) -> None:
        """Take over what `get_state` gave."""
        for part, of_part in zip(self.parts, state["parts"], strict=True):
            part.set_state(of_part)

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Write the files of each part."""
        return [name for part in self.parts for name in part.save_files(folder, known)]

    def load_files(self, files: Mapping[str, Path]) -> None:
        """Read what `save_files` wrote."""
        for part in self.parts:
            part.load_files(files)


def _of_unit_length(rows: Array) -> Array:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Array = rows / np.where(lengths > 0, lengths, 1).astype(np.float32)
    return scaled
