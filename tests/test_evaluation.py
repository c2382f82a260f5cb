"""`evaluate` against loops over sorted lists, its reports read back, the test by enumeration."""

import csv
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from keras_xmr.datasets import CrossModalData, MediumItems
from keras_xmr.evaluation import compare, evaluate, paired_test

SIZES = {"image": 40, "text": 36, "audio": 28}
CLASSES = 4


class Stub:
    """An encoder that has stored a vector for each item."""

    def __init__(self, vectors):
        self.vectors = vectors

    @property
    def media(self):
        return list(self.vectors)

    def encode(self, x, media):
        return np.stack([self.vectors[media][name] for name in x.medium(media).ids.tolist()])


def make(media, kind="single", seed=0):
    """Random data whose items carry their vectors, and the encoder that knows them."""
    rng = np.random.default_rng(seed)
    items, vectors = {}, {}
    for name in media:
        size = SIZES[name]
        labels = np.arange(size) // 3 % CLASSES
        if kind == "multi":
            labels = rng.integers(0, 2, (size, CLASSES))
            labels[:, 0] |= ~labels.any(axis=1)
        ids = np.array([f"{name}{row}" for row in range(size)])
        split = np.array(["test", "test", "train"])[np.arange(size) % 3]
        items[name] = MediumItems(np.zeros((size, 1)), labels, ids, split)
        vectors[name] = dict(zip(ids.tolist(), rng.normal(size=(size, 5)), strict=True))
    classes = tuple(f"class{label}" for label in range(CLASSES))
    return CrossModalData("random", items, classes), Stub(vectors)


def classes_of(label):
    return set(np.flatnonzero(label).tolist()) if np.ndim(label) else {int(label)}


def rankings(encoder, part, query, gallery):
    """For each query, whether the items of its ranking are relevant, best first."""
    for name, label in zip(part.media[query].ids, part.media[query].labels, strict=True):
        vector = encoder.vectors[query][name]
        ranked = []
        other = part.media[gallery]
        for row, (item, item_label) in enumerate(zip(other.ids, other.labels, strict=True)):
            there = encoder.vectors[gallery][item]
            cosine = sum(vector * there) / math.sqrt(sum(vector**2) * sum(there**2))
            ranked.append((-cosine, row, bool(classes_of(label) & classes_of(item_label))))
        yield [relevant for _, _, relevant in sorted(ranked)]


def naive(flags, map_at=(50,), recall_at=(1, 5, 10)):
    """The metrics of one ranking, and its interpolated precision."""
    hits, precisions = 0, []
    for rank, relevant in enumerate(flags, start=1):
        hits += relevant
        precisions.append(hits / rank)

    def mean_precision(k):
        found = [p for p, relevant in zip(precisions[:k], flags, strict=False) if relevant]
        return sum(found) / len(found) if found else 0.0

    found = {"MAP@all": mean_precision(len(flags))}
    found |= {f"MAP@{k}/hits": mean_precision(k) for k in map_at}
    found |= {f"recall@{k}": sum(flags[:k]) / hits for k in recall_at}
    curve = [
        max(p for n, p in enumerate(precisions) if 10 * sum(flags[: n + 1]) >= level * hits)
        for level in range(11)
    ]
    return found, curve


@pytest.mark.parametrize("kind", ["single", "multi"])
@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize("options", [{}, {"map_at": (3, 7), "recall_at": (2,)}])
def test_every_figure_is_that_of_a_loop_over_sorted_lists(kind, split, options):
    data, encoder = make(["image", "text"], kind)
    report = evaluate(encoder, data, split=split, **options)
    part = data.part(split)
    assert [d.name for d in report.directions] == ["image->text", "text->image"]
    for direction in report.directions:
        flags = list(rankings(encoder, part, direction.query, direction.gallery))
        metrics, curves = zip(*(naive(f, **options) for f in flags), strict=True)
        assert list(direction.metrics) == list(metrics[0])
        for name, value in direction.metrics.items():
            assert value == pytest.approx(np.mean([m[name] for m in metrics]), abs=1e-12)
        np.testing.assert_allclose(direction.precision, np.mean(curves, axis=0), atol=1e-12)
        expected = [m["MAP@all"] for m in metrics]
        np.testing.assert_allclose(direction.average_precisions, expected, atol=1e-12)


def with_pairs(data, names):
    """The same data, with names of instances for some media."""
    media = {
        name: replace(medium, pairs=np.array(names[name]) if name in names else None)
        for name, medium in data.media.items()
    }
    return replace(data, media=media)


@pytest.mark.parametrize("gallery", [None, ("train", "test")])
def test_partners_are_those_of_a_loop_over_sorted_lists(gallery):
    data, encoder = make(["image", "text"])
    # Some pictures have two texts, and some none.
    texts = np.arange(SIZES["text"]) % 30
    data = with_pairs(data, {"image": np.arange(SIZES["image"]), "text": texts})
    others = data.part(*gallery or ["test"])
    report = evaluate(encoder, data, gallery=gallery, recall_at=(1, 5, 10))
    for direction in report.directions:
        queries, found = data.part("test").media[direction.query], others.media[direction.gallery]
        ranks = []
        for name, pair in zip(queries.ids, queries.pairs, strict=True):
            vector = encoder.vectors[direction.query][name]
            order = []
            for row, (item, other) in enumerate(zip(found.ids, found.pairs, strict=True)):
                there = encoder.vectors[direction.gallery][item]
                cosine = sum(vector * there) / math.sqrt(sum(vector**2) * sum(there**2))
                order.append((-cosine, row, other == pair))
            flags = [partner for _, _, partner in sorted(order)]
            ranks += [flags.index(True)] if any(flags) else []
        assert 0 < len(ranks) <= len(queries)
        for k in (1, 5, 10):
            expected = np.mean(np.array(ranks) < k)
            assert direction.metrics[f"partner@{k}"] == pytest.approx(expected, abs=1e-12)


def test_only_media_with_pairs_have_partners():
    data, encoder = make(SIZES)
    data = with_pairs(data, {"image": np.arange(40), "text": np.arange(36)})
    report = evaluate(encoder, data, recall_at=[5])
    found = {d.name: d.metrics.get("partner@5") for d in report.directions}
    assert {name for name, share in found.items() if share is not None} == {
        "image->text",
        "text->image",
    }
    rows = report.rows()
    assert rows[-1]["partner@5"] == np.mean([found["image->text"], found["text->image"]])
    assert {row["direction"]: row["partner@5"] for row in rows[:-1]} == found
    assert all(len(row) == len(rows[0]) for row in rows)
    assert report.table().splitlines()[3].split("|")[-2].strip() == "-"
    # Queries and gallery of different instances have none.
    apart = with_pairs(data, {"image": np.arange(40), "text": 100 + np.arange(36)})
    assert "partner@5" not in evaluate(encoder, apart, recall_at=[5]).rows()[0]
    assert "partner@5" not in evaluate(encoder, data, recall_at=[]).rows()[0]


def test_every_column_has_a_line_of_legend():
    data, encoder = make(["image", "text"])
    data = with_pairs(data, {"image": np.arange(40), "text": np.arange(36)})
    report = evaluate(encoder, data)
    lines = dict(line.split(": ", 1) for line in report.legend().splitlines())
    assert list(lines) == ["direction", "queries", "MAP@all", "MAP@k/hits", "recall@k", "partner@k"]
    assert all(lines.values())


def test_three_media_have_six_directions_and_an_average():
    data, encoder = make(SIZES)
    report = evaluate(encoder, data)
    names = [f"{query}->{gallery}" for query, gallery in itertools.permutations(SIZES, 2)]
    assert [d.name for d in report.directions] == names
    rows = report.rows()
    assert [row["direction"] for row in rows] == [*names, "average"]
    test_rows = {name: len(m) for name, m in data.part("test").media.items()}
    queries = [test_rows[name.split("->")[0]] for name in names]
    assert [row["queries"] for row in rows] == [*queries, sum(queries)]
    for metric in ("MAP@all", "MAP@50/hits", "recall@1", "recall@5", "recall@10"):
        assert rows[-1][metric] == pytest.approx(np.mean([row[metric] for row in rows[:-1]]))
    assert report.map == rows[-1]["MAP@all"]
    assert len(report.average_precisions()) == sum(queries)
    assert (report.data, report.split, report.split_hash) == ("random", "test", data.split_hash())


def test_the_gallery_may_be_other_parts():
    data, encoder = make(["image", "text"], "multi")
    report = evaluate(encoder, data, gallery=["train"])
    for direction in report.directions:
        # Queries of the test part and a gallery of the other, put into one data set.
        media = {
            direction.query: data.part("test").media[direction.query],
            direction.gallery: data.part("train").media[direction.gallery],
        }
        both = replace(data, media=media)
        flags = rankings(encoder, both, direction.query, direction.gallery)
        expected = [naive(f)[0]["MAP@all"] for f in flags if any(f)]
        np.testing.assert_allclose(direction.average_precisions, expected, atol=1e-12)
    assert report.split == "test in train"
    everything = evaluate(encoder, data, gallery=["train", "test"])
    assert everything.split == "test in train, test"
    assert everything.map != report.map


def test_media_that_only_one_side_knows_are_left_out():
    data, encoder = make(["image", "text", "audio"])
    without = Stub({name: encoder.vectors[name] for name in ("audio", "image")})
    names = [d.name for d in evaluate(without, data).directions]
    assert names == ["image->audio", "audio->image"]


@pytest.mark.parametrize("known", [["image"], [], ["image", "video"]])
def test_fewer_than_two_shared_media_are_refused(known):
    data, encoder = make(["image", "text"])
    alone = Stub({name: encoder.vectors.get(name) for name in known})
    message = (
        r"Evaluation needs two media that model and data share\. "
        rf"Received: model with {sorted(known)}, data with ".replace("[", r"\[").replace("]", r"\]")
    )
    with pytest.raises(ValueError, match=message + r"\['image', 'text'\]\."):
        evaluate(alone, data)


def test_a_perfect_encoder_gets_one_and_the_opposite_little():
    data, encoder = make(["image", "text"])
    for name, medium in data.media.items():
        for item, label in zip(medium.ids.tolist(), medium.labels, strict=True):
            encoder.vectors[name][item] = np.eye(CLASSES)[label]
    assert evaluate(encoder, data).map == 1
    encoder.vectors["text"] = {name: -v for name, v in encoder.vectors["text"].items()}
    assert evaluate(encoder, data).map < 0.3


def test_equal_scores_rank_by_row():
    data, encoder = make(["image", "text"])
    constant = {m: dict.fromkeys(v, np.ones(3)) for m, v in encoder.vectors.items()}
    labels = data.part("test").media["text"].labels
    expected = [naive((labels == label).tolist())[0]["MAP@all"] for label in range(CLASSES)]
    direction = evaluate(Stub(constant), data).directions[0]
    of_queries = data.part("test").media["image"].labels
    np.testing.assert_allclose(direction.average_precisions, np.array(expected)[of_queries])


def test_queries_without_a_relevant_item_are_left_out():
    data, encoder = make(["image", "text"])
    text = data.media["text"]
    lacking = text.rows(text.labels != 2)
    data = replace(data, media={"image": data.media["image"], "text": lacking})
    there, back = evaluate(encoder, data).directions
    part = data.part("test")
    flags = [f for f in rankings(encoder, part, "image", "text") if any(f)]
    images = part.media["image"]
    assert len(flags) == (images.labels != 2).sum() < len(images)
    np.testing.assert_allclose(there.average_precisions, [naive(f)[0]["MAP@all"] for f in flags])
    assert there.metrics["recall@5"] == pytest.approx(
        np.mean([naive(f)[0]["recall@5"] for f in flags])
    )
    assert len(back.average_precisions) == len(part.media["text"])


def test_media_without_a_common_class_are_refused():
    data, encoder = make(["image", "text"])
    image, text = (data.media[name] for name in ("image", "text"))
    apart = {"image": image.rows(image.labels < 2), "text": text.rows(text.labels >= 2)}
    message = (
        r"No query has a relevant item\. "
        r"Received: image queries and text gallery without a common class\."
    )
    with pytest.raises(ValueError, match=message):
        evaluate(encoder, replace(data, media=apart))


@pytest.fixture
def report():
    data, encoder = make(["image", "text"])
    return evaluate(encoder, data)


def test_the_json_file_holds_every_figure(report, tmp_path):
    report.to_json(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert read == report.to_dict()
    assert read["results"] == report.rows()
    assert read["recall_levels"] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert read["precision"] == {d.name: d.precision for d in report.directions}
    assert (read["data"], read["split"]) == ("random", "test")
    assert read["split_hash"] == report.split_hash


def test_the_csv_file_holds_every_row(report, tmp_path):
    report.to_csv(str(tmp_path / "report.csv"))
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 3
    for row, expected in zip(read, report.rows(), strict=True):
        assert list(row) == list(expected)
        assert row.pop("direction") == expected.pop("direction")
        assert {name: float(value) for name, value in row.items()} == expected


def test_the_table_is_aligned_markdown(report):
    lines = report.table().splitlines()
    assert len(lines) == 5
    assert len(set(map(len, lines))) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == list(report.rows()[0])
    assert cells[1][0] == "-" * len("image->text")
    assert all(set(cell) == {"-", ":"} and cell.endswith(":") for cell in cells[1][1:])
    for row, line in zip(report.rows(), cells[2:], strict=True):
        written = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in row.values()]
        assert line == written


def test_the_plot_is_a_picture_with_something_on_it(report, tmp_path):
    report.plot(tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (750, 600)
        colours = picture.convert("RGB").getcolors(maxcolors=2**20)
    assert len(colours) > 10
    report.plot(tmp_path / "curves.svg")
    assert b"<svg" in (tmp_path / "curves.svg").read_bytes()


def test_a_constant_shift_is_significant_in_either_direction():
    first = np.random.default_rng(0).uniform(size=40)
    assert paired_test(first, first - 0.05) < 0.001
    assert paired_test(first - 0.05, first) < 0.001
    assert paired_test(first, first) == 1


def test_symmetric_noise_gives_p_values_spread_over_all_of_0_to_1():
    rng = np.random.default_rng(0)
    values = np.array([paired_test(*rng.normal(size=(2, 20))) for _ in range(60)])
    counts, _ = np.histogram(values, bins=4, range=(0, 1))
    # 15 are expected in each quarter; 4 standard deviations are 13.
    assert counts.min() >= 3
    assert counts.max() <= 28
    assert (values < 0.01).sum() <= 4


def test_the_paired_test_depends_on_its_seed_alone():
    first, second = np.random.default_rng(0).uniform(size=(2, 30))
    values = [paired_test(first, second, seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert values[0] == values[1]
    assert len(set(values)) > 1
    np.testing.assert_allclose(values, values[0], atol=0.03)


@pytest.mark.parametrize("size", [4, 9])
def test_few_queries_are_enumerated(size):
    first, second = np.random.default_rng(size).uniform(size=(2, size))
    difference = first - second
    means = [abs(np.mean(difference * signs)) for signs in itertools.product((1, -1), repeat=size)]
    expected = np.mean(np.array(means) >= abs(difference.mean()) * (1 - 1e-12))
    assert paired_test(first, second) == pytest.approx(expected, abs=1e-12)


def test_many_queries_come_close_to_their_enumeration():
    difference = np.random.default_rng(3).normal(0.3, 1.0, size=15)
    signs = np.array(list(itertools.product((1, -1), repeat=15)))
    means = np.abs((signs * difference).mean(axis=1))
    expected = (means >= abs(difference.mean()) * (1 - 1e-12)).mean()
    assert 0.02 < expected < 0.9
    assert paired_test(difference, np.zeros(15)) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("size", [1, 4])
def test_different_queries_cannot_be_compared(size):
    message = (
        r"A paired test needs both methods on the same queries\. "
        rf"Received: shapes \(5,\) and \({size},\)\."
    )
    with pytest.raises(ValueError, match=message):
        paired_test(np.ones(5), np.ones(size))


def test_reports_are_compared_with_the_first_query_by_query():
    data, encoder = make(["image", "text"])
    _, other_encoder = make(["image", "text"], seed=1)
    first, other = evaluate(encoder, data), evaluate(other_encoder, data)
    elsewhere = evaluate(encoder, data, split="train")
    lines = compare({"one": first, "two": other, "three": elsewhere, "four": first})
    values = [np.concatenate([d.average_precisions for d in r.directions]) for r in (first, other)]
    assert lines == [
        f"one against two: MAP {first.map:.4f} against {other.map:.4f} "
        f"({first.map - other.map:+.4f}, p = {paired_test(*values):.4f})",
        "one and three were evaluated on different splits",
        f"one against four: MAP {first.map:.4f} against {first.map:.4f} (+0.0000, p = 1.0000)",
    ]
