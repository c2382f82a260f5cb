"""MIRFlickr and NUS-WIDE, on small files in the layouts of programs for cross-modal hashing."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from keras_xmr import evaluate
from keras_xmr.datasets import DataNotFoundError, mirflickr, nus_wide
from keras_xmr.metrics import pack_bits

ROWS = 60
LOADERS = {"mirflickr": mirflickr, "nus_wide": nus_wide}


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "XAll": rng.normal(size=(ROWS, 7)),
        "YAll": rng.integers(0, 2, (ROWS, 9)).astype(np.uint8),
        "LAll": rng.integers(0, 2, (ROWS, 4)).astype(np.uint8),
    }


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    for name in LOADERS:
        (tmp_path / name).mkdir()
    return tmp_path


def one_mat(folder, arrays):
    savemat(folder / "FLICKR-25K.mat", {**arrays, "other": "words"})


def a_mat_each(folder, arrays):
    for name, array in arrays.items():
        savemat(folder / f"mirflickr25k-{name.lower()}.mat", {name: array})
    names = np.array([f"im{row}.jpg" for row in range(ROWS)], dtype=object)
    savemat(folder / "mirflickr25k-fall.mat", {"FAll": names, "param": {"indexTest": np.ones(3)}})


def matlab_hdf5(folder, arrays):
    """As MATLAB writes version 7.3: 512 bytes before, and each array with its axes turned round."""
    with h5py.File(folder / "all.mat", "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = array.T
        file.create_group("param")["indexTest"] = np.ones((1, 3))


def plain_hdf5(folder, arrays):
    with h5py.File(folder / "all.mat", "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")


def mixed(folder, arrays):
    """Tags of MATLAB in HDF5, the others in the older format, as NUS-WIDE is passed around."""
    with h5py.File(folder / "nus-wide-tc10-yall.mat", "w", userblock_size=512) as file:
        file["YAll"] = arrays["YAll"].T
    savemat(folder / "nus-wide-tc10-lall.mat", {"LAll": arrays["LAll"]})
    savemat(folder / "nus-wide-tc10-xall-vgg.mat", {"XAll": arrays["XAll"]})


def other_names(folder, arrays):
    renamed = {"IAll": arrays["XAll"], "TAll": arrays["YAll"], "LAll": arrays["LAll"]}
    np.savez(folder / "arrays.npz", **renamed)


def sparse(folder, arrays):
    """Tags of many words are mostly 0; in HDF5 with the attributes that MATLAB writes."""
    savemat(folder / "lall.mat", {"LAll": csc_array(arrays["LAll"])})
    with h5py.File(folder / "xyall.mat", "w", userblock_size=512) as file:
        file["XAll"] = arrays["XAll"].T
        file["XAll"].attrs["MATLAB_class"] = np.bytes_("double")
        tags, group = csc_array(arrays["YAll"]), file.create_group("YAll")
        group.attrs["MATLAB_sparse"] = np.uint64(ROWS)
        group["data"], group["ir"], group["jc"] = tags.data, tags.indices, tags.indptr


LAYOUTS = [one_mat, a_mat_each, matlab_hdf5, plain_hdf5, mixed, other_names, sparse]


@pytest.mark.parametrize("write", LAYOUTS)
@pytest.mark.parametrize("name", LOADERS)
def test_every_layout_holds_the_same_rows(write, name, place, arrays):
    write(place / name, arrays)
    data = LOADERS[name](10, training=30)
    assert data.name == name
    assert list(data.media) == ["image", "text"]
    for medium, key in (("image", "XAll"), ("text", "YAll")):
        found = data.media[medium]
        assert found.items.dtype == np.float32
        np.testing.assert_array_equal(found.items, arrays[key].astype(np.float32))
        np.testing.assert_array_equal(found.labels, arrays["LAll"])
    rows = data.paired_rows(["image", "text"])
    assert rows["image"].tolist() == rows["text"].tolist() == list(range(ROWS))
    assert data.class_names == ("label1", "label2", "label3", "label4")
    assert "seed=0" in data.provenance.split


def test_what_else_lies_in_the_folder_does_not_matter(place, arrays):
    one_mat(place / "mirflickr", arrays)
    (place / "mirflickr/README.txt").write_text("hello")
    assert len(mirflickr(10, training=None).media["image"]) == ROWS


def parts_of(data):
    split = data.media["image"].split
    assert split.tolist() == data.media["text"].split.tolist()
    return {part: np.flatnonzero(split == part) for part in ("train", "validation", "test")}


def test_queries_are_drawn_and_the_rest_is_the_database(place, arrays):
    one_mat(place / "mirflickr", arrays)
    parts = parts_of(mirflickr(10, training=30))
    assert {part: len(rows) for part, rows in parts.items()} == {
        "train": 30,
        "validation": 20,
        "test": 10,
    }
    np.testing.assert_array_equal(parts["test"], parts_of(mirflickr(10, training=30))["test"])
    other = parts_of(mirflickr(10, training=30, seed=1))
    assert set(parts["test"]) != set(other["test"])
    # Not the first rows, nor the last ones.
    assert 5 < parts["test"].mean() < 54
    # A smaller training part is a part of the larger one.
    assert set(parts_of(mirflickr(10, training=5))["train"]) < set(parts["train"])


@pytest.mark.parametrize("given", [[3, 0, 59], np.array([3, 0, 59])])
def test_queries_may_be_given(given, place, arrays):
    one_mat(place / "nus_wide", arrays)
    data = nus_wide(given, training=None)
    parts = parts_of(data)
    assert parts["test"].tolist() == [0, 3, 59]
    assert len(parts["train"]) == ROWS - 3
    assert data.part("test").media["text"].ids.tolist() == ["1", "4", "60"]
    assert "given" in data.provenance.split


def test_the_defaults_are_those_of_the_literature(place):
    rng = np.random.default_rng(0)
    labels = (rng.random((13_000, 2)) < 0.5).astype(np.uint8)
    many = {"XAll": np.ones((13_000, 1)), "YAll": np.ones((13_000, 1)), "LAll": labels}
    for name, training in (("mirflickr", 10_000), ("nus_wide", 10_500)):
        np.savez(place / name / "arrays.npz", **many)
        parts = parts_of(LOADERS[name]())
        assert (len(parts["test"]), len(parts["train"])) == (2000, training)


def test_queries_are_sought_in_the_whole_database(place, arrays):
    one_mat(place / "mirflickr", arrays)
    data = mirflickr(10, training=30)

    class Labels:
        """Codes that tell the labels of the rows they are given."""

        media = ("image", "text")
        metric = "hamming"

        def encode(self, x, media):
            self.seen.append((media, len(x.medium(media))))
            return pack_bits(np.repeat(x.medium(media).labels[:, :1] > 0, 8, axis=1))

    encoder = Labels()
    encoder.seen = []
    report = evaluate(encoder, data, gallery=("train", "validation"))
    assert sorted(encoder.seen) == [("image", 10), ("image", 50), ("text", 10), ("text", 50)]
    assert report.split == "test in train, validation"
    # Items with the query's first label, or without it, are all that radius 2 finds.
    labels, split = arrays["LAll"].astype(int), data.media["image"].split
    database = labels[split != "test"]
    shares = []
    for label in labels[split == "test"]:
        relevant = database @ label > 0
        if relevant.any():
            shares.append(relevant[database[:, 0] == label[0]].mean())
    assert 0 < np.mean(shares) < 1
    for direction in report.directions:
        assert direction.metrics["precision@radius2"] == pytest.approx(np.mean(shares))


@pytest.mark.parametrize("missing", ["XAll", "YAll", "LAll"])
def test_a_missing_array_is_named(missing, place, arrays):
    del arrays[missing]
    one_mat(place / "mirflickr", arrays)
    with pytest.raises(DataNotFoundError, match=rf"Expected an array .*'{missing}'.* press\.liacs"):
        mirflickr(10)


def test_a_missing_folder_is_named(place):
    (place / "nus_wide").rmdir()
    with pytest.raises(DataNotFoundError, match=r"Expected 'nus_wide' in .*lms\.comp\.nus"):
        nus_wide()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"YAll": np.ones((59, 9))}, r"of the same items\. Received: .*'text': \(59, 9\)"),
        ({"LAll": np.full((ROWS, 4), 2)}, r"0/1 matrix.* other values in 'mirflickr'"),
        ({"XAll": np.ones((ROWS, 3, 4, 4))}, r"features of pictures, not pixels.* 'XAll' of shape"),
        ({"XAll": "pictures"}, r"features of pictures, not pixels"),
        ({"XAll": np.full((ROWS, 7), np.nan)}, r"NaN or infinite"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message, place, arrays):
    one_mat(place / "mirflickr", {**arrays, **changed})
    with pytest.raises(ValueError, match=message):
        mirflickr(10, training=None)


def test_an_array_must_not_come_twice(place, arrays):
    one_mat(place / "mirflickr", arrays)
    savemat(place / "mirflickr/more.mat", {"LAll": arrays["LAll"]})
    with pytest.raises(ValueError, match=r"Received: 'LAll' in 'more\.mat' once more"):
        mirflickr(10, training=None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"queries": 0}, r"not all of them\. Received: 0"),
        ({"queries": -5}, r"not all of them\. Received: -5"),
        ({"queries": 60}, r"Queries are some of the 60 rows.* Received: 60"),
        ({"queries": [60]}, r"Received: 1 row numbers"),
        ({"queries": [-1]}, r"Received: 1 row numbers"),
        ({"queries": []}, r"[Qq]ueries are"),
        ({"queries": [1, 1]}, r"different row numbers"),
        ({"queries": [0.5]}, r"different row numbers"),
        ({"queries": 10, "training": 51}, r"a database of 50 items\. Received: training=51"),
        ({"queries": 10, "training": 0}, r"Received: training=0"),
    ],
)
def test_parts_that_cannot_be_drawn_are_refused(arguments, message, place, arrays):
    one_mat(place / "mirflickr", arrays)
    with pytest.raises(ValueError, match=message):
        mirflickr(**{"training": None, **arguments})


def test_as_many_features_as_items_are_taken_as_they_are(place, arrays):
    arrays["YAll"] = np.arange(ROWS * ROWS, dtype=np.float64).reshape(ROWS, ROWS)
    one_mat(place / "mirflickr", arrays)
    found = mirflickr(10, training=None).media["text"].items
    np.testing.assert_array_equal(found, arrays["YAll"].astype(np.float32))


@pytest.mark.parametrize(
    "kind", ["text", "group", "external link", "soft link", "outside", "huge", "cut"]
)
def test_hostile_hdf5_files_are_refused(kind, place, arrays, tmp_path):
    path = place / "mirflickr/all.mat"
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["XAll"] = arrays["XAll"]
    with h5py.File(path, "w") as file:
        file["YAll"], file["LAll"] = arrays["YAll"], arrays["LAll"]
        if kind == "text":
            file["XAll"] = "words"
        elif kind == "group":
            file.create_group("XAll")
        elif kind == "external link":
            file["XAll"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "XAll")
        elif kind == "soft link":
            file["XAll"] = h5py.SoftLink("/YAll")
        elif kind == "huge":
            # Chunks that are not written take no room in the file.
            file.create_dataset("XAll", shape=(ROWS, 10**6), chunks=(1, 100))
        elif kind == "outside":
            whole = (str(tmp_path / "secret.h5"), 0, h5py.h5f.UNLIMITED)
            file.create_dataset("XAll", (ROWS, 7), "f8", external=[whole])
        else:
            file["XAll"] = arrays["XAll"]
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    message = {
        "text": "XAll is no list of texts",
        "group": "XAll is a group",
        "huge": r"XAll of shape \(60, 1000000\) does not lie within the file",
        "outside": r"XAll of shape \(60, 7\) does not lie within the file",
        "cut": "no whole HDF5 file, OSError",
    }.get(kind, "XAll is a link")
    with pytest.raises(ValueError, match=rf"in 'all\.mat'\. Received: '{message}"):
        mirflickr(10, training=None)
