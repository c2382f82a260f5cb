"""The ModelNet10 loader on small files, and media that only some classes have."""

import gzip
import io

import numpy as np
import pytest

from keras_xmr import SemanticMatching, evaluate
from keras_xmr.datasets import (
    CrossModalData,
    DataNotFoundError,
    MediumItems,
    add_media,
    modelnet10,
    pascal_sentences,
    toy,
)


def save(path, array):
    stream = io.BytesIO()
    np.save(stream, array)
    path.write_bytes(gzip.compress(stream.getvalue(), compresslevel=1))


@pytest.fixture
def grids():
    rng = np.random.default_rng(0)
    found = {}
    for name, count in (("chair", 24), ("monitor", 12)):
        found[name] = (rng.random((count, 1, 32, 32, 32)) < 0.3).astype(np.uint8)
    found["chair"][0] = 0
    found["chair"][9] = found["chair"][4]
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch, grids):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    place = tmp_path / "modelnet10_voxels"
    place.mkdir()
    save(place / "chair.npy.gz", grids["chair"].astype(np.float64))
    save(place / "monitor.npy.gz", grids["monitor"])
    return place


@pytest.mark.usefixtures("folder")
def test_features_are_shares_of_filled_cells(grids):
    data = modelnet10(side=2)
    models = data.media["3d"]
    assert data.class_names == ("chair", "monitor")
    assert models.items.dtype == np.float32
    for row in (1, 8):
        (found,) = np.flatnonzero(models.ids == f"chair{row}")
        grid = grids["chair"][row, 0]
        expected = [
            grid[x : x + 16, y : y + 16, z : z + 16].mean()
            for x in (0, 16)
            for y in (0, 16)
            for z in (0, 16)
        ]
        np.testing.assert_allclose(models.items[found], expected, rtol=1e-6)
        assert models.labels[found] == 0
    assert modelnet10().media["3d"].items.shape == (34, 512)


@pytest.mark.usefixtures("folder")
def test_empty_and_equal_models_are_left_out():
    ids = modelnet10().media["3d"].ids.tolist()
    chairs = [f"chair{row}" for row in range(24) if row not in (0, 9)]
    assert ids == [*chairs, *(f"monitor{row}" for row in range(12))]


@pytest.mark.usefixtures("folder")
def test_parts_are_drawn_class_by_class():
    models = modelnet10().media["3d"]
    for label, held_out in ((0, 2), (1, 1)):
        split = models.split[models.labels == label].tolist()
        assert split.count("test") == split.count("validation") == held_out
    assert modelnet10(split_seed=1).split_hash() != modelnet10().split_hash()


@pytest.mark.parametrize("side", [0, 3, 64])
def test_blocks_must_divide_the_grid(side):
    with pytest.raises(ValueError, match=rf"must divide 32\. Received: side={side}"):
        modelnet10(side)


def test_a_missing_file_is_named(folder):
    (folder / "monitor.npy.gz").unlink()
    with pytest.raises(DataNotFoundError, match=r"Expected 'modelnet10_voxels/monitor.npy.gz'"):
        modelnet10()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((3, 32, 32, 32)), "array of shape"),
        (np.zeros((0, 1, 32, 32, 32)), "array of shape"),
        (np.full((1, 1, 32, 32, 32), 0.5), "model 0 is cut, or has others than 0 and 1"),
        (np.zeros((1, 1, 32, 32, 32), dtype="U1"), "array of type <U1"),
    ],
)
def test_other_arrays_are_refused(folder, array, reason):
    save(folder / "chair.npy.gz", array)
    with pytest.raises(ValueError, match=rf"of 0 and 1 in 'chair.npy.gz'\. Received: .*{reason}"):
        modelnet10()


@pytest.mark.parametrize("damage", [lambda file: file[:-3000], lambda _: b"x", lambda _: b""])
def test_damaged_files_are_refused(folder, damage):
    place = folder / "chair.npy.gz"
    place.write_bytes(damage(place.read_bytes()))
    with pytest.raises(ValueError, match=r"Expected an array .* in 'chair.npy.gz'"):
        modelnet10()


@pytest.mark.usefixtures("folder")
def test_a_medium_of_two_classes_is_added_to_twenty():
    pascal, models = pascal_sentences(), modelnet10()
    data = add_media(pascal, models, renamed={"monitor": "tvmonitor"})
    assert data.class_names == pascal.class_names
    assert data.name == "pascal_sentences+modelnet10"
    found = [data.class_names[label] for label in data.media["3d"].labels]
    assert found == ["chair"] * 22 + ["tvmonitor"] * 12
    assert data.media["image"] is pascal.media["image"]
    assert "; 3d: share of filled" in data.provenance.features
    # Only the classes that have models are evaluated against them.
    queries = {
        d.name: len(d.average_precisions)
        for d in evaluate(SemanticMatching(max_iter=50).fit(data), data).directions
    }
    assert queries["image->text"] == 100
    assert queries["image->3d"] == 10
    assert queries["3d->image"] == 3


def test_matrices_of_labels_are_widened():
    labels = np.array([[1, 0, 0], [0, 1, 0]])
    sounds = MediumItems(np.eye(2), labels, ["a", "b"], ["train", "test"])
    other = CrossModalData("sounds", {"audio": sounds}, ("class3", "class0", "bark"))
    data = add_media(toy(multi_label=True), other, renamed={"bark": "class3"})
    assert data.media["audio"].labels.tolist() == [[0, 0, 0, 1], [1, 0, 0, 0]]


@pytest.mark.parametrize(
    ("other", "renamed", "message"),
    [
        (toy(["text"]), {}, r"one data set only\. Received: \['text'\] in 'toy' and 'toy'"),
        (toy(["audio"], num_classes=5), {}, r"Received: \['class4'\] that are not\."),
        (toy(["audio"]), {"class1": "dog"}, r"Received: \['dog'\] that are not\."),
        (toy(["audio"]), {"dog": "class1"}, r"Received: \['dog'\] that are not\."),
    ],
)
def test_media_that_do_not_fit_are_refused(other, renamed, message):
    with pytest.raises(ValueError, match=message):
        add_media(toy(), other, renamed=renamed)
