"""Diagnosis of representations placed by hand, so that what is wrong with them is known."""

import itertools

import numpy as np
import pytest

from keras_xmr import evaluate
from keras_xmr.comparison.diagnosis import nearest
from keras_xmr.comparison.diagnosis.confusions import Confusion, confusions
from keras_xmr.comparison.diagnosis.hubs import Hub, hubs
from keras_xmr.comparison.diagnosis.label_suspects import Suspect, label_suspects
from keras_xmr.comparison.diagnosis.media_gap import media_gap
from keras_xmr.comparison.diagnosis.nearest import members
from keras_xmr.comparison.diagnosis.per_class import per_class
from keras_xmr.comparison.diagnosis.precisions import average_precisions
from keras_xmr.comparison.diagnosis.sides import sides
from keras_xmr.comparison.diagnosis.worst_queries import worst_queries
from keras_xmr.datasets import CrossModalData, MediumItems
from keras_xmr.metrics import pack_bits

METRICS = ("cosine", "euclidean", "hamming")
NAMES = ("art", "sport", "war")
LABELS = [0, 0, 1, 1, 2, 2]
# Codes of the classes; any two differ in 16 of 24 bits.
BITS = np.repeat([[1, 1, -1], [1, -1, 1], [-1, 1, 1]], 8, axis=1)


def make(pairs=True, **labels):
    """A test part; rows of two media with the same number are paired."""
    media = {
        name: MediumItems(
            np.zeros((len(given), 1)),
            np.array(given),
            [f"{name}{row}" for row in range(len(given))],
            ["test"] * len(given),
            pairs=[f"instance{row}" for row in range(len(given))] if pairs else None,
        )
        for name, given in labels.items()
    }
    return CrossModalData("made", media, NAMES)


def placed(metric, shown):
    """Representations of items that show the classes `shown`."""
    shown = np.asarray(shown)
    return pack_bits(BITS[shown]) if metric == "hamming" else np.eye(3)[shown]


class Stored:
    """An encoder that has stored all representations."""

    def __init__(self, encoded, metric):
        self.encoded, self.metric = encoded, metric
        self.media = list(encoded)

    def encode(self, x, media):
        return self.encoded[media]


def scattered(metric, sizes, seed=0):
    """Representations without any order, some of them level with each other."""
    rng = np.random.default_rng(seed)
    if metric == "hamming":
        return {name: pack_bits(rng.choice([-1, 1], (n, 8))) for name, n in sizes.items()}
    return {name: rng.integers(-2, 3, (n, 4)) + 0.5 for name, n in sizes.items()}


# worst_queries


@pytest.mark.parametrize("metric", METRICS)
def test_worst_query(metric):
    part = make(image=LABELS, text=LABELS)
    # The fourth picture, of sport, looks like one of war.
    encoded = {"image": placed(metric, [0, 0, 1, 2, 2, 2]), "text": placed(metric, LABELS)}
    worst = worst_queries(encoded, part, metric, count=2, k=2)
    assert [(q.medium, q.gallery) for q in worst] == [("image", "text")] * 2 + [
        ("text", "image")
    ] * 2
    assert worst[0].row == 3
    assert worst[0].found.tolist() == [4, 5]
    assert worst[0].relevant.tolist() == [False, False]
    assert worst[0].average_precision < 0.6
    # Nothing is wrong with the others: the first row comes first.
    assert (worst[1].row, worst[1].average_precision) == (0, 1.0)
    assert worst[1].relevant.all()


@pytest.mark.parametrize("metric", METRICS)
def test_worst_queries_are_one_per_class(metric):
    part = make(image=LABELS, text=LABELS)
    encoded = {"image": placed(metric, [2, 2, 1, 1, 2, 2]), "text": placed(metric, LABELS)}
    worst = [q for q in worst_queries(encoded, part, metric) if q.medium == "image"]
    assert [q.row for q in worst] == [0, 2, 4]


@pytest.mark.parametrize("metric", METRICS)
def test_average_precisions_are_those_of_evaluate(metric):
    rng = np.random.default_rng(1)
    part = make(image=rng.integers(0, 3, 12), text=rng.integers(0, 3, 9))
    encoded = scattered(metric, {"image": 12, "text": 9})
    report = evaluate(Stored(encoded, metric), part)
    for direction in report.directions:
        found = average_precisions(encoded, part, direction.query, direction.gallery, metric)
        np.testing.assert_array_equal(found, direction.average_precisions)
        worst = worst_queries(encoded, part, metric, count=1)
        assert min(direction.average_precisions) in [q.average_precision for q in worst]


def test_worst_queries_leave_out_those_without_a_relevant_item():
    part = make(image=[0, 1, 2], text=[0, 1, 1])
    encoded = {"image": placed("cosine", [1, 1, 1]), "text": placed("cosine", [0, 1, 1])}
    worst = worst_queries(encoded, part, "cosine")
    assert [q.row for q in worst if q.medium == "image"] == [0, 1]


def test_worst_queries_of_several_classes_each():
    rows = [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    part = make(image=rows, text=rows)
    encoded = {"image": placed("cosine", [2, 2, 2]), "text": placed("cosine", [0, 0, 2])}
    worst = [q for q in worst_queries(encoded, part, "cosine", k=3) if q.medium == "image"]
    # One for each set of classes.
    assert [q.row for q in worst] == [0, 2]
    assert worst[0].found.tolist() == [2, 0, 1]
    assert worst[0].relevant.tolist() == [False, True, True]


# confusions


@pytest.mark.parametrize("metric", METRICS)
def test_confusions_by_hand(metric):
    part = make(image=LABELS, text=LABELS)
    # One of the two pictures of sport looks like war.
    encoded = {"image": placed(metric, [0, 0, 1, 2, 2, 2]), "text": placed(metric, LABELS)}
    found = confusions(encoded, part, metric, k=2)
    # Pictures of sport: half of what they find is of war, half of sport. Texts of war: of three
    # pictures that are level for two ranks, one is of sport. Texts of sport: their second result is
    # any of the five other pictures, two of them of art, two of war.
    expected = [
        ("sport", "war", (1 / 2 + 1 / 5) / 2),
        ("war", "sport", (0 + 1 / 3) / 2),
        ("sport", "art", (0 + 1 / 5) / 2),
    ]
    assert [c[:2] for c in found] == [e[:2] for e in expected]
    np.testing.assert_allclose([c.share for c in found], [e[2] for e in expected])


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_is_confused(metric):
    part = make(image=LABELS, text=LABELS)
    encoded = {name: placed(metric, LABELS) for name in part.media}
    assert confusions(encoded, part, metric, k=2) == []


def test_all_of_one_class_are_taken_for_another():
    part = make(image=LABELS, text=LABELS)
    encoded = {name: placed("cosine", [0, 0, 2, 2, 1, 1]) for name in part.media}
    encoded["text"] = placed("cosine", LABELS)
    assert confusions(encoded, part, "cosine", k=2) == [
        Confusion("sport", "war", 1.0),
        Confusion("war", "sport", 1.0),
    ]
    assert confusions(encoded, part, "cosine", k=2, count=1) == [Confusion("sport", "war", 1.0)]


def test_shares_are_those_of_the_gallery_where_all_of_it_is_found():
    part = make(image=LABELS, text=LABELS)
    found = confusions(scattered("cosine", {"image": 6, "text": 6}), part, "cosine", k=50)
    assert len(found) == 6
    np.testing.assert_allclose([c.share for c in found], 1 / 3)


def test_a_class_that_one_medium_lacks():
    part = make(pairs=False, image=[0, 2], text=[0, 1])
    encoded = {"image": placed("cosine", [0, 1]), "text": placed("cosine", [0, 1])}
    # No text is of war, no picture of sport: each is averaged over one direction.
    assert confusions(encoded, part, "cosine", k=1) == [
        Confusion("sport", "war", 1.0),
        Confusion("war", "sport", 1.0),
    ]


# per_class


def test_per_class_leaves_out_the_queries_that_evaluate_leaves_out():
    part = make(image=[0, 2, 1, 0, 1], text=[0, 0, 1])
    # Nothing is relevant to the second picture.
    found = per_class(part, "image", "text", np.array([0.1, 0.2, 0.3, 0.6]))
    np.testing.assert_allclose(found, [0.2, 0.4, np.nan])
    np.testing.assert_allclose(
        per_class(part, "text", "image", np.array([0.5, 0.7, 0.9])), [0.6, 0.9, np.nan]
    )


@pytest.mark.parametrize("several", [False, True])
def test_per_class_of_what_evaluate_returns(several):
    rng = np.random.default_rng(2)
    labels = {"image": rng.integers(0, 3, 20), "text": np.arange(8) % 2}
    if several:
        labels = {name: np.eye(3, dtype=int)[given] for name, given in labels.items()}
        labels["image"][:2] = [[1, 0, 1], [0, 0, 0]]
    part = make(**labels)
    encoded = scattered("cosine", {"image": 20, "text": 8})
    direction = evaluate(Stored(encoded, "cosine"), part).directions[0]
    found = per_class(part, "image", "text", direction.average_precisions)
    every = average_precisions(encoded, part, "image", "text", "cosine")
    of_class = members(part, "image") & ~np.isnan(every)[:, None]
    for number, value in enumerate(found):
        rows = of_class[:, number]
        np.testing.assert_allclose(value, every[rows].mean() if rows.any() else np.nan)


def test_per_class_refuses_other_queries():
    part = make(image=[0, 2, 1], text=[0, 0, 1])
    with pytest.raises(ValueError, match="2 image queries have a relevant text"):
        per_class(part, "image", "text", np.zeros(3))


# hubs


def test_a_hub_by_hand():
    part = make(image=LABELS, text=LABELS)
    # The last text is nearest to every picture; pictures are found once each.
    points = np.arange(6.0)[:, None]
    texts = np.vstack([points[:5] + 100, [[2.5]]])
    found = hubs({"image": points, "text": texts}, part, "euclidean", k=1, count=1)
    assert found.occurrences["text"].tolist() == [0, 0, 0, 0, 0, 6]
    assert found.never["text"] == pytest.approx(5 / 6)
    # One of n that has all: (n - 2) / sqrt(n - 1).
    assert found.skewness["text"] == pytest.approx(4 / np.sqrt(5))
    assert found.largest[1] == Hub("text", 5, 6.0)


@pytest.mark.parametrize("metric", METRICS)
def test_level_items_share_their_ranks(metric):
    part = make(image=LABELS, text=LABELS)
    encoded = {name: placed(metric, [0] * 6) for name in part.media}
    found = hubs(encoded, part, metric, k=3)
    for name in part.media:
        np.testing.assert_allclose(found.occurrences[name], 3.0)
        assert found.skewness[name] == 0.0
        assert found.never[name] == 0.0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("k", [1, 4, 50])
def test_occurrences_add_up_to_the_results_of_all_queries(metric, k):
    sizes = {"image": 12, "text": 9, "audio": 7}
    part = make(pairs=False, **{name: np.arange(n) % 3 for name, n in sizes.items()})
    found = hubs(scattered(metric, sizes), part, metric, k=k)
    for name, counts in found.occurrences.items():
        others = sum(n for other, n in sizes.items() if other != name)
        assert counts.sum() == pytest.approx(others * min(k, sizes[name]))
        assert counts.max() <= others + 1e-9
    assert [hub.medium for hub in found.largest] == [n for n in sizes for _ in range(5)]


def test_blocks_do_not_matter(monkeypatch):
    part = make(image=np.arange(12) % 3, text=np.arange(9) % 3)
    encoded = scattered("euclidean", {"image": 12, "text": 9})
    whole = hubs(encoded, part, "euclidean", k=3), confusions(encoded, part, "euclidean", k=3)
    gap = media_gap(encoded, "euclidean")
    monkeypatch.setattr(nearest, "_BLOCK_BYTES", 1)
    found = hubs(encoded, part, "euclidean", k=3)
    for name in part.media:
        np.testing.assert_allclose(found.occurrences[name], whole[0].occurrences[name])
    for one, other in zip(confusions(encoded, part, "euclidean", k=3), whole[1], strict=True):
        assert one.share == pytest.approx(other.share)
    assert media_gap(encoded, "euclidean") == pytest.approx(gap)


# media_gap


def test_gap_by_hand():
    encoded = {"image": np.array([[2.0, 0.0], [0.0, 2.0]]), "text": np.array([[-3.0, 0.0]] * 2)}
    found = media_gap(encoded, "cosine")
    assert found["gap"] == pytest.approx(np.hypot(1.5, 0.5))
    # The first picture's neighbour is the second one, the texts' the other text.
    assert found["same medium by chance"] == pytest.approx(1 / 3)
    # The second picture is level with both texts and the first picture.
    assert found["same medium"] == pytest.approx((1 + 1 / 3 + 1 + 1) / 4)


@pytest.mark.parametrize("metric", METRICS)
def test_media_apart(metric):
    encoded = {"image": placed(metric, [0] * 4), "text": placed(metric, [1] * 3)}
    found = media_gap(encoded, metric)
    assert found["same medium"] == 1.0
    assert found["same medium by chance"] == pytest.approx((4 * 3 + 3 * 2) / (7 * 6))
    assert ("gap" in found) == (metric == "cosine")


@pytest.mark.parametrize("metric", METRICS)
def test_media_mixed(metric):
    encoded = {name: placed(metric, [1] * n) for name, n in (("image", 4), ("text", 3))}
    found = media_gap(encoded, metric)
    assert found["same medium"] == pytest.approx(found["same medium by chance"])
    assert found.get("gap", 0.0) == 0.0


def test_gap_of_three_media_is_a_mean_over_pairs():
    encoded = {"image": np.eye(3)[[0, 0]], "text": np.eye(3)[[1, 1]], "audio": np.eye(3)[[1, 1]]}
    assert media_gap(encoded, "cosine")["gap"] == pytest.approx(2 * np.sqrt(2) / 3)


# sides


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_side_that_errs(metric):
    part = make(image=LABELS, text=LABELS)
    encoded = {"image": placed(metric, [0, 1, 2, 1, 2, 0]), "text": placed(metric, LABELS)}
    means = dict.fromkeys(part.media, np.eye(3))
    found = sides(encoded, means, part, metric)
    assert list(found) == ["as it is", "image replaced by the truth", "text replaced by the truth"]
    assert found["as it is"] == evaluate(Stored(encoded, metric), part).map
    assert found["as it is"] == found["text replaced by the truth"] < 0.8
    assert found["image replaced by the truth"] == 1.0


def test_items_of_a_class_without_training_items_stay():
    part = make(image=LABELS, text=LABELS)
    encoded = {"image": placed("cosine", [1, 0, 1, 1, 2, 0]), "text": placed("cosine", LABELS)}
    means = {"image": np.eye(3), "text": np.eye(3)}
    means["image"][2] = np.nan
    found = sides(encoded, means, part, "cosine")
    half = {**encoded, "image": placed("cosine", [0, 0, 1, 1, 2, 0])}
    expected = evaluate(Stored(half, "cosine"), part).map
    assert found["image replaced by the truth"] == expected
    assert found["as it is"] < expected < 1.0


# label_suspects


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_suspects_by_hand(metric):
    part = make(image=LABELS, text=LABELS)
    # Instance 1: both speak for sport. Instance 3: the picture alone speaks for war. Instance 5:
    # picture and text disagree. Instance 4: both speak for art, though less clearly.
    encoded = {
        "image": placed(metric, [0, 1, 1, 2, 0, 0]),
        "text": placed(metric, [0, 1, 1, 1, 0, 1]),
    }
    encoded["text"][4] = [0.6, 0.0, 0.4]
    means = dict.fromkeys(part.media, np.eye(3))
    found = label_suspects(encoded, means, part, metric)
    assert [s[:3] for s in found] == [
        ({"image": [1], "text": [1]}, "art", "sport"),
        ({"image": [4], "text": [4]}, "war", "art"),
    ]
    if metric == "cosine":
        assert found[0].margin == pytest.approx(1.0)
        assert found[1].margin == pytest.approx(0.2 / np.hypot(0.6, 0.4))
    else:
        assert found[0].margin == pytest.approx(np.sqrt(2))
        assert found[1].margin == pytest.approx(np.sqrt(0.72) - np.sqrt(0.32))
    assert label_suspects(encoded, means, part, metric, count=1) == found[:1]


def test_means_are_those_of_the_items_own_medium():
    part = make(image=LABELS, text=LABELS)
    turned = np.eye(3)[[1, 2, 0]]
    encoded = {"image": placed("cosine", LABELS), "text": turned[LABELS]}
    assert label_suspects(encoded, {"image": np.eye(3), "text": turned}, part, "cosine") == []


def test_all_items_of_an_instance_are_looked_at():
    texts = [0, 0, 1, 1]
    part = make(image=[0, 1], text=texts)
    part.media["text"].pairs[:] = ["instance0", "instance0", "instance1", "instance1"]
    means = dict.fromkeys(part.media, np.eye(3))
    encoded = {"image": np.eye(3)[[2, 2]], "text": np.eye(3)[[2, 2, 2, 1]]}
    # One text of the second instance is of its class after all.
    assert label_suspects(encoded, means, part, "cosine") == [
        Suspect({"image": [0], "text": [0, 1]}, "art", "war", 1.0)
    ]


def test_suspects_where_classes_have_no_training_items():
    part = make(image=LABELS, text=LABELS)
    encoded = {name: placed("cosine", [0, 1, 1, 1, 0, 0]) for name in part.media}
    means = {name: np.eye(3) for name in part.media}
    means["image"][2] = np.nan
    # Nothing can be said of war.
    assert [s.rows["image"] for s in label_suspects(encoded, means, part, "cosine")] == [[1]]


@pytest.mark.parametrize("apart", [False, True])
def test_no_suspects_without_pairs(apart):
    part = make(pairs=apart, image=LABELS, text=LABELS)
    if apart:
        part.media["text"].pairs[:] = [f"other{row}" for row in range(6)]
    encoded = {name: placed("cosine", [1] * 6) for name in part.media}
    means = dict.fromkeys(part.media, np.eye(3))
    assert label_suspects(encoded, means, part, "cosine") == []


# What does not apply


def test_codes_have_no_means():
    part = make(image=LABELS, text=LABELS)
    encoded = {name: placed("hamming", LABELS) for name in part.media}
    assert sides(encoded, {}, part, "hamming") == {}
    assert label_suspects(encoded, {}, part, "hamming") == []


def test_several_classes_each():
    rows = np.eye(3, dtype=int)[LABELS]
    rows[0] = 1
    part = make(image=rows, text=rows)
    encoded = {name: placed("cosine", LABELS) for name in part.media}
    means = dict.fromkeys(part.media, np.eye(3))
    assert confusions(encoded, part, "cosine") == []
    assert sides(encoded, means, part, "cosine") == {}
    assert label_suspects(encoded, means, part, "cosine") == []
    assert hubs(encoded, part, "cosine", k=2).never == {"image": 0.0, "text": 0.0}


@pytest.mark.parametrize("function", [worst_queries, confusions, hubs])
def test_media_that_were_not_encoded_are_left_out(function):
    part = make(image=LABELS, text=LABELS, audio=LABELS)
    less = make(image=LABELS, text=LABELS)
    encoded = scattered("cosine", dict.fromkeys(less.media, 6))
    found, expected = (str(function(encoded, given, "cosine")) for given in (part, less))
    assert found == expected


@pytest.mark.parametrize("metric", METRICS)
def test_three_media_that_are_not_paired(metric):
    sizes = {"image": 12, "text": 9, "audio": 7}
    part = make(pairs=False, **{name: np.arange(n) % 3 for name, n in sizes.items()})
    worst = worst_queries(scattered(metric, sizes), part, metric, count=1)
    assert [(q.medium, q.gallery) for q in worst] == list(itertools.permutations(sizes, 2))
