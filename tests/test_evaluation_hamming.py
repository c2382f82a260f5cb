"""`evaluate` of packed codes: expected values over ties, whatever the order of the rows."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from keras_xmr import evaluate, modality_probe
from keras_xmr.datasets import CrossModalData, MediumItems
from keras_xmr.metrics import (
    average_precision,
    hamming_distances,
    pack_bits,
    ranked_relevance,
    recall_at_k,
    relevance,
    unpack_bits,
)

ROWS = {"image": 60, "text": 45, "audio": 30}
CLASSES = 4


class Hashing:
    """An encoder that has stored a packed code for each item."""

    metric = "hamming"

    def __init__(self, codes):
        self.codes = codes

    @property
    def media(self):
        return list(self.codes)

    def encode(self, x, media):
        return np.stack([self.codes[media][name] for name in x.medium(media).ids.tolist()])


def make(media=("image", "text"), kind="single", bits=16, order=None):
    rng = np.random.default_rng(0)
    items, codes = {}, {}
    for name in media:
        size = ROWS[name]
        labels = np.arange(size) % CLASSES
        if kind == "multi":
            labels = np.eye(CLASSES, dtype=int)[labels] | rng.integers(0, 2, (size, CLASSES))
        ids = np.array([f"{name}{row}" for row in range(size)])
        found = rng.choice([-1, 1], (size, bits))
        # The first bits tell something of the class.
        found[:, :CLASSES] = (
            np.where(labels[:, None] == np.arange(CLASSES), 1, -1)
            if (kind == "single")
            else 2 * labels - 1
        )
        codes[name] = dict(zip(ids.tolist(), pack_bits(found), strict=True))
        medium = MediumItems(np.zeros((size, 1)), labels, ids, np.full(size, "test"))
        items[name] = medium if order is None else medium.rows(order(size))
    return CrossModalData("codes", items, tuple("abcd")), Hashing(codes)


def shuffled_figures(data, encoder, query, gallery, repetitions=400):
    """Mean figures over random orders of the gallery, and their standard errors."""
    part = data.part("test")
    distances = hamming_distances(encoder.encode(part, query), encoder.encode(part, gallery))
    scores = -distances.astype(np.float32)
    relevant = relevance(part.media[query].labels, part.media[gallery].labels)
    rng = np.random.default_rng(0)
    values = []
    for _ in range(repetitions):
        order = rng.permutation(scores.shape[1])
        flags = ranked_relevance(scores[:, order], relevant[:, order])
        values.append(
            [
                average_precision(flags).mean(),
                average_precision(flags, 7, "min").mean(),
                recall_at_k(flags, 3).mean(),
            ]
        )
    return np.mean(values, axis=0), np.std(values, axis=0) / np.sqrt(repetitions)


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_figures_are_those_of_random_orders_on_average(kind):
    data, encoder = make(kind=kind)
    report = evaluate(encoder, data, map_at=[7], recall_at=[3])
    for direction in report.directions:
        names = ["MAP@all", "MAP@7/min", "recall@3", "precision@radius2"]
        assert list(direction.metrics) == names
        mean, error = shuffled_figures(data, encoder, direction.query, direction.gallery)
        found = np.array([direction.metrics[name] for name in names[:3]])
        assert (error > 0).all()
        assert (np.abs(found - mean) < 4 * error).all()
        assert direction.average_precisions.mean() == pytest.approx(direction.metrics["MAP@all"])
        assert 0.4 < report.map < 1


def test_partners_are_found_as_often_as_in_random_orders():
    data, encoder = make()
    rows = {name: np.arange(len(medium)) for name, medium in data.media.items()}
    media = {name: replace(m, pairs=rows[name] // 2) for name, m in data.media.items()}
    report = evaluate(encoder, replace(data, media=media), recall_at=[5])
    part = replace(data, media=media).part("test")
    for direction in report.directions:
        queries, gallery = part.media[direction.query], part.media[direction.gallery]
        codes = (encoder.encode(part, direction.query), encoder.encode(part, direction.gallery))
        scores = -hamming_distances(*codes).astype(np.float32)
        partner = queries.pairs[:, None] == gallery.pairs
        partner, scores = partner[partner.any(axis=1)], scores[partner.any(axis=1)]
        rng = np.random.default_rng(0)
        values = []
        for _ in range(400):
            order = rng.permutation(scores.shape[1])
            flags = ranked_relevance(scores[:, order], partner[:, order])
            values.append(flags[:, :5].any(axis=1).mean())
        error = np.std(values) / np.sqrt(len(values))
        assert error > 0
        assert abs(direction.metrics["partner@5"] - np.mean(values)) < 4 * error
    assert set(report.legend().splitlines()[-1].split(": ")) >= {"partner@k"}


def test_precision_within_the_radius_and_the_curve_are_those_of_loops():
    data, encoder = make()
    part = data.part("test")
    direction = evaluate(encoder, data).directions[0]
    distances = hamming_distances(encoder.encode(part, "image"), encoder.encode(part, "text"))
    relevant = relevance(part.media["image"].labels, part.media["text"].labels)
    near, curves = [], []
    for row, flags in zip(distances, relevant, strict=True):
        near.append(flags[row <= 2].mean() if (row <= 2).any() else 0)
        points = [
            (flags[row <= radius].sum() / flags.sum(), flags[row <= radius].mean())
            for radius in range(17)
            if (row <= radius).any()
        ]
        curves.append([max(p for recall, p in points if recall >= n / 10) for n in range(11)])
    assert 0 < np.mean(near) < 1
    assert direction.metrics["precision@radius2"] == pytest.approx(np.mean(near))
    np.testing.assert_allclose(direction.precision, np.mean(curves, axis=0))


def test_the_order_of_the_rows_does_not_matter():
    data, encoder = make()
    turned, _ = make(order=lambda size: np.arange(size)[::-1])
    one, other = evaluate(encoder, data), evaluate(encoder, turned)
    for row, expected in zip(other.rows(), one.rows(), strict=True):
        assert row.keys() == expected.keys()
        for name in one.directions[0].metrics:
            assert row[name] == pytest.approx(expected[name], rel=1e-12)


def test_codes_without_ties_are_as_by_cosine():
    # Each gallery item at a distance of its own.
    codes = np.tril(np.full((30, 32), 2)) - 1
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, (2, 30))
    ids = np.array([f"item{row}" for row in range(30)])
    media = {
        name: MediumItems(np.zeros((30, 1)), labels[i], ids, np.full(30, "test"))
        for i, name in enumerate(("image", "text"))
    }
    data = CrossModalData("steps", media, tuple("abc"))
    stored = dict(zip(ids.tolist(), pack_bits(codes), strict=True))
    hashing = Hashing({"image": dict.fromkeys(ids.tolist(), stored["item29"]), "text": stored})

    class Signs(Hashing):
        metric = "cosine"

        def encode(self, x, media):
            return unpack_bits(super().encode(x, media))

    there = evaluate(hashing, data).directions[0]
    cosine = evaluate(Signs(hashing.codes), data).directions[0]
    np.testing.assert_allclose(there.average_precisions, cosine.average_precisions, rtol=1e-12)
    np.testing.assert_allclose(there.precision, cosine.precision, rtol=1e-12)
    for k in (1, 5, 10):
        assert there.metrics[f"recall@{k}"] == pytest.approx(cosine.metrics[f"recall@{k}"])
    assert (there.ties, cosine.ties) == ("expected", "order")


def test_the_rule_for_ties_is_in_every_row():
    data, encoder = make(ROWS)
    report = evaluate(encoder, data)
    names = [f"{query}->{gallery}" for query, gallery in itertools.permutations(ROWS, 2)]
    assert [row["direction"] for row in report.rows()] == [*names, "average"]
    assert {row["ties"] for row in report.rows()} == {"expected"}
    assert report.rows()[-1]["MAP@all"] == report.map
    assert report.table().splitlines()[0].split("|")[3].strip() == "ties"
    assert report.to_dict()["results"][0]["ties"] == "expected"


def test_queries_without_a_relevant_item_are_left_out():
    data, encoder = make()
    text = data.media["text"]
    lacking = replace(data, media={**data.media, "text": text.rows(text.labels != 2)})
    there, back = evaluate(encoder, lacking).directions
    assert len(there.average_precisions) == 45
    assert len(back.average_precisions) == len(lacking.media["text"])
    assert np.isfinite([*there.metrics.values(), *there.precision]).all()
    apart = {
        "image": data.media["image"].rows(data.media["image"].labels < 2),
        "text": text.rows(text.labels >= 2),
    }
    with pytest.raises(ValueError, match=r"No query has a relevant item\. Received: image"):
        evaluate(encoder, replace(data, media=apart))


def test_ranks_may_be_left_out():
    data, encoder = make()
    found = evaluate(encoder, data, map_at=[], recall_at=[]).directions[0].metrics
    assert list(found) == ["MAP@all", "precision@radius2"]


def test_codes_must_be_packed():
    data, encoder = make()
    unpacked = {
        m: {k: unpack_bits(v[None])[0] for k, v in c.items()} for m, c in encoder.codes.items()
    }
    with pytest.raises(ValueError, match=r"packed codes, uint8"):
        evaluate(Hashing(unpacked), data)


def test_progress_is_shown_for_either_ranking(capsys):
    data, encoder = make()
    evaluate(encoder, data)
    assert capsys.readouterr().err == ""
    evaluate(encoder, data, progress=True)
    assert "counting distances: 60/60" in capsys.readouterr().err
    Signs = type("Signs", (Hashing,), {"metric": "cosine"})
    evaluate(Signs(encoder.codes), data, progress=True)
    assert "ranking: 60/60" in capsys.readouterr().err


def test_the_probe_looks_at_bits():
    data, encoder = make()
    # A single bit of a byte tells the medium; as a number, the byte tells little of it.
    for number, codes in enumerate(encoder.codes.values()):
        for name, code in codes.items():
            codes[name] = (code & 0xFE) | number
    assert modality_probe(encoder, data) == 1
