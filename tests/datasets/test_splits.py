"""Splits: drawn by hash, class by class, and named by a hash."""

from dataclasses import replace

import numpy as np
import pytest

from keras_xmr.datasets import CrossModalData, MediumItems, toy
from keras_xmr.datasets.base import hashed_order, split_by_class

IDS = np.array([f"item{row:02d}" for row in range(40)])
LABELS = np.arange(40) % 4
PER_CLASS = {"train": 5, "validation": 2, "test": 3}


def reordered(data, order):
    return replace(data, media={name: m.rows(order) for name, m in data.media.items()})


def test_hashed_order_is_the_frozen_one():
    # Sorted by hand, by what `printf '0:a' | sha256sum` prints, and so on.
    assert hashed_order(list("abcdefgh"), seed=0) == list("hfgdacbe")
    assert hashed_order(list("abcdefgh"), seed=1) == list("dgafebhc")


def test_hashed_order_holds_every_id_and_forgets_the_order_given():
    ordered = hashed_order(IDS.tolist(), seed=3)
    assert sorted(ordered) == IDS.tolist()
    assert ordered != IDS.tolist()
    assert hashed_order(reversed(IDS.tolist()), seed=3) == ordered


def test_another_item_moves_no_other():
    ordered = hashed_order([*IDS.tolist(), "new"], seed=0)
    assert [name for name in ordered if name != "new"] == hashed_order(IDS.tolist(), seed=0)


@pytest.mark.parametrize("seed", range(4))
def test_every_class_has_the_asked_number_of_items_in_each_part(seed):
    split = split_by_class(IDS, LABELS, PER_CLASS, seed)
    for part, count in PER_CLASS.items():
        assert np.bincount(LABELS[split == part], minlength=4).tolist() == [count] * 4
    assert len(split) == len(IDS)


def test_parts_follow_one_another_in_the_hashed_order():
    split = dict(zip(IDS.tolist(), split_by_class(IDS, LABELS, PER_CLASS, 2), strict=True))
    ordered = hashed_order(IDS[LABELS == 1].tolist(), 2)
    assert [split[name] for name in ordered] == ["train"] * 5 + ["validation"] * 2 + ["test"] * 3


def test_what_remains_goes_to_the_first_part():
    split = split_by_class(IDS, LABELS, {"train": 0, "validation": 3}, 0)
    assert np.bincount(LABELS[split == "train"]).tolist() == [7] * 4
    assert np.bincount(LABELS[split == "validation"]).tolist() == [3] * 4


def test_every_seed_draws_another_split():
    splits = {tuple(split_by_class(IDS, LABELS, PER_CLASS, seed)) for seed in range(8)}
    assert len(splits) == 8


def test_a_split_follows_the_items_wherever_they_stand():
    order = np.random.default_rng(0).permutation(len(IDS))
    split = split_by_class(IDS, LABELS, PER_CLASS, 5)
    moved = split_by_class(IDS[order], LABELS[order], PER_CLASS, 5)
    np.testing.assert_array_equal(moved, split[order])


def test_the_split_of_a_class_depends_on_its_own_items_alone():
    split = split_by_class(IDS, LABELS, PER_CLASS, 0)
    alone = LABELS == 2
    np.testing.assert_array_equal(
        split_by_class(IDS[alone], LABELS[alone], PER_CLASS, 0), split[alone]
    )


def test_the_split_hash_forgets_row_order_and_features():
    data = toy()
    moved = reordered(data, np.random.default_rng(0).permutation(80))
    image = replace(moved.media["image"], items=moved.media["image"].items * 2)
    changed = replace(moved, media={"text": moved.media["text"], "image": image})
    assert moved.media["text"].ids.tolist() != data.media["text"].ids.tolist()
    assert changed.split_hash() == data.split_hash()


def test_the_split_hash_tells_splits_ids_and_media_apart():
    data = toy()
    split = data.media["text"].split.copy()
    train, test = np.flatnonzero(split == "train")[0], np.flatnonzero(split == "test")[0]
    split[[train, test]] = split[[test, train]]
    ids = data.media["text"].ids.astype("<U12")
    ids[0] = "item000x"
    variants = [
        data,
        replace(data, media={**data.media, "text": replace(data.media["text"], split=split)}),
        replace(data, media={**data.media, "text": replace(data.media["text"], ids=ids)}),
        replace(data, media={"image": data.media["image"]}),
        replace(data, media={"image": data.media["image"], "words": data.media["text"]}),
        data.part("train"),
    ]
    assert len({variant.split_hash() for variant in variants}) == len(variants)


def test_ids_may_be_numbers():
    def data(ids):
        media = {"a": MediumItems(np.eye(3), [0, 1, 0], ids, ["train", "test", "train"])}
        return CrossModalData("numbered", media, ("x", "y"))

    assert data([10, 9, 8]).split_hash() == data(["10", "9", "8"]).split_hash()
