"""Tokens and word counts, in any script."""

from collections import Counter

import numpy as np
import pytest

from keras_xmr.transforms import count_words, tokenize


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Two DOGS, one cat!", ["two", "dogs", "one", "cat"]),
        ("", []),
        (" \n\t…—!?", []),
        ("snake_case __init__ _", ["snake", "case", "init"]),
        ("3 dogs, 2nd 1.5 x86", ["3", "dogs", "2nd", "1", "5", "x86"]),
        ("don't well-known", ["don", "t", "well", "known"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ﬁsh Ｄｏｇ x² Ⅷ", ["fish", "dog", "x2", "viii"]),  # noqa: RUF001
        ("两只狗在跑", ["两", "只", "狗", "在", "跑"]),
        ("猫とネコ・犬", ["猫", "と", "ネ", "コ", "犬"]),
        ("ﾈｺ", ["ネ", "コ"]),
        ("𠮷野家abc犬", ["𠮷", "野", "家", "abc", "犬"]),
        ("СОБАКА и Кот", ["собака", "и", "кот"]),
        ("한국어 개", ["한국어", "개"]),
        ("كلب وقطة", ["كلب", "وقطة"]),
        ("एक हिन्दी शब्द", ["एक", "हिन्दी", "शब्द"]),
        ("ภาษาไทย ชื่อ", ["ภาษาไทย", "ชื่อ"]),
        ("a dog 🐕 ran ❤️ 1️⃣", ["a", "dog", "ran", "1"]),
    ],
)
def test_tokens(text, tokens):
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    "spellings",
    [
        ("caf\u00e9", "cafe\u0301", "CAF\u00c9", "CAFE\u0301"),
        ("πρωτεΐνη", "ΠΡΩΤΕΪ\u0301ΝΗ"),  # noqa: RUF001
        ("ΣΟΦΟΣ", "σοφος", "σοφοσ"),
        ("İstanbul", "i\u0307stanbul"),
        ("ǆ", "Ǆ", "dž"),
    ],
)
def test_spellings_of_one_word_are_one_token(spellings):
    tokens = {tuple(tokenize(spelling)) for spelling in spellings}
    assert len(tokens) == 1
    assert len(tokens.pop()) == 1


def test_counts_by_hand():
    counts = count_words(["The dog saw the DOG.", "", "a cat, a dog"])
    assert counts.words == ("a", "cat", "dog", "saw", "the")
    expected = [[0, 0, 2, 1, 2], [0, 0, 0, 0, 0], [2, 1, 1, 0, 0]]
    assert counts.counts.toarray().tolist() == expected


def test_counts_are_those_of_a_counter():
    rng = np.random.default_rng(0)
    pool = np.array(["dog", "Dog", "straße", "狗", "two words", "x_y", "!", "42"])
    texts = [" ".join(rng.choice(pool, size)) for size in rng.integers(0, 30, 25)]
    counts = count_words(texts)
    counters = [Counter(tokenize(text)) for text in texts]
    assert list(counts.words) == sorted(set().union(*counters))
    for counter, row in zip(counters, counts.counts.toarray().tolist(), strict=True):
        found = {word: n for word, n in zip(counts.words, row, strict=True) if n}
        assert found == counter


@pytest.mark.parametrize("texts", [[], ["", "!?"]])
def test_texts_without_any_word_cannot_be_counted(texts):
    message = (
        r"Counting needs at least one word in all the texts together\. "
        rf"Received: {len(texts)} texts without a letter or digit\."
    )
    with pytest.raises(ValueError, match=message):
        count_words(texts)


@pytest.mark.parametrize(("wrong", "kind"), [(3, "int"), (None, "NoneType"), (b"dog", "bytes")])
def test_other_items_than_strings_cannot_be_counted(wrong, kind):
    message = rf"Texts must be strings, or WordCounts\. Received: an item of type {kind}\."
    with pytest.raises(ValueError, match=message):
        count_words(["a dog", wrong])


def test_a_single_string_is_no_list_of_texts():
    message = r"Expected a list of texts\. Received: a single string; wrap it in \[\]\."
    with pytest.raises(ValueError, match=message):
        count_words("a dog")
