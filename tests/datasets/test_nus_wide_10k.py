"""The NUS-WIDE-10k loader, on tiny files in the layout that its docstring describes."""

import numpy as np
import pytest
from scipy.io import savemat

from keras_xmr.datasets import DataNotFoundError, nus_wide_10k

COUNTS = {"train": 40, "valid": 20, "test": 10}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    found = {}
    for part, count in COUNTS.items():
        found[f"{part}_img"] = rng.normal(size=(count, 5))
        found[f"{part}_txt"] = rng.integers(3, size=(count, 7)).astype(np.uint8)
        found[f"{part}_img_lab"] = (1 + rng.permutation(count) % 10)[:, None]
    return found


@pytest.fixture
def save(tmp_path, monkeypatch, arrays):
    """Writes the files, with some of the arrays changed."""
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    place = tmp_path / "nus_wide_10k"
    place.mkdir()

    def write(**changed):
        for name, array in {**arrays, **changed}.items():
            savemat(place / f"{name}.mat", {name: array})
        return place

    write()
    return write


def stacked(arrays, kind):
    return np.concatenate([arrays[f"{part}_{kind}"] for part in COUNTS])


@pytest.mark.usefixtures("save")
def test_rows_follow_the_files_and_row_i_is_a_pair(arrays):
    data = nus_wide_10k()
    for medium, kind in (("image", "img"), ("text", "txt")):
        found = data.media[medium]
        np.testing.assert_array_equal(found.items, stacked(arrays, kind).astype(np.float32))
        assert found.items.dtype == np.float32
        assert found.labels.tolist() == (stacked(arrays, "img_lab").ravel() - 1).tolist()
        assert found.split.tolist() == ["train"] * 40 + ["validation"] * 20 + ["test"] * 10
    rows = data.paired_rows(["image", "text"])
    assert rows["image"].tolist() == rows["text"].tolist() == list(range(70))
    assert data.media["image"].ids[[0, 40, 69]].tolist() == ["train1", "valid1", "test10"]


@pytest.mark.parametrize("kind", ["row from 1", "from 0", "matrix"])
def test_classes_come_in_three_forms(save, arrays, kind):
    expected = nus_wide_10k().media["image"].labels
    change = {
        "row from 1": np.transpose,
        "from 0": lambda classes: classes - 1,
        "matrix": lambda classes: np.eye(10)[classes.ravel() - 1],
    }[kind]
    save(**{f"{part}_img_lab": change(arrays[f"{part}_img_lab"]) for part in COUNTS})
    np.testing.assert_array_equal(nus_wide_10k().media["image"].labels, expected)


def test_class_names_are_those_of_the_list_if_there_is_one(save):
    assert nus_wide_10k().class_names[:2] == ("class1", "class2")
    names = [f"name{number}" for number in range(10)]
    (save() / "categories.list").write_text("\n".join(names) + "\n")
    assert nus_wide_10k().class_names == tuple(names)
    (save() / "categories.list").write_text("animal\n")
    with pytest.raises(ValueError, match=r"Expected 10 names .* Received: \['animal'\]"):
        nus_wide_10k()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"valid_txt": np.ones((19, 7))}, r"equally many rows\. Received: .*'valid_txt': 19"),
        ({"valid_txt": np.ones((20, 6))}, r"equally long\. Received: .*\(6,\).* of 'txt'"),
        ({"test_img_lab": np.ones((10, 10))}, r"single 1 .*Received: 'test_img_lab' of shape"),
        ({"test_img_lab": np.eye(10)[:, :9]}, r"single 1 .*Received: 'test_img_lab' of shape"),
        ({"test_img_lab": np.full((10, 1), 11)}, r"must fit the 10 class names"),
        ({"train_img": np.full((40, 5), np.nan)}, r"NaN or infinite"),
        ({"train_img": "pictures"}, r"Expected rows of numbers in 'train_img.mat'"),
    ],
)
def test_what_does_not_fit_is_refused(save, changed, message):
    save(**changed)
    with pytest.raises(ValueError, match=message):
        nus_wide_10k()


def test_a_file_must_hold_the_array_of_its_name(save):
    savemat(save() / "valid_img.mat", {"img": np.eye(3)})
    with pytest.raises(ValueError, match=r"Received: a file without \['valid_img'\]"):
        nus_wide_10k()


@pytest.mark.parametrize("name", ["train_img", "valid_txt", "test_img_lab"])
def test_a_missing_file_is_named(save, name):
    (save() / f"{name}.mat").unlink()
    with pytest.raises(DataNotFoundError, match=rf"Expected 'nus_wide_10k/{name}.mat'"):
        nus_wide_10k()
