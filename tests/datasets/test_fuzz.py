"""Damaged and hostile files: a data set or a `ValueError` or `OSError`, and nothing else happens.

Every case is drawn from a seed, so that one that fails can be repeated.
"""

import csv
import io
import signal
import tarfile
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_array

from keras_xmr.datasets import (
    CrossModalData,
    class_folder,
    feature_file,
    folder,
    tiny_imagenet,
)

CASES = 60
SECONDS = 20

CELLS = [
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\boot.ini",
    "C:\\Windows\\win.ini",
    "file:///etc/passwd",
    "~/.ssh/id_rsa",
    "link.jpg",
    "up/outside.jpg",
    "good.jpg",
    "row.npy",
    "good.jpg/more",
    "",
    " ",
    ".",
    "..",
    "x" * 5000,
    "x" * 140_000,
    "a/" * 3000,
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    '"',
    '""""',
    "'; DROP TABLE items;--",
    "a,b;c\td|e",
    "|",
    "a|b|a",
    "line\nbreak",
    "\r\n",
    "\x00",
    "\x01\x07\x1b[31m\x7f",
    "\u202egpj.exe",
    "\ufeffbom",
    "e\u0301 \u00e9",
    "\U0001f415\u200d\U0001f9ba",
    "\u0000\ud7ff\ufffe\uffff",
    "٣",
    "nan",
    "1e999",
    "train",
    "TEST",
    "validation ",
    "dev",
    "id",
    "一只狗",
]


class Hang(BaseException):
    """Not an `Exception`, so that no loader can take it for a damaged file."""


def mutated(content, rng):
    """`content` with one to eight random damages."""
    damaged = bytearray(content)
    for _ in range(rng.integers(1, 9)):
        at = int(rng.integers(len(damaged) + 1))
        # Headers say what everything behind them means: half of the damages are there.
        at = at if rng.random() < 0.5 else at % 200
        length = int(rng.integers(1, 40))
        kind = rng.integers(7)
        noise = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        if kind == 0 and at < len(damaged):
            damaged[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            damaged[at : at + length] = noise
        elif kind == 2:
            damaged[at:at] = noise
        elif kind == 3:
            del damaged[at : at + length]
        elif kind == 4:
            damaged[at : at + length] = bytes([(0, 255, 127, 128)[rng.integers(4)]]) * length
        elif kind == 5:
            damaged[at:at] = damaged[at // 2 : at // 2 + 4 * length]
        elif rng.random() < 0.3:
            del damaged[at:]
    return bytes(damaged)


def table_bytes(rng=None):
    """A valid table, or one with random cells in random places."""
    rows = [["id", "image", "text", "motion", "label", "split"]]
    for number in range(6):
        part = ("train", "validation", "test")[number % 3]
        rows.append([f"r{number}", "good.jpg", f"狗 {number}", "row.npy", "dog", part])
    if rng is not None:
        if rng.random() < 0.5:
            for row in rows:
                del row[5]
        for _ in range(rng.integers(1, 5)):
            row = rows[rng.integers(rng.integers(2), len(rows))]
            row[rng.integers(len(row))] = CELLS[rng.integers(len(CELLS))]
        if rng.random() < 0.2:
            rows[rng.integers(len(rows))].append("more")
    stream = io.StringIO()
    quoting = csv.QUOTE_ALL if rng is not None and rng.random() < 0.3 else csv.QUOTE_MINIMAL
    end = "\n" if rng is None else ("\n", "\r\n", "\r")[rng.integers(3)]
    csv.writer(stream, lineterminator=end, quoting=quoting).writerows(rows)
    return stream.getvalue().encode("utf-8", "surrogatepass")


def jpeg_bytes(size=(24, 16)):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", exif=exif)
    return stream.getvalue()


def picture_bytes(ending):
    stream = io.BytesIO()
    Image.open(io.BytesIO(jpeg_bytes())).save(stream, format=ending)
    return stream.getvalue()


def arrays(ending):
    stream = io.BytesIO()
    rng = np.random.default_rng(0)
    content = {
        "image": rng.normal(size=(6, 3)),
        "text": rng.normal(size=(6, 2)),
        "labels": np.array([1, 2, 3, 1, 2, 3]),
        "ids": np.array([f"id{row}" for row in range(6)]),
        "class_names": np.array(["ant", "bee", "cat"]),
    }
    if ending == "npz":
        np.savez(stream, **content)
    else:
        if ending == "mat, sparse":
            content["image"] = csc_array(np.eye(6))
        savemat(stream, content, do_compression=ending == "mat, compressed")
    return stream.getvalue()


def hdf5_bytes():
    """As MATLAB writes version 7.3: numbers, full and sparse, and a cell array of texts."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", userblock_size=512) as file:
        file["image"] = np.random.default_rng(0).normal(size=(3, 6))
        file["labels"] = np.array([[1.0, 2, 3, 1, 2, 3]])
        file["ids"] = np.array([[write_id(file, row) for row in range(6)]], dtype=h5py.ref_dtype)
        for name, kind in (("image", "double"), ("labels", "double"), ("ids", "cell")):
            file[name].attrs["MATLAB_class"] = np.bytes_(kind)
        group = file.create_group("text")
        group.attrs["MATLAB_sparse"] = np.uint64(6)
        group["data"], group["ir"] = np.ones(6), np.arange(6, dtype=np.uint64)
        group["jc"] = np.array([0, 3, 6], dtype=np.uint64)
    return stream.getvalue()


def write_id(file, row):
    cell = file.require_group("#refs#").create_dataset(
        f"r{row}", data=np.array([[105], [row + 97]], "<u2")
    )
    cell.attrs["MATLAB_class"] = np.bytes_("char")
    return cell.ref


def tar_bytes():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for number in range(4):
            content = jpeg_bytes((4, 4))
            info = tarfile.TarInfo(f"n00000001/n00000001_{number}.JPEG")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def npy_bytes():
    stream = io.BytesIO()
    np.save(stream, np.arange(8.0))
    return stream.getvalue()


def rezipped(rng):
    """A sound archive of arrays, one of which is damaged: its sums tell nothing."""
    with np.load(io.BytesIO(arrays("npz"))) as valid:
        members = {name: member_bytes(valid[name]) for name in valid.files}
    name = list(members)[rng.integers(len(members))]
    members[name] = mutated(members[name], rng)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


def member_bytes(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def resummed(rng):
    """A damaged archive of pictures whose headers have right sums again."""
    damaged = bytearray(tar_bytes())
    for start in range(0, len(damaged) - 512, 512):
        header = damaged[start : start + 512]
        if header[257:262] == b"ustar" and rng.random() < 0.5:
            at = int(rng.choice([0, 10, 100, 124, 130, 156, 157, 345]))
            header[at : at + 12] = mutated(header[at : at + 12], rng)[:12].ljust(12, b"\xff")
            header[148:156] = b" " * 8
            header[148:156] = b"%06o\0 " % sum(header)
            damaged[start : start + 512] = header
    return bytes(damaged)


def random_arrays(rng):
    """Arrays of random names, types, shapes and values."""
    names = ["image", "text", "labels", "ids", "split", "pairs", "class_names", "labels_text"]
    values = [
        np.zeros((6, 2)),
        np.full((6, 1), np.nan),
        np.arange(6),
        np.arange(6) % 2 + 1,
        np.eye(6),
        np.eye(6)[:, :3] > 0,
        np.array([2**63 - 1] * 6),
        np.array([-1e308] * 6),
        np.array(list("abcdef")),
        np.array([b"\xff"] * 6),
        np.array(["\ud800", "", "\x00a", " ", "x" * 300, "一"]),
        np.array(["train", "test"] * 3),
        np.array(["train"] * 3),
        np.zeros((6, 0)),
        np.zeros((0, 6)),
        np.array(3),
        np.array("2020-01-01", dtype="M8[D]"),
        np.array([1j] * 6),
        np.zeros(6, dtype=[("a", "f4"), ("b", "U3")]),
    ]
    content = {"image": np.eye(6), "text": np.ones((6, 2)), "labels": np.arange(6) % 3}
    for _ in range(rng.integers(1, 5)):
        name = names[rng.integers(len(names))]
        content[name] = values[rng.integers(len(values))]
    stream = io.BytesIO()
    np.savez(stream, **content)
    return stream.getvalue()


# Kinds whose files are drawn, and not damaged from a valid one.
DRAWN = {
    "cells": table_bytes,
    "arrays": random_arrays,
    "npz, right sums": rezipped,
    "tar, right sums": resummed,
}

# Kind to the file that is damaged, its valid content, and how the folder is loaded.
SORTS = {
    "cells": ("t.csv", b"", lambda place: folder(place / "t.csv", skip_bad=True)),
    "csv": ("t.csv", table_bytes(), lambda place: folder(place / "t.csv")),
    "kept split": (
        "t.split.csv",
        b"id,split\nr0,train\nr1,test\n\xe4\xb8\x80,validation\n",
        lambda place: folder(place / "t.csv"),
    ),
    "arrays": ("a.npz", b"", lambda place: feature_file(place / "a.npz")),
    "npz, right sums": ("a.npz", b"", lambda place: feature_file(place / "a.npz")),
    "tar, right sums": (
        "tiny_imagenet/train_50_per_class.tar",
        b"",
        lambda place: tiny_imagenet(),
    ),
    "npy": ("row.npy", npy_bytes(), lambda place: folder(place / "t.csv")),
    "jpeg": ("good.jpg", jpeg_bytes(), lambda place: folder(place / "t.csv")),
    "png": ("c/p.png", picture_bytes("PNG"), lambda place: class_folder(place, skip_bad=True)),
    "gif": ("c/p.gif", picture_bytes("GIF"), lambda place: class_folder(place, skip_bad=True)),
    "webp": ("c/p.webp", picture_bytes("WEBP"), lambda place: class_folder(place, skip_bad=True)),
    "bmp": ("c/p.bmp", picture_bytes("BMP"), lambda place: class_folder(place, skip_bad=True)),
    "tiff": ("c/p.jpg", picture_bytes("TIFF"), lambda place: class_folder(place, skip_bad=True)),
    "npz": ("a.npz", arrays("npz"), lambda place: feature_file(place / "a.npz")),
    "mat": ("a.mat", arrays("mat"), lambda place: feature_file(place / "a.mat")),
    "mat, compressed": (
        "a.mat",
        arrays("mat, compressed"),
        lambda place: feature_file(place / "a.mat"),
    ),
    "mat, sparse": (
        "a.mat",
        arrays("mat, sparse"),
        lambda place: feature_file(place / "a.mat"),
    ),
    "mat, HDF5": ("a.mat", hdf5_bytes(), lambda place: feature_file(place / "a.mat")),
    "tar": (
        "tiny_imagenet/train_50_per_class.tar",
        tar_bytes(),
        lambda place: tiny_imagenet(),
    ),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a valid table and archive, links that lead out of it, and files outside."""
    place = tmp_path / "inside"
    for name in ("c", "tiny_imagenet"):
        (place / name).mkdir(parents=True)
    (place / "t.csv").write_bytes(table_bytes().replace(b",split", b",further_text"))
    (place / "good.jpg").write_bytes(jpeg_bytes())
    (place / "row.npy").write_bytes(npy_bytes())
    (place / "c/good.jpg").write_bytes(jpeg_bytes())
    (place / "tiny_imagenet/classes.tsv").write_text("n00000001\tgoldfish\n")
    (tmp_path / "outside.jpg").write_bytes(jpeg_bytes())
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("secret")
    (place / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (place / "up").symlink_to(tmp_path)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("KERAS_XMR_DATA", str(place))
    return place


def outside(place):
    """Every file that no loader may touch, with its content."""
    found = [path for path in place.parent.rglob("*") if place not in (path, *path.parents)]
    return {path: path.read_bytes() if path.is_file() else None for path in found}


def stop(*_):
    raise Hang("no result in time")


def attempt(load, place):
    """Load within a time limit: a data set, or the message of what is wrong."""
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load(place)
    except (ValueError, OSError) as error:
        return str(error)
    finally:
        signal.alarm(0)


def fuzz(kind, seed, place, cases=CASES):
    """Load `cases` damaged files; returns how many data sets and how many errors came of it."""
    name, valid, load = SORTS[kind]
    before = outside(place)
    there = {path.name for path in place.iterdir()} | {name.split("/")[0]}
    loaded = refused = 0
    for case in range(cases):
        rng = np.random.default_rng([seed, case])
        damaged = DRAWN[kind](rng) if kind in DRAWN else mutated(valid, rng)
        (place / name).write_bytes(damaged)
        if kind != "kept split":
            (place / "t.split.csv").unlink(missing_ok=True)
        outcome = attempt(load, place)
        loaded += isinstance(outcome, CrossModalData)
        # An error without a message is neither.
        refused += isinstance(outcome, str) and bool(outcome)
        new = {path.name for path in place.iterdir()} - there
        assert new <= {"t.split.csv", "a.split.csv"}, (kind, seed, case)
        (place / "a.split.csv").unlink(missing_ok=True)
    assert outside(place) == before
    return loaded, refused


@pytest.mark.parametrize("kind", SORTS)
def test_damaged_files_end_in_a_data_set_or_a_message(place, kind):
    loaded, refused = fuzz(kind, 0, place)
    assert loaded + refused == CASES
    # The damages are neither all harmless nor all fatal; a table in GIF is rarely noticed as such.
    assert refused or kind in ("gif", "png", "webp", "bmp", "tiff", "cells")
    assert loaded or kind in (
        "npz",
        "npz, right sums",
        "mat",
        "mat, compressed",
        "tar",
        "kept split",
    )


@pytest.mark.parametrize("kind", [kind for kind in SORTS if kind not in DRAWN])
def test_the_undamaged_file_loads(place, kind):
    name, valid, load = SORTS[kind]
    (place / name).write_bytes(valid)
    assert isinstance(attempt(load, place), CrossModalData)


def test_the_watchman_wakes(monkeypatch, place):
    monkeypatch.setitem(globals(), "SECONDS", 1)
    with pytest.raises(Hang):
        attempt(lambda place: [None for _ in iter(int, 1)], place)
