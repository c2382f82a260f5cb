"""`read_matlab` on files as MATLAB writes version 7.3: HDF5 with attributes of its own."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from keras_xmr.datasets import TurnedArraysWarning, feature_file
from keras_xmr.datasets.hdf5_file import is_hdf5
from keras_xmr.datasets.matlab_file import read_matlab


def dataset(group, name, content, kind, **attributes):
    group[name] = content
    group[name].attrs["MATLAB_class"] = np.bytes_(kind)
    for key, value in attributes.items():
        group[name].attrs[key] = value
    return group[name]


def write_text(group, name, *rows):
    """A character array; an empty one holds its shape."""
    if rows == ("",):
        return dataset(group, name, np.zeros(2, "u8"), "char", MATLAB_empty=np.uint8(1))
    units = np.array([list(row.encode("utf-16-le")) for row in rows], dtype=np.uint8)
    return dataset(group, name, units.view("<u2").T, "char")


def write_cells(file, name, texts):
    refs = file.require_group("#refs#")
    cells = [write_text(refs, f"{name}{i}", text).ref for i, text in enumerate(texts)]
    dataset(file, name, np.array([cells], dtype=h5py.ref_dtype), "cell")


def write_sparse(file, name, matrix):
    parts, group = csc_array(matrix), file.create_group(name)
    group.attrs["MATLAB_sparse"] = np.uint64(matrix.shape[0])
    group.attrs["MATLAB_class"] = np.bytes_("double")
    group["jc"] = parts.indptr.astype(np.uint64)
    if parts.nnz:
        group["ir"], group["data"] = parts.indices.astype(np.uint64), parts.data


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.mat"


def matlab(path):
    return h5py.File(path, "w", userblock_size=512)


def test_numbers_have_their_matlab_shape(path):
    numbers = {
        "double": np.arange(6.0).reshape(2, 3),
        "single": np.ones((1, 4), np.float32),
        "uint8": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
        "logical": np.array([[1], [0]], np.uint8),
    }
    with matlab(path) as file:
        for kind, array in numbers.items():
            dataset(file, f"x_{kind}", array.T, kind)
        dataset(file, "empty", np.array([0, 3], np.uint64), "double", MATLAB_empty=np.uint8(1))
        file["plain"] = numbers["double"]
    found = read_matlab(path)
    assert found["empty"].size == 0
    np.testing.assert_array_equal(found["plain"], numbers["double"])
    for kind, array in numbers.items():
        np.testing.assert_array_equal(found[f"x_{kind}"], array)
        assert found[f"x_{kind}"].dtype == array.dtype


@pytest.mark.parametrize("shape", [(4, 3), (1, 6), (5, 1)])
def test_sparse_arrays_become_full(path, shape):
    matrix = np.random.default_rng(0).integers(-1, 2, shape).astype(np.float64)
    with matlab(path) as file:
        write_sparse(file, "x", matrix)
        write_sparse(file, "none", np.zeros(shape))
    found = read_matlab(path)
    np.testing.assert_array_equal(found["x"], matrix)
    np.testing.assert_array_equal(found["none"], np.zeros(shape))


def test_texts_and_cells_of_texts(path):
    with matlab(path) as file:
        write_text(file, "rows", "one  ", "three")
        write_text(file, "empty", "")
        write_cells(file, "cells", ["a dog", "", "猫 ä"])
    found = read_matlab(path)
    assert list(found) == ["cells", "empty", "rows"]
    assert found["rows"].tolist() == ["one  ", "three"]
    assert found["empty"].tolist() == [""]
    assert found["cells"].tolist() == ["a dog", "", "猫 ä"]


def test_a_release_of_features_tags_and_texts(path):
    rng = np.random.default_rng(0)
    images, tags = rng.normal(size=(9, 5)), np.eye(9)[:, :4]
    with matlab(path) as file:
        for mark, rows in (("tr", slice(0, 6)), ("te", slice(6, 9))):
            # Without the transposition, for MATLAB has features in columns here.
            dataset(file, f"I_{mark}", images[rows], "double")
            dataset(file, f"L_{mark}", np.arange(9)[None, rows] % 3 + 1.0, "double")
            write_sparse(file, f"tags_{mark}", tags[rows])
            write_cells(file, f"T_{mark}", [f"thing {i}, 猫" for i in range(9)[rows]])
    with pytest.warns(TurnedArraysWarning, match=r"'image' \(5, 3\), 'image' \(5, 6\)"):
        data = feature_file(path)
    np.testing.assert_array_equal(data.medium("image").items, images.astype(np.float32))
    np.testing.assert_array_equal(data.medium("tags").items, tags)
    assert data.medium("text").items.tolist() == [f"thing {i}, 猫" for i in range(9)]
    assert data.medium("text").labels.tolist() == [0, 1, 2] * 3
    assert data.medium("text").split.tolist() == ["train"] * 6 + ["test"] * 3


def test_other_variables_may_hold_anything(path):
    with matlab(path) as file:
        dataset(file, "x", np.ones((1, 1)), "double")
        file.create_group("param")
        file["words"] = "words"
    assert list(read_matlab(path, ["x", "y"])) == ["x"]
    with pytest.raises(ValueError, match="param is a group, not an array"):
        read_matlab(path)


def string_class(file):
    dataset(file, "x", np.zeros((1, 6), np.uint64), "string")


def complex_numbers(file):
    dataset(file, "x", np.zeros((1, 2), [("real", "f8"), ("imag", "f8")]), "double")


def cells_of_numbers(file):
    cell = dataset(file.create_group("#refs#"), "a", np.ones((1, 1)), "double")
    dataset(file, "x", np.array([[cell.ref]], dtype=h5py.ref_dtype), "cell")


def cells_of_several(file):
    cell = write_text(file.create_group("#refs#"), "a", "one", "two")
    dataset(file, "x", np.array([[cell.ref]], dtype=h5py.ref_dtype), "cell")


def cells_without_references(file):
    dataset(file, "x", np.ones((1, 1)), "cell")


def many_cells_of_one_text(file):
    cell = write_text(file.create_group("#refs#"), "a", "long" * 10**4)
    dataset(file, "x", np.full((1, 10**4), cell.ref, dtype=h5py.ref_dtype), "cell")


def text_of_numbers(file):
    dataset(file, "x", np.ones((1, 1)), "char")


def sparse_of_any_size(file):
    write_sparse(file, "x", np.eye(2))
    file["x"].attrs["MATLAB_sparse"] = np.uint64(2**60)


def sparse_outside_of_itself(file):
    write_sparse(file, "x", np.eye(2))
    file["x/ir"][0] = 2


def sparse_with_a_link(file):
    write_sparse(file, "x", np.eye(2))
    del file["x/data"]
    file["x/data"] = h5py.ExternalLink("secret.h5", "data")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (string_class, "x is a string, .*cellstr"),
        (complex_numbers, "x is a double, not an array of real numbers"),
        (cells_of_numbers, "x has cells that are no texts"),
        (cells_of_several, "x has cells that are no single text"),
        (cells_without_references, "x has cells that are no texts"),
        (many_cells_of_one_text, "does not lie within the file"),
        (text_of_numbers, "x is no list of texts"),
        (sparse_of_any_size, "bytes when full"),
        (sparse_outside_of_itself, "values have no places in it"),
        (sparse_with_a_link, "data is a link"),
    ],
)
def test_what_is_no_array_within_the_file_is_told(path, write, message):
    with matlab(path) as file:
        write(file)
    with pytest.raises(ValueError, match=message):
        read_matlab(path)


def test_hdf5_is_told_by_its_first_bytes(tmp_path):
    savemat(tmp_path / "old.mat", {"x": np.ones(3)})
    (tmp_path / "empty.mat").write_bytes(b"")
    assert not is_hdf5(tmp_path / "old.mat")
    assert not is_hdf5(tmp_path / "empty.mat")
    for block in (0, 512):
        with h5py.File(tmp_path / "new.mat", "w", userblock_size=block) as file:
            file["x"] = np.ones(3)
        assert is_hdf5(tmp_path / "new.mat")
