"""The digits loader, on tiny files in the layout of the real ones, and the names of the digits."""

import numpy as np
import pytest

from keras_xmr.datasets import DataNotFoundError, digits
from keras_xmr.datasets.digit_names import NAMES, PHRASES

TRAIN, TEST = 200, 50


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    place = tmp_path / "digits"
    (place / "audio").mkdir(parents=True)
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        arrays[f"{part}_images"] = rng.integers(256, size=(count, 4, 4)).astype(np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count) % 10).astype(np.uint8)
    np.savez(place / "images.npz", **arrays)
    for digit in range(10):
        for speaker in ("ann", "bob"):
            for number in range(25):
                (place / f"audio/{digit}_{speaker}_{number}.wav").touch()
    (place / "audio/README.txt").touch()
    return place


@pytest.mark.usefixtures("folder")
def test_media_have_the_official_test_parts_and_no_pairs():
    data = digits()
    assert list(data.media) == ["image", "audio", "text"]
    assert all(medium.pairs is None for medium in data.media.values())
    image, audio, _ = data.media.values()
    assert (image.split == "test").tolist() == [False] * TRAIN + [True] * TEST
    assert image.items.shape == (TRAIN + TEST, 4, 4)
    assert image.labels[[3, TRAIN + 4]].tolist() == [3, 4]
    for path, label, part in zip(audio.items, audio.labels, audio.split, strict=True):
        digit, _, number = path.split("/")[-1].removesuffix(".wav").split("_")
        assert int(digit) == label
        assert (part == "test") == (int(number) < 5)


@pytest.mark.usefixtures("folder")
def test_a_tenth_of_what_is_not_for_test_is_for_validation_class_by_class():
    data = digits()
    for medium in data.media.values():
        for label in range(10):
            split = medium.split[medium.labels == label].tolist()
            rest = len(split) - split.count("test")
            assert split.count("validation") == rest // 10
    other = digits(split_seed=1)
    assert other.split_hash() != data.split_hash()
    for name, medium in data.media.items():
        found = other.media[name]
        assert (found.split == "test").tolist() == (medium.split == "test").tolist()
        assert found.split.tolist() != medium.split.tolist()


@pytest.mark.usefixtures("folder")
def test_texts_are_names_alone_and_in_phrases():
    text = digits().media["text"]
    label_of = dict(zip(text.ids.tolist(), text.labels.tolist(), strict=True))
    assert label_of["three=3"] == label_of["number three=3"] == label_of["drei=3"] == 3
    assert label_of["第三页=3"] == 3
    # Italian for six, and Cantonese for four.
    assert {"sei=6", "sei=4"} <= label_of.keys()
    assert len(set(text.ids.tolist())) == len(text)
    counts = np.bincount(text.labels[text.split == "test"], minlength=10)
    assert counts.tolist() == (np.bincount(text.labels) // 5).tolist()


def test_every_language_has_ten_different_names():
    for language, names in NAMES.items():
        assert len(set(names.casefold().split())) == 10, language
    assert len(NAMES) > 100
    assert PHRASES.keys() <= NAMES.keys()
    assert all(phrase.count("{}") == 1 for phrases in PHRASES.values() for phrase in phrases)


@pytest.mark.parametrize("name", ["images.npz", "audio"])
def test_what_is_missing_is_named(folder, name):
    (folder / name).rename(folder / "other")
    with pytest.raises(DataNotFoundError, match=f"Expected 'digits/{name}'"):
        digits()


def test_a_folder_without_recordings_is_told(folder):
    for path in (folder / "audio").glob("*.wav"):
        path.unlink()
    with pytest.raises(DataNotFoundError, match=r"Expected recordings <digit>_<speaker>_"):
        digits()


def test_other_arrays_are_refused(folder):
    arrays = dict(np.load(folder / "images.npz"))
    np.savez(folder / "images.npz", **{**arrays, "test_images": arrays["test_images"] / 255})
    with pytest.raises(ValueError, match=r"Expected pictures .*uint8, .*type float64"):
        digits()
    del arrays["test_labels"]
    np.savez(folder / "images.npz", **arrays)
    with pytest.raises(ValueError, match=r"Received: a file without \['test_labels'\]"):
        digits()
