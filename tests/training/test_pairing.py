"""Partners of an instance: by instance, class or row; media that some instances lack."""

import numpy as np
import pytest

from keras_xmr.datasets import toy
from keras_xmr.datasets.base import CrossModalData, MediumItems
from keras_xmr.training.batches import PairedBatches, paired_stream
from keras_xmr.training.pairing import (
    MISSING,
    Partners,
    media_with_gaps,
    pairing_by_names,
    pairing_of,
    partners_by,
)
from keras_xmr.transforms import Preprocessor


def medium(labels, pairs=None, offset=0):
    """Items whose only feature is their row number, from `offset` on."""
    count = len(labels)
    return MediumItems(
        np.arange(offset, offset + count, dtype="float32")[:, None],
        labels,
        [f"{offset}-{i}" for i in range(count)],
        ["train"] * count,
        pairs,
    )


# Pictures 0-5 of the classes 0, 1, 2; sounds of the classes 0 and 1 alone; texts of four pictures.
IMAGE = medium([0, 1, 2, 0, 1, 2], list("abcdef"))
TEXT = medium([2, 0, 0, 0], list("cada"), offset=100)
AUDIO = medium([1, 0, 0, 1, 1], offset=200)
DATA = CrossModalData("made", {"image": IMAGE, "text": TEXT, "audio": AUDIO}, tuple("xyz"))


def drawn(partners, count=40):
    """Every row that is ever drawn for each instance."""
    everything = np.arange(len(partners.group_of))
    rng = np.random.default_rng(0)
    turns = np.array([partners.draw(everything, rng) for _ in range(count)])
    return [set(column.tolist()) for column in turns.T]


def test_partners_by_instance_are_those_of_the_same_name():
    partners = partners_by("instance", DATA, "text", "image", np.arange(6))
    assert drawn(partners) == [{1, 3}, {MISSING}, {0}, {2}, {MISSING}, {MISSING}]
    assert partners.missing().tolist() == [False, True, False, False, True, True]


def test_partners_by_class_are_all_of_the_same_labels():
    partners = partners_by("class", DATA, "audio", "image", np.array([3, 2, 1]))
    assert drawn(partners) == [{1, 2}, {MISSING}, {0, 3, 4}]


def test_partners_by_class_have_all_labels_in_common():
    many = medium(np.array([[1, 1, 0], [0, 1, 0], [1, 1, 0]]))
    single = medium([1, 0], offset=10)
    data = CrossModalData("many", {"image": many, "text": many, "audio": single}, tuple("xyz"))
    assert drawn(partners_by("class", data, "text", "image", np.arange(2))) == [{0, 2}, {1}]
    # Class numbers and a matrix of 0 and 1 say the same.
    assert drawn(partners_by("class", data, "audio", "image", np.arange(2))) == [{MISSING}, {0}]


def test_partners_by_row_begin_anew_where_a_medium_is_shorter():
    partners = partners_by("row", DATA, "audio", "image", np.arange(6))
    assert drawn(partners) == [{0}, {1}, {2}, {3}, {4}, {0}]


def test_a_pairing_is_for_all_media_or_for_each():
    media = ["image", "text", "audio"]
    assert pairing_of("class", media, "image") == {"text": "class", "audio": "class"}
    assert pairing_of({"audio": "row"}, media, "image") == {"text": "instance", "audio": "row"}
    for wrong in ("pairs", {"text": "pairs"}, {"image": "class"}, {"video": "class"}):
        with pytest.raises(ValueError, match=r"for each of \['text', 'audio'\] .*Received: pairi"):
            pairing_of(wrong, media, "image")


def stream(pairing, partial=(), absent=None, media=("image", "text", "audio")):
    preprocessor = {"image": lambda x: x, "text": lambda x: x, "audio": lambda x: x}
    return paired_stream(
        DATA,
        list(media),
        "image",
        lambda items, name: preprocessor[name](items),
        pairing_of(pairing, media, "image"),
        partial,
        absent,
    )


def test_instances_without_a_partner_are_left_out_if_the_medium_is_not_partial():
    paired = stream("instance", media=("image", "text"))
    assert sorted(paired.rows["image"][:, 0].tolist()) == [0, 0, 2, 3]
    partial = stream("instance", ["text"], media=("image", "text"))
    assert len(partial) == 6


def test_a_class_without_a_partner_is_an_error_if_the_medium_is_not_partial():
    with pytest.raises(ValueError, match=r"partner in 'audio'\. Received: data 'made', where 2 of"):
        stream({"audio": "class"}, ["text"])


def test_missing_rows_are_zeros_and_told():
    # The first two media are joined; no sound is of class 2.
    batches = PairedBatches([stream({"audio": "class"}, ["text", "audio"])], batch_size=6)
    x, y = batches[0]
    image = x["image"][:, 0].astype(int)
    assert sorted(image) == list(range(6)), "every picture, whatever it lacks"
    np.testing.assert_array_equal(x["text_present"], np.isin(image, [0, 2, 3]))
    np.testing.assert_array_equal(x["audio_present"], image % 3 != 2)
    for name in ("text", "audio"):
        there = x[f"{name}_present"] == 1
        assert np.all(x[name][~there] == 0)
        assert np.all(y[name][~there] == 0)
        np.testing.assert_array_equal(y[name][there], y["image"][there])
        assert np.all(x[name][there] >= 100)
        assert x[f"{name}_present"].dtype == np.float32
    assert "image_present" not in x


def test_a_medium_that_the_data_do_not_have_is_missing_everywhere():
    both = stream("instance", ["text", "audio"], {"audio": (7,)}, media=("image", "text"))
    x, y = PairedBatches([both], batch_size=6)[0]
    assert x["audio"].shape == (6, 7)
    assert not any(array.any() for array in (x["audio"], x["audio_present"], y["audio"]))


def test_missing_rows_leave_the_data_as_they_are():
    made = stream({"audio": "class"}, ["text", "audio"])
    before = {name: rows.copy() for name, rows in made.rows.items()}
    PairedBatches([made], batch_size=6)[0]
    for name, rows in made.rows.items():
        np.testing.assert_array_equal(rows, before[name])


def test_pairing_by_instance_needs_instances():
    with pytest.raises(ValueError, match=r'Received: pairs=None\. Pair by class.*pairing="class"'):
        stream({"text": "instance", "audio": "instance"}, ["audio"])


def test_drawing_takes_no_random_numbers_where_there_is_no_choice():
    rng, untouched = np.random.default_rng(3), np.random.default_rng(3)
    Partners(np.zeros(4, int), [np.array([5])]).draw(np.arange(4), rng)
    assert rng.random() == untouched.random()


def test_true_pairs_of_the_toy_data_are_its_rows():
    data = toy().part("train")
    preprocessor = Preprocessor.for_data(data).fit(data)
    made = paired_stream(
        data, ["image", "text"], "image", preprocessor, {"text": "instance"}, ["text"]
    )
    rows = made.partners["text"].draw(np.arange(len(made)), np.random.default_rng(0))
    np.testing.assert_array_equal(rows, np.arange(len(made)))


def test_media_without_names_are_paired_by_class():
    assert pairing_by_names(DATA, "image") == {"text": "instance", "audio": "class"}
    assert pairing_by_names(DATA, "audio") == {"image": "class", "text": "class"}


@pytest.mark.parametrize(
    ("pairing", "gaps"),
    [
        ({"text": "instance", "audio": "class"}, ("text", "audio")),
        ({"text": "row", "audio": "class"}, ("audio",)),
        ({"text": "row", "audio": "row"}, ()),
    ],
)
def test_gaps_are_media_without_a_partner_for_some_instance(pairing, gaps):
    assert media_with_gaps(DATA, pairing, "image") == gaps
