"""What the loaders make of the real files, and that the packs were made from the same."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from keras_xmr.datasets import caltech101, digits, modelnet10, pascal_sentences, wikipedia
from keras_xmr.datasets.locate import data_root
from keras_xmr.transforms import Preprocessor, TextVectorizer, count_words

pytestmark = pytest.mark.data

WIKIPEDIA_TRAIN = [138, 272, 244, 248, 202, 178, 186, 144, 214, 347]
WIKIPEDIA_TEST = [34, 88, 96, 85, 65, 58, 51, 41, 71, 104]


def test_the_pascal_pack_agrees_with_the_raw_files():
    pack, raw = pascal_sentences(), pascal_sentences(None)
    assert pack.class_names == raw.class_names
    assert pack.split_hash() == raw.split_hash()
    for medium in ("image", "text"):
        for column in ("ids", "labels", "split", "pairs"):
            packed, read = (getattr(d.media[medium], column) for d in (pack, raw))
            np.testing.assert_array_equal(packed, read)
    counted = count_words(raw.media["text"].items)
    assert pack.media["text"].items.words == counted.words
    difference = pack.media["text"].items.counts - counted.counts
    assert difference.count_nonzero() == 0


def test_the_caltech_pack_agrees_with_the_raw_files():
    pack, raw = caltech101(), caltech101(None)
    assert pack.class_names == raw.class_names
    for column in ("ids", "labels", "split"):
        packed, read = (getattr(d.media["image"], column) for d in (pack, raw))
        np.testing.assert_array_equal(packed, read)


def test_pascal_has_4998_sentences_all_of_them_in_the_texts():
    path = data_root() / "pascal_sentences/sentences.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert sum(len(row["sentences"]) for row in rows) == 4998
    texts = pascal_sentences(None).media["text"].items
    assert len(texts) == len(rows) == 1000
    for row, text in zip(rows, texts, strict=True):
        assert all(sentence in text for sentence in row["sentences"])


@pytest.mark.parametrize("load", [pascal_sentences, caltech101])
def test_every_item_of_a_pack_has_its_file_where_the_data_are(load):
    data, raw = load(), load(None)
    for row, path in enumerate(raw.media["image"].items):
        found = data.file_of("image", row)
        assert found is not None
        assert str(found) == path


def parts(data):
    labels = {p: data.part(p).media["text"].labels for p in ("train", "validation", "test")}
    return {part: np.bincount(found).tolist() for part, found in labels.items()}


def test_the_papers_wikipedia_split_is_2173_231_462_in_the_order_of_the_rows():
    data = wikipedia(split="paper")
    counts = parts(data)
    assert [sum(counts[part]) for part in ("train", "validation", "test")] == [2173, 231, 462]
    assert counts["train"] == WIKIPEDIA_TRAIN
    assert np.add(counts["validation"], counts["test"]).tolist() == WIKIPEDIA_TEST
    for medium in data.media.values():
        in_order = ["train"] * 2173 + ["validation"] * 231 + ["test"] * 462
        assert medium.split.tolist() == in_order
    lines = (data_root() / "wikipedia/testset_txt_img_cat.list").read_text().splitlines()
    text_id, image_id, category = lines[230].split("\t")
    assert data.media["text"].ids[2173 + 230] == text_id
    assert data.media["image"].ids[2173 + 230] == image_id
    assert data.media["text"].labels[2173 + 230] == int(category) - 1


def test_the_official_wikipedia_split_is_1942_231_693():
    counts = parts(wikipedia(split="official"))
    assert [sum(counts[part]) for part in ("train", "validation", "test")] == [1942, 231, 693]
    assert counts["test"] == WIKIPEDIA_TEST
    assert np.add(counts["train"], counts["validation"]).tolist() == WIKIPEDIA_TRAIN


@pytest.mark.parametrize(("text", "width"), [("lda", 10), ("tfidf", 1000)])
def test_wikipedia_rows_have_the_published_widths(text, width):
    data = wikipedia(text)
    assert data.media["image"].items.shape == (2866, 128)
    assert data.media["text"].items.shape == (2866, width)
    assert data.num_classes == 10


@pytest.mark.parametrize("text", ["lda", "tfidf"])
def test_wikipedia_rows_are_those_that_scipy_reads(text):
    from scipy.io import loadmat

    name = {"lda": "raw_features.mat", "tfidf": "raw_features_with_tfidf1000.mat"}[text]
    arrays = loadmat(data_root() / "wikipedia" / name)
    data = wikipedia(text)
    for medium, key in (("image", "I"), ("text", {"lda": "T", "tfidf": "T_tfidf"}[text])):
        expected = np.vstack([arrays[f"{key}_tr"], arrays[f"{key}_te"]]).astype(np.float32)
        np.testing.assert_array_equal(data.media[medium].items, expected)


def test_digits_have_their_official_counts():
    data = digits()
    parts = {
        name: [int((medium.split == part).sum()) for part in ("train", "validation", "test")]
        for name, medium in data.media.items()
    }
    assert parts["image"] == [3600, 400, 1000]
    assert parts["audio"] == [1080, 120, 300]
    assert sum(parts["text"]) == 1815
    for medium in data.media.values():
        assert np.unique(medium.labels).tolist() == list(range(10))


def test_each_medium_of_the_digits_can_be_learned():
    data = digits()
    train, test = data.part("train"), data.part("test")
    texts = TextVectorizer(4000, analyzer="characters")
    preprocessor = Preprocessor.for_data(data, text=texts).fit(train)
    accuracy = {}
    for name, strength in (("image", 0.1), ("audio", 0.1), ("text", 10.0)):
        rows = preprocessor(train.media[name].items, name)
        classifier = LogisticRegression(C=strength, max_iter=500).fit(
            rows, train.media[name].labels
        )
        rows = preprocessor(test.media[name].items, name)
        accuracy[name] = classifier.score(rows, test.media[name].labels)
    # Measured: 0.899, 0.950 and 0.672.
    assert accuracy["image"] > 0.88
    assert accuracy["audio"] > 0.93
    assert accuracy["text"] > 0.62


def test_chairs_and_monitors_are_told_apart_by_their_models():
    data = modelnet10()
    models = data.media["3d"]
    # One grid of each file is empty, and some are there twice.
    assert np.bincount(models.labels).tolist() == [839, 451]
    train, test = data.part("train").media["3d"], data.part("test").media["3d"]
    classifier = LogisticRegression(max_iter=500).fit(train.items, train.labels)
    # Measured: 0.992, one error in 129.
    assert classifier.score(test.items, test.labels) > 0.95
