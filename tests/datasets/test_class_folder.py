"""`class_folder`: one folder of pictures per class as a source domain."""

import os

import numpy as np
import pytest
from PIL import Image

from keras_xmr.datasets import BadRowsError, class_folder
from keras_xmr.datasets.base import split_by_class
from keras_xmr.datasets.locate import data_root


def fill(root, **counts):
    """`counts[name]` pictures in each class folder."""
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def parts(data):
    image = data.media["image"]
    return {
        name: tuple(
            int(((image.labels == label) & (image.split == part)).sum())
            for part in ("train", "validation", "test")
        )
        for label, name in enumerate(data.class_names)
    }


def test_folders_are_classes_and_pictures_items(tmp_path):
    data = class_folder(str(fill(tmp_path / "zoo", zebra=4, ant=8)))
    image = data.media["image"]
    assert data.name == "zoo"
    assert data.class_names == ("ant", "zebra")
    assert list(data.media) == ["image"]
    assert image.ids.tolist() == [f"ant/{n}.png" for n in range(8)] + [
        f"zebra/{n}.png" for n in range(4)
    ]
    assert image.labels.tolist() == [0] * 8 + [1] * 4
    assert image.items.tolist() == [str(tmp_path / "zoo" / name) for name in image.ids]
    assert image.files.tolist() == image.items.tolist()
    assert image.pairs is None
    assert parts(data) == {"ant": (5, 3, 0), "zebra": (1, 3, 0)}
    assert data.provenance.split == "3 per class for validation, drawn by hash, split_seed=0"


def test_the_split_is_that_of_other_source_domains(tmp_path):
    fill(tmp_path, a=12, b=9)
    for seed in (0, 5):
        image = class_folder(tmp_path, split_seed=seed, validation_per_class=4).media["image"]
        expected = split_by_class(image.ids, image.labels, {"train": 0, "validation": 4}, seed)
        assert image.split.tolist() == expected.tolist()
    assert class_folder(tmp_path).split_hash() != class_folder(tmp_path, split_seed=1).split_hash()


def test_small_classes_keep_one_picture_to_train_on(tmp_path):
    fill(tmp_path, one=1, two=2, three=3)
    expected = {"one": (1, 0, 0), "three": (1, 2, 0), "two": (1, 1, 0)}
    assert parts(class_folder(tmp_path)) == expected
    assert set(class_folder(tmp_path, validation_per_class=0).media["image"].split) == {"train"}
    message = r"counted from 0\. Received: validation_per_class=-1"
    with pytest.raises(ValueError, match=message):
        class_folder(tmp_path, validation_per_class=-1)


def test_endings_in_any_case_and_nothing_else(tmp_path):
    fill(tmp_path, c=1)
    source = Image.open(tmp_path / "c/0.png")
    endings = ("JPG", "jpeg", "Png", "webp", "BMP", "gif", "TIF", "tiff", "ppm")
    for ending in endings:
        source.save(tmp_path / f"c/same.{ending}")
    for name in ("notes.txt", "Thumbs.db", ".hidden.png", "no_ending"):
        (tmp_path / "c" / name).write_text("x")
    fill(tmp_path, **{".cache": 1, "c/deeper": 1, "c/folder.png": 1, "empty": 0})
    (tmp_path / "beside.png").write_text("x")
    data = class_folder(tmp_path)
    assert data.class_names == ("c",)
    assert data.media["image"].ids.tolist() == sorted(
        ["c/0.png", *(f"c/same.{ending}" for ending in endings)]
    )


def test_pictures_of_a_telephone_are_told_and_not_passed_over(tmp_path):
    root = fill(tmp_path, c=2)
    (root / "c/IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(BadRowsError, match=r"IMG_1.HEIC': HEIC, .* save it as JPEG"):
        class_folder(root)


def test_bad_pictures_are_collected_or_skipped(tmp_path):
    root = fill(tmp_path / "set", c=5)
    outside = fill(tmp_path / "outside", d=1) / "d"
    whole = (root / "c/0.png").read_bytes()
    (root / "c/cut.png").write_bytes(whole[:300])
    (root / "c/text.jpg").write_text("x")
    (root / "c/link.png").symlink_to(outside / "0.png")
    (root / "folder_link").symlink_to(outside)
    os.mkfifo(root / "c/pipe.png")
    os.close(os.open(os.fsencode(root / "c") + b"/\xff.png", os.O_CREAT))
    with pytest.raises(BadRowsError, match="Received: 6 of 11 rows that are not") as caught:
        class_folder(root)
    reasons = {row.id: row.reason for row in caught.value.rows}
    assert "picture cannot be decoded" in reasons["c/cut.png"]
    assert "no picture of a known format" in reasons["c/text.jpg"]
    assert "leads out of the folder" in reasons["c/link.png"]
    assert "leads out of the folder" in reasons["folder_link/0.png"]
    assert "missing file" in reasons["c/pipe.png"]
    assert "characters that are no text" in reasons["c/\udcff.png"]
    assert "\n  id 'c/cut.png': picture" in str(caught.value)
    with pytest.warns(UserWarning, match="6 of 11 rows of 'set' are left out"):
        data = class_folder(root, skip_bad=True)
    assert data.media["image"].ids.tolist() == [f"c/{n}.png" for n in range(5)]
    assert data.class_names == ("c",)


def test_if_no_picture_is_left_that_is_told(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c/a.jpg").write_text("x")
    with pytest.raises(BadRowsError, match="At least one row"):
        class_folder(tmp_path, skip_bad=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty", r"Expected pictures as <class>/<name>, .*Received: '.*empty', which holds none"),
        ("file.png", r"one folder per class\. Received: '.*file\.png', a file"),
        ("gone", "nothing there"),
    ],
)
def test_a_path_without_pictures_is_told(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.png").write_text("x")
    with pytest.raises(ValueError, match=message):
        class_folder(tmp_path / name)


@pytest.mark.data
def test_a_few_real_classes(tmp_path):
    for name in ("ant", "wrench"):
        (tmp_path / name).mkdir()
        for path in sorted((data_root() / "caltech101" / name).iterdir()):
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    data = class_folder(tmp_path)
    assert parts(data) == {"ant": (22, 3, 0), "wrench": (22, 3, 0)}
