"""`Chain`: transforms one after another, such as a frozen encoder and a scaler of its features."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Array, Config, Items


class Chain(Transform):
    """Transforms one after another, each of what the one before it gives.

    Args:
        steps: The transforms, in their order.

    Example:
        >>> import numpy as np
        >>> from keras_xmr.transforms import FeatureScaler, PixelVectorizer
        >>> pictures = np.array([[[0, 255]], [[255, 0]]], dtype=np.uint8)
        >>> chain = Chain([PixelVectorizer(), FeatureScaler(norm="none")]).fit(pictures)
        >>> chain.dim, chain(pictures).tolist()
        (2, [[-1.0, 1.0], [1.0, -1.0]])
    """

    def __init__(self, steps: Sequence[Transform]) -> None:
        if not steps:
            raise ValueError("A chain has at least one transform. Received: steps=[].")
        self.steps = tuple(steps)
        self.of_pictures = self.steps[0].of_pictures
        self.of_texts = self.steps[0].of_texts
        self.needs_sentences = self.steps[0].needs_sentences
        self.needs_trunk = self.steps[-1].needs_trunk
        self.counts_words = self.steps[-1].counts_words

    @property
    def network(self) -> Any:
        """That of the first transform, if it has one."""
        return self.steps[0].network

    def fit(self, items: Items) -> Self:
        """Fit each transform on what those before it give; returns `self`."""
        for step in self.steps[:-1]:
            items = step.fit(items)(items)
        self.steps[-1].fit(items)
        return self

    @property
    def dim(self) -> int:
        """Width of the rows: that of the last transform."""
        return self.steps[-1].dim

    def __call__(self, items: Items) -> Array:
        """Rows `(n, dim)`."""
        for step in self.steps:
            items = step(items)
        rows: Array = items
        return rows

    def listed(self, given: Any) -> Items:
        """Items as the first transform takes them."""
        return self.steps[0].listed(given)

    def blank(self, items: Items, rows: Any) -> Array:
        """Items that say nothing to the first transform."""
        return self.steps[0].blank(items, rows)

    def unknown(self, text: str) -> list[str]:
        """Words that the first transform does not know."""
        return self.steps[0].unknown(text)

    def nearest(self, word: str, count: int = 3) -> list[str]:
        """Known words of the first transform."""
        return self.steps[0].nearest(word, count)

    def get_config(self) -> Config:
        """Names and arguments of the transforms."""
        return {
            "steps": [{"transform": type(s).__name__, "config": s.get_config()} for s in self.steps]
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`."""
        # The catalogue has this class, too.
        from keras_xmr.transforms.catalogue import restored

        return cls([restored(step, "in a chain") for step in config["steps"]])

    def get_state(self) -> Config:
        """What each transform measured."""
        return {"steps": [step.get_state() for step in self.steps]}

    def set_state(self, state: Config) -> None:
        """Take over what `get_state` gave."""
        for step, of_step in zip(self.steps, state["steps"], strict=True):
            step.set_state(of_step)

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Write the files of each transform."""
        return [name for step in self.steps for name in step.save_files(folder, known)]

    def load_files(self, files: Mapping[str, Path]) -> None:
        """Read what `save_files` wrote."""
        for step in self.steps:
            step.load_files(files)
