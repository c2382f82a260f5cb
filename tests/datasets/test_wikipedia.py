"""The Wikipedia loader, on tiny files in the layout that the authors publish."""

import numpy as np
import pytest
from scipy.io import savemat

from keras_xmr.datasets import DataNotFoundError, wikipedia

TRAIN, TEST = 240, 236
CLASSES = ("art", "biology", "geography", "history", "sport")


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    widths = {"I": 4, "T": 2, "T_tfidf": 3}
    return {
        f"{key}_{part}": rng.normal(size=(rows, width))
        for key, width in widths.items()
        for part, rows in (("tr", TRAIN), ("te", TEST))
    }


@pytest.fixture
def folder(tmp_path, monkeypatch, arrays):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    place = tmp_path / "wikipedia"
    place.mkdir()
    plain = {key: value for key, value in arrays.items() if "tfidf" not in key}
    savemat(place / "raw_features.mat", plain)
    savemat(place / "raw_features_with_tfidf1000.mat", arrays)
    for part, rows in (("train", TRAIN), ("test", TEST)):
        lines = [f"{part}text-{row}\t{part}picture{row}\t{1 + row % 5}" for row in range(rows)]
        (place / f"{part}set_txt_img_cat.list").write_text("\n".join(lines) + "\n")
    (place / "categories.list").write_text("\n".join(CLASSES) + "\n")
    return place


@pytest.mark.parametrize(("text", "key"), [("lda", "T"), ("tfidf", "T_tfidf")])
@pytest.mark.usefixtures("folder")
def test_rows_follow_the_arrays_training_rows_first(text, key, arrays):
    data = wikipedia(text)
    for medium, name in (("image", "I"), ("text", key)):
        expected = np.vstack([arrays[f"{name}_tr"], arrays[f"{name}_te"]]).astype(np.float32)
        np.testing.assert_array_equal(data.media[medium].items, expected)
    assert data.provenance.features.endswith(f"text: {text}")


@pytest.mark.usefixtures("folder")
def test_classes_are_numbered_from_zero_in_the_order_of_the_list():
    data = wikipedia()
    assert data.class_names == CLASSES
    expected = [row % 5 for row in range(TRAIN)] + [row % 5 for row in range(TEST)]
    assert data.media["image"].labels.tolist() == expected
    assert data.media["text"].labels.tolist() == expected


@pytest.mark.usefixtures("folder")
def test_a_text_and_its_picture_are_a_pair():
    data = wikipedia()
    rows = data.paired_rows(["image", "text"])
    assert len(rows["text"]) == TRAIN + TEST
    assert data.media["text"].ids[TRAIN + 3] == "testtext-3"
    assert data.media["image"].ids[TRAIN + 3] == "testpicture3"
    assert data.media["image"].pairs[TRAIN + 3] == "testtext-3"


@pytest.mark.usefixtures("folder")
def test_the_papers_split_takes_the_first_231_test_rows_for_validation():
    for medium in wikipedia(split="paper").media.values():
        parts = ["train"] * TRAIN + ["validation"] * 231 + ["test"] * (TEST - 231)
        assert medium.split.tolist() == parts


@pytest.mark.usefixtures("folder")
def test_the_official_split_keeps_all_test_rows_and_draws_231_training_rows():
    data = wikipedia(split="official")
    split = data.media["text"].split
    assert set(split[TRAIN:].tolist()) == {"test"}
    assert (split[:TRAIN] == "validation").sum() == 231
    assert (split[:TRAIN] == "train").sum() == TRAIN - 231
    np.testing.assert_array_equal(split, data.media["image"].split)
    assert split.tolist() == wikipedia("lda", split="official").media["text"].split.tolist()
    assert data.split_hash() != wikipedia(split="paper").split_hash()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": "bert"}, r"Texts come as \['lda', 'tfidf'\]\. Received: text='bert'\."),
        ({"split": "mine"}, r"Splits are 'paper' and 'official'\. Received: split='mine'\."),
    ],
)
def test_unknown_names_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        wikipedia(**arguments)


@pytest.mark.parametrize(
    "name",
    [
        "raw_features_with_tfidf1000.mat",
        "trainset_txt_img_cat.list",
        "testset_txt_img_cat.list",
        "categories.list",
    ],
)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataNotFoundError, match=f"Expected 'wikipedia/{name}'"):
        wikipedia()


def test_lists_that_do_not_fit_the_arrays_are_refused(folder):
    (folder / "testset_txt_img_cat.list").write_text("a\tb\t1\n")
    with pytest.raises(ValueError, match=r"one row per item \(476\)"):
        wikipedia(split="official")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file[:-100], r"Expected plain arrays .* in 'raw_features.mat'\. Received: "),
        (lambda _: b"", r"Received: .no MATLAB file of version 5, 6, 7 or 7\.3"),
    ],
)
def test_a_damaged_file_of_features_is_told(folder, damage, message):
    place = folder / "raw_features.mat"
    place.write_bytes(damage(place.read_bytes()))
    with pytest.raises(ValueError, match=message):
        wikipedia("lda")


def test_missing_arrays_are_named_and_others_do_not_matter(folder, arrays):
    kept = {key: value for key, value in arrays.items() if key != "T_te"}
    savemat(folder / "raw_features.mat", {**kept, "note": {"a": "structure"}})
    message = r"Expected the arrays \['I_te', .*'raw_features.mat'\. Received: .*\['T_te'\]"
    with pytest.raises(ValueError, match=message):
        wikipedia("lda")
    savemat(folder / "raw_features.mat", {**arrays, "note": {"a": "structure"}})
    assert wikipedia("lda").media["text"].items.shape == (TRAIN + TEST, 2)
