"""The feature packs: complete, small, without pictures and sentences; and where raw data lie."""

import json

import numpy as np
import pytest

from keras_xmr.datasets import (
    DataNotFoundError,
    WordCounts,
    caltech101,
    pascal_sentences,
    wikipedia,
)
from keras_xmr.datasets.feature_pack import PACKS
from keras_xmr.datasets.locate import data_root, find

PASCAL_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
WIDTHS = {"mobilenet_v2": 1280, "squeezenet": 512}
FEATURES = {f"{kind}_{name}" for kind in ("features", "extractor") for name in WIDTHS}
FEATURES |= {"labels", "ids", "class_names"}
COUNTS = {"count_data", "count_indices", "count_indptr", "words"}


@pytest.fixture(scope="module")
def pascal():
    return pascal_sentences()


@pytest.fixture(scope="module")
def caltech():
    return caltech101()


def counts_per_class(data, part, medium="image"):
    return np.bincount(data.part(part).media[medium].labels, minlength=data.num_classes).tolist()


def test_pascal_has_1000_pairs_of_20_classes(pascal):
    image, text = pascal.media["image"], pascal.media["text"]
    assert pascal.class_names == PASCAL_CLASSES
    assert image.items.shape == (1000, 1280)
    assert image.items.dtype == np.float32
    assert np.isfinite(image.items).all()
    assert isinstance(text.items, WordCounts)
    assert len(text.items) == 1000
    assert np.bincount(image.labels).tolist() == [50] * 20
    assert len(set(image.ids.tolist())) == len(set(text.ids.tolist())) == 1000
    assert text.items.counts.sum(axis=1).min() > 0


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_pascal_splits_40_5_5_in_every_class_and_medium(seed):
    data = pascal_sentences(split_seed=seed)
    for part, count in {"train": 40, "validation": 5, "test": 5}.items():
        for medium in data.media:
            assert counts_per_class(data, part, medium) == [count] * 20
    assert data.provenance.split.endswith(f"split_seed={seed}")


def test_pascal_pairs_agree_in_class_and_part(pascal):
    rows = pascal.paired_rows(["image", "text"])
    assert len(rows["image"]) == 1000
    for column in ("labels", "split"):
        image, text = (getattr(pascal.media[m], column)[rows[m]] for m in ("image", "text"))
        np.testing.assert_array_equal(image, text)


def test_the_split_of_the_presets_never_changes(pascal, caltech):
    assert pascal.split_hash() == (
        "e63971813eb5de8bb9bdeab4d320afcceab437fdb592d98ae333fb254f1b0624"
    )
    assert caltech.split_hash() == (
        "2ad6131a997d95fc2f45ed2b1f3a81db8251fe741cace8c9ec55e34114613212"
    )
    assert pascal_sentences(split_seed=1).split_hash() != pascal.split_hash()
    assert caltech101(split_seed=1).split_hash() != caltech.split_hash()


def test_caltech_has_25_pictures_of_each_of_101_classes(caltech):
    image = caltech.media["image"]
    assert set(caltech.media) == {"image"}
    assert image.items.shape == (2525, 1280)
    assert np.isfinite(image.items).all()
    assert len(set(image.ids.tolist())) == 2525
    assert image.pairs is None
    folders = [caltech.class_names[label] for label in image.labels]
    assert folders == [name.split("/")[0] for name in image.ids]
    assert counts_per_class(caltech, "train") == [22] * 101
    assert counts_per_class(caltech, "validation") == [3] * 101


@pytest.mark.parametrize("load", [pascal_sentences, caltech101])
def test_unknown_features_are_refused(load):
    message = (
        r"Bundled features are those of \['mobilenet_v2', 'squeezenet'\]; features=None loads the "
        r"raw items\. Received: features='vgg'\."
    )
    with pytest.raises(ValueError, match=message):
        load("vgg")


def test_all_packs_together_stay_below_12_megabytes():
    packs = sorted(PACKS.iterdir())
    assert [path.name for path in packs] == ["caltech101.npz", "pascal_sentences.npz"]
    assert sum(path.stat().st_size for path in packs) < 12e6


@pytest.mark.parametrize(
    ("name", "keys"), [("caltech101", FEATURES), ("pascal_sentences", FEATURES | COUNTS)]
)
def test_a_pack_holds_no_picture_and_no_sentence(name, keys):
    with np.load(PACKS / f"{name}.npz", allow_pickle=False) as pack:
        arrays = dict(pack)
    assert set(arrays) == keys
    # The lines that say which network made the features are the only longer strings.
    assert "MobileNetV2" in str(arrays.pop("extractor_mobilenet_v2"))
    assert "SqueezeNet" in str(arrays.pop("extractor_squeezenet"))
    for key, array in arrays.items():
        if array.dtype.kind == "U":
            assert max(map(len, array.tolist())) <= 26, key
            assert not any(" " in entry for entry in array.tolist()), key
        else:
            assert array.dtype.kind in "fui", key
    # Pooled features: one number per channel, no room for pixels.
    for network, width in WIDTHS.items():
        assert arrays[f"features_{network}"].shape[1:] == (width,)
        assert arrays[f"features_{network}"].dtype == np.float16


def test_features_of_every_network_are_of_the_same_pictures():
    for load in (pascal_sentences, caltech101):
        one, other = load(), load("squeezenet")
        assert other.split_hash() == one.split_hash()
        assert other.media["image"].items.shape == (len(one.media["image"]), 512)
        assert np.isfinite(other.media["image"].items).all()


@pytest.mark.usefixtures("no_data")
def test_without_data_no_item_has_a_file():
    for data in (pascal_sentences(), caltech101()):
        assert {data.file_of("image", row) for row in range(0, 1000, 99)} == {None}
    assert data_root() is None


@pytest.mark.parametrize(
    ("load", "looked_for", "page"),
    [
        (lambda: pascal_sentences(None), "pascal_sentences/sentences.json", "pascal-sentences"),
        (lambda: caltech101(None), "caltech101", "data.caltech.edu"),
        (wikipedia, "wikipedia/raw_features_with_tfidf1000.mat", "www.svcl.ucsd.edu"),
        (lambda: wikipedia("lda"), "wikipedia/raw_features.mat", "www.svcl.ucsd.edu"),
    ],
)
def test_missing_data_are_told_with_place_page_and_variable(
    load, looked_for, page, tmp_path, monkeypatch
):
    unset, wrong = "the variable is unset", f"KERAS_XMR_DATA={str(tmp_path)!r}"
    for value, place in [("", unset), (str(tmp_path), wrong)]:
        monkeypatch.setenv("KERAS_XMR_DATA", value)
        with pytest.raises(DataNotFoundError) as caught:
            load()
        message = str(caught.value)
        assert f"Expected {looked_for!r} in the folder" in message
        assert f"Received: {place}. Get the data from " in message
        assert page in message
        assert "set KERAS_XMR_DATA to the folder above" in message
        assert isinstance(caught.value, FileNotFoundError)


def test_an_empty_variable_counts_as_unset_and_a_tilde_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_DATA", "")
    assert data_root() is None
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_XMR_DATA", "~/sets")
    (tmp_path / "sets/one").mkdir(parents=True)
    assert find("one", home_page="x") == tmp_path / "sets/one"


def test_raw_pascal_is_read_from_its_layout(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    rows = []
    for label, category in [(1, "cat"), (0, "bird")]:
        folder = tmp_path / "pascal_sentences/images" / category
        folder.mkdir(parents=True)
        for number in range(50):
            (folder / f"{number}.jpg").write_bytes(b"")
            sentences = [f"A {category}.", f"Number {number}."]
            file = f"{category}/{number}.jpg"
            rows.append(
                {"category": category, "label": label, "file": file, "sentences": sentences}
            )
    (tmp_path / "pascal_sentences/sentences.json").write_text(json.dumps(rows))
    data = pascal_sentences(None)
    assert data.class_names == ("bird", "cat")
    assert data.media["text"].items[3] == "A cat.\nNumber 3."
    assert data.media["text"].ids[51] == "bird/1"
    assert data.media["image"].items[51] == str(tmp_path / "pascal_sentences/images/bird/1.jpg")
    assert data.file_of("image", 51) == tmp_path / "pascal_sentences/images/bird/1.jpg"
    assert counts_per_class(data, "test", "text") == [5, 5]


def test_raw_caltech_is_read_from_its_layout(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    for category in ("zebra", "ant"):
        (tmp_path / "caltech101" / category).mkdir(parents=True)
        for number in range(5):
            (tmp_path / f"caltech101/{category}/image_{number}.jpg").write_bytes(b"")
    data = caltech101(None)
    image = data.media["image"]
    assert data.class_names == ("ant", "zebra")
    assert image.ids[[0, 9]].tolist() == ["ant/image_0", "zebra/image_4"]
    assert image.labels.tolist() == [0] * 5 + [1] * 5
    assert counts_per_class(data, "train") == [2, 2]
    assert data.file_of("image", 9) == tmp_path / "caltech101/zebra/image_4.jpg"


def test_an_empty_folder_of_raw_pictures_is_told(tmp_path, monkeypatch):
    (tmp_path / "caltech101").mkdir()
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    with pytest.raises(DataNotFoundError, match=r"no such file\. Get the data from"):
        caltech101(features=None)
