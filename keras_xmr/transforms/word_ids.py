"""Texts -> rows of word numbers, in the order of the words; what a text network reads."""

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_xmr.transforms.text_vectorizer import TextVectorizer
from keras_xmr.transforms.tokens import check_strings, tokenize
from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Array, Config, Items

PADDING, OTHER = 0, 1
FIRST = 2


class WordIds(Transform):
    """Texts to rows of word numbers, of one length.

    The vocabulary are the most frequent words of the training texts, numbered from 2. 1 stands for
    any other word, 0 fills rows up. Longer texts are cut off.

    Args:
        max_words: Size of the vocabulary; it is smaller where the texts have fewer words.
        length: Words of a row; `None` is as many as the longest training text has.

    Example:
        >>> ids = WordIds(length=5).fit(["a dog and a cat", "a dog"])
        >>> ids.words
        ('a', 'dog', 'and', 'cat')
        >>> ids(["The dog!", "a cat and a dog and more"]).tolist()
        [[1, 3, 0, 0, 0], [2, 5, 4, 2, 3]]

    Reference:
        Y. Kim: Convolutional neural networks for sentence classification, EMNLP 2014, section 2.
    """

    needs_trunk = True
    of_texts = True

    def __init__(self, max_words: int = 20000, length: int | None = None) -> None:
        if max_words < 1:
            raise ValueError(f"A vocabulary needs at least one word. Received: {max_words=}.")
        if length is not None and length < 1:
            raise ValueError(f"Rows have at least one word. Received: {length=}.")
        self.max_words = max_words
        self.length = length
        self.words: tuple[str, ...] = ()
        self.longest = 0

    @classmethod
    def takes(cls, items: Items, medium: str) -> bool:
        """Texts, and counts of words, which it then refuses with the reason."""
        return TextVectorizer.takes(items, medium)

    def fit(self, texts: Sequence[str]) -> "WordIds":
        """Choose the vocabulary, and find the length, from training texts; returns `self`.

        Raises:
            ValueError: If `texts` is a single string or holds anything but strings, or no text has
                any word.
        """
        tokens = _tokens(texts)
        counts = Counter(word for words in tokens for word in words)
        if not counts:
            raise ValueError(
                "A vocabulary needs at least one word of the training texts. "
                f"Received: {len(texts)} texts without one."
            )
        # Equally frequent words are taken in alphabetical order, so that a refit is the same.
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        self.words = tuple(ranked[: self.max_words])
        self.longest = max(len(words) for words in tokens)
        return self

    @property
    def dim(self) -> int:
        """Words of a row."""
        return self.length or self.longest

    def __call__(self, texts: Sequence[str]) -> Array:
        """Word numbers `(texts, length)`, int32.

        Raises:
            RuntimeError: Before `fit`.
            ValueError: If `texts` is a single string or holds anything but strings.
        """
        if not self.words:
            raise RuntimeError("WordIds must be fitted before they are used. Call fit().")
        number_of = {word: number for number, word in enumerate(self.words, FIRST)}
        rows = np.full((len(texts), self.dim), PADDING, dtype=np.int32)
        for row, words in zip(rows, _tokens(texts), strict=True):
            kept = words[: self.dim]
            row[: len(kept)] = [number_of.get(word, OTHER) for word in kept]
        return rows

    def blank(self, items: Items, rows: Any) -> Array:
        """Texts without a known word."""
        # Not by the rows, which may be made batch by batch.
        blank: Array = np.asarray((self(items) < FIRST).all(axis=1))
        return blank

    def unknown(self, text: str) -> list[str]:
        """Words of a text that are not in the vocabulary."""
        known = set(self.words)
        return [word for word in dict.fromkeys(tokenize(text)) if word not in known]

    def nearest(self, word: str, count: int = 3) -> list[str]:
        """Words of the vocabulary that are spelt like a word, or else the most frequent ones."""
        return difflib.get_close_matches(word, self.words, count) or list(self.words[:count])

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {"max_words": self.max_words, "length": self.length}

    def get_state(self) -> dict[str, list[Any]]:
        """What `fit` found, JSON-serialisable."""
        return {"words": list(self.words), "longest": [self.longest]}

    def set_state(self, state: dict[str, list[Any]]) -> None:
        """Take over what `get_state` gave."""
        self.words = tuple(state["words"])
        (self.longest,) = state["longest"]


def _tokens(texts: Sequence[str]) -> list[list[str]]:
    if hasattr(texts, "counts"):
        raise ValueError(
            "Word numbers come in the order of the words. Received: WordCounts, which have none. "
            "Give the texts themselves."
        )
    check_strings(texts)
    return [tokenize(text) for text in texts]
