"""`catalogue.load`: names, raw items, and paths of the user's own data."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_xmr.datasets import BadRowsError, DataNotFoundError
from keras_xmr.datasets.catalogue import CATALOGUE, load
from keras_xmr.datasets.locate import data_root


@pytest.fixture
def own(tmp_path):
    """A user's data in every form."""
    rows = "text,label,split\na dog,dog,train\na cat,cat,test\n"
    for ending, mark in (("csv", ","), ("tsv", "\t"), ("txt", "\t")):
        (tmp_path / f"table.{ending}").write_text(rows.replace(",", mark))
    split = np.array(["train", "test"])
    np.savez(tmp_path / "arrays.npz", sound=np.eye(2), labels=[0, 1], split=split)
    (tmp_path / "pictures/dog").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "pictures/dog/a.png")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "medium"),
    [
        ("table.csv", "text"),
        ("table.tsv", "text"),
        ("table.txt", "text"),
        ("arrays.npz", "sound"),
        ("pictures", "image"),
    ],
)
def test_a_path_is_loaded_by_what_it_is(own, name, medium):
    for path in (str(own / name), own / name):
        data = load(path)
        assert data.name == name.split(".")[0]
        assert list(data.media) == [medium]


def test_a_matlab_file(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "m.MAT", {"sound": np.eye(2), "labels": [1, 2], "split": ["train"] * 2})
    assert load(tmp_path / "m.MAT").class_names == ("1", "2")


@pytest.mark.parametrize("name", ["nothing", "gone.csv", "gone/", "", "odd.xyz"])
def test_an_unknown_name_is_told_with_all_that_can_be_given(own, monkeypatch, name):
    (own / "odd.xyz").write_text("x")
    monkeypatch.chdir(own / "pictures/dog")
    message = (
        r"Data sets are \['caltech101', 'digits', .*'toy_source', .*'xmedia'\], or the "
        r"path of your own data: a table ending in \['.csv', '.tsv', '.txt'\], arrays ending in "
        r"\['.h5', '.hdf5', '.mat', '.npz'\] or a directory of such, or a directory "
        rf"<class>/<picture>\. Received: data='{name}'\."
    )
    with pytest.raises(ValueError, match=message):
        load(name)


def test_a_name_comes_before_a_directory(own, monkeypatch):
    (own / "pictures").rename(own / "toy")
    monkeypatch.chdir(own)
    assert load("toy").num_classes == 4
    assert load("./toy").class_names == ("dog",)


@pytest.mark.parametrize("name", ["table.csv", "pictures"])
def test_bad_rows_are_skipped_on_demand(own, name):
    with (own / "table.csv").open("a") as stream:
        stream.write("no cells\n")
    (own / "pictures/dog/bad.png").write_text("x")
    with pytest.raises(BadRowsError):
        load(own / name)
    with pytest.warns(UserWarning, match="left out"):
        assert load(own / name, skip_bad=True).num_classes


@pytest.mark.usefixtures("no_data")
def test_raw_items_of_those_that_have_them():
    for name in ("pascal_sentences", "caltech101"):
        assert load(name).media["image"].items.ndim == 2
        with pytest.raises(DataNotFoundError):
            load(name, raw=True)
    assert load("toy", raw=True).split_hash() == load("toy").split_hash()


def test_raw_items_are_loaded_from_where_they_lie(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    (tmp_path / "pascal_sentences/images").mkdir(parents=True)
    row = {"category": "cat", "label": 0, "file": "cat/1.jpg", "sentences": ["A cat."]}
    (tmp_path / "pascal_sentences/sentences.json").write_text(json.dumps([row]))
    assert load("pascal_sentences", raw=True).media["text"].items.tolist() == ["A cat."]


def test_every_entry_has_a_description():
    assert all(entry.description for entry in CATALOGUE.values())


@pytest.mark.data
def test_every_name_loads():
    # The others are not at hand anywhere: their loaders are tested on small files.
    for name in CATALOGUE.keys() - {"mirflickr", "nus_wide", "nus_wide_10k", "xmedia"}:
        assert load(name).num_classes > 1
    assert load("caltech101", raw=True).media["image"].items[0].startswith(str(data_root()))
