"""Texts -> weighted bags of words; the vocabulary and the weights are fitted on training texts."""

import difflib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.transforms.text_rows import TextRows
from keras_xmr.transforms.tokens import (
    STRETCH,
    TOKEN,
    character_runs,
    check_strings,
    count_words,
    has_spaces,
    tokenize,
)
from keras_xmr.transforms.transform import Transform, holds_texts
from keras_xmr.types import Array, Config, FloatArray, Items

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WEIGHTINGS = ("counts", "tfidf")
# What is counted, in one or two kinds.
KINDS = {
    "words": ("words",),
    "characters": ("characters",),
    "both": ("words", "characters"),
    "unspaced": ("stretches",),
}
ANALYZERS = (*KINDS, "auto")
COUNTED = {
    "words": "words",
    "characters": "runs of characters",
    "both": "words and runs of characters",
    "unspaced": "runs of characters, since there are no spaces between words",
}
# Stands before words that are counted beside characters.
WORD = "="


def _stemmer(language: str | None) -> Callable[[str], str]:
    if language is None:
        return str
    import snowballstemmer

    if language not in snowballstemmer.algorithms():
        raise ValueError(
            f"Stems are known of {sorted(snowballstemmer.algorithms())}. Received: {language=}."
        )
    stem: Callable[[str], str] = snowballstemmer.stemmer(language).stemWord
    return stem


class TextVectorizer(Transform):
    """Texts to rows of word weights.

    The vocabulary are the most frequent words of the training texts. `"counts"` is what the CHTN
    paper calls bag of words; `"tfidf"` weighs a word by `(1 + log count) * idf`, with the smoothed
    `idf = 1 + log((1 + n) / (1 + texts with the word))`, and scales rows to unit length.

    Args:
        max_words: Size of the vocabulary; it is smaller where the texts have fewer words.
        weighting: `"tfidf"` or `"counts"`.
        stop_words: Whether to leave out frequent English function words.
        max_share: Words of more than this share of the training texts are left out, in whatever
            language; 1 keeps all.
        language: A language that Snowball knows, such as `"english"`: the forms of a word (dog,
            dogs) then count as one. `None` takes words as they are.
        analyzer: What is counted: `"words"`; `"characters"`, which are runs of one to three
            characters within words, that related words have in common (zwei, twee, two); `"both"`,
            half of the vocabulary each; `"unspaced"`, runs of characters in stretches between
            spaces or marks, for scripts without spaces between words; or `"auto"`: `"both"` or
            `"unspaced"`, as the training texts are written, or `"words"` with stop words or a
            language.

    Attributes:
        reads: What is counted; after `fit` it is never `"auto"`.

    Example:
        >>> vectorizer = TextVectorizer(max_words=3, weighting="counts").fit(
        ...     ["a dog and a dog", "a dog and a cat"])
        >>> vectorizer.words
        ('a', 'dog', 'and')
        >>> vectorizer(["A cat and a Dog!"]).tolist()
        [[2.0, 1.0, 1.0]]

    Reference:
        M. F. Porter: Snowball: a language for stemming algorithms, 2001.
    """

    counts_words = True
    of_texts = True

    def __init__(
        self,
        max_words: int = 1000,
        *,
        weighting: str = "tfidf",
        stop_words: bool = False,
        language: str | None = None,
        analyzer: str = "words",
        max_share: float = 1.0,
    ) -> None:
        if not 0 < max_share <= 1:
            raise ValueError(f"A share is above 0 and at most 1. Received: {max_share=}.")
        if max_words < 1:
            raise ValueError(f"A vocabulary needs at least one word. Received: {max_words=}.")
        if weighting not in WEIGHTINGS:
            raise ValueError(f"Weightings are {WEIGHTINGS}. Received: {weighting=}.")
        if analyzer not in ANALYZERS:
            raise ValueError(f"Analyzers are {ANALYZERS}. Received: {analyzer=}.")
        if analyzer not in ("auto", "words") and (stop_words or language):
            raise ValueError(
                "Stop words and stems go with whole words. "
                f"Received: {analyzer=}, {stop_words=}, {language=}. Leave them out."
            )
        self.max_words = max_words
        self.weighting = weighting
        self.stop_words = stop_words
        self.language = language
        self.max_share = max_share
        self.analyzer = analyzer
        self._stem = _stemmer(language)
        self.reads = "words" if analyzer == "auto" and (stop_words or language) else analyzer
        self.words: tuple[str, ...] = ()
        self.idf: FloatArray = np.zeros(0)

    @classmethod
    def usual(cls) -> "TextVectorizer":
        """Counts what suits the script, with a larger vocabulary than that of the papers."""
        return cls(4000, analyzer="auto")

    @classmethod
    def takes(cls, items: Items, medium: str) -> bool:
        """Sentences, or counts of their words."""
        return isinstance(items, WordCounts) or holds_texts(items, medium)

    def fit(self, texts: Sequence[str] | WordCounts) -> "TextVectorizer":
        """Choose the vocabulary and its weights from training texts; returns `self`.

        Raises:
            ValueError: If `texts` is a single string or holds anything but strings, or no word
                is left.
        """
        from sklearn.feature_extraction.text import TfidfTransformer

        if self.analyzer == "auto" and self.reads in ("auto", "both", "unspaced"):
            written = texts.words if isinstance(texts, WordCounts) else texts
            self.reads = "both" if has_spaces(written) else "unspaced"
        counted = [self._counted(texts, kind) for kind in KINDS[self.reads]]
        share = self.max_words // len(counted)
        kept = [self._frequent(counts, share or 1) for counts in counted]
        if not any(kept):
            raise ValueError(
                "A vocabulary needs at least one word of the training texts. "
                f"Received: {len(texts)} texts without one, stop_words={self.stop_words}."
            )
        self.words = tuple(word for words in kept for word in words)
        chosen = [c.columns(words) for c, words in zip(counted, kept, strict=True)]
        self.idf = np.concatenate([TfidfTransformer().fit(own).idf_ for own in chosen])
        return self

    def _frequent(self, counts: WordCounts, most: int) -> list[str]:
        """The most frequent words."""
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        total = counts.counts.sum(axis=0)
        texts = (counts.counts > 0).sum(axis=0)
        dropped = ENGLISH_STOP_WORDS if self.stop_words else frozenset()
        # Equally frequent words are taken in alphabetical order, so that a refit is the same.
        ranked = sorted(
            (-int(count), word)
            for word, count, within in zip(counts.words, total, texts, strict=True)
            if count and within <= self.max_share * len(counts) and word not in dropped
        )
        return [word for _, word in ranked[:most]]

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return len(self.words)

    @property
    def told(self) -> str:
        """What is counted."""
        return f"{self.dim} {COUNTED[self.reads]}" if self.dim else ""

    def __call__(self, texts: Sequence[str] | WordCounts) -> FloatArray:
        """Weights `(texts, words)`, float32.

        Raises:
            RuntimeError: Before `fit`.
            ValueError: If `texts` is a single string or holds anything but strings.
        """
        return self.weights(self.counts(texts))

    def drawn(
        self,
        items: Sequence[str] | WordCounts,
        *,
        augment: bool = False,
        augmentation: Callable[[Array], Array] | None = None,
        sentence_dropout: float = 0.0,
    ) -> Any:
        """Rows, or texts without some of their sentences: see `Transform.drawn`."""
        if sentence_dropout and not isinstance(items, WordCounts):
            return TextRows(items, self, sentence_dropout)
        return self(items)

    def blank(self, items: Items, rows: Any) -> Array:
        """Texts of which nothing is counted."""
        blank: Array = np.asarray(np.count_nonzero(rows, axis=1) == 0)
        return blank

    def unknown(self, text: str) -> list[str]:
        """Words of a text that are not counted; stop words are left out on purpose.

        Example:
            >>> TextVectorizer().fit(["a dog", "a cat"]).unknown("A dog and a feline")
            ['and', 'feline']
        """
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        known = set(self.words)
        words = dict.fromkeys(tokenize(text, STRETCH if self.reads == "unspaced" else TOKEN))
        if self.stop_words:
            words = {word: None for word in words if word not in ENGLISH_STOP_WORDS}
        if self.reads in ("words", "both"):
            return [word for word in words if self._marked(word) not in known]
        return [word for word in words if known.isdisjoint(character_runs(word))]

    def nearest(self, word: str, count: int = 3) -> list[str]:
        """Words of the vocabulary that are spelt like a word, or else the most frequent ones.

        Example:
            >>> TextVectorizer().fit(["a dog", "a cat and a dog"]).nearest("dogs", 1)
            ['dog']
        """
        marked = self.reads == "both"
        own = self.words[self._blocks()[0]] if self.reads in ("words", "both") else ()
        words = [word.removeprefix(WORD) if marked else word for word in own]
        return difflib.get_close_matches(self._stem(word), words, count) or words[:count]

    def counts(self, texts: Sequence[str] | WordCounts) -> "csr_array":
        """How often each word of the vocabulary occurs, `(texts, words)`.

        Raises:
            RuntimeError: Before `fit`.
            ValueError: As in a call.
        """
        from scipy.sparse import csr_array, hstack
        from sklearn.feature_extraction.text import CountVectorizer

        if not self.words:
            raise RuntimeError("A TextVectorizer must be fitted before it is used. Call fit().")
        if isinstance(texts, WordCounts):
            kinds = [self._counted(texts, kind) for kind in KINDS[self.reads]]
            blocks = zip(kinds, self._blocks(), strict=True)
            return csr_array(hstack([c.columns(self.words[own]) for c, own in blocks]))
        check_strings(texts)
        counter = CountVectorizer(analyzer=self._words_of, vocabulary=self.words)
        return counter.transform(texts).astype(np.float64)

    def weights(self, counts: "csr_array") -> FloatArray:
        """What words count for, float32, of counts `(texts, words)`."""
        if self.weighting == "tfidf" and counts.shape[0]:
            counts = self._tfidf(counts)
        weights: FloatArray = counts.toarray().astype(np.float32)
        return weights

    def _blocks(self) -> list[slice]:
        """Which of the columns each kind has."""
        if self.reads != "both":
            return [slice(None)]
        words = sum(word.startswith(WORD) for word in self.words)
        return [slice(words), slice(words, None)]

    def _counted(self, texts: Sequence[str] | WordCounts, kind: str) -> WordCounts:
        if not isinstance(texts, WordCounts):
            texts = count_words(texts, lambda text: self._tokens(text, kind))
            return texts if kind == "words" else texts.replaced(character_runs)
        if kind != "words":
            return texts.replaced(character_runs)
        return texts.replaced(lambda word: [self._marked(word)])

    def _tokens(self, text: str, kind: str) -> list[str]:
        """Words, or stretches."""
        if kind == "words":
            return [self._marked(word) for word in tokenize(text)]
        return tokenize(text, STRETCH if kind == "stretches" else TOKEN)

    def _marked(self, word: str) -> str:
        """A word as the vocabulary has it."""
        return WORD + word if self.reads == "both" else self._stem(word)

    def _words_of(self, text: str) -> list[str]:
        found = []
        for kind in KINDS[self.reads]:
            tokens = self._tokens(text, kind)
            runs = (run for token in tokens for run in character_runs(token))
            found += tokens if kind == "words" else list(runs)
        return found

    def _tfidf(self, counts: "csr_array") -> "csr_array":
        """Each kind weighed by itself, so that the many runs do not drown the words."""
        from scipy.sparse import csr_array, hstack
        from sklearn.feature_extraction.text import TfidfTransformer

        blocks = self._blocks()
        weighed = []
        for own in blocks:
            weigh = TfidfTransformer(sublinear_tf=True)
            weigh.idf_ = self.idf[own]
            weighed.append(weigh.transform(counts[:, own]) / math.sqrt(len(blocks)))
        return weighed[0] if len(weighed) == 1 else csr_array(hstack(weighed))

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            "max_words": self.max_words,
            "weighting": self.weighting,
            "stop_words": self.stop_words,
            "language": self.language,
            "analyzer": self.analyzer,
            "max_share": self.max_share,
        }

    def get_state(self) -> dict[str, Any]:
        """What `fit` found, JSON-serialisable."""
        return {"words": list(self.words), "idf": self.idf.tolist(), "reads": self.reads}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over what `get_state` gave."""
        self.reads = state.get("reads", self.reads)
        self.words = tuple(state["words"])
        self.idf = np.array(state["idf"], dtype=np.float64)
