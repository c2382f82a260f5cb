"""Parts drawn anew, and training items with replacement: pairs and classes stay as they were."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from keras_xmr.datasets import toy
from keras_xmr.datasets.redrawn import bootstrapped, with_parts_redrawn

DATA = toy()


def counts(data, medium="image"):
    own = data.medium(medium)
    return Counter(zip(own.split.tolist(), own.labels.tolist(), strict=True))


def test_the_first_split_is_that_of_the_data():
    assert with_parts_redrawn(DATA, 0) is DATA


@pytest.mark.parametrize("number", [1, 2])
def test_other_splits_have_as_many_items_of_each_class_in_each_part(number):
    other = with_parts_redrawn(DATA, number)
    for medium in DATA.media:
        assert counts(other, medium) == counts(DATA, medium)
    assert other.split_hash() != DATA.split_hash()


def test_splits_are_all_different_and_repeatable():
    hashes = [with_parts_redrawn(DATA, number).split_hash() for number in (1, 2, 3, 1)]
    assert len(set(hashes)) == 3
    assert hashes[0] == hashes[3]


def test_partners_stay_in_one_part():
    other = with_parts_redrawn(DATA, 1)
    part_of = [dict(zip(m.pairs, m.split, strict=True)) for m in other.media.values()]
    assert part_of[0] == part_of[1]


def test_media_without_pairs_are_drawn_too():
    media = {name: replace(m, pairs=None) for name, m in DATA.media.items()}
    other = with_parts_redrawn(replace(DATA, media=media), 1)
    assert counts(other) == counts(DATA)


def test_unpaired_media_keep_their_own_counts():
    media = {
        name: replace(m, pairs=None, ids=np.array([f"{name} {i}" for i in m.ids.tolist()]))
        for name, m in DATA.media.items()
    }
    data = replace(DATA, media=media)
    for number in (1, 2, 3):
        other = with_parts_redrawn(data, number)
        for medium in data.media:
            assert counts(other, medium) == counts(data, medium)
    assert bootstrapped(data, 0).part("train").medium("text").ids.tolist()


def test_bootstrap_draws_instances_and_leaves_other_parts():
    drawn = bootstrapped(DATA, 0)
    train = drawn.part("train")
    names = [name.split("~")[0] for name in train.medium("text").pairs.tolist()]
    known = DATA.part("train").medium("text").pairs
    assert set(names) < set(known.tolist())
    # About 63 % of the instances are drawn at least once.
    assert 0.45 < len(set(names)) / len(known) < 0.8
    assert len(names) == len(known)
    for part in ("validation", "test"):
        for medium in DATA.media:
            ours, theirs = drawn.part(part).medium(medium), DATA.part(part).medium(medium)
            assert ours.ids.tolist() == theirs.ids.tolist()


def test_copies_of_partners_are_partners():
    part = bootstrapped(DATA, 1).part("train")
    rows = part.paired_rows(["image", "text"])
    assert len(rows["image"]) == len(part.medium("image"))
    image, text = part.medium("image"), part.medium("text")
    assert image.labels[rows["image"]].tolist() == text.labels[rows["text"]].tolist()


def test_a_bootstrap_is_told_by_its_seed():
    ids = [bootstrapped(DATA, seed).medium("image").ids.tolist() for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


def test_copied_rows_hold_the_items_of_their_names():
    own, drawn = DATA.medium("image"), bootstrapped(DATA, 0).medium("image")
    row_of = {name: row for row, name in enumerate(own.ids.tolist())}
    rows = [row_of[name.split("~")[0]] for name in drawn.ids.tolist()]
    np.testing.assert_array_equal(drawn.items, own.items[rows])
    np.testing.assert_array_equal(drawn.labels, own.labels[rows])
