"""Texts as rows to train on: at each draw some of their sentences are left out."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_xmr.types import Array, Config, FloatArray

if TYPE_CHECKING:
    from keras_xmr.transforms.text_vectorizer import TextVectorizer

# Sentences end with a line, or with their mark; Chinese marks, 。！？, have no space after them.
_BETWEEN = re.compile(r"\n+|(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])")


def split_sentences(text: str) -> list[str]:
    r"""The sentences of a text; the whole text if it has no end of a sentence inside.

    Example:
        >>> split_sentences("A dog runs. It barks!\n一只狗。两只猫。")
        ['A dog runs.', 'It barks!', '一只狗。', '两只猫。']
    """
    return [part for part in _BETWEEN.split(text) if part.strip()] or [text]


class TextRows:
    """Rows of word weights, in the place of an array of rows.

    A picture with five sentences is a picture with any of them: leaving out some at random, anew at
    each draw, shows a model texts it will not have seen in the same words.

    Args:
        texts: The texts.
        vectorizer: A fitted `TextVectorizer`.
        dropout: Share of the sentences left out; one of each text always stays.

    Example:
        >>> from keras_xmr.transforms import TextVectorizer
        >>> texts = ["a dog. a lawn.", "a cat."]
        >>> rows = TextRows(texts, TextVectorizer().fit(texts), dropout=0.5)
        >>> len(rows), rows.draw(np.array([0, 1, 0]), np.random.default_rng(0)).shape
        (2, (3, 4))
    """

    def __init__(self, texts: Sequence[str], vectorizer: "TextVectorizer", dropout: float) -> None:
        if not 0 <= dropout < 1:
            raise ValueError(f"A share is at least 0 and below 1. Received: {dropout=}.")
        sentences = [split_sentences(text) for text in texts]
        self.vectorizer = vectorizer
        self._texts = list(texts)
        self.dropout = dropout
        self._ends = np.cumsum([0, *(len(part) for part in sentences)])
        self._counts = vectorizer.counts([s for part in sentences for s in part])

    def __len__(self) -> int:
        """Number of texts."""
        return len(self._ends) - 1

    def settings(self) -> Config:
        """What decides, besides the generator, what is drawn."""
        return {"texts": self._texts, "dropout": self.dropout}

    def draw(self, rows: Array, rng: np.random.Generator) -> FloatArray:
        """Word weights `(n, words)` of the texts `rows`, each without some of its sentences.

        Args:
            rows: Numbers of the texts `(n,)`.
            rng: Where it is drawn which sentences stay.
        """
        from scipy.sparse import csr_array

        kept = [self._kept(int(row), rng) for row in rows]
        ends = np.cumsum([0, *map(len, kept)])
        select = csr_array(
            (np.ones(ends[-1]), np.concatenate(kept), ends),
            shape=(len(rows), self._counts.shape[0]),
        )
        return self.vectorizer.weights(select @ self._counts)

    def _kept(self, row: int, rng: np.random.Generator) -> Array:
        sentences = np.arange(self._ends[row], self._ends[row + 1])
        stays = rng.random(len(sentences)) >= self.dropout
        stays[rng.integers(len(sentences))] |= not stays.any()
        return sentences[stays]
