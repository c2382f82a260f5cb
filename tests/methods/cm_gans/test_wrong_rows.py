"""Instances of a different class: for every slot, each as likely, the same on every backend."""

import numpy as np
import pytest

from keras_xmr import CMGANs
from keras_xmr.datasets import toy
from keras_xmr.methods.cm_gans.wrong_rows import WRONG, WrongBatches, draw_wrong
from keras_xmr.training.batches import Stream


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_class_differs_for_every_slot(multi_label):
    data = toy(multi_label=multi_label)
    model = CMGANs.for_data(data, hidden_units=3, common_dim=3, decoder_units=3)
    batches = model.batches(data, batch_size=12, seed=1)
    for number in range(len(batches)):
        x, y = batches[number]
        wrong, labels = x[WRONG], y["text"]
        assert wrong.dtype == np.int32
        there = wrong >= 0
        assert there.mean() > 0.9
        assert not ((labels > 0) & (labels[wrong] > 0))[there].any()


def test_each_instance_of_another_class_is_as_likely():
    labels = np.eye(3)[[0, 0, 1, 1, 2]]
    rng = np.random.default_rng(0)
    drawn = np.array([draw_wrong(labels, rng) for _ in range(3000)])
    counts = np.array([np.bincount(column, minlength=5) for column in drawn.T]) / 3000
    wanted = np.array([[0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [1, 1, 0, 0, 1], [1, 1, 0, 0, 1]]) / 3
    np.testing.assert_allclose(counts[:4], wanted, atol=0.04)
    np.testing.assert_allclose(counts[4], [0.25, 0.25, 0.25, 0.25, 0], atol=0.04)


def test_a_batch_of_one_class_has_no_wrong_ones():
    labels = np.eye(2)[[1, 1, 1]]
    assert draw_wrong(labels, np.random.default_rng(0)).tolist() == [-1, -1, -1]


def test_batches_are_those_without_it_and_the_draw_is_of_the_seed():
    rows, labels = np.arange(20.0)[:, None], np.eye(4)[np.arange(20) % 4]
    stream = Stream({"image": rows}, {"image": labels})
    one, same, other = (WrongBatches([stream], batch_size=10, seed=seed) for seed in (0, 0, 1))
    plain = super(WrongBatches, one).batch(1)
    np.testing.assert_array_equal(one[1][0]["image"], plain[0]["image"])
    np.testing.assert_array_equal(one[1][0][WRONG], same[1][0][WRONG])
    assert any(one[1][0][WRONG] != other[1][0][WRONG])
    assert any(one[0][0][WRONG] != one[1][0][WRONG])


def test_with_media_paired_by_row_neither_class_is_shared():
    classes = {"image": np.array([0, 1, 2, 3]), "text": np.array([1, 2, 3, 0])}
    rows = {name: np.arange(4.0)[:, None] for name in classes}
    stream = Stream(rows, {name: np.eye(4)[numbers] for name, numbers in classes.items()})
    x, _ = WrongBatches([stream], batch_size=4, shuffle=False)[0]
    assert x[WRONG].tolist() == [2, 3, 0, 1]
