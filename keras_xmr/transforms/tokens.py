"""Texts -> tokens, in any script: words, stretches between spaces, and runs of their characters."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.types import Config

# Chinese and Japanese characters are a token each; elsewhere a token is a run of letters or digits.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Vowel signs and accents that are characters of their own: no word characters to `re`, which would
# take Hindi words apart. The variation selectors of emoji are none of them.
_MARKS = "".join(
    character
    for character in map(chr, range(0x300, 0x1F000))
    if unicodedata.category(character) in ("Mn", "Mc") and not "\ufe00" <= character <= "\ufe0f"
)
_LETTER = rf"[^\W_{_UNSPACED}]"
TOKEN = re.compile(rf"(?=\w)[{_UNSPACED}]|{_LETTER}+(?:[{_MARKS}]+{_LETTER}*)*")
STRETCH = re.compile(rf"\w+(?:[{_MARKS}]+\w*)*")
# Thai, Lao, Burmese and Khmer have no spaces between words either.
_NO_SPACES = re.compile(rf"[{_UNSPACED}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")

LONGEST_RUN = 3
# English texts have at least so many function words; and what is in more texts is one elsewhere.
ENGLISH_SHARE = 0.25
MOST = 0.5


def tokenize(text: str, pattern: re.Pattern[str] = TOKEN) -> list[str]:
    """Split a text into case-folded tokens, in any script.

    Args:
        text: A sentence, or any other string.
        pattern: What a token is.

    Example:
        >>> tokenize("Two DOGS, one straße; 两只狗")
        ['two', 'dogs', 'one', 'strasse', '两', '只', '狗']
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Case folding may take accented letters apart again.
    return pattern.findall(unicodedata.normalize("NFKC", folded))


def count_words(
    texts: Sequence[str], analyzer: Callable[[str], list[str]] = tokenize
) -> WordCounts:
    """Count every word of `texts`; the words come in alphabetical order.

    Args:
        texts: Sentences, one per item.
        analyzer: What makes words of a text.

    Raises:
        ValueError: If `texts` is a single string or holds anything but strings, or no text has
            any word.

    Example:
        >>> counts = count_words(["a dog", "a dog and a cat"])
        >>> counts.words, counts.counts.toarray().tolist()
        (('a', 'and', 'cat', 'dog'), [[1, 0, 0, 1], [2, 1, 1, 1]])
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import CountVectorizer

    check_strings(texts)
    vectorizer = CountVectorizer(analyzer=analyzer)
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError as error:
        raise ValueError(
            "Counting needs at least one word in all the texts together. "
            f"Received: {len(texts)} texts without a letter or digit."
        ) from error
    return WordCounts(csr_array(counts), tuple(vectorizer.get_feature_names_out().tolist()))


def check_strings(texts: Sequence[Any]) -> None:
    """An error unless `texts` are strings.

    Raises:
        ValueError: If it is a single string, or holds anything else.
    """
    if isinstance(texts, str):
        raise ValueError("Expected a list of texts. Received: a single string; wrap it in [].")
    wrong = [type(text).__name__ for text in texts if not isinstance(text, str)]
    if wrong:
        raise ValueError(
            f"Texts must be strings, or WordCounts. Received: an item of type {wrong[0]}."
        )


def character_runs(word: str) -> list[str]:
    """Every run of one to three characters in a word; blanks stand for its two ends.

    Example:
        >>> character_runs("two")
        ['t', 'w', 'o', ' t', 'tw', 'wo', 'o ', ' tw', 'two', 'wo ']
    """
    ended = f" {word} "
    return [
        ended[start : start + length]
        for length in range(1, LONGEST_RUN + 1)
        for start in range(len(ended) - length + 1)
        if ended[start : start + length] != " "
    ]


def has_spaces(texts: Sequence[str]) -> bool:
    """Whether most letters of texts belong to scripts that put spaces between words.

    Example:
        >>> has_spaces(["two dogs on a beach"]), has_spaces(["两只狗", "a"])
        (True, False)
    """
    letters = sum(character.isalpha() for text in texts for character in text)
    without = sum(len(_NO_SPACES.findall(text)) for text in texts)
    return 2 * without <= letters


def without_stop_words(texts: Sequence[str] | WordCounts) -> Config:
    """Arguments of a `TextVectorizer` that leave out the words that say nothing.

    English is known by its function words, and has a list of them and stems. Of other languages,
    words that are in more than half of the texts are left out.

    Example:
        >>> without_stop_words(["the dog is on the beach"])
        {'stop_words': True, 'language': 'english'}
        >>> without_stop_words(["der Hund liegt am Strand"])
        {'max_share': 0.5}
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    counts = texts if isinstance(texts, WordCounts) else count_words(texts)
    total = counts.counts.sum(axis=0)
    function_words = [word in ENGLISH_STOP_WORDS for word in counts.words]
    if total[function_words].sum() > ENGLISH_SHARE * total.sum():
        return {"stop_words": True, "language": "english"}
    return {"max_share": MOST}
