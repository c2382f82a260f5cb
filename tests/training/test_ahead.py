"""Batches prepared ahead: the same as without threads, in any order, and no sooner than asked."""

import threading

import numpy as np
import pytest

from keras_xmr.training.ahead import BatchesAhead


class Numbers(BatchesAhead):
    """Batches that hold their number, and a note of who prepared which."""

    def __init__(self, length, workers, end=None):
        super().__init__(workers)
        self.length = length
        self.epoch = 0
        self.prepared = []
        self.total = end

    def __len__(self):
        return self.length

    def first(self):
        return self.epoch * self.length

    def end(self):
        return super().end() if self.total is None else self.total

    def batch(self, number):
        self.prepared.append((number, threading.current_thread()))
        return np.array([number])

    def on_epoch_end(self):
        self.epoch += 1


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_epoch_brings_its_batches_whoever_prepares_them(workers):
    data = Numbers(3, workers)
    seen = []
    for _ in range(3):
        seen += [data[index].item() for index in range(len(data))]
        data.on_epoch_end()
    assert seen == list(range(9))


@pytest.mark.parametrize("workers", [1, 3])
def test_looking_twice_or_out_of_order_changes_nothing(workers):
    data = Numbers(4, workers)
    assert [data[i].item() for i in (0, 0, 3, 1, 2, 0)] == [0, 0, 3, 1, 2, 0]
    data.epoch = 5
    assert data[1].item() == 21


def test_threads_prepare_the_next_ones_and_each_once():
    data = Numbers(50, workers=2)
    for index in range(20):
        data[index]
    data._pool.shutdown()
    numbers = [number for number, _ in data.prepared]
    assert sorted(numbers) == list(range(24))
    assert threading.current_thread() not in {thread for _, thread in data.prepared}


def test_one_worker_prepares_what_is_asked_for_and_nothing_else():
    data = Numbers(50, workers=1)
    data[7]
    assert data.prepared == [(7, threading.current_thread())]


def test_nothing_is_prepared_past_the_end():
    data = Numbers(3, workers=3, end=3)
    assert [data[index].item() for index in range(3)] == [0, 1, 2]
    data._pool.shutdown()
    assert max(number for number, _ in data.prepared) == 2


def test_an_error_reaches_who_asks_for_that_batch():
    class Failing(Numbers):
        def batch(self, number):
            if number == 2:
                raise OSError("picture 2 is damaged")
            return super().batch(number)

    data = Failing(5, workers=2)
    assert data[0].item() == 0
    assert data[1].item() == 1
    with pytest.raises(OSError, match="picture 2 is damaged"):
        data[2]


def test_at_least_one_worker():
    with pytest.raises(ValueError, match=r"at least one worker\. Received: workers=0"):
        Numbers(3, workers=0)
