"""Held-out parts: every instance once, pairs together, classes spread."""

from dataclasses import replace

import numpy as np
import pytest

from keras_xmr.datasets import toy
from keras_xmr.datasets.folds import folds, with_validation

DATA = toy(("image", "text"))


def held_out(data, medium="image"):
    own = data.medium(medium)
    return set(own.ids[own.split == "validation"].tolist())


def test_each_instance_is_held_out_once_and_the_test_part_never():
    parts = [held_out(fold) for fold in folds(DATA, 4)]
    pool = DATA.part("train", "validation").medium("image")
    assert sorted(name for part in parts for name in part) == sorted(pool.ids.tolist())


def test_pairs_stay_together_and_classes_are_spread():
    for fold in folds(DATA, 4):
        assert held_out(fold, "image") == held_out(fold, "text")
        own = fold.part("validation").medium("image")
        counts = np.bincount(own.labels, minlength=4)
        assert counts.max() - counts.min() <= 1


def test_the_order_of_the_rows_does_not_matter():
    order = np.random.default_rng(0).permutation(80)
    moved = replace(DATA, media={name: m.rows(order) for name, m in DATA.media.items()})
    ours, theirs = ([held_out(fold) for fold in folds(d, 3, seed=1)] for d in (DATA, moved))
    assert ours == theirs
    assert ours != [held_out(fold) for fold in folds(DATA, 3, seed=2)]


def test_items_without_pairs_and_with_several_labels():
    data = toy(("image", "text"), multi_label=True)
    media = {name: replace(m, pairs=None) for name, m in data.media.items()}
    parts = [held_out(fold) for fold in folds(replace(data, media=media), 3)]
    assert sum(map(len, parts)) == 60


def test_a_validation_part_that_is_there_stays():
    assert with_validation(DATA) is DATA


def test_a_tenth_of_the_training_part_is_held_out_where_there_is_none():
    data = DATA.with_validation_as_training()
    found = with_validation(data)
    assert len(held_out(found)) == 6
    before, after = (d.medium("image").split == "test" for d in (data, found))
    np.testing.assert_array_equal(before, after)


def test_too_few_items_are_told():
    few = replace(
        DATA, media={name: m.rows(m.split == "train").rows([0]) for name, m in DATA.media.items()}
    )
    with pytest.raises(ValueError, match="has too few items to hold some out"):
        with_validation(few)
