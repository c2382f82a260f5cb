"""`folder`: a user's own table, its made split, and everything that can be wrong with its rows."""

import csv
import importlib
import json
import os
import re
import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_xmr.datasets import BadRowsError, folder
from keras_xmr.datasets.locate import data_root
from keras_xmr.datasets.made_split import draw_split
from keras_xmr.transforms import tokenize

MODULE = importlib.import_module("keras_xmr.datasets.folder")
MADE_SPLIT = importlib.import_module("keras_xmr.datasets.made_split")

LANGUAGES = {
    "english": ("A brown dog runs", ["a", "brown", "dog", "runs"]),
    "chinese": ("一只狗在草地上", list("一只狗在草地上")),
    "german": ("Die Straße, naß", ["die", "strasse", "nass"]),
    "hindi": ("एक कुत्ता", ["एक", "कुत्ता"]),
    "arabic": ("كلب بني", ["كلب", "بني"]),
    "russian": ("Бурая собака", ["бурая", "собака"]),
    "japanese": ("茶色の犬", list("茶色の犬")),
}


def picture(path, size=(32, 24), seed=0, **arguments):
    """A picture of noise, large enough that its end can be missing."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path, **arguments)


def table(path, header, *rows, delimiter=",", **arguments):
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter, **arguments).writerows([header, *rows])
    return path


def texts(path, count, classes=2, start=0, extra=()):
    """A table of texts without split; ids r0, r1, ... and classes in turn."""
    rows = [(f"r{row}", f"text {row}", f"c{row % classes}") for row in range(start, count)]
    return table(path, ("id", "text", "label"), *rows, *extra)


def parts_of(data, medium="text"):
    items = data.media[medium]
    return dict(zip(items.ids.tolist(), items.split.tolist(), strict=True))


@pytest.fixture
def pets(tmp_path):
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        picture(tmp_path / f"pictures/{number}.jpg", seed=number)
    return table(
        tmp_path / "pets.csv",
        ("id", "image", "text", "label", "split"),
        ("a", "pictures/0.jpg", "一只狗", "dog", "train"),
        ("b", "pictures/1.jpg", 'a "small", cat', "cat", "validation"),
        ("c", "pictures/2.jpg", "two\nlines", "dog", "test"),
    )


def test_a_complete_table(pets):
    data = folder(str(pets))
    image, text = data.media["image"], data.media["text"]
    assert data.name == "pets"
    assert data.class_names == ("cat", "dog")
    assert text.items.tolist() == ["一只狗", 'a "small", cat', "two\nlines"]
    expected = [str(pets.parent / f"pictures/{number}.jpg") for number in range(3)]
    assert image.items.tolist() == image.files.tolist() == expected
    for medium in (image, text):
        assert medium.labels.tolist() == [1, 0, 1]
        assert medium.ids.tolist() == medium.pairs.tolist() == ["a", "b", "c"]
        assert medium.split.tolist() == ["train", "validation", "test"]
    assert text.files is None
    assert data.file_of("image", 1) == pets.parent / "pictures/1.jpg"
    assert data.provenance.split == "column split of pets.csv"
    assert sorted(path.name for path in pets.parent.iterdir()) == ["pets.csv", "pictures"]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_texts_of_any_language_survive_and_tokenise(tmp_path, bom):
    path = table(
        tmp_path / "words.csv",
        ("text", "label", "split"),
        *((sentence, f"{language} 语言", "train") for language, (sentence, _) in LANGUAGES.items()),
    )
    path.write_bytes(bom + path.read_bytes())
    data = folder(path)
    items = data.media["text"].items
    assert items.tolist() == [sentence for sentence, _ in LANGUAGES.values()]
    assert [tokenize(item) for item in items] == [tokens for _, tokens in LANGUAGES.values()]
    assert "chinese 语言" in data.class_names
    # Without ids, rows are numbered from 1.
    assert data.media["text"].ids.tolist() == [str(n) for n in range(1, len(LANGUAGES) + 1)]


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [("t.csv", ","), ("t.csv", ";"), ("t.TSV", "\t"), ("t.txt", "\t"), ("t.txt", ",")],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_line_ends_and_headers_of_any_manner(tmp_path, name, delimiter, line_end):
    path = table(
        tmp_path / name,
        (" Label", "SPLIT", "Text ", "Id"),
        ("x", "Test", "one, two; three", " a "),
        (),
        ("", "", "", ""),
        (" y ", "train", " four ", "b"),
        delimiter=delimiter,
        lineterminator=line_end,
    )
    text = folder(path).media["text"]
    assert text.items.tolist() == ["one, two; three", "four"]
    assert text.ids.tolist() == ["a", "b"]
    assert text.split.tolist() == ["test", "train"]
    assert text.labels.tolist() == [0, 1]


def test_several_labels_make_a_matrix_for_every_row(tmp_path):
    path = table(
        tmp_path / "t.csv",
        ("text", "label", "split"),
        ("a", "dog | cat", "train"),
        ("b", "ant", "train"),
        ("c", "dog|dog|", "test"),
    )
    data = folder(path)
    assert data.class_names == ("ant", "cat", "dog")
    assert data.media["text"].labels.tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 1]]
    # The same class twice is one class.
    table(path, ("text", "label", "split"), ("c", "dog|dog|", "test"))
    assert folder(path).media["text"].labels.tolist() == [0]


def test_further_media_and_items_that_lack_them(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", np.arange(4) + number)
    (tmp_path / "bark.mid").write_bytes(b"any bytes")
    picture(tmp_path / "sketch.PNG")
    path = table(
        tmp_path / "t.csv",
        ("text", "motion", "audio", "title_text", "sketch", "nothing", "label", "split"),
        ("a", "0.npy", "", "", "", "", "x", "train"),
        ("b", "", "bark.mid", "bee", "sketch.PNG", "", "y", "test"),
        ("c", "2.npy", "bark.mid", "sea", "", "", "x", "test"),
    )
    media = folder(path).media
    assert list(media) == ["text", "motion", "audio", "title_text", "sketch"]
    motion = media["motion"]
    assert motion.items.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5]]
    assert motion.items.dtype == np.float32
    assert motion.ids.tolist() == ["1", "3"]
    assert motion.labels.tolist() == [0, 0]
    assert motion.files is None
    assert media["audio"].items.tolist() == [str(tmp_path / "bark.mid")] * 2
    assert media["audio"].split.tolist() == ["test", "test"]
    assert media["title_text"].items.tolist() == ["bee", "sea"]
    assert media["sketch"].files.tolist() == [str(tmp_path / "sketch.PNG")]
    rows = folder(path).paired_rows(["motion", "audio"])
    assert [index.tolist() for index in rows.values()] == [[1], [1]]


# --- Made split.


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, (1, 0, 0)),
        (2, (1, 0, 1)),
        (3, (1, 1, 1)),
        (4, (2, 1, 1)),
        (10, (8, 1, 1)),
        (24, (20, 2, 2)),
        (25, (19, 3, 3)),
        (50, (40, 5, 5)),
    ],
)
def test_parts_are_drawn_80_10_10_in_every_class(size, expected):
    ids = np.array([f"{label}-{row}" for label in range(3) for row in range(size)])
    labels = np.repeat([4, 7, 9], size)
    split = draw_split(ids, labels, 0, {})
    for label in (4, 7, 9):
        mine = split[labels == label].tolist()
        assert tuple(mine.count(part) for part in ("train", "validation", "test")) == expected


def test_parts_depend_on_ids_and_seed_and_not_on_the_order_of_rows():
    ids = np.array([f"item{row}" for row in range(60)])
    labels = np.arange(60) % 3
    split = draw_split(ids, labels, 0, {})
    order = np.random.default_rng(0).permutation(60)
    np.testing.assert_array_equal(draw_split(ids[order], labels[order], 0, {}), split[order])
    assert draw_split(ids, labels, 1, {}).tolist() != split.tolist()


def test_every_class_of_several_per_item_has_one_to_train_on():
    # c0 lies only in items that are drawn with the equally rare classes c1 and c2.
    tight = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 0, 1], [1, 0, 0]])[:, [1, 2, 0]][:4]
    for seed in range(40):
        rng = np.random.default_rng(seed)
        random = rng.random((rng.integers(4, 25), 6)) < 0.3
        random[~random.any(axis=1), 0] = True
        for labels in (tight, random.astype(int)):
            ids = np.array([f"{seed}-{row}" for row in range(len(labels))])
            train = draw_split(ids, labels, seed, {}) == "train"
            assert (labels[train].sum(axis=0) > 0)[labels.any(axis=0)].all()


def test_an_item_of_several_classes_is_drawn_with_its_rarest_one():
    # All items are of the first class, and three of each other.
    labels = np.hstack([np.ones((30, 1), int), np.repeat(np.eye(10, dtype=int), 3, axis=0)])
    split = draw_split(np.array([f"item{row}" for row in range(30)]), labels, 0, {})
    for part in ("train", "validation", "test"):
        assert labels[split == part].sum(axis=0).tolist() == [10] + [1] * 10


def test_drawn_parts_are_kept_and_only_new_rows_are_drawn(tmp_path):
    path = texts(tmp_path / "t.csv", 40)
    first = parts_of(folder(path))
    kept = (tmp_path / "t.split.csv").read_text(encoding="utf-8").splitlines()
    assert kept[0] == "id,split"
    assert dict(line.split(",") for line in kept[1:]) == first
    assert sorted(first.values()).count("train") == 32
    # What the file says holds, whatever would be drawn.
    swapped = [
        f"{name},{ {'train': 'test'}.get(part, 'train') }" for name, part in list(first.items())
    ]
    (tmp_path / "t.split.csv").write_text("\n".join(["id,split", *swapped]), encoding="utf-8")
    assert parts_of(folder(path)) == dict(line.split(",") for line in swapped)
    # 20 rows more: half of each class was there.
    (tmp_path / "t.split.csv").write_text("\n".join(kept), encoding="utf-8")
    texts(path, 60)
    later = parts_of(folder(path))
    assert {name: later[name] for name in first} == first
    assert [list(later.values()).count(part) for part in ("train", "validation", "test")] == [
        48,
        6,
        6,
    ]
    # Rows that are gone keep their part for when they come back.
    texts(path, 60, start=30)
    assert parts_of(folder(path)) == {f"r{row}": later[f"r{row}"] for row in range(30, 60)}
    texts(path, 60)
    assert parts_of(folder(path)) == later
    # The same if others were drawn in between.
    texts(path, 70, start=50)
    folder(path)
    texts(path, 70)
    assert parts_of(folder(path)).items() >= later.items()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.split.csv"]


def test_a_class_whose_kept_items_are_held_out_gets_one_to_train_on(tmp_path):
    path = texts(tmp_path / "t.csv", 2, classes=1)
    (tmp_path / "t.split.csv").write_text("id,split\nr0,validation\n", encoding="utf-8")
    assert parts_of(folder(path)) == {"r0": "validation", "r1": "train"}


def test_every_seed_has_its_own_parts(tmp_path):
    path = texts(tmp_path / "t.csv", 60)
    zero, one = folder(path), folder(path, split_seed=1)
    assert zero.split_hash() != one.split_hash()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "t.csv",
        "t.split.csv",
        "t.split_seed1.csv",
    ]
    assert folder(path).split_hash() == zero.split_hash()
    assert "split_seed=1, kept in t.split_seed1.csv" in one.provenance.split
    assert zero.provenance.split.startswith("80/10/10 % of each class, drawn by hash, split_seed=0")


def test_odd_ids_come_back_from_the_kept_parts(tmp_path):
    odd = ['"', "a,b", "two\nlines", "cr\rlf", "=1+1", "一", "a\u2028x", "'", "a;b\tc"]
    rows = [(name, "word", "c") for name in odd]
    path = table(tmp_path / "t.csv", ("id", "text", "label"), *rows)
    first = folder(path)
    assert first.media["text"].ids.tolist() == odd
    before = (tmp_path / "t.split.csv").read_bytes()
    (tmp_path / "t.split.csv").touch()
    assert folder(path).split_hash() == first.split_hash()
    assert (tmp_path / "t.split.csv").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_said_and_loads(tmp_path, monkeypatch):
    def refuse(path, write):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(MADE_SPLIT, "save_whole", refuse)
    path = texts(tmp_path / "t.csv", 20)
    message = r"parts drawn for 't.csv' are not kept.*t\.split\.csv.*Permission denied"
    with pytest.warns(UserWarning, match=message):
        first = folder(path)
    with pytest.warns(UserWarning, match="not kept"):
        assert folder(path).split_hash() == first.split_hash()
    assert first.provenance.split.endswith("not kept")
    assert list(parts_of(first).values()).count("test") == 2
    monkeypatch.undo()
    assert folder(path).split_hash() == first.split_hash()


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        ("id,split\nr0,dev\n", "line 2"),
        ("id,split\nr0,train\nr1\n", "line 3"),
        ("id,split\nr0,train\nr0,train\n", "id, split"),
        ("name,part\nr0,train\n", "name, part"),
        ("", "which is empty"),
    ],
)
def test_damaged_kept_parts_are_told(tmp_path, kept, found):
    path = texts(tmp_path / "t.csv", 20)
    (tmp_path / "t.split.csv").write_text(kept, encoding="utf-8")
    with pytest.raises(ValueError, match=r"t\.split\.csv") as caught:
        folder(path)
    assert found in str(caught.value)
    assert (tmp_path / "t.split.csv").read_text(encoding="utf-8") == kept


def test_a_link_in_the_place_of_the_kept_parts_is_not_written_through(tmp_path):
    outside = tmp_path / "outside.csv"
    outside.write_text("id,split\n", encoding="utf-8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/t.split.csv").symlink_to(outside)
    folder(texts(tmp_path / "in/t.csv", 20))
    assert outside.read_text(encoding="utf-8") == "id,split\n"
    assert not (tmp_path / "in/t.split.csv").is_symlink()


# --- Bad rows.


def huge_png(width, height):
    """A PNG file of a few bytes whose header claims a large picture."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    start = b"\x89PNG\r\n\x1a\n"
    return start + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.fixture
def place(tmp_path):
    """A folder with files good and bad, and a file outside of it."""
    place = tmp_path / "data"
    (place / "sub").mkdir(parents=True)
    picture(place / "good.jpg")
    shutil.copy(place / "good.jpg", tmp_path / "outside.jpg")
    whole = (place / "good.jpg").read_bytes()
    (place / "cut.jpg").write_bytes(whole[:-200])
    (place / "text.jpg").write_text("no picture")
    (place / "notes.wav").write_text("no picture")
    (place / "empty.jpg").write_bytes(b"")
    (place / "bomb.png").write_bytes(huge_png(20000, 20000))
    (place / "large.png").write_bytes(huge_png(9500, 9500))
    (place / "program.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (place / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (place / "inner.jpg").symlink_to(place / "good.jpg")
    (place / "circle.jpg").symlink_to(place / "circle.jpg")
    (place / "up").symlink_to(tmp_path)
    os.mkfifo(place / "pipe.jpg")
    return place


HEADER = ("id", "image", "text", "label", "split")
GOOD = ("good", "good.jpg", "a text", "x", "train")
BAD = {
    "truncated": ({"image": "cut.jpg"}, "image: picture cannot be decoded: .*truncated"),
    "no picture": ({"image": "text.jpg"}, "image: no picture of a known format"),
    "nothing in it": ({"image": "empty.jpg"}, "image: empty file"),
    "not run": ({"image": "program.jpg"}, "image: no picture of a known format"),
    "bomb": ({"image": "bomb.png"}, "image: picture .*400000000 pixels.*bomb"),
    "large": ({"image": "large.png"}, "image: picture .*90250000 pixels.*limit of 89478485"),
    "other file": ({"image": "notes.wav"}, "image: no picture of a known format"),
    "missing": ({"image": "gone.jpg"}, "image: missing file 'gone.jpg'"),
    "a directory": ({"image": "sub"}, "image: missing file 'sub'"),
    "a pipe": ({"image": "pipe.jpg"}, "image: missing file 'pipe.jpg'"),
    "absolute": ({"image": "/etc/passwd"}, "image: path '/etc/passwd' is not below"),
    "dots": ({"image": "../outside.jpg"}, r"image: path '\.\./outside.jpg' is not below"),
    "dots inside": ({"image": "sub/../good.jpg"}, "is not below the table's folder"),
    "link": ({"image": "link.jpg"}, "image: path 'link.jpg' leads out of the folder by a link"),
    "folder link": ({"image": "up/outside.jpg"}, "leads out of the folder by a link"),
    "circle": ({"image": "circle.jpg"}, r"image: (path 'circle.jpg' cannot|missing file)"),
    "long name": ({"image": "a" * 300}, "image: (path 'a+.*cannot be followed|missing file)"),
    "long path": ({"image": "a/" * 600}, "image: path of 1200 characters, the limit is 1024"),
    "no image": ({"image": " "}, "empty image"),
    "no text": ({"text": " \n "}, "empty text"),
    "no label": ({"label": " | "}, "missing label"),
    "no id": ({"id": ""}, "empty id"),
    "long id": ({"id": "i" * 300}, "id of 300 characters, the limit is 255"),
    "split": ({"split": "dev"}, "split 'dev', expected one of"),
    "no split": ({"split": ""}, "split '', expected one of"),
    "twice": ({"id": "good"}, "the id is that of line 2"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_told_with_line_id_and_reason(place, kind):
    changes, reason = BAD[kind]
    row = dict(zip(HEADER, ("bad", *GOOD[1:]), strict=True)) | changes
    path = table(place / "t.csv", HEADER, GOOD, row.values())
    with pytest.raises(BadRowsError, match=reason) as caught:
        folder(path)
    (found,) = caught.value.rows
    assert (found.line, found.id) == (3, row["id"])
    assert str(caught.value).startswith(
        "Every row of 't.csv' must be usable. Received: 1 of 2 rows that are not:\n  line 3: id '"
    )
    assert str(caught.value).endswith("or leave them out with skip_bad=True.")
    with pytest.warns(UserWarning, match="1 of 2 rows of 't.csv' are left out:\n  line 3") as told:
        data = folder(path, skip_bad=True)
    assert len(told) == 1
    assert data.media["image"].ids.tolist() == data.media["text"].ids.tolist() == ["good"]


@pytest.mark.parametrize(
    "cells", [("bad", "gone.jpg", "", "x"), ("bad", "gone.jpg", "", "", "dev", "more")]
)
def test_a_row_of_another_length_is_told(place, cells):
    path = table(place / "t.csv", HEADER, GOOD, cells)
    with pytest.raises(BadRowsError) as caught:
        folder(path)
    (found,) = caught.value.rows
    assert str(found) == f"line 3: id 'bad': {len(cells)} cells, the header line has 5"


def test_a_link_within_the_folder_is_no_fault(place):
    path = table(place / "t.csv", HEADER, ("a", "inner.jpg", *GOOD[2:]))
    assert folder(path).media["image"].items.tolist() == [str(place / "inner.jpg")]


def test_a_table_reached_by_a_link_to_its_folder(place, tmp_path):
    table(place / "t.csv", HEADER, GOOD)
    (tmp_path / "shortcut").symlink_to(place)
    assert len(folder(tmp_path / "shortcut/t.csv").media["image"]) == 1


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda f: np.save(f, np.zeros((2, 2))), r"array of shape \(2, 2\)"),
        (lambda f: np.save(f, np.array(3.0)), "array of shape|no array"),
        (lambda f: np.save(f, np.zeros(5)), "5 numbers, the rows above have 4"),
        (lambda f: np.save(f, np.array([1, 2, np.nan, 4])), "NaN or infinite"),
        (lambda f: np.save(f, np.array([1, 2, 1e300, 4])), "NaN or infinite"),
        (lambda f: np.save(f, np.array(["a"] * 4)), "type <U1"),
        (lambda f: np.save(f, np.array([None] * 4), allow_pickle=True), "no array in"),
        (lambda f: np.save(f, np.zeros(0)), r"array of shape \(0,\)|no array in"),
        (lambda f: f.write(b"\x93NUMPY"), "no array in"),
        (lambda f: np.savez(f, a=np.zeros(4)), "no array in"),
    ],
)
def test_a_bad_feature_row_is_told(tmp_path, write, reason):
    np.save(tmp_path / "good.npy", np.zeros(4))
    with (tmp_path / "bad.npy").open("wb") as stream:
        write(stream)
    rows = [("a", "good.npy", "x"), ("b", "bad.npy", "x"), ("c", "other.wav", "x")]
    path = table(tmp_path / "t.csv", ("id", "motion", "label"), *rows)
    with pytest.raises(BadRowsError) as caught:
        folder(path)
    bad, other = caught.value.rows
    assert (bad.id, other.id) == ("b", "c")
    assert other.reason == "motion: 'other.wav', where the rows above are .npy files"
    assert re.search(reason, bad.reason)


def test_all_faults_of_all_rows_are_collected_and_the_first_20_listed(place):
    rows = [(f"b{n}", "cut.jpg", "", "", "dev") for n in range(25)]
    path = table(place / "t.csv", HEADER, *rows[:3], GOOD, *rows[3:])
    with pytest.raises(BadRowsError) as caught:
        folder(path)
    assert [row.id for row in caught.value.rows] == [f"b{n}" for n in range(25)]
    assert [row.line for row in caught.value.rows] == [2, 3, 4, *range(6, 28)]
    for word in ("missing label", "split 'dev'", "empty text", "image: picture"):
        assert all(word in row.reason for row in caught.value.rows)
    message = str(caught.value)
    assert "25 of 26 rows" in message
    assert message.count("\n  line ") == 20
    assert "  and 5 more" in message


def test_line_numbers_count_lines_of_the_file(place):
    multi = ("a", "good.jpg", "three\nlines\r\nof text", "x", "train")
    path = table(place / "t.csv", HEADER, multi, (), ("b", "gone.jpg", *GOOD[2:]))
    with pytest.raises(BadRowsError, match="line 6: id 'b'"):
        folder(path)


def test_if_no_row_is_left_that_is_told_even_if_rows_may_be_skipped(place):
    path = table(place / "t.csv", HEADER, ("b", "cut.jpg", *GOOD[2:]))
    for skip_bad in (False, True):
        with pytest.raises(BadRowsError, match=r"At least one row of 't\.csv' must be usable"):
            folder(path, skip_bad=skip_bad)


def test_nothing_is_written_before_all_rows_are_good(place):
    path = table(place / "t.csv", HEADER[:4], GOOD[:4], ("b", "cut.jpg", "b", "x"))
    before = sorted(place.iterdir())
    with pytest.raises(BadRowsError):
        folder(path)
    assert sorted(place.iterdir()) == before
    with pytest.warns(UserWarning, match="left out"):
        folder(path, skip_bad=True)
    assert (place / "t.split.csv").read_text().splitlines() == ["id,split", "good,train"]


def test_a_picture_is_decoded_once(place, monkeypatch):
    checked = []
    monkeypatch.setattr(MODULE, "check_picture", checked.append)
    rows = [(f"a{n}", "good.jpg", *GOOD[2:]) for n in range(5)]
    folder(table(place / "t.csv", HEADER, *rows))
    assert checked == [place / "good.jpg"]


def test_what_pillow_only_warns_of_is_no_fault(place):
    exif = Image.Exif()
    exif[0x010E] = "a description"
    picture(place / "exif.jpg", exif=exif)
    content = (place / "exif.jpg").read_bytes()
    start = content.index(b"Exif\0\0") + 14
    # The number of entries, and where they lie: beyond the end.
    (place / "exif.jpg").write_bytes(content[:start] + b"\xff" * 12 + content[start + 12 :])
    with pytest.warns(UserWarning, match="EXIF"):
        Image.open(place / "exif.jpg").close()
    path = table(place / "t.csv", HEADER, ("a", "exif.jpg", *GOOD[2:]))
    assert len(folder(path).media["image"]) == 1


def test_the_limit_of_pixels_holds_where_pillows_own_is_off(place, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    path = table(place / "t.csv", HEADER, ("a", "bomb.png", *GOOD[2:]))
    with pytest.raises(BadRowsError, match="20000 x 20000 pixels, the limit is 89478485 in all"):
        folder(path)


# --- Files that are no such table.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Received: 't.csv', which is empty"),
        (b"\n \n,,\n", "which is empty"),
        (b"\xef\xbb\xbf", "which is empty"),
        (b"id,text,label\n", "with the header line only"),
        (b"id,text\na,b\n", "names the column 'label'.*Received: 'id, text' as first line"),
        (b"id,label,split\na,b,train\n", "at least one medium"),
        (b"a,some text,dog\nb,other,cat\n", "Received: 'a, some text, dog' as first line"),
        (b"id,text,label,TEXT \n", "Received: repeated 'text', in 't.csv'"),
        (b"id,text,,label\n", "Received: one without a name"),
        (b"id,te/xt,label\na,b,c\n", "Columns name media: .*Received: 'te/xt'"),
        (b"text,label\na,b\nc,\xff\n", "Received: 't.csv' with the byte 0xff in line 3"),
        ("text,label\nnaïve,b\n".encode("latin-1"), "the byte 0xef in line 2"),
        ("text,label\na,b\n".encode("utf-16-le"), "NUL bytes from line 1 on.*Save it as UTF-8"),
        ("text,label\na,b\n".encode("utf-16")[:-1], "no UTF-16 from byte 30 on.*Save it as UTF-8"),
        (b"text,label\na,b\n\0,b\n", "NUL bytes from line 3"),
        (b"text,label\na,b\n" + b"x" * 140_000 + b",b\n", "begins in line 3: field larger than"),
        (b'text,label\na,b\n"open,b\nc,d\n', "begins in line 3: unexpected end of data"),
        (b'text,label\n"a" b,c\n', "begins in line 2: ',' expected after"),
        (b"sound,label\n,b\n,c\n", r"columns \['sound'\] are empty"),
    ],
)
def test_a_file_that_is_no_table_is_told(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        folder(tmp_path / "t.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dir.csv", r"Received: path='.*dir\.csv', a directory\."),
        ("gone.csv", "no such file"),
        ("t.doc", r"ending in \['.csv', '.tsv', '.txt'\]"),
        ("pipe.csv", "no such file"),
        ("nul\0.csv", "no such file"),
    ],
)
def test_a_path_that_is_no_table_is_told(tmp_path, name, message):
    (tmp_path / "dir.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ValueError, match=message):
        folder(tmp_path / name)


@pytest.mark.data
def test_a_small_table_of_real_pictures(tmp_path):
    rows = json.loads((data_root() / "pascal_sentences/sentences.json").read_text("utf-8"))[::25]
    for row in rows:
        target = tmp_path / row["file"]
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(data_root() / "pascal_sentences/images" / row["file"], target)
    path = table(
        tmp_path / "pascal.csv",
        ("id", "image", "text", "label"),
        *((r["file"], r["file"], " ".join(r["sentences"]), r["category"]) for r in rows),
    )
    data = folder(path)
    assert len(data.media["image"]) == 40
    assert data.num_classes == 20
    assert data.media["text"].items.tolist() == [" ".join(r["sentences"]) for r in rows]
    # Two pictures of each class: one to train on, one to test.
    assert sorted(parts_of(data).values()) == ["test"] * 20 + ["train"] * 20
