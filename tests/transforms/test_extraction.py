"""`extract_features`: right rows, nothing computed twice, and all unreadable pictures named."""

import dataclasses
import hashlib
import io
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import keras_xmr.trunks
from keras_xmr.datasets import pascal_sentences, toy
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance
from keras_xmr.transforms import PictureLoader, extract_features
from keras_xmr.transforms.extraction import UnreadablePicturesError
from keras_xmr.transforms.picture_features import _ahead

SIZE, COUNT = 4, 11
LOADER = PictureLoader(SIZE, 6)


def encoded(seed):
    pixels = np.random.default_rng(seed).integers(256, size=(9, 7, 3), dtype="uint8")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return file.getvalue()


def make_trunk(seed=0, size=SIZE, width=None):
    inputs = keras.Input((size, width or size, 3))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    kernel = keras.initializers.RandomNormal(seed=seed)
    outputs = keras.layers.Dense(3, kernel_initializer=kernel)(flat)
    return keras.Model(inputs, outputs, name="tiny_trunk")


def wanted_rows(trunk, seeds):
    """One matrix product in NumPy."""
    kernel = keras.ops.convert_to_numpy(trunk.layers[-1].kernel)
    pixels = LOADER([encoded(seed) for seed in seeds])
    return (pixels.reshape(len(pixels), -1) / 255) @ kernel


def make_data(items):
    count = len(items)
    pictures = MediumItems(
        items, np.arange(count) % 2, [f"id{row}" for row in range(count)], ["train"] * count
    )
    texts = MediumItems(["a dog"], [0], ["t"], ["train"])
    provenance = Provenance(home_page="example.org")
    return CrossModalData("mine", {"image": pictures, "text": texts}, ("a", "b"), provenance)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "pictures").mkdir()
    paths = [tmp_path / "pictures" / f"{seed}.png" for seed in range(COUNT)]
    for seed, path in enumerate(paths):
        path.write_bytes(encoded(seed))
    return paths


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def trunk(monkeypatch):
    """A trunk that notes how many pictures go through it."""
    made = make_trunk()
    made.batches = []
    predict = made.predict_on_batch

    def counting(pixels):
        made.batches.append(len(pixels))
        return predict(pixels)

    made.predict_on_batch = counting
    return made


def extract(data, trunk, cache, **arguments):
    return extract_features(
        data, trunk, loader=LOADER, cache=cache, **{"batch_size": 4, "progress": False} | arguments
    )


def rows(data):
    return data.media["image"].items


@pytest.mark.parametrize("kind", [str, lambda path: path, lambda path: path.read_bytes()])
def test_rows_are_those_of_the_trunk(files, trunk, cache, kind):
    data = make_data([kind(path) for path in files])
    found = extract(data, trunk, cache)
    assert rows(found).dtype == np.float32
    np.testing.assert_allclose(rows(found), wanted_rows(trunk, range(COUNT)), atol=1e-5)
    before, after = data.media["image"], found.media["image"]
    for column in ("ids", "labels", "split"):
        np.testing.assert_array_equal(getattr(after, column), getattr(before, column))
    assert found.media["text"] is data.media["text"]
    assert found.class_names == data.class_names


def test_batches_have_one_shape_and_the_last_is_cut(files, trunk):
    found = extract(make_data(files), trunk, None)
    assert trunk.batches == [4, 4, 4]
    assert rows(found).shape == (COUNT, 3)
    trunk.batches.clear()
    extract(make_data(files[:2]), trunk, None)
    assert trunk.batches == [2]


def test_a_second_run_computes_nothing(files, trunk, cache, capsys):
    first = extract(make_data(files), trunk, cache, progress=True)
    assert "11 computed, 0 from the cache, 0 unreadable" in capsys.readouterr().err
    trunk.batches.clear()
    second = extract(make_data(files), trunk, cache, progress=True)
    shown = capsys.readouterr().err
    assert "features of mine: 11/11" in shown
    assert "0 computed, 11 from the cache, 0 unreadable" in shown
    assert trunk.batches == []
    np.testing.assert_array_equal(rows(first), rows(second))
    assert first.provenance == second.provenance


def test_a_changed_file_is_computed_again_and_a_moved_one_is_not(files, trunk, cache):
    extract(make_data(files), trunk, cache)
    trunk.batches.clear()
    files[2].write_bytes(encoded(70))
    files[5] = files[5].rename(files[5].with_name("moved.png"))
    found = extract(make_data(files), trunk, cache)
    assert trunk.batches == [1]
    wanted = wanted_rows(trunk, [0, 1, 70, *range(3, COUNT)])
    np.testing.assert_allclose(rows(found), wanted, atol=1e-5)


def test_another_trunk_or_loader_computes_anew(files, trunk, cache):
    extract(make_data(files), trunk, cache)
    other = make_trunk(seed=1)
    found = extract(make_data(files), other, cache)
    np.testing.assert_allclose(rows(found), wanted_rows(other, range(COUNT)), atol=1e-5)
    trunk.batches.clear()
    loader = PictureLoader(SIZE, 8)
    extract_features(
        make_data(files), trunk, loader=loader, cache=cache, batch_size=COUNT, progress=False
    )
    assert trunk.batches == [COUNT]


def test_another_version_of_the_loader_computes_anew(files, trunk, cache, monkeypatch):
    extract(make_data(files), trunk, cache)
    monkeypatch.setattr(PictureLoader, "VERSION", 99)
    trunk.batches.clear()
    extract(make_data(files), trunk, cache)
    assert sum(trunk.batches) >= COUNT


def test_equal_pictures_are_computed_once(files, trunk, cache, capsys):
    copies = [files[0].read_bytes(), *files, files[0], files[3]]
    found = extract(make_data(copies), trunk, cache, batch_size=COUNT, progress=True)
    assert trunk.batches == [COUNT]
    assert "11 computed" in capsys.readouterr().err
    wanted = wanted_rows(trunk, [0, *range(COUNT), 0, 3])
    np.testing.assert_allclose(rows(found), wanted, atol=1e-5)


def test_without_a_cache_nothing_is_written(files, trunk, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_CACHE", str(tmp_path / "unused"))
    for none in (None, False):
        extract(make_data(files), trunk, none)
    assert sum(trunk.batches) == 24
    assert not (tmp_path / "unused").exists()


def test_the_usual_folder_is_the_variables(files, trunk, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_CACHE", str(tmp_path / "usual"))
    for _ in range(2):
        extract(make_data(files), trunk, True)
    assert sum(trunk.batches) == 12
    assert len(list((tmp_path / "usual").iterdir())) == 1


def test_all_unreadable_pictures_are_named_together_and_the_others_are_kept(files, trunk, cache):
    files[1].write_bytes(encoded(4)[:50])
    files[4].write_text("no picture")
    files[8].write_text("no picture")
    files[9].unlink()
    with pytest.raises(UnreadablePicturesError) as caught:
        extract(make_data(files), trunk, cache)
    message = str(caught.value)
    assert caught.value.ids == ["id1", "id4", "id8", "id9"]
    assert "Received: 4 of 'mine' are not: id1 (" in message
    for name in ("1.png", "id4 (", "4.png", "id8 (", "no picture of a known format", "id9 ("):
        assert name in message
    assert "more" not in message
    good = [0, 2, 3, 5, 6, 7, 10]
    readable = caught.value.readable.media["image"]
    assert readable.ids.tolist() == [f"id{row}" for row in good]
    np.testing.assert_allclose(readable.items, wanted_rows(trunk, good), atol=1e-5)
    trunk.batches.clear()
    for row in (1, 4, 8, 9):
        files[row].write_bytes(encoded(row))
    found = extract(make_data(files), trunk, cache)
    assert trunk.batches == [4]
    np.testing.assert_allclose(rows(found), wanted_rows(trunk, range(COUNT)), atol=1e-5)


def test_a_long_list_of_unreadable_pictures_is_cut(tmp_path, trunk):
    data = make_data([tmp_path / f"gone{row}.png" for row in range(13)])
    with pytest.raises(UnreadablePicturesError, match=r"id9 \(.*; and 3 more") as caught:
        extract(data, trunk, None)
    assert len(caught.value.ids) == 13
    assert "id10" not in str(caught.value)
    assert rows(caught.value.readable).shape == (0, 3)
    assert trunk.batches == []


def test_a_file_that_changes_meanwhile_is_kept_under_the_contents_computed(files, trunk, cache):
    class Changing(PictureLoader):
        def __call__(self, items):
            if items[0] == encoded(3):
                files[3].write_bytes(encoded(80))
            return super().__call__(items)

    loader = Changing(SIZE, 6)
    arguments = {"loader": loader, "cache": cache, "progress": False}
    found = extract_features(make_data(files), trunk, **arguments)
    np.testing.assert_allclose(rows(found), wanted_rows(trunk, range(COUNT)), atol=1e-5)
    found = extract_features(make_data(files), trunk, **arguments)
    np.testing.assert_allclose(rows(found)[3], wanted_rows(trunk, [80])[0], atol=1e-5)
    files[3].write_bytes(encoded(3))
    trunk.batches.clear()
    found = extract_features(make_data(files), trunk, **arguments)
    assert trunk.batches == []
    np.testing.assert_allclose(rows(found), wanted_rows(trunk, range(COUNT)), atol=1e-5)


def test_each_file_is_read_once(files, trunk, cache, monkeypatch):
    read, read_bytes = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or read_bytes(path))
    extract(make_data(files), trunk, cache)
    assert sorted(read) == sorted(files)


def test_equal_unreadable_pictures_are_all_named(files, trunk):
    for row in (2, 6):
        files[row].write_text("no picture")
    with pytest.raises(UnreadablePicturesError, match=r"id2 \(.*id6 \(") as caught:
        extract(make_data(files), trunk, None)
    assert caught.value.ids == ["id2", "id6"]
    assert sum(trunk.batches) == 3 * 4


def test_provenance_tells_trunk_weights_and_preprocessing(files, trunk):
    found = extract(make_data(files), trunk, None).provenance
    fingerprint = keras_xmr.trunks.trunk_fingerprint(trunk)
    assert found.home_page == "example.org"
    assert found.features.startswith(f"tiny_trunk, 3-d, sha256:{fingerprint[:16]}; ")
    assert "loader PictureLoader, version 3, size 4, resized 6" in found.features


def test_a_second_medium_is_added_to_the_provenance(files, trunk):
    data = make_data(files)
    two = CrossModalData(
        "two", {"image": data.media["image"], "sketch": data.media["image"]}, ("a", "b")
    )
    once = extract(two, trunk, None)
    twice = extract(once, trunk, None, medium="sketch")
    assert twice.provenance.features.count("tiny_trunk") == 2
    assert f"{once.provenance.features}; sketch: tiny_trunk" in twice.provenance.features
    np.testing.assert_array_equal(twice.media["sketch"].items, rows(once))


def test_the_usual_loader_fits_the_trunk(files):
    found = extract_features(make_data(files), make_trunk(size=14), cache=None, progress=False)
    assert "size 14, resized 16" in found.provenance.features
    found = extract_features(make_data(files[:1]), make_trunk(size=224), cache=None, progress=False)
    assert "size 224, resized 256" in found.provenance.features


def test_a_loader_of_another_size_is_refused(files, trunk):
    with pytest.raises(ValueError, match=r"takes pixels \(4, 4, 3\)\. Received: .* \(5, 5, 3\)"):
        extract_features(make_data(files), trunk, loader=PictureLoader(5, 5), cache=None)


def test_only_pictures_are_extracted(trunk):
    with pytest.raises(ValueError, match="Received: items of type ndarray"):
        extract(toy(), trunk, None)
    with pytest.raises(ValueError, match="Received: items of type WordCounts"):
        extract(pascal_sentences(), trunk, None, medium="text")


def test_a_model_that_is_no_trunk_is_refused(files):
    inputs = keras.Input((SIZE, SIZE, 3))
    with pytest.raises(ValueError, match=r"A trunk has one output \(n, d\)"):
        extract(make_data(files), keras.Model(inputs, keras.layers.Conv2D(2, 1)(inputs)), None)
    oblong = make_trunk(size=SIZE, width=SIZE + 1)
    for loader in (None, LOADER):
        with pytest.raises(ValueError, match=r"takes pixels \(4, 5, 3\)"):
            extract_features(make_data(files), oblong, loader=loader, cache=None)


def test_features_that_are_not_finite_are_neither_returned_nor_kept(files, trunk, cache):
    kernel, bias = trunk.get_weights()
    trunk.set_weights([kernel * np.nan, bias])
    with pytest.raises(ValueError, match="Received: nan or inf from the trunk 'tiny_trunk'"):
        extract(make_data(files), trunk, cache)
    trunk.set_weights([kernel, bias])


def test_progress_is_on_standard_error_and_can_be_silent(files, trunk, capsys):
    extract(make_data(files), trunk, None, batch_size=1, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 11
    assert all(line.startswith("features of mine: ") for line in lines)
    assert lines[-2].startswith("features of mine: 11/11")
    extract(make_data(files), trunk, None)
    assert capsys.readouterr().err == ""


def test_decoding_is_ahead_but_bounded():
    started, lock = [], threading.Lock()

    def note(item):
        with lock:
            started.append(item)
        return item

    results = _ahead(note, range(100), 6)
    assert next(results) == 0
    deadline = time.monotonic() + 10
    while len(started) < 7 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert sorted(started) == list(range(7))
    assert list(results) == list(range(1, 100))


def test_stopping_early_ends_the_threads_and_starts_no_more():
    before, started = threading.active_count(), []

    def slow(item):
        started.append(item)
        time.sleep(0.02)

    results = _ahead(slow, range(1000), 60)
    next(results)
    results.close()
    assert threading.active_count() == before
    assert len(started) < 40


def test_the_cache_serves_other_processes(files, trunk, cache):
    extract(make_data(files), trunk, cache)
    (name,) = cache.iterdir()
    script = f"""
import sqlite3
print(sqlite3.connect({str(name)!r}).execute("SELECT digest FROM features").fetchall())
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout
    for path in files:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in said


@pytest.mark.data
def test_features_of_real_photographs_are_those_of_the_pack():
    raw, packed = pascal_sentences(features=None), pascal_sentences()
    assert raw.media["image"].ids.tolist() == packed.media["image"].ids.tolist()
    few = np.arange(0, 1000, 250)
    pictures = {"image": raw.media["image"].rows(few)}
    trunk = keras_xmr.trunks.load_trunk("mobilenet_v2")
    found = extract_features(dataclasses.replace(raw, media=pictures), trunk, cache=None)
    # The pack holds 16 bits of each number.
    np.testing.assert_allclose(rows(found), packed.media["image"].items[few], atol=0.02, rtol=0.01)
