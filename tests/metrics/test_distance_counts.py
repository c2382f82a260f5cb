"""Tables of distances, and everything that is calculated of them, against loops over all orders."""

import importlib
import itertools
import math

import numpy as np
import pytest

from keras_xmr.metrics import (
    DistanceCounts,
    average_precision,
    distance_counts,
    expected_average_precision,
    expected_precision,
    expected_recall,
    expected_success,
    hamming_distances,
    hamming_mean_average_precision,
    precision_within_radius,
    radius_curve,
    ranked_relevance,
    recall_at_k,
    relevance,
    success_at_k,
)
from keras_xmr.metrics.radius import interpolated_precision

# By its full name: the package has a function of the name of this module.
MODULE = importlib.import_module("keras_xmr.metrics.distance_counts")


def random_codes(count, bits, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, bits // 8)).astype(np.uint8)


def problem(bits=16, kind="single", queries=12, gallery=70, classes=5):
    """Few classes; a gallery in which each code stands several times."""
    rng = np.random.default_rng(bits)
    codes = (
        random_codes(queries, bits),
        random_codes(gallery, bits, seed=1)[rng.integers(0, 40, gallery)],
    )
    if kind == "single":
        return *codes, rng.integers(0, classes, queries), rng.integers(-1, classes, gallery)
    labels = [(rng.random((n, classes)) < 2 / classes).astype(int) for n in (queries, gallery)]
    return *codes, *labels


def naive_counts(queries, gallery, query_labels, gallery_labels):
    """One pair of query and item after the other."""
    bits = 8 * queries.shape[1]
    items, relevant = np.zeros((2, len(queries), bits + 1), int)
    for i, (query, label) in enumerate(zip(queries, query_labels, strict=True)):
        for code, other in zip(gallery, gallery_labels, strict=True):
            distance = int(np.unpackbits(query ^ code).sum())
            items[i, distance] += 1
            relevant[i, distance] += (
                bool((label * other).any()) if np.ndim(label) else label == other
            )
    return items, relevant


@pytest.mark.parametrize("bits", [8, 16, 24, 64, 128, 256])
@pytest.mark.parametrize(
    ("kind", "classes"), [("single", 5), ("multi", 3), ("multi", 24), ("multi", 81), ("multi", 130)]
)
def test_counts_are_those_of_a_loop(bits, kind, classes):
    arguments = problem(bits, kind, classes=classes)
    counts = distance_counts(*arguments)
    items, relevant = naive_counts(*arguments)
    assert 0 < relevant.sum() < items.sum()
    np.testing.assert_array_equal(counts.items, items)
    np.testing.assert_array_equal(counts.relevant, relevant)


def test_class_numbers_may_be_any():
    gallery = np.zeros((5, 1), np.uint8)
    labels = np.array([-1, 3, 259, 2**40 + 3, 3])
    counts = distance_counts(gallery[:1], gallery, np.array([3]), labels)
    assert counts.relevant[0, 0] == 2
    many = np.arange(70_000)
    counts = distance_counts(gallery[:1], np.zeros((70_000, 1), np.uint8), many[-1:], many)
    assert counts.relevant[0, 0] == 1


def test_every_item_may_differ_in_every_bit():
    for bits in (8, 120, 128, 248):
        gallery = np.full((3, bits // 8), 255, np.uint8)
        counts = distance_counts(~gallery[:1], gallery, np.array([1]), np.array([1, 1, 0]))
        assert counts.items[0, bits] == 3
        assert counts.relevant[0, bits] == 2
        assert counts.items.shape == (1, bits + 1)


def test_parts_and_blocks_change_nothing(monkeypatch):
    arguments = problem(64)
    whole = distance_counts(*arguments)
    monkeypatch.setattr(MODULE, "CHUNK_CODES", 9)
    monkeypatch.setattr(MODULE, "_PART_PAIRS", 2 * 70)
    monkeypatch.setattr(MODULE, "_BLOCK_PAIRS", 5 * 70)
    for found, expected in zip(distance_counts(*arguments), whole, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_progress_is_shown_if_wanted(capsys, monkeypatch):
    monkeypatch.setattr(MODULE, "_BLOCK_PAIRS", 3 * 70)
    arguments = problem()
    distance_counts(*arguments)
    assert capsys.readouterr().err == ""
    distance_counts(*arguments, progress=True)
    lines = [line.split(",")[0] for line in capsys.readouterr().err.splitlines()]
    assert lines == [f"counting distances: {done}/12" for done in (3, 6, 9, 12)]


def orders(items, relevant):
    """The flags of every ranking in which only items at equal distance change places."""
    groups = [[True] * r + [False] * (n - r) for n, r in zip(items, relevant, strict=True)]
    for parts in itertools.product(*(list(itertools.permutations(group)) for group in groups)):
        yield [flag for part in parts for flag in part]


def naive_cut(flags, k, denominator):
    hits, total = 0, 0.0
    for rank, flag in enumerate(flags[:k], start=1):
        hits += flag
        total += flag * hits / rank
    return total / (sum(flags) if denominator == "relevant" else min(k, sum(flags)))


TABLES = [
    ([2, 0, 3, 1], [1, 0, 2, 0]),
    ([4, 3], [3, 1]),
    ([0, 5], [0, 2]),
    ([1, 1, 1, 2], [1, 0, 1, 2]),
    ([6], [6]),
    ([3, 4], [0, 1]),
]


@pytest.mark.parametrize(("items", "relevant"), TABLES)
@pytest.mark.parametrize("denominator", ["relevant", "min"])
def test_the_expected_value_is_the_mean_over_all_orders(items, relevant, denominator):
    counts = DistanceCounts(np.array([items]), np.array([relevant]))
    rankings = list(orders(items, relevant))
    for k in (1, 2, 3, 5, 7, 100):
        expected = np.mean([naive_cut(flags, k, denominator) for flags in rankings])
        found = expected_average_precision(counts, k, denominator)
        np.testing.assert_allclose(found, [expected], rtol=1e-13)
        precision = np.mean([sum(flags[:k]) / k for flags in rankings])
        np.testing.assert_allclose(expected_precision(counts, [k]), [[precision]], rtol=1e-13)
        recall = np.mean([sum(flags[:k]) / sum(flags) for flags in rankings])
        np.testing.assert_allclose(expected_recall(counts, [k]), [[recall]], rtol=1e-13)
        success = np.mean([any(flags[:k]) for flags in rankings])
        np.testing.assert_allclose(expected_success(counts, [k]), [[success]], rtol=1e-13)
    whole = np.mean([naive_cut(flags, len(flags), "relevant") for flags in rankings])
    np.testing.assert_allclose(expected_average_precision(counts), [whole], rtol=1e-13)


def test_by_hand():
    # Distance 0: one of two is relevant. Distance 1: two of two.
    counts = DistanceCounts(np.array([[2, 2]]), np.array([[1, 2]]))
    first = (1 + 1 / 2) / 2
    assert expected_average_precision(counts)[0] == pytest.approx((first + 2 / 3 + 3 / 4) / 3)
    np.testing.assert_allclose(
        expected_precision(counts, [1, 2, 3, 4])[0], [1 / 2, 1 / 2, 2 / 3, 3 / 4]
    )


def test_without_ties_the_values_are_those_of_the_ranking():
    rng = np.random.default_rng(0)
    flags = rng.random((8, 300)) < 0.2
    counts = DistanceCounts(np.ones(flags.shape, int), flags.astype(int))
    np.testing.assert_allclose(
        expected_average_precision(counts), average_precision(flags), rtol=1e-12
    )
    for k in (1, 10, 299, 400):
        np.testing.assert_allclose(
            expected_average_precision(counts, k, "min"),
            average_precision(flags, k, "min"),
            rtol=1e-12,
        )
        np.testing.assert_allclose(expected_recall(counts, [k])[:, 0], recall_at_k(flags, k))
        np.testing.assert_array_equal(expected_success(counts, [k])[:, 0], success_at_k(flags, k))


def test_shuffled_galleries_come_out_at_the_expected_value_on_average():
    queries, gallery, *labels = problem(16, queries=3, gallery=200)
    expected = expected_average_precision(distance_counts(queries, gallery, *labels))
    scores = -hamming_distances(queries, gallery).astype(np.float32)
    relevant = relevance(*labels)
    rng = np.random.default_rng(0)
    values = []
    for _ in range(2000):
        order = rng.permutation(200)
        values.append(average_precision(ranked_relevance(scores[:, order], relevant[:, order])))
    error = np.std(values, axis=0) / math.sqrt(2000)
    assert (error > 0).all()
    assert (np.abs(np.mean(values, axis=0) - expected) < 4 * error).all()


def test_large_galleries_lose_no_digits():
    # Half of two million items, at one distance: the sum itself, rank by rank, is the reference.
    n, before = 2_000_000, 10_000_000
    counts = DistanceCounts(np.array([[before, n]]), np.array([[3, n // 2]]))
    ranks = np.arange(n, dtype=np.float64)
    precision = (3 + 1 + ranks * (n // 2 - 1) / (n - 1)) / (before + 1 + ranks)
    first = (
        3
        / before
        * sum(
            math.fsum(
                (1 + (np.arange(s, s + 10**6)) * 2 / (before - 1)) / (np.arange(s, s + 10**6) + 1)
            )
            for s in range(0, before, 10**6)
        )
    )
    expected = (first + math.fsum(precision) / 2) / (n // 2 + 3)
    assert expected_average_precision(counts)[0] == pytest.approx(expected, rel=1e-10)


def test_queries_without_relevant_items_are_nan():
    counts = DistanceCounts(np.array([[2, 1], [2, 1]]), np.array([[0, 0], [0, 1]]))
    for found in (
        expected_average_precision(counts),
        expected_recall(counts, [2])[:, 0],
        expected_success(counts, [2])[:, 0],
        radius_curve(counts).recall[:, 1],
    ):
        assert np.isnan(found).tolist() == [True, False]
    np.testing.assert_array_equal(expected_precision(counts, [3]), [[0], [1 / 3]])


@pytest.mark.parametrize("call", [expected_precision, expected_recall, expected_success])
def test_ranks_are_whole_numbers_from_one(call):
    counts = DistanceCounts(np.array([[2, 1]]), np.array([[1, 0]]))
    with pytest.raises(ValueError, match=r"at least 1\. Received: k=0"):
        call(counts, [1, 0])


def test_hits_have_no_closed_form():
    counts = DistanceCounts(np.array([[2, 1]]), np.array([[1, 0]]))
    with pytest.raises(ValueError, match=r"Received: denominator='hits'"):
        expected_average_precision(counts, 1, "hits")
    with pytest.raises(ValueError, match=r"at least 1\. Received: k=0"):
        expected_average_precision(counts, 0)


def test_radius_curves_are_those_of_loops():
    arguments = problem(16)
    curve = radius_curve(distance_counts(*arguments))
    distances, relevant = hamming_distances(*arguments[:2]), relevance(*arguments[2:])
    empty = 0
    for query, radius in itertools.product(range(12), range(17)):
        found = relevant[query][distances[query] <= radius]
        empty += not len(found)
        precision = found.mean() if len(found) else 0
        assert curve.precision[query, radius] == pytest.approx(precision)
        assert curve.recall[query, radius] == pytest.approx(found.sum() / relevant[query].sum())
    assert empty
    counts = distance_counts(*arguments)
    np.testing.assert_array_equal(precision_within_radius(counts), curve.precision[:, 2])
    np.testing.assert_array_equal(precision_within_radius(counts, 5), curve.precision[:, 5])


def test_pooled_counts_give_the_micro_average():
    counts = DistanceCounts(np.array([[1, 1], [0, 8]]), np.array([[1, 0], [0, 2]]))
    pooled = radius_curve(DistanceCounts(*(table.sum(axis=0, keepdims=True) for table in counts)))
    np.testing.assert_allclose(pooled.precision, [[1, 3 / 10]])
    np.testing.assert_allclose(pooled.recall, [[1 / 3, 1]])


def test_interpolated_precision_takes_the_best_of_what_follows():
    counts = DistanceCounts(np.array([[0, 4, 2, 0, 4]]), np.array([[0, 1, 2, 0, 1]]))
    # Precision 1/4, 3/6, 4/10 at recall 1/4, 3/4, 1.
    found = interpolated_precision(radius_curve(counts), np.array([0, 0.25, 0.5, 0.75, 0.8, 1]))
    np.testing.assert_allclose(found, [[0.5, 0.5, 0.5, 0.5, 0.4, 0.4]])


@pytest.mark.parametrize("radius", [-1, 1.5, True, 17])
def test_a_radius_is_a_number_of_bits(radius):
    counts = distance_counts(*problem(16))
    with pytest.raises(ValueError, match=rf"Received: radius={radius}"):
        precision_within_radius(counts, radius)


@pytest.mark.parametrize("kind", ["single", "multi"])
@pytest.mark.parametrize("bits", [16, 64])
def test_map_by_either_rule_is_that_of_a_loop(kind, bits):
    arguments = problem(bits, kind, queries=15)
    arguments[2][:] = arguments[2] | 1 if kind == "multi" else arguments[2]
    distances, relevant = hamming_distances(*arguments[:2]), relevance(*arguments[2:])
    in_order = []
    for row, flags in zip(distances, relevant, strict=True):
        ranking = sorted(range(len(row)), key=lambda item: (row[item], item))
        in_order.append(naive_cut([bool(flags[item]) for item in ranking], len(row), "relevant"))
    found = hamming_mean_average_precision(*arguments, ties="order")
    assert found == pytest.approx(np.mean(in_order), abs=1e-14)
    expected = expected_average_precision(distance_counts(*arguments)).mean()
    assert hamming_mean_average_precision(*arguments) == pytest.approx(expected, abs=1e-14)
    assert found != pytest.approx(expected, abs=1e-4)


def test_the_order_of_the_gallery_does_not_matter_unless_wanted():
    queries, gallery, query_labels, gallery_labels = problem(8)
    order = np.argsort(gallery_labels)
    shuffled = queries, gallery[order], query_labels, gallery_labels[order]
    there = queries, gallery, query_labels, gallery_labels
    assert hamming_mean_average_precision(*shuffled) == hamming_mean_average_precision(*there)
    by_order = [hamming_mean_average_precision(*a, ties="order") for a in (shuffled, there)]
    assert abs(by_order[0] - by_order[1]) > 0.005


@pytest.mark.parametrize("ties", ["expected", "order"])
def test_queries_without_relevant_items_are_left_out_with_a_warning(ties):
    queries, gallery, query_labels, gallery_labels = problem(16, queries=2)
    alone = hamming_mean_average_precision(
        queries[:1], gallery, query_labels[:1], gallery_labels, ties=ties
    )
    query_labels[1] = 99
    with pytest.warns(UserWarning, match="1 of 2 queries have no relevant item"):
        both = hamming_mean_average_precision(
            queries, gallery, query_labels, gallery_labels, ties=ties
        )
    assert both == alone
    with pytest.raises(ValueError, match=r"Received: 2 queries, none with one"):
        hamming_mean_average_precision(
            queries, gallery, query_labels, gallery_labels + 200, ties=ties
        )


@pytest.mark.parametrize("ties", ["expected", "order"])
def test_what_does_not_match_is_refused(ties):
    queries, gallery, query_labels, gallery_labels = problem(16)
    with pytest.raises(ValueError, match=r"one label per row of gallery"):
        hamming_mean_average_precision(
            queries, gallery, query_labels, gallery_labels[1:], ties=ties
        )
    with pytest.raises(ValueError, match=r"one label per row of queries"):
        hamming_mean_average_precision(
            queries[1:], gallery, query_labels, gallery_labels, ties=ties
        )
    with pytest.raises(ValueError, match=r"packed codes"):
        hamming_mean_average_precision(
            queries / 2, gallery, query_labels, gallery_labels, ties=ties
        )
    with pytest.raises(ValueError, match=r"same kind"):
        hamming_mean_average_precision(queries, gallery, np.eye(12), gallery_labels, ties=ties)


def test_tie_rules_are_named():
    with pytest.raises(ValueError, match=r"'expected', 'order'.* Received: ties='random'"):
        hamming_mean_average_precision(*problem(), ties="random")
