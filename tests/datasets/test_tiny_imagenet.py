"""`tiny_imagenet`: pictures from an archive, none of them unpacked, and archives that are not."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from keras_xmr.datasets import DataNotFoundError, tiny_imagenet
from keras_xmr.datasets.base import split_by_class
from keras_xmr.transforms import load_picture

CLASSES = "n00000001\tgoldfish, Carassius auratus\nn00000002\tépée\nn00000009\tnot here\n"


def jpeg(seed):
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, format="JPEG")
    return stream.getvalue()


def member(name, content=b"x", **changes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, content


PICTURES = {
    f"n0000000{label}/n0000000{label}_{row}.JPEG": jpeg(10 * label + row)
    for label in (2, 1)
    for row in range(8)
}
GOOD = [member(name, content) for name, content in PICTURES.items()]


def write(place, members, mode="w"):
    with tarfile.open(place / "train_50_per_class.tar", mode) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    place = tmp_path / "tiny_imagenet"
    place.mkdir()
    (place / "classes.tsv").write_text(CLASSES, encoding="utf-8")
    write(place, GOOD)
    return place


def test_pictures_are_bytes_in_memory(place):
    data = tiny_imagenet()
    image = data.media["image"]
    assert data.class_names == ("goldfish", "épée")
    assert [f"{name}.JPEG" for name in image.ids] == list(PICTURES)
    assert image.items.tolist() == list(PICTURES.values())
    assert image.labels.tolist() == [1] * 8 + [0] * 8
    assert load_picture(image.items[0]).shape == (224, 224, 3)
    assert image.files is None
    assert sorted(path.name for path in place.iterdir()) == [
        "classes.tsv",
        "train_50_per_class.tar",
    ]


@pytest.mark.usefixtures("place")
def test_five_pictures_of_each_class_are_for_validation():
    for seed in (0, 3):
        data = tiny_imagenet(split_seed=seed)
        image = data.media["image"]
        expected = split_by_class(image.ids, image.labels, {"train": 0, "validation": 5}, seed)
        assert image.split.tolist() == expected.tolist()
        assert np.bincount(data.part("validation").media["image"].labels).tolist() == [5, 5]
        assert data.provenance.split.endswith(f"split_seed={seed}")


def test_folders_in_the_archive_are_passed_over(place):
    write(place, [member("n00000001", b"", type=tarfile.DIRTYPE), *GOOD])
    assert len(tiny_imagenet().media["image"]) == 16


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (member("../n00000001_1.JPEG"), "is no picture of a known class"),
        (member("n00000001/../../n00000001_1.JPEG"), "is no picture"),
        (member("/n00000001/n00000001_1.JPEG"), "is no picture"),
        (member("n00000007/n00000007_1.JPEG"), "is no picture of a known class"),
        (member("README"), "member 'README' is no picture"),
        *(
            (member("n00000001/n00000001_99.JPEG", b"", type=kind, linkname="x"), "is no picture")
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
        ),
        (member("n00000001/n00000001_99.JPEG", bytes(2**20 + 1)), "of 1048577 bytes, the limit"),
        (member("n00000001/n00000001_99.JPEG", b""), "of 0 bytes, the limit"),
        (GOOD[0], "is incomplete or there twice"),
    ],
)
def test_a_member_that_is_no_picture_is_refused(place, bad, message):
    write(place, [*GOOD, bad])
    before = sorted(place.parent.parent.rglob("*"))
    with pytest.raises(ValueError, match=f"Expected an uncompressed archive.*{message}"):
        tiny_imagenet()
    assert sorted(place.parent.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: b"", "."),
        (lambda raw: b"no archive" * 100, "."),
        (lambda raw: raw[:3000], "."),
        (lambda raw: raw[: raw.index(b"n00000001/")], "damaged or cut at byte"),
        (lambda raw: raw.replace(b"n00000001/", b"n\xff0000001/", 1), "damaged or cut at byte"),
        (lambda raw: bytes(10240), "Expected pictures in .*Received: none"),
    ],
)
def test_a_damaged_archive_is_told(place, change, message):
    archive = place / "train_50_per_class.tar"
    archive.write_bytes(change(archive.read_bytes()))
    with pytest.raises(ValueError, match=message):
        tiny_imagenet()


def test_a_size_that_leads_backwards_does_not_loop(place):
    archive = place / "train_50_per_class.tar"
    raw = bytearray(archive.read_bytes())
    # The size of the second member, below zero in base 256, and the header's sum put right.
    start = raw.index(b"n00000002/n00000002_1.JPEG")
    raw[start + 124 : start + 136] = b"\xff" * 10 + (-2048 % 2**16).to_bytes(2, "big")
    raw[start + 148 : start + 156] = b" " * 8
    total = sum(raw[start : start + 512])
    raw[start + 148 : start + 156] = b"%06o\0 " % total
    archive.write_bytes(raw)
    with pytest.raises(ValueError, match="Expected an uncompressed archive"):
        tiny_imagenet()


def test_a_compressed_archive_is_refused(place):
    write(place, GOOD, mode="w:gz")
    with pytest.raises(ValueError, match="Expected an uncompressed archive"):
        tiny_imagenet()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"n00000001 goldfish\n", r"a WordNet number, a tab and names\. Received: 'n00000001 gold"),
        (b"\xff\n", "classes.tsv must be text in UTF-8"),
        (b"", "is no picture of a known class"),
    ],
)
def test_damaged_classes_are_told(place, content, message):
    (place / "classes.tsv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        tiny_imagenet()


@pytest.mark.parametrize("name", ["classes.tsv", "train_50_per_class.tar"])
def test_a_missing_file_is_named(place, name):
    (place / name).unlink()
    with pytest.raises(DataNotFoundError, match=f"Expected 'tiny_imagenet/{name}'"):
        tiny_imagenet()


@pytest.mark.data
def test_the_real_archive():
    data = tiny_imagenet()
    image = data.media["image"]
    assert np.bincount(image.labels).tolist() == [50] * 200
    assert len(data.part("train").media["image"]) == 9000
    assert len(set(data.class_names)) == 200
    sizes = {Image.open(io.BytesIO(item)).size for item in image.items[::500]}
    assert sizes == {(64, 64)}
