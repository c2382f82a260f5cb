"""Features as authors release them: camel case, structures, several files, HDF5 of h5py."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from keras_xmr.datasets import feature_file, load
from keras_xmr.datasets.array_names import part_and_base

RANDOM = np.random.default_rng(0)
TRAIN, TEST = slice(0, 20), slice(20, 30)
LABELS = np.tile([1, 2, 3], 10)
IMAGE, TEXT = RANDOM.normal(size=(30, 5)), RANDOM.normal(size=(30, 4))


def check(data, parts=True, media=("image", "text")):
    """Whether these are the data above, and the parts told, or drawn."""
    for name, rows in zip(media, (IMAGE, TEXT), strict=True):
        medium = data.media[name]
        np.testing.assert_allclose(medium.items, rows, rtol=1e-6)
        assert medium.labels.tolist() == (LABELS - 1).tolist()
        if parts:
            assert medium.split.tolist() == ["train"] * 20 + ["test"] * 10
    assert len(data.media) == 2


def in_parts(form, image, text, labels):
    """The arrays of both parts, under names such as `trainImages`."""
    kinds = {image: IMAGE, text: TEXT, labels: LABELS}
    return {
        form.format(kind=kind, part=part): array[rows]
        for kind, array in kinds.items()
        for part, rows in (("train", TRAIN), ("test", TEST))
    }


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("{part}{kind}", ("Images", "Texts", "Labels")),
        ("{part}{kind}", ("Img", "Txt", "Gnd")),
        ("{part}_{kind}", ("img", "txt", "lab")),
        ("{part}_{kind}", ("Images", "Texts", "Label")),
    ],
)
@pytest.mark.parametrize("ending", [".mat", ".npz"])
def test_names_of_many_authors(form, names, ending, tmp_path):
    file = tmp_path / f"release{ending}"
    (savemat if ending == ".mat" else lambda file, a: np.savez(file, **a))(
        file, in_parts(form, *names)
    )
    check(load(file))


@pytest.mark.parametrize("names", [("I", "T", "L"), ("image", "text", "label")])
def test_the_part_may_be_the_second_word(names, tmp_path):
    arrays = {
        f"{kind}{part}": array[rows]
        for kind, array in zip(names, (IMAGE, TEXT, LABELS), strict=True)
        for part, rows in (("Train", TRAIN), ("Test", TEST))
    }
    savemat(tmp_path / "a.mat", arrays)
    check(load(tmp_path / "a.mat"))


@pytest.mark.parametrize(
    "names",
    [("I", "T", "L"), ("images", "texts", "gnd"), ("IAll", "TAll", "LAll"), ("img", "txt", "lab")],
)
def test_without_parts(names, tmp_path):
    savemat(tmp_path / "a.mat", dict(zip(names, (IMAGE, TEXT, LABELS), strict=True)))
    check(load(tmp_path / "a.mat"), parts=False)


def test_names_that_say_nothing_stay():
    for name in ("x", "i", "imgFea", "audio", "text_de", "Contest", "attest", "l_hand"):
        assert part_and_base(name) == ("", name)
    for name in ("labels_image", "label_img", "img_lab", "imgLabels", "labelsImage", "GND_img"):
        assert part_and_base(name) == ("", "labels_image")
    for name in ("XTrain", "x_train", "trainX", "train_x", "X_tr"):
        assert part_and_base(name)[0] == "train"
        assert part_and_base(name)[1].lower() == "x"
    assert part_and_base("classNames") == ("", "class_names")
    assert part_and_base("ids_txt") == ("", "ids_text")


def test_the_same_array_twice_is_told(tmp_path):
    np.savez(tmp_path / "a.npz", I=IMAGE, images=IMAGE, labels=LABELS)
    with pytest.raises(ValueError, match=r"where 'images' is a second one. Leave one of them out"):
        load(tmp_path / "a.npz")


WHOLE = {"image": IMAGE, "text": TEXT, "labels": LABELS}
PARTS = {
    part: {name: array[rows] for name, array in WHOLE.items()}
    for part, rows in (("train", TRAIN), ("test", TEST))
}


def save_7_3(file, arrays):
    """As MATLAB 7.3 does it: classes as attributes, axes in the opposite order."""
    for name, content in arrays.items():
        if isinstance(content, dict):
            save_7_3(file.create_group(name), content)
            file[name].attrs["MATLAB_class"] = np.bytes_("struct")
        else:
            file[name] = np.atleast_2d(content).T
            file[name].attrs["MATLAB_class"] = np.bytes_("double")


@pytest.mark.parametrize("version", ["5", "7", "7.3"])
@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ({"data": WHOLE}, False),
        (PARTS, True),
        ({"wiki": PARTS}, True),
        ({"trainSet": PARTS["train"], "testSet": PARTS["test"]}, True),
    ],
)
def test_fields_of_structures_are_arrays(arrays, parts, version, tmp_path):
    file = tmp_path / "a.mat"
    if version == "7.3":
        with h5py.File(file, "w", userblock_size=512) as opened:
            save_7_3(opened, arrays)
    else:
        savemat(file, arrays, do_compression=version == "7")
    check(load(file), parts)


def test_two_structures_with_the_same_fields_are_told(tmp_path):
    savemat(tmp_path / "a.mat", {"one": WHOLE, "two": WHOLE})
    with pytest.raises(ValueError, match=r"'image' twice in 'a.mat'. Rename or delete one"):
        load(tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        ({name: {name: array} for name, array in WHOLE.items()}, False),
        (PARTS, True),
        ({f"wiki-{part}Set": arrays for part, arrays in PARTS.items()}, True),
        # Media in files of their own, parts in the names of the arrays.
        ({"I": {"I_tr": IMAGE[TRAIN], "I_te": IMAGE[TEST]},
          "T": {"T_tr": TEXT[TRAIN], "T_te": TEXT[TEST]},
          "L": {"L_tr": LABELS[TRAIN], "L_te": LABELS[TEST]}}, True),
        ({"train": {**PARTS["train"], "class_names": np.array(["a", "b", "c"], object)},
          "test": {**PARTS["test"], "class_names": np.array(["a", "b", "c"], object)}}, True),
    ],
)  # fmt: skip
def test_files_of_a_folder_are_joined(files, parts, tmp_path, monkeypatch):
    place = tmp_path / "release"
    place.mkdir()
    for name, arrays in files.items():
        savemat(place / f"{name}.mat", arrays)
    (place / "README.txt").write_text("How to cite us")
    (place / "._train.mat").write_text("what a Mac leaves behind")
    check(load(place), parts)
    assert load(place).name == "release"
    monkeypatch.chdir(place)
    check(load("."), parts)
    # Parts that are drawn are kept beside the folder, as beside a file.
    assert (tmp_path / "release.split.csv").exists() != parts


def test_a_name_in_two_files_is_told(tmp_path):
    for name in ("one", "two"):
        np.savez(tmp_path / f"{name}.npz", **WHOLE)
    with pytest.raises(ValueError, match=r"Received: 'image' twice in .*Rename or delete one"):
        load(tmp_path)


def test_labels_of_each_medium_in_files_of_its_own(tmp_path):
    for part, rows in (("train", TRAIN), ("test", TEST)):
        for name, array in (("img", IMAGE), ("txt", TEXT)):
            savemat(tmp_path / f"{part}_{name}.mat", {f"{part}_{name}": array[rows]})
            labels = {f"{part}_{name}_lab": LABELS[rows]}
            savemat(tmp_path / f"{part}_{name}_lab.mat", labels)
    check(load(tmp_path))


@pytest.mark.parametrize("ending", [".h5", ".hdf5", ".mat"])
@pytest.mark.parametrize("kind", ["strings", "fixed"])
def test_hdf5_of_h5py(ending, kind, tmp_path):
    texts = [f"ein Käfer {label}" for label in LABELS]
    with h5py.File(tmp_path / f"a{ending}", "w") as file:
        file.create_dataset("image", data=IMAGE, compression="gzip")
        file["text"] = texts if kind == "strings" else np.array([t.encode() for t in texts])
        file["labels"] = LABELS
    data = feature_file(tmp_path / f"a{ending}")
    assert data.media["text"].items.tolist() == texts
    np.testing.assert_allclose(data.media["image"].items, IMAGE, rtol=1e-6)


def test_weights_of_a_network_are_no_features(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("model_weights")["kernel"] = np.eye(2)
    with pytest.raises(ValueError, match="model_weights is a group, not an array"):
        load(tmp_path / "a.h5")


def test_a_folder_of_pictures_stays_one(tmp_path):
    (tmp_path / "dog").mkdir()
    np.savez(tmp_path / "a.npz", **WHOLE)
    with pytest.raises(ValueError, match="Expected pictures as <class>/<name>"):
        load(tmp_path)


def test_what_is_no_medium_is_told(tmp_path):
    savemat(tmp_path / "a.mat", {**WHOLE, "note": "written by me"})
    with pytest.raises(ValueError, match="If 'note' is no medium, leave it out of the file"):
        load(tmp_path / "a.mat")
