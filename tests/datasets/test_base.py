"""`MediumItems` and `CrossModalData`: what they refuse, and that rows stay together."""

import numpy as np
import pytest

from keras_xmr.datasets import CrossModalData, MediumItems, WordCounts, toy
from keras_xmr.transforms import count_words


def medium(n=6, prefix="a", **changes):
    """A medium whose every column tells the row it belongs to."""
    columns = {
        "items": np.column_stack([np.arange(n), np.arange(n) * 10.0]),
        "labels": np.arange(n) % 3,
        "ids": [f"{prefix}{row}" for row in range(n)],
        "split": [("train", "train", "validation", "test")[row % 4] for row in range(n)],
    }
    return MediumItems(**{**columns, **changes})


def data_of(**media):
    return CrossModalData("some", media, ("x", "y", "z"))


@pytest.mark.parametrize("column", ["labels", "ids", "split", "pairs", "files", "targets"])
def test_a_column_of_another_length_is_refused(column):
    message = (
        r"Every column of a medium must have one row per item \(6\)\. "
        rf"Received: len\({column}\)=5\. Give one entry for each item\."
    )
    with pytest.raises(ValueError, match=message):
        medium(**{column: ["train"] * 5})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"split": ["train", "dev", "train", "test", "eval", "dev"]},
            r"Split names must be among \('train', 'validation', 'test'\)\. "
            r"Received: split=\['dev', 'eval'\]\.",
        ),
        (
            {"ids": ["b", "a", "b", "c", "a", "d"]},
            r"Item ids must be unique within a medium\. "
            r"Received: ids with repeats=\['a', 'b'\]\.",
        ),
        (
            {"labels": np.zeros((6, 3, 1), int)},
            r"Labels must be class numbers \(n,\) or a 0/1 matrix \(n, classes\)\. "
            r"Received: labels\.shape=\(6, 3, 1\)\.",
        ),
        (
            {"labels": [[1, 0, 0]] * 4 + [[0, 2, 0], [0, 0, -1]]},
            r"A label matrix must hold 0 and 1 only\. Received: \[-1, 2\]\.",
        ),
        (
            {"targets": np.zeros(6)},
            r"Targets must be distributions of classes \(n, classes\)\. "
            r"Received: targets\.shape=\(6,\)\.",
        ),
        (
            {"targets": [[0.5, 0.5, 0.0]] * 4 + [[1.5, -0.5, 0.0]] * 2},
            r"that sum to 1\. Received: \[1\.5, -0\.5, 0\.0\] in row 4\.",
        ),
        (
            {"targets": [[0.5, 0.5, 0.0]] * 5 + [[0.5, 0.4, 0.0]]},
            r"that sum to 1\. Received: \[0\.5, 0\.4, 0\.0\] in row 5\.",
        ),
        (
            {"targets": [[np.nan, 0.5, 0.5]] * 6},
            r"that sum to 1\. Received: \[nan, 0\.5, 0\.5\] in row 0\.",
        ),
    ],
)
def test_wrong_values_of_a_medium_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        medium(**changes)


@pytest.mark.parametrize(
    ("labels", "shape", "found"),
    [
        ([0, 1, 2, 3, 0, 1], r"\(6,\)", r"\[0, 3\]"),
        ([0, 1, 2, -1, 0, 1], r"\(6,\)", r"\[-1, 2\]"),
        (np.eye(6, dtype=int)[:, :4], r"\(6, 4\)", r"\[0, 1\]"),
    ],
)
def test_labels_that_do_not_fit_the_class_names_are_refused(labels, shape, found):
    message = (
        r"Labels of medium 'sound' must fit the 3 class names\. "
        rf"Received: labels\.shape={shape}, lowest and highest={found}\."
    )
    with pytest.raises(ValueError, match=message):
        data_of(text=medium(), sound=medium(labels=labels))


def test_an_empty_medium_with_too_wide_labels_is_refused_with_the_same_words():
    empty = MediumItems(np.zeros((0, 2)), np.zeros((0, 4)), [], [])
    message = r"Received: labels\.shape=\(0, 4\), lowest and highest=none"
    with pytest.raises(ValueError, match=message):
        data_of(sound=empty)


def test_a_data_set_without_media_is_refused():
    message = r"A data set needs at least one medium\. Received: media={}\."
    with pytest.raises(ValueError, match=message):
        CrossModalData("none", {}, ("x",))


def test_an_unknown_medium_is_refused_by_name():
    message = r"Data set 'some' has the media \['a', 'b'\]\. Received: medium='c'\."
    with pytest.raises(KeyError, match=message):
        data_of(b=medium(), a=medium()).medium("c")


@pytest.mark.parametrize("splits", [("dev",), ("train", "dev"), ()])
def test_an_unknown_part_is_refused(splits):
    message = r"Parts are named \('train', 'validation', 'test'\)\. Received: splits=\("
    with pytest.raises(ValueError, match=message):
        data_of(a=medium()).part(*splits)


def test_a_part_without_items_of_some_medium_is_refused():
    media = {"a": medium(), "b": medium(split=["train"] * 6), "c": medium(split=["train"] * 6)}
    message = r"Data set 'some' has no items of \['b', 'c'\] in that part\. Received: splits="
    with pytest.raises(ValueError, match=message):
        data_of(**media).part("test")


def test_pairing_a_medium_without_pairs_is_refused():
    data = data_of(a=medium(pairs=list("uvwxyz")), b=medium())
    message = (
        r"Pairing needs instance names in every medium\. "
        r"Received: medium 'b' of 'some' with pairs=None\."
    )
    with pytest.raises(ValueError, match=message):
        data.paired_rows(["a", "b"])


def test_pairing_media_without_a_common_instance_is_refused():
    data = data_of(a=medium(pairs=list("uvwxyz")), b=medium(pairs=list("abcdef")))
    message = (
        r"The media \['a', 'b'\] of 'some' have no instance in common\. "
        r"Received: disjoint `pairs`\."
    )
    with pytest.raises(ValueError, match=message):
        data.paired_rows(["a", "b"])


def test_raw_items_become_an_object_array_and_lists_become_columns():
    given = medium(n=2, items=["one", ("a", "tuple")], files=["", "x"])
    assert given.items.dtype == object
    assert given.items.tolist() == ["one", ("a", "tuple")]
    for column in (given.labels, given.ids, given.split, given.files):
        assert isinstance(column, np.ndarray)
    assert given.pairs is None
    assert len(given) == 2


@pytest.mark.parametrize(
    "index", [np.array([4, 0, 2]), np.array([1, 0, 1, 0, 1, 0], bool), np.zeros(0, int)]
)
def test_rows_keep_every_column_aligned(index):
    texts = count_words([f"w{row}" for row in range(6)])
    names = np.array([f"n{row}" for row in range(6)])
    for items in (np.arange(6)[:, None], texts, [f"s{row}" for row in range(6)]):
        whole = medium(
            items=items, pairs=names, files=names, labels=np.eye(3, dtype=int)[[0, 1, 2] * 2]
        )
        chosen = whole.rows(index)
        rows = np.arange(6)[index]
        assert chosen.ids.tolist() == [f"a{row}" for row in rows]
        assert chosen.pairs.tolist() == chosen.files.tolist() == [f"n{row}" for row in rows]
        assert chosen.labels.argmax(axis=1).tolist() == [row % 3 for row in rows]
        assert chosen.split.tolist() == [whole.split[row] for row in rows]
        assert len(chosen) == len(rows)
        if isinstance(items, WordCounts):
            expected = np.eye(6)[rows]
            np.testing.assert_array_equal(chosen.items.counts.toarray(), expected)
        else:
            assert chosen.items.tolist() == [np.asarray(items)[row].tolist() for row in rows]


def five_media():
    """Five media of 4 to 12 items; all but the last have pairs, in different orders."""
    names = ["image", "text", "audio", "video", "model3d"]
    media = {}
    for size, name in zip((12, 8, 4, 10, 6), names, strict=True):
        rng = np.random.default_rng(size)
        pairs = None if name == "model3d" else rng.permutation([f"p{i}" for i in range(size)])
        media[name] = medium(n=size, prefix=name, pairs=pairs)
    return data_of(**media)


def test_five_media_of_different_sizes_split_each_for_itself():
    data = five_media()
    sizes = {name: len(m) for name, m in data.part("train").media.items()}
    assert sizes == {"image": 6, "text": 4, "audio": 2, "video": 6, "model3d": 4}
    both = data.part("test", "validation")
    assert len(both.media["image"]) == 6
    assert set(both.media["image"].split.tolist()) == {"test", "validation"}
    assert both.class_names == data.class_names
    assert len(data.media["image"]) == 12


def test_paired_rows_align_the_common_instances_of_all_media():
    data = five_media()
    rows = data.paired_rows(["image", "audio", "video", "text"])
    names = {m: data.media[m].pairs[index].tolist() for m, index in rows.items()}
    assert sorted(names["image"]) == ["p0", "p1", "p2", "p3"]
    assert names["image"] == names["audio"] == names["video"] == names["text"]
    # In the order of the first medium.
    assert rows["image"].tolist() == sorted(rows["image"].tolist())


def test_several_classes_per_item_are_kept_as_a_matrix():
    labels = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1], [1, 1, 1]])
    part = data_of(a=medium(labels=labels)).part("train")
    assert part.media["a"].labels.tolist() == labels[[0, 1, 4, 5]].tolist()
    assert part.num_classes == 3


def test_the_file_of_an_item_is_given_only_if_it_is_there(tmp_path):
    (tmp_path / "there.jpg").write_bytes(b"")
    files = [str(tmp_path / "there.jpg"), str(tmp_path / "gone.jpg"), ""]
    data = data_of(a=medium(n=3, files=files), b=medium(n=3))
    assert data.file_of("a", 0) == tmp_path / "there.jpg"
    assert data.file_of("a", 1) is None
    assert data.file_of("a", 2) is None
    assert data.file_of("b", 0) is None
    with pytest.raises(KeyError, match="has the media"):
        data.file_of("c", 0)


def test_validation_rows_may_join_the_training_part():
    data = five_media()
    joined = data.with_validation_as_training()
    for name, items in data.media.items():
        expected = ["test" if part == "test" else "train" for part in items.split]
        assert joined.media[name].split.tolist() == expected
        assert joined.media[name].ids.tolist() == items.ids.tolist()
    assert "validation" in data.media["image"].split
    assert joined.split_hash() != data.split_hash()


def test_toy_is_a_data_set_of_any_media_made_at_once():
    data = toy(("text", "image", "audio", "video", "model3d"), num_classes=3)
    assert list(data.media) == ["text", "image", "audio", "video", "model3d"]
    assert all(isinstance(sentence, str) for sentence in data.media["text"].items)
    assert data.media["model3d"].items.shape == (60, 12)
    for name, count in {"train": 30, "validation": 15, "test": 15}.items():
        for items in data.part(name).media.values():
            assert np.bincount(items.labels).tolist() == [count // 3] * 3
    rows = data.paired_rows(data.media)
    assert all(index.tolist() == list(range(60)) for index in rows.values())


def test_toy_depends_on_its_seed_alone():
    first, same, other = toy(seed=1), toy(seed=1), toy(seed=2)
    np.testing.assert_array_equal(first.media["image"].items, same.media["image"].items)
    assert first.split_hash() == same.split_hash() != other.split_hash()
    assert not np.array_equal(first.media["image"].items, other.media["image"].items)


def test_toy_with_several_labels_gives_every_fourth_item_a_second_class():
    labels = toy(multi_label=True).media["text"].labels
    assert labels.sum(axis=1).tolist() == [2, 1, 1, 1] * 20
    np.testing.assert_array_equal(labels[np.arange(80), toy().media["text"].labels], 1)
    assert set(np.unique(labels)) == {0, 1}


def test_several_rows_of_an_instance_are_each_paired():
    labels, split = [0, 0], ["train", "train"]
    data = CrossModalData(
        "captions",
        {
            "image": MediumItems(np.eye(2), labels, ["i", "j"], split, pairs=["p", "q"]),
            "text": MediumItems(
                np.eye(3), [0, 0, 0], ["a", "b", "c"], ["train"] * 3, pairs=["q", "p", "q"]
            ),
        },
        ("only",),
    )
    rows = data.paired_rows(["image", "text"])
    assert rows["image"].tolist() == [0, 1, 1]
    assert rows["text"].tolist() == [1, 0, 2]
    assert [len(rows) for rows in data.paired_rows(["text"]).values()] == [3]


def test_targets_have_a_column_for_each_class():
    message = (
        r"Targets of medium 'image' have a column for each of the 3 classes\. "
        r"Received: targets\.shape=\(6, 2\)\."
    )
    with pytest.raises(ValueError, match=message):
        data_of(image=medium(targets=[[0.5, 0.5]] * 6))


def test_targets_stay_with_their_rows():
    targets = np.eye(3)[[0, 1, 2, 0, 1, 2]] * 0.7 + 0.1
    data = data_of(image=medium(targets=targets))
    part = data.part("train").medium("image")
    np.testing.assert_array_equal(part.targets, targets[data.medium("image").split == "train"])
    whole = data.with_validation_as_training().medium("image")
    np.testing.assert_array_equal(whole.targets, targets)
