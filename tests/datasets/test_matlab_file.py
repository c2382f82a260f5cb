"""`read_matlab` against SciPy's writer and reader, and against bytes put together by hand."""

import struct

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from scipy.sparse import csc_array

from keras_xmr.datasets.locate import data_root
from keras_xmr.datasets.matlab_file import read_matlab

NUMBERS = {
    "matrix": np.arange(12.0).reshape(4, 3) / 7,
    "row": np.arange(5.0),
    "single": np.array([[1.5]], dtype=np.float32),
    "cube": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
    "flags": np.array([[True, False]]),
    "empty": np.zeros((0, 3)),
    **{kind: np.array([[1], [100]], dtype=kind) for kind in ("i1", "u1", "i2", "u2", "i4", "u4")},
    **{
        kind: np.array([[-(2**40) if kind == "i8" else 2**40]], dtype=kind) for kind in ("i8", "u8")
    },
}


@pytest.mark.parametrize("compressed", [False, True])
def test_numbers_are_those_that_scipy_reads(tmp_path, compressed):
    savemat(tmp_path / "a.mat", NUMBERS, do_compression=compressed)
    found = read_matlab(tmp_path / "a.mat")
    expected = loadmat(tmp_path / "a.mat")
    assert list(found) == list(NUMBERS)
    for name in NUMBERS:
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].dtype == expected[name].dtype, name


@pytest.mark.parametrize("compressed", [False, True])
def test_texts_are_those_that_scipy_reads(tmp_path, compressed):
    cells = np.empty((2, 2), dtype=object)
    cells[:] = [["one", ""], ["猫", "ä b"]]
    texts = {"names": np.array(["ant", "zebra", "猫 ä"]), "single": "word", "cells": cells}
    savemat(tmp_path / "a.mat", texts, do_compression=compressed)
    found = read_matlab(tmp_path / "a.mat")
    expected = loadmat(tmp_path / "a.mat")
    assert [name.rstrip() for name in found["names"]] == ["ant", "zebra", "猫 ä"]
    assert found["names"].tolist() == expected["names"].tolist()
    assert found["single"].tolist() == ["word"]
    # A list, in MATLAB's order: column by column.
    assert found["cells"].tolist() == ["one", "猫", "", "ä b"]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("shape", [(4, 3), (1, 6), (3, 0), (5, 1)])
def test_sparse_arrays_become_full(tmp_path, compressed, shape):
    matrix = np.random.default_rng(0).integers(-1, 2, shape).astype(np.float64)
    sparse = {"x": csc_array(matrix), "none": csc_array(shape), "flags": csc_array(matrix > 0)}
    savemat(tmp_path / "a.mat", sparse, do_compression=compressed)
    found = read_matlab(tmp_path / "a.mat")
    np.testing.assert_array_equal(found["x"], matrix)
    np.testing.assert_array_equal(found["none"], np.zeros(shape))
    np.testing.assert_array_equal(found["flags"], matrix > 0)


def element(order, kind, content):
    return struct.pack(f"{order}II", kind, len(content)) + content + bytes(-len(content) % 8)


def file(order, *elements):
    mark = b"IM" if order == "<" else b"MI"
    return b"by hand".ljust(124) + struct.pack(f"{order}H", 0x0100) + mark + b"".join(elements)


def matrix(order, kind, shape, values, name=b"x", flags=0):
    parts = [
        element(order, 6, struct.pack(f"{order}II", kind | flags, 0)),
        element(order, 5, struct.pack(f"{order}{len(shape)}i", *shape)),
        element(order, 1, name),
        *values,
    ]
    return element(order, 14, b"".join(parts))


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_order_of_bytes(tmp_path, order):
    path = tmp_path / "a.mat"
    # Doubles that are stored as 16-bit numbers, column by column.
    numbers = element(order, 3, struct.pack(f"{order}4h", 1, -2, 3, 400))
    # "猫a" over "b犬", in UTF-16, column by column.
    text = element(order, 17, "猫ba犬".encode("utf-16-le" if order == "<" else "utf-16-be"))
    numbers = matrix(order, 6, (2, 2), [numbers], b"numbers")
    path.write_bytes(file(order, numbers, matrix(order, 4, (2, 2), [text], b"text")))
    found = read_matlab(path)
    assert found["numbers"].tolist() == [[1.0, 3.0], [-2.0, 400.0]]
    assert found["numbers"].dtype == np.float64
    assert found["text"].tolist() == ["猫a", "b犬"]


ONE = element("<", 9, struct.pack("<d", 1.0))
# A value in the second row, and where the values of a column begin and end.
ROW, ENDS = element("<", 5, struct.pack("<i", 1)), element("<", 5, struct.pack("<ii", 0, 1))


def test_sparse_flags_as_octave_writes_them(tmp_path):
    # Of the class of full flags (9, with the mark of flags), and with three elements.
    places = [ROW, ENDS, element("<", 9, struct.pack("<d", 1.0))]
    (tmp_path / "a.mat").write_bytes(file("<", matrix("<", 9, (2, 1), places, flags=0x0200)))
    assert read_matlab(tmp_path / "a.mat")["x"].tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "x is a list of structures"),
        (
            [element("<", 5, struct.pack("<i", 0)), element("<", 1, b"")],
            "other names than it tells",
        ),
        ([element("<", 5, struct.pack("<i", 8)), element("<", 1, b"a")], "other names than it"),
        (
            [element("<", 5, struct.pack("<i", 4)), element("<", 1, b"a\0\0\0"), ONE],
            "x.a is an elem",
        ),
    ],
)
def test_damaged_structures_are_told(tmp_path, values, message):
    (tmp_path / "a.mat").write_bytes(file("<", matrix("<", 2, (1, 1), values)))
    with pytest.raises(ValueError, match=message):
        read_matlab(tmp_path / "a.mat")


def test_what_matlab_keeps_for_itself_is_left_out(tmp_path):
    hidden = matrix("<", 9, (1, 8), [element("<", 2, bytes(8))], b"")
    (tmp_path / "a.mat").write_bytes(file("<", matrix("<", 6, (1, 1), [ONE]), hidden))
    assert list(read_matlab(tmp_path / "a.mat")) == ["x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no MATLAB file of version 5, 6, 7 or 7.3"),
        (bytes(200), "no MATLAB file"),
        (file("<", b"\x0e\0\0\0"), "ends in the middle of an element"),
        (file("<", matrix("<", 6, (1, 1), [ONE]))[:-9], "an element of 64 bytes where there are"),
        (file("<", struct.pack("<II", 14, 2**32 - 1)), "an element of 4294967295 bytes"),
        (file("<", struct.pack("<HHI", 14, 5, 0)), "an element of 5 bytes where"),
        (file("<", ONE), "an element of type 9 in the place of a variable"),
        (file("<", element("<", 14, b"")), "a variable without type, shape or name"),
        (file("<", element("<", 15, b"no zlib")), "incorrect header"),
        (file("<", matrix("<", 6, (2**31 - 1,) * 4, [ONE])), "with 1 numbers"),
        (file("<", matrix("<", 6, (-1, -1), [ONE])), r"a variable of shape \(-1, -1\)"),
        (file("<", matrix("<", 6, (1,), [ONE])), r"a variable of shape \(1,\)"),
        (file("<", matrix("<", 6, (1, 1), [ONE], flags=0x0800)), "not consist of real numbers"),
        (file("<", matrix("<", 6, (1, 1), [])), "not consist of real numbers"),
        (file("<", matrix("<", 6, (1, 1), [element("<", 99, bytes(8))])), "unknown type 99"),
        (file("<", matrix("<", 4, (1, 8), [element("<", 99, bytes(8))])), "unknown type 99"),
        (file("<", matrix("<", 4, (1, 9), [element("<", 2, bytes(8))])), "with 8 bytes of text"),
        (file("<", matrix("<", 4, (1, 4), [element("<", 17, b"\0\xd8" * 4)])), "utf-16-le"),
        (file("<", matrix("<", 1, (2, 2), [ONE])), "cells that are no single text"),
        (file("<", matrix("<", 1, (2, 2), [element("<", 14, b"")])), "with 1 cells"),
        (
            file("<", matrix("<", 17, (1, 1), [ONE])),
            "x is a object .of strings, save cellstr of them., not an",
        ),
        (file("<", matrix("<", 99, (1, 1), [ONE])), "x is a variable of class 99"),
        (file("<", matrix("<", 5, (2, 2), [ONE])), "not consist of real numbers"),
        (file("<", matrix("<", 5, (2**20, 2**20), [ROW, ROW, ONE])), "bytes when full"),
        (file("<", matrix("<", 5, (2, 1), [ROW, ONE, ONE])), "values have no places in it"),
        (file("<", matrix("<", 5, (1, 1), [ROW, ENDS, ONE])), "values have no places in it"),
        (file("<", matrix("<", 5, (2, 1), [ROW, ENDS, element("<", 9, b"")])), "no places in it"),
    ],
)
def test_damaged_files_are_told(tmp_path, content, message):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(Exception, match=message):
        read_matlab(tmp_path / "a.mat")


def test_a_compressed_variable_has_a_limit(tmp_path, monkeypatch):
    savemat(tmp_path / "a.mat", {"x": np.zeros((100, 100))}, do_compression=True)
    assert read_matlab(tmp_path / "a.mat")["x"].shape == (100, 100)
    monkeypatch.setattr("keras_xmr.datasets.matlab_file.MAX_BYTES", 50_000)
    with pytest.raises(ValueError, match="larger than 50000 bytes"):
        read_matlab(tmp_path / "a.mat")


@pytest.mark.data
@pytest.mark.parametrize("name", ["raw_features.mat", "raw_features_with_tfidf1000.mat"])
def test_real_files_are_read_as_scipy_does(name):
    path = data_root() / "wikipedia" / name
    expected = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    found = read_matlab(path)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)
