"""`TextVectorizer`, against formulas worked by hand and against scikit-learn."""

import json
import math

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from keras_xmr.transforms import TextVectorizer, count_words, tokenize

TEXTS = ["the dog and the dog", "the cat", "a bird and a cat", "bird"]


@pytest.fixture(scope="module")
def many_texts():
    rng = np.random.default_rng(0)
    pool = np.array([f"word{i}" for i in range(60)])
    share = 1.0 / np.arange(1, 61)
    return [" ".join(rng.choice(pool, 12, p=share / share.sum())) for _ in range(80)]


def through_json(vectorizer):
    config, state = json.loads(json.dumps([vectorizer.get_config(), vectorizer.get_state()]))
    copy = TextVectorizer(**config)
    copy.set_state(state)
    return copy


def test_the_vocabulary_comes_by_frequency_and_then_by_alphabet():
    vectorizer = TextVectorizer().fit(TEXTS)
    # the 3; a, and, bird, cat, dog 2 each.
    assert vectorizer.words == ("the", "a", "and", "bird", "cat", "dog")
    assert TextVectorizer(max_words=3).fit(TEXTS).words == ("the", "a", "and")
    assert TextVectorizer(max_words=3).fit(TEXTS).dim == 3


def test_stop_words_are_left_out_on_request():
    assert TextVectorizer(stop_words=True).fit(TEXTS).words == ("bird", "cat", "dog")


def test_counts_are_numbers_of_words():
    vectorizer = TextVectorizer(max_words=4, weighting="counts").fit(TEXTS)
    rows = vectorizer(["THE bird, the bird, the dog", "", "and"])
    assert rows.tolist() == [[3, 0, 0, 2], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert rows.dtype == np.float32


def test_tfidf_by_hand():
    vectorizer = TextVectorizer().fit(TEXTS)
    # Texts with the word, of 4: the 2, a 1, dog 1.
    weights = {
        "the": (1 + math.log(2)) * (1 + math.log(5 / 3)),
        "a": 1 + math.log(5 / 2),
        "dog": (1 + math.log(3)) * (1 + math.log(5 / 2)),
    }
    length = math.sqrt(sum(weight**2 for weight in weights.values()))
    row = vectorizer(["dog the a dog the dog"])[0]
    expected = [weights.get(word, 0.0) / length for word in vectorizer.words]
    np.testing.assert_allclose(row, expected, rtol=1e-6)


def test_tfidf_is_that_of_scikit_learn(many_texts):
    vectorizer = TextVectorizer(max_words=40).fit(many_texts)
    peer = TfidfVectorizer(sublinear_tf=True, analyzer=tokenize, vocabulary=vectorizer.words)
    peer.fit(many_texts)
    unseen = ["word1 word1 word59 other", *many_texts[:5]]
    np.testing.assert_allclose(vectorizer(unseen), peer.transform(unseen).toarray(), rtol=1e-6)


@pytest.mark.parametrize("weighting", ["counts", "tfidf"])
def test_strings_and_their_counts_give_the_same_rows(weighting, many_texts):
    counts = count_words(many_texts)
    by_strings = TextVectorizer(30, weighting=weighting).fit(many_texts[:60])
    by_counts = TextVectorizer(30, weighting=weighting).fit(counts[np.arange(60)])
    assert by_strings.words == by_counts.words
    rows = by_strings(many_texts)
    for other in (by_counts(counts), by_strings(counts), by_counts(many_texts)):
        np.testing.assert_array_equal(other, rows)


@pytest.mark.parametrize("weighting", ["counts", "tfidf"])
def test_unseen_words_change_nothing_and_no_words_give_a_zero_row(weighting):
    vectorizer = TextVectorizer(weighting=weighting).fit(TEXTS)
    rows = vectorizer(["a dog", "a unicorn's dog", "", "unicorns"])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows[0].any()
    assert not rows[2:].any()


@pytest.mark.parametrize("weighting", ["counts", "tfidf"])
def test_no_texts_give_no_rows(weighting):
    vectorizer = TextVectorizer(weighting=weighting).fit(TEXTS)
    assert vectorizer([]).shape == (0, 6)
    assert vectorizer(count_words(TEXTS)[np.zeros(0, int)]).shape == (0, 6)


def test_words_of_held_out_texts_stay_out_of_the_vocabulary():
    counts = count_words([*TEXTS, "zebra zebra zebra"])
    vectorizer = TextVectorizer().fit(counts[np.arange(4)])
    assert vectorizer.words == TextVectorizer().fit(TEXTS).words
    np.testing.assert_array_equal(vectorizer.idf, TextVectorizer().fit(TEXTS).idf)


def test_a_refit_forgets_the_first_fit_and_depends_on_the_texts_alone(many_texts):
    shuffled = [many_texts[i] for i in np.random.default_rng(1).permutation(len(many_texts))]
    refitted = TextVectorizer(20).fit(TEXTS).fit(shuffled)
    fresh = TextVectorizer(20).fit(many_texts)
    assert refitted.words == fresh.words
    np.testing.assert_array_equal(refitted.idf, fresh.idf)


@pytest.mark.parametrize("weighting", ["counts", "tfidf"])
def test_json_brings_the_same_bits_back(weighting, many_texts):
    vectorizer = TextVectorizer(25, weighting=weighting, stop_words=True).fit(many_texts)
    copy = through_json(vectorizer)
    assert copy.get_config() == vectorizer.get_config()
    assert copy.words == vectorizer.words
    assert copy.idf.dtype == vectorizer.idf.dtype
    assert copy.idf.tobytes() == vectorizer.idf.tobytes()
    assert copy(many_texts).tobytes() == vectorizer(many_texts).tobytes()


@pytest.mark.parametrize("used", [TextVectorizer(), through_json(TextVectorizer())])
def test_an_unfitted_vectorizer_is_refused(used):
    message = r"A TextVectorizer must be fitted before it is used\. Call fit\(\)\."
    with pytest.raises(RuntimeError, match=message):
        used(["a dog"])


@pytest.mark.parametrize("verb", ["fit", "__call__"])
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("dog", r"Expected a list of texts\. Received: a single string; wrap it in \[\]\."),
        (["dog", 3.0], r"Texts must be strings, or WordCounts\. Received: an item of type float"),
    ],
)
def test_other_things_than_texts_are_refused(verb, texts, message):
    vectorizer = TextVectorizer().fit(TEXTS)
    with pytest.raises(ValueError, match=message):
        getattr(vectorizer, verb)(texts)


@pytest.mark.parametrize("weighting", ["counts", "tfidf"])
def test_texts_without_a_word_left_are_refused(weighting):
    vectorizer = TextVectorizer(weighting=weighting, stop_words=True)
    message = (
        r"A vocabulary needs at least one word of the training texts\. "
        r"Received: 2 texts without one, stop_words=True\."
    )
    with pytest.raises(ValueError, match=message):
        vectorizer.fit(["the", "of and"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_words": 0}, r"A vocabulary needs at least one word\. Received: max_words=0\."),
        (
            {"analyzer": "bytes"},
            r"Analyzers are \('words', 'characters', 'both', .*\. Received: analyzer='bytes'\.",
        ),
        (
            {"weighting": "bm25"},
            r"Weightings are \('counts', 'tfidf'\)\. Received: weighting='bm25'\.",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        TextVectorizer(**arguments)


def test_forms_of_a_word_count_as_one_in_a_language():
    texts = ["two dogs running", "one dog runs", "a bicycle", "bicycles"]
    vectorizer = TextVectorizer(weighting="counts", language="english").fit(texts)
    assert set(vectorizer.words) == {"two", "dog", "run", "one", "a", "bicycl"}
    rows = vectorizer(texts)
    dog = vectorizer.words.index("dog")
    assert rows[:, dog].tolist() == [1, 1, 0, 0]
    # Counts of whole words, as a pack holds them, are the same texts.
    counted = TextVectorizer(weighting="counts", language="english").fit(count_words(texts))
    assert counted.words == vectorizer.words
    np.testing.assert_array_equal(counted(count_words(texts)), rows)
    again = TextVectorizer(**vectorizer.get_config())
    again.set_state(vectorizer.get_state())
    np.testing.assert_array_equal(again(texts), rows)


def test_unknown_languages_are_told():
    with pytest.raises(ValueError, match=r"Stems are known of .*Received: language='klingon'"):
        TextVectorizer(language="klingon")


def test_runs_of_characters_are_those_of_scikit_learn():
    texts = ["Zwei, twee: TWO!", "vier four", "ଏକ 五"]
    vectorizer = TextVectorizer(weighting="counts", analyzer="characters").fit(texts)
    peer = CountVectorizer(
        analyzer="char_wb", ngram_range=(1, 3), vocabulary=vectorizer.words, preprocessor=str
    )
    # The peer's words end at blanks only.
    plain = [" ".join(tokenize(text)) for text in texts]
    np.testing.assert_array_equal(vectorizer(texts), peer.transform(plain).toarray())
    unlimited = CountVectorizer(analyzer="char_wb", ngram_range=(1, 3)).fit(plain)
    assert set(vectorizer.words) == set(unlimited.vocabulary_) - {" "}


@pytest.mark.parametrize("weighting", ["counts", "tfidf"])
def test_runs_of_characters_by_strings_and_by_their_counts_are_the_same(weighting, many_texts):
    counts = count_words(many_texts)
    by_strings = TextVectorizer(50, weighting=weighting, analyzer="characters").fit(many_texts)
    by_counts = TextVectorizer(50, weighting=weighting, analyzer="characters").fit(counts)
    assert by_strings.words == by_counts.words
    np.testing.assert_array_equal(by_strings(counts), by_counts(many_texts))
    copy = through_json(by_strings)
    assert copy.get_config()["analyzer"] == "characters"
    np.testing.assert_array_equal(copy(many_texts), by_strings(many_texts))


@pytest.mark.parametrize("arguments", [{"stop_words": True}, {"language": "english"}])
def test_what_goes_with_whole_words_is_refused_for_characters(arguments):
    with pytest.raises(ValueError, match=r"Stop words and stems go with whole words\. Received: "):
        TextVectorizer(analyzer="characters", **arguments)


def test_the_texts_decide_what_is_counted():
    english = ["two dogs on a beach", "a red bus", "dogs and a bus"]
    chinese = ["两只狗在海滩上", "红色公共汽车", "狗和车", "a dog"]
    thai = ["สุนัขสองตัวบนชายหาด", "รถบัสสีแดง"]
    for texts, reads in ((english, "both"), (chinese, "unspaced"), (thai, "unspaced")):
        vectorizer = TextVectorizer(analyzer="auto").fit(texts)
        assert vectorizer.reads == reads
        assert vectorizer.told.startswith(f"{vectorizer.dim} ")
        copy = through_json(vectorizer)
        assert copy.reads == reads
        np.testing.assert_array_equal(copy(texts), vectorizer(texts))
        # It is decided anew by what it is fitted on.
        assert vectorizer.fit(english).reads == "both"
    assert TextVectorizer(analyzer="auto", language="english").fit(english).reads == "words"
    counted = TextVectorizer(analyzer="auto").fit(count_words(chinese[:3]))
    assert counted.reads == "unspaced"


def test_stretches_have_the_runs_across_their_characters():
    vectorizer = TextVectorizer(weighting="counts", analyzer="unspaced").fit(["红车! a 红"])
    found = dict(zip(vectorizer.words, vectorizer(["红车! a 红"])[0].tolist(), strict=True))
    assert found["红车"] == 1
    assert found["红"] == 2
    assert found[" 红"] == 2
    assert found[" a "] == 1
    assert "车a" not in found


def test_words_and_runs_have_half_of_the_vocabulary_and_of_the_weight_each(many_texts):
    vectorizer = TextVectorizer(40, analyzer="both").fit(many_texts)
    words = [word for word in vectorizer.words if word.startswith("=")]
    assert len(words) == 20
    assert vectorizer.dim == 40
    rows = vectorizer(many_texts)
    np.testing.assert_allclose(np.linalg.norm(rows[:, :20], axis=1), np.sqrt(0.5), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    # Each half is as it is alone.
    alone = TextVectorizer(20, analyzer="words").fit(many_texts)
    np.testing.assert_allclose(rows[:, :20] * np.sqrt(2), alone(many_texts), rtol=1e-5)
    by_counts = TextVectorizer(40, analyzer="both").fit(count_words(many_texts))
    assert by_counts.words == vectorizer.words
    np.testing.assert_allclose(by_counts(count_words(many_texts)), rows, rtol=1e-5)


def test_words_of_most_texts_are_left_out():
    texts = ["der Hund", "der Bus", "der Strand", "Hund am Strand"]
    vectorizer = TextVectorizer(max_share=0.5).fit(texts)
    assert set(vectorizer.words) == {"hund", "bus", "strand", "am"}
    with pytest.raises(ValueError, match=r"at most 1\. Received: max_share=0"):
        TextVectorizer(max_share=0)
