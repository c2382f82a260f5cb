"""Files of features as authors release them: parts in the names, features in columns, texts."""

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from keras_xmr import evaluate, train
from keras_xmr.datasets import TurnedArraysWarning, feature_file

pytestmark = pytest.mark.once

RANDOM = np.random.default_rng(0)
LABELS = {"train": np.repeat([1, 2, 3], 10), "test": np.repeat([1, 2, 3], 4)}
IMAGES = {part: RANDOM.normal(size=(len(own), 5)) + own[:, None] for part, own in LABELS.items()}
TEXTS = {part: np.eye(4)[own] + 0.1 for part, own in LABELS.items()}
SHORT = {"train": "tr", "test": "te"}


def named(form, **kinds):
    """Arrays under names such as `train_image` or `I_tr`."""
    return {
        form.format(kind=kind, part=part, short=SHORT[part]): array
        for kind, parts in kinds.items()
        for part, array in parts.items()
    }


def write(place, arrays, ending):
    path = place / f"release{ending}"
    if ending == ".npz":
        np.savez(path, **arrays)
    else:
        savemat(path, arrays)
    return path


@pytest.mark.parametrize("ending", [".npz", ".mat"])
@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("{part}_{kind}", ("image", "text", "labels")),
        ("{kind}_{short}", ("I", "T", "L")),
        ("{kind}_{part}", ("img", "txt", "label")),
        ("{kind}_{short}", ("image", "text", "gnd")),
    ],
)
def test_parts_in_the_names_of_arrays_are_splits(tmp_path, form, names, ending):
    arrays = named(form, **dict(zip(names, (IMAGES, TEXTS, LABELS), strict=True)))
    data = feature_file(write(tmp_path, arrays, ending))
    assert set(data.media) == {"image", "text"}
    for part, rows in IMAGES.items():
        own = data.part(part).medium("image")
        np.testing.assert_allclose(own.items, rows, rtol=1e-6)
        np.testing.assert_array_equal(own.labels, LABELS[part] - 1)
    assert evaluate(train(data, "cca", progress=False), data).map > 0.3


def test_media_may_have_labels_of_their_own(tmp_path):
    fewer = {part: own[: len(own) // 2] for part, own in LABELS.items()}
    texts = {part: TEXTS[part][: len(own)] for part, own in fewer.items()}
    kinds = {"image": IMAGES, "text": texts, "labels_image": LABELS, "labels_text": fewer}
    data = feature_file(write(tmp_path, named("{part}_{kind}", **kinds), ".npz"))
    assert len(data.part("test").medium("text")) == 6
    assert len(data.part("test").medium("image")) == 12


def test_parts_must_be_those_of_all_arrays(tmp_path):
    arrays = named("{part}_{kind}", image=IMAGES, text=TEXTS)
    arrays["labels"] = np.concatenate(list(LABELS.values()))
    with pytest.raises(ValueError, match=r"'image' has \['test', 'train'\] and 'labels' has none"):
        feature_file(write(tmp_path, arrays, ".npz"))
    arrays = named("{part}_{kind}", image=IMAGES, labels=LABELS, text={"train": TEXTS["train"]})
    with pytest.raises(
        ValueError, match=r"'image' has \['test', 'train'\] and 'text' has \['train'\]"
    ):
        feature_file(write(tmp_path, arrays, ".npz"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"I": {"train": np.ones((30, 3)), "test": np.ones((12, 4))}}, r"'image' of shapes \{"),
        # As many rows as labels, but in other parts.
        ({"I": {"train": IMAGES["test"], "test": IMAGES["train"]}}, r"'test': \(30, 5\).* of \{"),
        ({"ids": {"train": np.arange(12), "test": np.arange(30)}}, "'ids' of shapes"),
        ({"image": IMAGES}, "where 'image_tr' is a second one"),
        ({"label": LABELS}, "where 'label_tr' is a second one"),
    ],
)
def test_parts_must_fit_each_other(tmp_path, changes, message):
    kinds = {"I": IMAGES, "T": TEXTS, "L": LABELS} | changes
    with pytest.raises(ValueError, match=message):
        feature_file(write(tmp_path, named("{kind}_{short}", **kinds), ".npz"))


@pytest.mark.parametrize("parts", [False, True])
def test_features_in_columns_are_turned_and_told(tmp_path, parts):
    if parts:
        turned = {part: rows.T for part, rows in IMAGES.items()}
        arrays = named("{kind}_{short}", I=turned, T=TEXTS, L=LABELS)
        told = r"as the labels tell: 'image' \(5, 30\), 'image' \(5, 12\)"
    else:
        arrays = {"image": IMAGES["train"].T, "text": TEXTS["train"], "labels": LABELS["train"]}
        arrays["split"] = np.tile(["train", "test"], 15)
        told = r"for the items in 'release.mat', as the labels tell: 'image' \(5, 30\)"
    with pytest.warns(TurnedArraysWarning, match=told):
        data = feature_file(write(tmp_path, arrays, ".mat"))
    rows = data.part("train").medium("image").items
    wanted = IMAGES["train"] if parts else IMAGES["train"][::2]
    np.testing.assert_allclose(rows, wanted, rtol=1e-6)


def test_as_many_features_as_items_are_not_turned(tmp_path):
    square = RANDOM.normal(size=(6, 6)).astype(np.float32)
    arrays = {"image": square, "labels": [0, 0, 0, 1, 1, 1], "split": ["train", "test"] * 3}
    found = feature_file(write(tmp_path, arrays, ".mat")).medium("image").items
    np.testing.assert_array_equal(found, square)


def test_what_fits_neither_way_is_told(tmp_path):
    arrays = {"image": IMAGES["train"], "labels": LABELS["test"]}
    with pytest.raises(ValueError, match="'labels' must have one entry for each of the 30 rows"):
        feature_file(write(tmp_path, arrays, ".npz"))


@pytest.mark.parametrize("ending", [".npz", ".mat"])
def test_arrays_of_strings_are_texts(tmp_path, ending):
    texts = [f"thing {label}, 一只狗" for label in LABELS["train"]]
    column = np.array(texts) if ending == ".npz" else np.array(texts, dtype=object)
    arrays = {"image": IMAGES["train"], "caption": column, "labels": LABELS["train"]}
    data = feature_file(write(tmp_path, arrays, ending))
    assert data.medium("caption").items.tolist() == texts
    model = train(data, "semantic_matching", progress=False)
    assert model.encode("thing 1", "caption").shape[0] == 1


@pytest.mark.parametrize(
    ("medium", "texts", "message"),
    [
        ("text", ["a", " ", "b", ""], r"'text' with empty ones in rows \[1, 3\]"),
        ("photo", ["a.jpg", "b.jpg", "c.png", "d.png"], "named in the rows of a table.*'a.jpg'"),
        ("image", ["one", "two", "three", "four"], "named in the rows of a table.*'one'"),
    ],
)
def test_strings_that_are_no_texts_are_told(tmp_path, medium, texts, message):
    arrays = {medium: np.array(texts), "labels": [0, 1, 0, 1]}
    with pytest.raises(ValueError, match=message):
        feature_file(write(tmp_path, arrays, ".npz"))


@pytest.mark.parametrize("texts", [[["a", "b", "c"]], [["a"], ["b"], ["c"]], [b"a", b"b", b"c"]])
def test_texts_may_be_a_row_a_column_or_bytes(tmp_path, texts):
    arrays = {"text": np.array(texts), "labels": [0, 1, 0], "split": ["train", "train", "test"]}
    data = feature_file(write(tmp_path, arrays, ".npz"))
    assert data.medium("text").items.tolist() == ["a", "b", "c"]


def test_sparse_features_and_labels(tmp_path):
    arrays = {
        "image": csc_array(IMAGES["train"] * (IMAGES["train"] > 1)),
        "labels": csc_array(np.eye(3)[LABELS["train"] - 1]),
    }
    data = feature_file(write(tmp_path, arrays, ".mat"))
    wanted = arrays["image"].toarray()
    np.testing.assert_allclose(data.medium("image").items, wanted, rtol=1e-6)
    np.testing.assert_array_equal(data.medium("image").labels.argmax(axis=1), LABELS["train"] - 1)
