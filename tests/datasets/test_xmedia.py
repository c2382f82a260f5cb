"""The XMedia loader, on tiny files in the layout of the authors' file of features."""

import numpy as np
import pytest
from scipy.io import savemat

from keras_xmr import evaluate
from keras_xmr.datasets import DataNotFoundError, xmedia
from keras_xmr.datasets.xmedia import CLASS_NAMES

# Medium: name of the rows, of the classes, of the released classes, training and held-out rows.
LAYOUT = {
    "image": ("I_{}_CNN", "Img", "Img", 400, 60),
    "text": ("T_{}_BOW", "Txt", "Txt", 400, 60),
    "audio": ("A_{}", "Aud", "Aud", 80, 40),
    "video": ("V_{}_CNN", "Vid", "Vid", 200, 41),
    "3d": ("d3_{}", "3d", "TD", 40, 20),
}


@pytest.fixture
def arrays():
    """Rows that tell their medium, part, row and class."""
    found = {}
    for number, (rows, classes, _, train, held_out) in enumerate(LAYOUT.values()):
        for part, count in (("tr", train), ("te", held_out)):
            labels = 1 + np.random.default_rng(number).permutation(count) % 20
            row = np.arange(count, dtype=float)
            kinds = [np.full(count, number), np.full(count, part == "te"), row, labels]
            found[rows.format(part)] = np.stack([*kinds, *[row] * number], axis=1)
            found[f"{part}{classes}Cat"] = labels.astype(np.uint8)[:, None]
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch, arrays):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    place = tmp_path / "xmedia"
    place.mkdir()
    # The authors' file holds other features as well.
    savemat(place / "XMediaFeatures.mat", {**arrays, "I_tr": np.eye(3), "note": {"a": 1}})
    return place


@pytest.fixture
def order():
    return 1 + np.random.default_rng(9).permutation(LAYOUT["video"][4])


@pytest.fixture
def released(arrays, order):
    labels = {
        f"{short}Cat": arrays[f"te{classes}Cat"].astype(float) - 1
        for _, classes, short, *_ in LAYOUT.values()
    }
    labels["VidCat"] = labels["VidCat"][order - 1]
    return {**labels, "vidIndex": order.astype(float)[:, None]}


@pytest.mark.usefixtures("folder")
def test_media_have_their_own_rows_labels_and_lengths():
    data = xmedia()
    assert list(data.media) == list(LAYOUT)
    for number, (name, (*_, train, held_out)) in enumerate(LAYOUT.items()):
        medium = data.media[name]
        assert medium.items.shape == (train + held_out, 4 + number)
        assert medium.items.dtype == np.float32
        assert set(medium.items[:, 0]) == {number}
        np.testing.assert_array_equal(medium.items[:, 3] - 1, medium.labels)
        assert medium.items[:, 2].tolist() == [*range(train), *range(held_out)]
        assert medium.pairs is None
        assert medium.ids[[0, train]].tolist() == [f"{name}_tr1", f"{name}_te1"]
    assert data.class_names == CLASS_NAMES
    assert len(set(CLASS_NAMES)) == 20


@pytest.mark.usefixtures("folder")
def test_the_papers_parts_are_the_halves_of_the_held_out_rows_test_first():
    for name, medium in xmedia().media.items():
        *_, train, held_out = LAYOUT[name]
        half = held_out // 2
        parts = ["train"] * train + ["test"] * half + ["validation"] * (held_out - half)
        assert medium.split.tolist() == parts


@pytest.mark.usefixtures("folder")
def test_the_official_parts_keep_all_held_out_rows_for_test():
    data = xmedia("official")
    for name, medium in data.media.items():
        *_, train, held_out = LAYOUT[name]
        assert medium.split[train:].tolist() == ["test"] * held_out
        drawn = medium.labels[:train][medium.split[:train] == "validation"]
        # A tenth of each class, rounded down.
        assert np.bincount(drawn, minlength=20).tolist() == [train // 20 // 10] * 20
    assert data.split_hash() != xmedia().split_hash()


def test_released_labels_bring_the_order_of_the_videos(folder, released, order):
    without = xmedia().media
    savemat(folder / "Label.mat", released)
    data = xmedia()
    train = LAYOUT["video"][3]
    video = data.media["video"]
    assert video.items[train:, 2].tolist() == (order - 1).tolist()
    assert video.ids[train:].tolist() == [f"video_te{number}" for number in order]
    np.testing.assert_array_equal(video.items[:, 3] - 1, video.labels)
    assert video.split.tolist() == without["video"].split.tolist()
    for name in set(LAYOUT) - {"video"}:
        np.testing.assert_array_equal(data.media[name].items, without[name].items)
    assert "Label.mat" in data.provenance.split


@pytest.mark.parametrize("key", ["ImgCat", "VidCat", "TDCat", "vidIndex"])
def test_labels_of_other_rows_are_refused(folder, released, key):
    released[key] = np.roll(released[key], 1)
    if key == "vidIndex":
        released[key][0] = released[key][1]
    savemat(folder / "Label.mat", released)
    message = rf"Label.mat must tell the classes .*Received: others in \['{key}'\]"
    with pytest.raises(ValueError, match=message):
        xmedia()


@pytest.mark.usefixtures("folder")
def test_all_twenty_directions_are_evaluated():
    class ByClass:
        """Encodes the class itself."""

        media = tuple(LAYOUT)

        def encode(self, data, media):
            return np.eye(20)[data.media[media].labels]

    report = evaluate(ByClass(), xmedia())
    assert len(report.directions) == 20
    assert report.map == 1.0
    queries = {d.name: len(d.average_precisions) for d in report.directions}
    # The only class-balanced gallery is that of all; others lack some classes of the queries.
    assert queries["image->text"] <= 30
    assert queries["3d->image"] <= 10


@pytest.mark.usefixtures("no_data")
def test_absent_data_are_told():
    message = r"Expected 'xmedia/XMediaFeatures.mat' .* Get the data from www.icst.pku.edu.cn"
    with pytest.raises(DataNotFoundError, match=message):
        xmedia()


def test_missing_arrays_are_named(folder, arrays):
    del arrays["te3dCat"], arrays["A_tr"]
    savemat(folder / "XMediaFeatures.mat", arrays)
    message = r"Expected the arrays .* Received: a file without \['A_tr', 'te3dCat'\]"
    with pytest.raises(ValueError, match=message):
        xmedia()


def test_classes_that_do_not_fit_are_refused(folder, arrays):
    savemat(folder / "XMediaFeatures.mat", {**arrays, "trAudCat": arrays["trAudCat"] - 1.0})
    with pytest.raises(ValueError, match=r"Labels of medium 'audio' must fit the 20 class names"):
        xmedia()
    savemat(folder / "XMediaFeatures.mat", {**arrays, "trAudCat": arrays["trAudCat"][1:]})
    with pytest.raises(ValueError, match=r"must have one row per item \(120\)"):
        xmedia()
