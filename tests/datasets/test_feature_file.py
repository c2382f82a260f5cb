"""`feature_file`: arrays of `.npz` and `.mat` files, whatever shape MATLAB gives them."""

import os

import numpy as np
import pytest
from scipy.io import savemat

from keras_xmr.datasets import feature_file

IMAGE = np.arange(12.0).reshape(4, 3)
TEXT = np.arange(8).reshape(4, 2) / 10
SPLIT = np.array(["train", "train", "validation", "test"])
PLAIN = {"image": IMAGE, "text": TEXT, "labels": np.array([0, 1, 1, 0]), "split": SPLIT}


def write(folder, ending=".npz", base=PLAIN, **changes):
    """A file with the plain arrays and changes; `None` takes one away."""
    arrays = {**base, **changes}
    arrays = {name: value for name, value in arrays.items() if value is not None}
    path = folder / f"data{ending}"
    savemat(path, arrays) if ending == ".mat" else np.savez(path, **arrays)
    return path


def cells(*texts):
    """A MATLAB cell array (n, 1) of texts."""
    array = np.empty((len(texts), 1), dtype=object)
    array[:, 0] = texts
    return array


@pytest.mark.parametrize("ending", [".npz", ".mat"])
def test_rows_of_all_media_belong_together(tmp_path, ending):
    data = feature_file(str(write(tmp_path, ending)))
    assert data.name == "data"
    assert data.class_names == ("0", "1")
    for name, rows in (("image", IMAGE), ("text", TEXT)):
        medium = data.media[name]
        np.testing.assert_array_equal(medium.items, rows.astype(np.float32))
        assert medium.items.dtype == np.float32
        assert medium.labels.tolist() == [0, 1, 1, 0]
        assert medium.ids.tolist() == medium.pairs.tolist() == ["1", "2", "3", "4"]
        assert medium.split.tolist() == SPLIT.tolist()
    assert data.provenance.split == f"split of data{ending}"
    assert [path.name for path in tmp_path.iterdir()] == [f"data{ending}"]


@pytest.mark.parametrize(
    ("labels", "class_names", "ending", "expected", "names"),
    [
        ([7, 3, 7, 12], None, ".npz", [1, 0, 1, 2], ("3", "7", "12")),
        ([1.0, 2.0, 2.0, 1.0], None, ".mat", [0, 1, 1, 0], ("1", "2")),
        ([[1], [2], [2], [1]], None, ".mat", [0, 1, 1, 0], ("1", "2")),
        ([[1, 2, 2, 1]], None, ".npz", [0, 1, 1, 0], ("1", "2")),
        (["b", "a", "b", " c"], None, ".npz", [1, 0, 1, 2], ("a", "b", "c")),
        (["bb", "a", "bb", "cc"], None, ".mat", [1, 0, 1, 2], ("a", "bb", "cc")),
        (cells("bb", "a", "bb", "猫"), None, ".mat", [1, 0, 1, 2], ("a", "bb", "猫")),
        ([b"b", b"a", b"b", b"c"], None, ".npz", [1, 0, 1, 2], ("a", "b", "c")),
        ([0, 1, 1, 0], ["y", "x"], ".npz", [0, 1, 1, 0], ("y", "x")),
        ([0, 1, 1, 0], ["y", "x"], ".mat", [0, 1, 1, 0], ("y", "x")),
        ([1, 2, 2, 1], ["y", "x"], ".npz", [0, 1, 1, 0], ("y", "x")),
        ([1, 2, 2, 1], ["z", "y", "x"], ".npz", [1, 2, 2, 1], ("z", "y", "x")),
        ([1, 2, 2, 1], ["z", "y", "x"], ".mat", [0, 1, 1, 0], ("z", "y", "x")),
        ([1, 2, 2, 1], cells("z", "y"), ".mat", [0, 1, 1, 0], ("z", "y")),
        (["x", "y", "x", "x"], ["y", "x", "w"], ".npz", [1, 0, 1, 1], ("y", "x", "w")),
        (np.eye(4)[:, :3] + np.eye(4)[:, 1:], None, ".npz", None, ("0", "1", "2")),
        (np.eye(4, dtype=bool), ["d", "c", "b", "a"], ".mat", None, ("d", "c", "b", "a")),
    ],
)
def test_labels_of_every_manner(tmp_path, labels, class_names, ending, expected, names):
    path = write(tmp_path, ending, labels=labels, class_names=class_names)
    data = feature_file(path)
    assert data.class_names == names
    found = data.media["text"].labels
    assert found.dtype.kind == "i"
    expected = np.asarray(labels).astype(int).tolist() if expected is None else expected
    assert found.tolist() == data.media["image"].labels.tolist() == expected


def test_a_single_row_may_have_a_label_matrix(tmp_path):
    path = tmp_path / "one.npz"
    np.savez(path, sound=np.ones((1, 2)), labels=[[0, 1, 1]], split=["train"])
    assert feature_file(path).media["sound"].labels.tolist() == [[0, 1, 1]]
    np.savez(path, sound=np.ones((1, 2)), labels=[[5]], split=["train"])
    assert feature_file(path).class_names == ("5",)


@pytest.mark.parametrize(
    ("ids", "ending"),
    [
        (np.array(["d", "c ", "b", "a"]), ".npz"),
        (cells("d", "c", "b", "a"), ".mat"),
        (np.array([[40, 30, 20, 10]]), ".mat"),
    ],
)
def test_ids_are_pairs_unless_those_are_given(tmp_path, ids, ending):
    expected = ["40", "30", "20", "10"] if ids.dtype.kind == "i" else ["d", "c", "b", "a"]
    text = feature_file(write(tmp_path, ending, ids=ids)).media["text"]
    assert text.ids.tolist() == text.pairs.tolist() == expected
    pairs = np.array(["p", "p", "q", "q"])
    text = feature_file(write(tmp_path, ending, ids=ids, pairs=pairs)).media["text"]
    assert text.ids.tolist() == expected
    assert text.pairs.tolist() == pairs.tolist()


def test_media_with_columns_of_their_own(tmp_path):
    path = write(
        tmp_path,
        labels=["a", "b", "b", "a"],
        sound=np.ones((3, 5)),
        labels_sound=["b", "c", "b"],
        split_sound=["test", "train", "test"],
    )
    data = feature_file(path)
    sound = data.media["sound"]
    assert data.class_names == ("a", "b", "c")
    assert sound.labels.tolist() == [1, 2, 1]
    assert sound.ids.tolist() == ["sound1", "sound2", "sound3"]
    assert sound.pairs is None
    assert sound.split.tolist() == ["test", "train", "test"]
    assert data.media["image"].pairs.tolist() == ["1", "2", "3", "4"]
    path = write(
        tmp_path,
        sound=np.ones((3, 5)),
        labels_sound=[0, 1, 1],
        split_sound=["test"] * 3,
        pairs_sound=[4, 4, 2],
        ids_sound=["x", "y", "z"],
    )
    data = feature_file(path)
    rows = data.paired_rows(["image", "sound"])
    assert [index.tolist() for index in rows.values()] == [[1, 3, 3], [2, 0, 1]]
    assert data.media["sound"].ids.tolist() == ["x", "y", "z"]


def test_a_missing_split_is_drawn_for_pairs_and_kept(tmp_path):
    rng = np.random.default_rng(0)
    base = {
        "image": rng.normal(size=(30, 2)),
        "labels": np.arange(30) % 2,
        # Two captions for each picture.
        "text": rng.normal(size=(60, 2)),
        "labels_text": np.arange(60) // 2 % 2,
        "pairs_text": np.arange(60) // 2 + 1,
    }
    data = feature_file(write(tmp_path, base=base))
    image, text = data.media["image"], data.media["text"]
    assert text.split.tolist() == np.repeat(image.split, 2).tolist()
    assert [(image.split == part).sum() for part in ("train", "validation", "test")] == [22, 4, 4]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz", "data.split.csv"]
    kept = (tmp_path / "data.split.csv").read_text().splitlines()
    assert dict(line.split(",") for line in kept[1:]) == dict(
        zip(image.ids.tolist(), image.split.tolist(), strict=True)
    )
    assert feature_file(tmp_path / "data.npz").split_hash() == data.split_hash()
    other = feature_file(tmp_path / "data.npz", split_seed=1)
    assert other.split_hash() != data.split_hash()
    assert "kept in data.split_seed1.csv" in other.provenance.split


def bad_row(value):
    array = IMAGE.copy()
    array[2, 1] = value
    return array


@pytest.mark.parametrize("ending", [".npz", ".mat"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": bad_row(np.nan)}, r"finite numbers.*'image' with others, in rows \[2\]"),
        ({"image": bad_row(np.inf)}, r"in rows \[2\]"),
        ({"image": bad_row(1e300)}, r"finite numbers that fit float32.*'image'"),
        ({"image": np.zeros((4, 3, 2))}, r"an array \(n, d\).*'image' of shape \(4, 3, 2\)"),
        ({"image": np.zeros((4, 0))}, r"'image' of shape \(\d, 0\)"),
        ({"image": IMAGE + 1j}, "image.* (type complex128|not consist of real numbers)"),
        ({"image": np.array([["a", "b"]] * 4)}, "('image' of shape|image is no list of texts)"),
        ({"image": IMAGE[:3]}, r"'labels' must have one entry for each of the 3 rows of 'image'"),
        ({"labels": np.arange(5)}, r"each of the 4 rows.*shape \((1, )?5,?\)"),
        ({"labels": None}, r"Labels are needed: 'labels', or 'labels_image'"),
        ({"labels": [0.5, 1, 1, 0]}, "texts or whole numbers in 'labels'"),
        ({"labels": [np.nan, 1, 1, 0]}, "whole numbers in 'labels'"),
        ({"labels": [np.inf, 1, 1, 0]}, "whole numbers in 'labels'"),
        ({"labels": [1e300, 1, 1, 0]}, "Class numbers are small"),
        ({"labels": ["a", "b", "", "a"]}, "Labels must not be empty"),
        ({"labels": np.eye(4) * 2}, "A label matrix must hold 0 and 1 only"),
        ({"labels": np.eye(4)[:, :3]}, r"must have a class.*without any in rows \[3\]"),
        ({"class_names": ["x"]}, "Labels must fit the 1 class names. Received: '1'"),
        ({"class_names": ["x", "x"]}, "Class names must differ. Received: 'x, x'"),
        ({"labels": ["a", "b", "c", "a"], "class_names": ["a", "b"]}, "Received: 'c'"),
        ({"labels": [-1, 1, 1, 0], "class_names": ["a", "b"]}, "Received: '-1'"),
        ({"labels": np.eye(4), "class_names": ["a", "b"]}, "4 columns needs as many.*: 2"),
        ({"labels_text": np.eye(4)[:, ::-1]}, "Labels of all media must be of one kind"),
        ({"labels_text": ["a", "b", "c", "d"]}, "Labels of all media must be of one kind"),
        ({"ids": ["a", "b", "a", "c"]}, "Received for 'image': 'a' more than once"),
        ({"ids": ["a", "b", " ", "c"]}, "Received for 'image': empty id, ''"),
        ({"ids": ["a", "b", "x" * 300, "c"]}, "id of 300 characters, the limit is 255"),
        ({"ids": np.zeros(4, dtype="u1,f4")}, "texts or whole numbers|ids is a list of structures"),
        ({"ids": ["a", "b"]}, "'ids' must have one entry for each of the 4 rows"),
        ({"pairs": ["a", "b", " ", "c"]}, "Pairs are names. Received: empty id, for 'image'"),
        ({"split": ["train", "dev", "test", "test"]}, "Split names must be among .*'dev'"),
        ({"split": [0, 1, 1, 2]}, "Split names must be among"),
        ({"split": None, "split_text": SPLIT}, r"all media or none.*one for \['text'\] only"),
        ({"labels_sound": [1, 2, 3, 4]}, "Received: 'labels_sound' in 'data"),
        ({"image": None, "text": None}, "Received: 'data....', which holds 'labels, split'"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, ending, changes, message):
    path = write(tmp_path, ending, **changes)
    with pytest.raises(ValueError, match=message):
        feature_file(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_arrays_of_objects_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.savez(tmp_path / "data.npz", **PLAIN, extra=np.array([Trap()], dtype=object))
    with pytest.raises(ValueError, match=r"objects, which are not unpickled: save texts as np"):
        feature_file(tmp_path / "data.npz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 0xD800])
@pytest.mark.parametrize("order", ["<", ">"])
def test_characters_that_unicode_has_not_are_told(tmp_path, code, order):
    ids = np.array([0x61, 0x62, 0x63, code], dtype=f"{order}u4").view(f"{order}U1")
    with pytest.raises(ValueError, match="ids with characters that are no text"):
        feature_file(write(tmp_path, ids=ids))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"record": [{"a": 1}, {"a": 2}]}, "record has cells that are no texts"),
        ({"sound": cells(*IMAGE)}, "sound has cells that are no texts"),
        ({"ids": cells("a", "b", IMAGE, "c")}, "ids has cells that are no texts"),
        ({"ids": cells("a", "b", ["c", "c"], "d")}, "ids has cells that are no single text"),
    ],
)
def test_matlab_values_that_are_no_plain_array_are_told(tmp_path, extra, message):
    with pytest.raises(ValueError, match=message):
        feature_file(write(tmp_path, ".mat", **extra))


@pytest.mark.parametrize("prefix", [b"", b"MATLAB 7.3 MAT-file".ljust(512)])
def test_a_damaged_file_of_matlab_7_3_is_told(tmp_path, prefix):
    (tmp_path / "new.mat").write_bytes(prefix + b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ValueError, match=r"no whole HDF5 file, OSError"):
        feature_file(tmp_path / "new.mat")


@pytest.mark.parametrize("name", ["a.npz", "a.mat"])
@pytest.mark.parametrize("content", [b"", b"no such file", b"PK\x03\x04", bytes(300)])
def test_damaged_files_are_told(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"'{name}'"):
        feature_file(tmp_path / name)


def test_a_single_array_is_no_file_of_features(tmp_path):
    with (tmp_path / "a.npz").open("wb") as stream:
        np.save(stream, IMAGE)
    with pytest.raises(ValueError, match="a single array, expected an archive"):
        feature_file(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dir.npz", r"dir\.npz', a directory without any"),
        ("gone.mat", "no such file"),
        ("pipe.npz", "no such file"),
        ("t.xyz", r"files \('.npz', '.mat', '.h5', '.hdf5'\)"),
    ],
)
def test_a_path_that_is_no_file_of_arrays_is_told(tmp_path, name, message):
    (tmp_path / "dir.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(ValueError, match=message):
        feature_file(tmp_path / name)
