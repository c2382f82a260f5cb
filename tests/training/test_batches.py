"""`PairedBatches`: endless streams, each row once per pass, decided by seed and number."""

import numpy as np
import pytest

from keras_xmr.datasets import toy
from keras_xmr.training.batches import (
    PairedBatches,
    Stream,
    label_distributions,
    paired_stream,
    single_stream,
)
from keras_xmr.training.pairing import Partners
from keras_xmr.transforms import Preprocessor


def stream(name, length):
    """A stream whose rows and labels tell their row number."""
    numbers = np.arange(length)
    return Stream({name: numbers[:, None].astype("float32")}, {name: np.eye(length)})


def drawn(batches, name, epochs=1, **unused):
    """Row numbers of one stream over some epochs, batch by batch."""
    found = []
    for _ in range(epochs):
        for index in range(len(batches)):
            x, y = batches[index]
            numbers = x[name][:, 0].astype(int).tolist()
            assert numbers == y[name].argmax(axis=1).tolist(), "labels must go with their rows"
            found.append(numbers)
        batches.on_epoch_end()
    return found


def flat(batches):
    return [number for batch in batches for number in batch]


def make(target=10, source=7, **arguments):
    streams = [stream("image", target), stream("source", source)]
    return PairedBatches(streams, **{"batch_size": 4, **arguments})


def test_each_row_comes_once_per_pass():
    batches = make(target=12)
    for _ in range(3):
        assert sorted(flat(drawn(batches, "image"))) == list(range(12))


def test_passes_go_on_over_epochs_where_sizes_do_not_divide():
    # 2 batches of 4 in an epoch, passes of 10 and 7 rows: 28 rows are whole passes of the source.
    for name, length in (("image", 10), ("source", 7)):
        numbers = flat(drawn(make(), name, epochs=35))
        passes = [numbers[i : i + length] for i in range(0, len(numbers), length)]
        assert all(sorted(p) == list(range(length)) for p in passes)
        assert len({tuple(p) for p in passes}) > len(passes) // 2


def test_batches_depend_on_seed_and_epoch_alone():
    first = drawn(make(seed=1), "image", epochs=3)
    assert first == drawn(make(seed=1), "image", epochs=3)
    assert first != drawn(make(seed=2), "image", epochs=3)
    assert first[:2] != first[2:4]


def test_batches_do_not_depend_on_the_order_of_access():
    batches = make()
    second, first = batches[1], batches[0]
    np.testing.assert_array_equal(make()[0][0]["image"], first[0]["image"])
    np.testing.assert_array_equal(batches[1][0]["image"], second[0]["image"])


def test_streams_are_independent():
    assert drawn(make(target=10, source=10), "image") != drawn(make(10, 10), "source")
    assert drawn(make(source=7), "image") == drawn(make(source=50), "image")


@pytest.mark.parametrize(("target", "batch_size", "count"), [(10, 4, 2), (10, 5, 2), (10, 10, 1)])
def test_the_first_stream_sets_the_number_of_batches(target, batch_size, count):
    assert len(make(target=target, source=1000, batch_size=batch_size)) == count
    assert len(make(target=target, source=3, batch_size=batch_size)) == count


def test_batches_larger_than_the_data_hold_all_of_them():
    batches = make(target=5, source=3, batch_size=64)
    assert batches.batch_size == 5
    assert len(batches) == 1
    assert sorted(drawn(batches, "image")[0]) == list(range(5))
    source = drawn(batches, "source")[0]
    assert len(source) == 5
    assert set(source) == {0, 1, 2}


def test_a_source_smaller_than_a_batch_is_repeated():
    source = flat(drawn(make(target=12, source=3), "source"))
    assert all(sorted(source[i : i + 3]) == [0, 1, 2] for i in range(0, 12, 3))


def test_without_shuffle_rows_come_in_order():
    batches = make(shuffle=False)
    assert drawn(batches, "image", epochs=2) == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 0, 1],
        [2, 3, 4, 5],
    ]
    assert drawn(make(shuffle=False), "source")[1] == [4, 5, 6, 0]


@pytest.mark.parametrize("batch_size", [1, 0, -3])
def test_batches_of_one_row_are_an_error(batch_size):
    with pytest.raises(ValueError, match=rf"at least two rows\. Received: batch_size={batch_size}"):
        make(batch_size=batch_size)


def test_pairs_stay_together():
    data = toy(multi_label=True).part("train")
    preprocessor = Preprocessor.for_data(data).fit(data)
    paired = paired_stream(data, ["image", "text"], "image", preprocessor, {"text": "instance"})
    assert len(paired) == len(data.medium("image"))
    for name, rows in paired.rows.items():
        np.testing.assert_array_equal(rows, preprocessor(data.medium(name).items, name))
    np.testing.assert_array_equal(paired.labels["image"], paired.labels["text"])
    np.testing.assert_allclose(paired.labels["image"].sum(axis=1), 1)


def regrouped_batches(seed=0, **arguments):
    """Batches whose texts are any of the same class."""
    groups = np.eye(3)[np.arange(12) % 3]
    rows = np.arange(12)[:, None]
    same_class = Partners(np.arange(12) % 3, [np.arange(first, 12, 3) for first in range(3)])
    both = Stream(
        {"image": rows, "text": rows}, {"image": groups, "text": groups}, {"text": same_class}
    )
    return PairedBatches([both], batch_size=12, seed=seed, **arguments)


def test_regrouped_rows_are_of_the_same_labels():
    batches, passes = regrouped_batches(), []
    for _ in range(30):
        x, y = batches[0]
        image, text = x["image"][:, 0], x["text"][:, 0]
        assert sorted(image) == list(range(12)), "the others stay as they are"
        np.testing.assert_array_equal(image % 3, text % 3)
        np.testing.assert_array_equal(y["image"], y["text"])
        np.testing.assert_array_equal(y["text"].argmax(axis=1), text % 3)
        passes.append(dict(zip(image.tolist(), text.tolist(), strict=True)))
        batches.on_epoch_end()
    for row in range(12):
        partners = {pairs[row] for pairs in passes}
        assert partners == {r for r in range(12) if r % 3 == row % 3}, "each has its chance"


def test_regrouping_is_new_in_each_batch():
    batches = regrouped_batches(shuffle=False)
    first = batches[0][0]
    batches.on_epoch_end()
    second = batches[0][0]
    np.testing.assert_array_equal(first["image"], second["image"])
    assert np.any(first["text"] != second["text"])


def test_regrouping_is_decided_by_the_seed():
    one, same, other = (regrouped_batches(seed)[0][0]["text"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.any(one != other)


def test_a_single_stream_has_the_name_it_is_given():
    data = toy(["image"])
    preprocessor = Preprocessor.for_data(data).fit(data)
    source = single_stream(data, "image", "source", preprocessor)
    assert set(source.rows) == set(source.labels) == {"source"}
    np.testing.assert_array_equal(source.labels["source"].argmax(1), data.medium("image").labels)


def test_labels_become_distributions():
    np.testing.assert_array_equal(label_distributions(np.array([1, 0]), 2), [[0, 1], [1, 0]])
    many = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]])
    expected = [[0.5, 0.5, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_array_equal(label_distributions(many, 4), expected)
    assert label_distributions(many, 4).dtype == np.float32
