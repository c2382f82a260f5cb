"""Relevance and rank order, against the stable argsort they stand for."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from keras_xmr.metrics import (
    _cosine_order,
    _sort_keys,
    _threads,
    cosine,
    cosine_scores,
    mean_average_precision,
    ranked_relevance,
    ranked_relevance_blocks,
    relevance,
)


def naive_ranked(scores, relevant):
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.stack([row[o] for row, o in zip(relevant, order, strict=True)])


def python_ranked(scores, relevant):
    """No NumPy in the ordering: Python's stable sort on (score descending)."""
    rows = []
    for score, flags in zip(scores.tolist(), relevant.tolist(), strict=True):
        order = sorted(range(len(score)), key=lambda i: -score[i])
        rows.append([flags[i] for i in order])
    return np.array(rows, bool)


def some_scores(kind, rng, shape):
    if kind == "normal":
        return rng.standard_normal(shape)
    if kind == "ties":
        return rng.integers(-3, 4, shape) / 4
    if kind == "signed zeros":
        return rng.choice([-0.0, 0.0, 1e-9, -1e-9], shape)
    if kind == "infinities":
        return rng.choice([-np.inf, np.inf, 0.0, 1.5, -2.5], shape)
    if kind == "huge":
        return rng.choice([-3e38, 3e38, 1e30, -1e30, 1e-45, -1e-45], shape)
    if kind == "hamming":
        return -rng.integers(0, 65, shape).astype(float)
    if kind == "cosine":
        return cosine_scores(rng.integers(-2, 3, (shape[0], 3)), rng.integers(-2, 3, (shape[1], 3)))
    raise AssertionError(kind)


SORTS = ["normal", "ties", "signed zeros", "infinities", "huge", "hamming", "cosine"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", SORTS)
@pytest.mark.parametrize("shape", [(13, 257), (3, 256), (2, 1), (2, 2)])
def test_equal_to_the_stable_argsort(dtype, kind, shape):
    rng = np.random.default_rng(len(kind))
    scores = some_scores(kind, rng, shape).astype(dtype)
    relevant = rng.random(shape) < 0.4
    before = scores.copy(), relevant.copy()
    ranked = ranked_relevance(scores, relevant)
    assert ranked.dtype == np.bool_
    np.testing.assert_array_equal(ranked, naive_ranked(scores, relevant))
    np.testing.assert_array_equal(ranked, python_ranked(scores, relevant))
    np.testing.assert_array_equal((scores, relevant), before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_neighbouring_float_is_told_apart(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    middle = np.array([0.0, 1.0, -1.0, smallest, -smallest, 0.7], dtype)
    values = np.concatenate([np.nextafter(middle, dtype(end)) for end in (-9, 9)])
    assert values.dtype == dtype
    scores = np.stack([values, values[::-1]])
    relevant = np.eye(len(values), dtype=bool)[:2]
    np.testing.assert_array_equal(
        ranked_relevance(scores, relevant), python_ranked(scores, relevant)
    )


def test_scores_next_to_the_grid_fall_back_to_the_argsort():
    # 1 and 1 + 2**-52 lie on the same level of the grid, so keys of levels would tie them.
    scores = np.array([[1.0, 1 + 2.0**-52]])
    assert _sort_keys._grid_keys(scores, 1) is None
    np.testing.assert_array_equal(ranked_relevance(scores, np.array([[True, False]])), [[0, 1]])


def test_the_largest_floats_are_ordered_without_a_warning():
    scores = np.array([[-1.7e308, 1.6e308, 0.0, 1.7e308]])
    relevant = np.array([[True, False, True, True]])
    np.testing.assert_array_equal(ranked_relevance(scores, relevant), [[1, 0, 1, 1]])


@pytest.mark.parametrize("index_bits", [1, 15, 23, 40])
def test_the_grid_is_left_where_key_and_index_do_not_fit(index_bits):
    limit = 2.0 ** (62 - index_bits - 38)
    step = max(2.0**-38, limit * 2.0**-53)
    inside = np.array([[-limit + step, 0.0, limit - step]])
    keys = _sort_keys._grid_keys(inside, index_bits)
    assert keys[0, 0] > keys[0, 1] > keys[0, 2] > 0
    assert int(keys.max()) << (index_bits + 1) < 2**64
    assert _sort_keys._grid_keys(np.array([[limit]]), index_bits) is None
    assert _sort_keys._grid_keys(np.array([[-limit]]), index_bits) is None


def test_cosine_scores_and_float32_take_the_fast_path():
    rng = np.random.default_rng(0)
    scores = cosine_scores(rng.standard_normal((3, 5)), rng.standard_normal((9, 5)))
    assert _sort_keys.descending_keys(scores, 23) is not None
    assert _sort_keys.descending_keys(scores.astype("float32"), 31) is not None
    assert _sort_keys.descending_keys(scores.astype("float32"), 32) is None


def test_rows_sorted_in_parts_equal_the_whole(monkeypatch):
    rng = np.random.default_rng(8)
    scores, relevant = rng.integers(0, 9, (37, 100)) / 8, rng.random((37, 100)) < 0.5
    monkeypatch.setattr(_sort_keys, "_CACHE_BYTES", 10_000)
    np.testing.assert_array_equal(
        ranked_relevance(scores, relevant), naive_ranked(scores, relevant)
    )


def test_all_equal_scores_rank_by_gallery_index():
    relevant = np.random.default_rng(1).random((4, 300)) < 0.5
    for value in (0.25, np.pi):
        np.testing.assert_array_equal(
            ranked_relevance(np.full((4, 300), value), relevant), relevant
        )


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_empty_rankings(shape, dtype):
    ranked = ranked_relevance(np.empty(shape, dtype), np.empty(shape, bool))
    assert ranked.shape == shape
    assert ranked.dtype == np.bool_


def test_relevance_of_classes():
    np.testing.assert_array_equal(relevance([2, 0], [0, 2, 2]), [[0, 1, 1], [1, 0, 0]])
    assert relevance([2, 0], []).shape == (2, 0)


@pytest.mark.parametrize("classes", [1, 7, 24, 100])
@pytest.mark.parametrize("dtype", [bool, "int8", "float64"])
def test_relevance_of_multi_hot_rows_is_set_intersection(classes, dtype):
    rng = np.random.default_rng(classes)
    queries, gallery = rng.random((30, classes)) < 0.1, rng.random((40, classes)) < 0.1
    as_sets = [[set(np.flatnonzero(row)) for row in rows] for rows in (queries, gallery)]
    expected = [[bool(q & g) for g in as_sets[1]] for q in as_sets[0]]
    result = relevance(queries.astype(dtype), gallery.astype(dtype))
    assert result.dtype == np.bool_
    np.testing.assert_array_equal(result, expected)


def test_one_hot_rows_mean_the_same_as_classes():
    rng = np.random.default_rng(2)
    queries, gallery = rng.integers(0, 6, 50), rng.integers(0, 6, 60)
    np.testing.assert_array_equal(
        relevance(np.eye(6)[queries], np.eye(6)[gallery]), relevance(queries, gallery)
    )


@pytest.mark.parametrize(
    ("query_labels", "gallery_labels", "message"),
    [
        (
            [0.5, 1.0],
            [0, 1],
            "Expected integer classes `(n,)` or multi-hot rows `(n, classes)` of zeros and ones. "
            "Received: query_labels.shape=(2,), query_labels.dtype=float64. "
            "Turn class names into numbers with `np.unique(names, return_inverse=True)`.",
        ),
        ([0, 1], ["art", "war"], "Received: gallery_labels.shape=(2,), gallery_labels.dtype=<U3."),
        ([[0, 2]], [[0, 1]], "Received: query_labels.shape=(1, 2), query_labels.dtype=int64."),
        ([[0, np.nan]], [[0, 1]], "Received: query_labels.shape=(1, 2), "),
        (
            [0, 1],
            [[0, 1]],
            "Expected query and gallery labels of the same kind and the same classes. "
            "Received: query_labels.shape=(2,), gallery_labels.shape=(1, 2). "
            "Use class numbers `(n,)` for both, or multi-hot rows `(n, classes)` for both.",
        ),
        (
            [[0, 1, 0]],
            [[0, 1]],
            "Received: query_labels.shape=(1, 3), gallery_labels.shape=(1, 2). Use",
        ),
    ],
)
def test_label_errors(query_labels, gallery_labels, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        relevance(query_labels, gallery_labels)


@pytest.mark.parametrize(
    ("scores", "relevant", "message"),
    [
        (
            np.zeros((2, 3), int),
            np.zeros((2, 3), bool),
            "Expected float32 or float64 scores, one row per query. "
            "Received: scores.shape=(2, 3), scores.dtype=int64. "
            "Convert them, for example with `scores.astype('float64')`.",
        ),
        (np.zeros(3), np.zeros(3, bool), "Received: scores.shape=(3,), scores.dtype=float64."),
        (
            np.zeros((2, 3)),
            np.zeros((3, 2), bool),
            "Expected boolean relevance of the shape of the scores, (2, 3). "
            "Received: relevant.shape=(3, 2), relevant.dtype=bool. "
            "Make it with `relevance(query_labels, gallery_labels)`.",
        ),
        (np.zeros((2, 3)), np.zeros((2, 3)), "relevant.shape=(2, 3), relevant.dtype=float64."),
        (
            np.array([[0, 1], [0, np.nan]]),
            np.zeros((2, 2), bool),
            "Expected scores that can be ordered. Received: scores[1, 1]=nan. "
            "Look for an infinite or all-zero embedding that was divided by its length.",
        ),
        (
            np.array([[np.nan]], "float32"),
            np.zeros((1, 1), bool),
            "Received: scores[0, 0]=nan.",
        ),
    ],
)
def test_ranking_errors(scores, relevant, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ranked_relevance(scores, relevant)


def problem(kind, queries=23, gallery=71, width=4, seed=0):
    """Coarse embeddings with many ties, and labels of either kind."""
    rng = np.random.default_rng(seed)
    sizes = (queries, gallery)
    embeddings = [rng.integers(-2, 3, (n, width)).astype("float32") for n in sizes]
    if kind == "classes":
        return (*embeddings, *(rng.integers(0, 5, n) for n in sizes))
    return (*embeddings, *((rng.random((n, 9)) < 0.2) for n in sizes))


@pytest.mark.parametrize("kind", ["classes", "multi-hot"])
@pytest.mark.parametrize("block_bytes", [1, 7_000, 2**27])
def test_blocks_equal_the_whole(kind, block_bytes):
    queries, gallery, query_labels, gallery_labels = problem(kind)
    whole = naive_ranked(cosine_scores(queries, gallery), relevance(query_labels, gallery_labels))
    blocks = list(
        ranked_relevance_blocks(
            queries, gallery, query_labels, gallery_labels, block_bytes=block_bytes
        )
    )
    assert len(blocks) == {1: 23, 7_000: 4, 2**27: 1}[block_bytes]
    covered = [i for part, _ in blocks for i in range(part.start, part.stop)]
    assert covered == list(range(23))
    np.testing.assert_array_equal(np.concatenate([ranked for _, ranked in blocks]), whole)


def test_blocks_of_nothing():
    queries, gallery, query_labels, gallery_labels = problem("classes")
    blocks = ranked_relevance_blocks(queries[:0], gallery, query_labels[:0], gallery_labels)
    assert list(blocks) == []
    ((part, ranked),) = ranked_relevance_blocks(
        queries, gallery[:0], query_labels, gallery_labels[:0]
    )
    assert (part, ranked.shape) == (slice(0, 23), (23, 0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"query_labels": [0, 1]},
            "Expected one label per row of queries. Received: len(queries)=23, "
            "len(query_labels)=2. Take both from the same split.",
        ),
        (
            {"gallery_labels": [0]},
            "Expected one label per row of gallery. Received: len(gallery)=71, "
            "len(gallery_labels)=1. Take both from the same split.",
        ),
        (
            {"block_bytes": 0},
            "Expected a positive number of bytes. Received: block_bytes=0. "
            "Leave it out for 128 MiB.",
        ),
        ({"gallery": np.ones((71, 5))}, "gallery.shape=(71, 5)"),
        ({"query_labels": np.full(23, 0.5)}, "query_labels.dtype=float64"),
    ],
)
def test_block_errors_come_with_the_call(change, message):
    names = ("queries", "gallery", "query_labels", "gallery_labels")
    arguments = dict(zip(names, problem("classes"), strict=True)) | change
    with pytest.raises(ValueError, match=re.escape(message)):
        ranked_relevance_blocks(**arguments)


@pytest.mark.parametrize("kind", ["classes", "multi-hot"])
@pytest.mark.parametrize(("queries", "gallery", "width"), [(600, 6_000, 3), (20_000, 30, 100)])
def test_a_block_keeps_to_its_memory(kind, queries, gallery, width, monkeypatch):
    monkeypatch.setattr(cosine, "_CHUNK_BYTES", 2**20)
    monkeypatch.setattr(_sort_keys, "_CACHE_BYTES", 2**20)
    arguments = problem(kind, queries, gallery, width)
    block_bytes = 8 * 2**20
    monkeypatch.setattr(_threads, "processors", lambda: 2)
    fixed_size = 8 * gallery
    tracemalloc.start()
    for _part, ranked in ranked_relevance_blocks(*arguments, block_bytes=block_bytes):
        assert ranked.shape[1] == gallery
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    labels = 4 * sum(label.size for label in arguments[2:])
    # The block, at most six chunk-sized temporaries, gallery lengths and the labels; the scores
    # alone would be 29 MB in the first problem, the queries in fixed point 32 MB in the second.
    assert peak < block_bytes + 6 * 2**20 + fixed_size + labels
    assert peak > block_bytes / 2


PEAK = """
import numpy as np
from keras_xmr.metrics import mean_average_precision

def high_water():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

rng = np.random.default_rng(0)
queries, gallery = rng.random((2_000, 10)), rng.random((20_000, 10))
labels = rng.integers(0, 10, 2_000), rng.integers(0, 10, 20_000)
mean_average_precision(queries[:1], gallery[:100], labels[0][:1], labels[1][:100])
before = high_water()
value = mean_average_precision(queries, gallery, *labels)
print(value, high_water() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's VmHWM")
def test_peak_memory_of_a_large_evaluation():
    output = subprocess.run(
        [sys.executable, "-c", PEAK],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    value, megabytes = map(float, output.split())
    assert value == pytest.approx(0.1, abs=0.01)
    # Whole: scores and keys of 2,000 x 20,000 items, 610 MB. A block: 128 MiB and chunks, for any
    # number of queries; 20,000 x 20,000 was measured at 125 MB.
    assert megabytes < 220


# Data on which rough scores leave few or many pairs in doubt, and whether they suffice at first.
DOUBTS = {"apart": True, "one copy": True, "codes": False, "crowded": False}


def doubtful_embeddings(kind, width, rng):
    queries, gallery = rng.standard_normal((31, width)), rng.standard_normal((2_000, width))
    if kind == "one copy":
        gallery[1_999] = 3 * gallery[5]
        gallery[1_001] = gallery[5]
    if kind == "codes":
        return np.sign(queries), np.sign(gallery)
    if kind == "crowded":
        # All cosines within a few thousand steps of each other, closer than rough scores can tell.
        gallery = queries[0] + 1e-10 * gallery
    return queries, gallery


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [3, 65, 300])
@pytest.mark.parametrize("kind", DOUBTS)
@pytest.mark.parametrize("patience", ["as it is", "endless"])
def test_rough_scores_give_the_order_of_exact_ones(dtype, width, kind, patience, monkeypatch):
    if patience == "endless":
        # Every doubt is settled pair by pair, be they all pairs.
        monkeypatch.setattr(_cosine_order, "_MOST_CLOSE", 1.0)
        monkeypatch.setattr(_cosine_order, "_MOST_DOUBTFUL", 1.0)
    rng = np.random.default_rng(width)
    queries, gallery = (x.astype(dtype) for x in doubtful_embeddings(kind, width, rng))
    relevant = rng.random((31, 2_000)) < 0.3
    order = _cosine_order.CosineOrder(cosine.UnitRows(gallery))
    ranked = order.ranked(cosine.UnitRows(queries)[:], relevant)
    np.testing.assert_array_equal(ranked, naive_ranked(cosine_scores(queries, gallery), relevant))
    assert order.rough_first == (patience == "endless" or DOUBTS[kind])


@pytest.mark.parametrize("width", [1, 20, 1_000, 20_000])
def test_rough_scores_keep_to_their_bound(width):
    # Constant rows: the digits that fixed point cuts off all have one sign.
    rng = np.random.default_rng(width)
    rows = np.concatenate([rng.random((4, width)), np.full((2, width), 0.3)])
    rows[-1, 0] = 0.31
    unit = cosine.UnitRows(rows)
    error = np.abs(cosine.rough_levels(unit[:], unit) - cosine.exact_levels(unit[:], unit))
    # Two such errors; the exact levels are rounded by up to a half.
    assert 2 * (error.max() - 0.5) <= _cosine_order.smallest_step(width) - 2


def test_public_metrics_load_no_backend():
    code = (
        "import sys, keras_xmr.metrics; "
        "print(sorted({'keras', 'sklearn', 'scipy', 'torch', 'tensorflow', 'jax'} & "
        "set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    assert output.strip() == "[]"


def test_ties_at_the_top_follow_the_gallery():
    # Both gallery items point the same way: the first one wins, whichever is relevant.
    queries, gallery = np.array([[1.0, 1.0]]), np.array([[2.0, 2.0], [7.0, 7.0]])
    first = mean_average_precision(queries, gallery, [0], [0, 1])
    second = mean_average_precision(queries, gallery, [0], [1, 0])
    assert (first, second) == (1.0, 0.5)


@pytest.mark.parametrize(("steps", "doubtful"), [(0, True), (1, True), (3, False)])
@pytest.mark.parametrize("flags", [(0, 1), (1, 0)])
def test_neighbours_less_than_two_steps_apart_are_doubtful(steps, doubtful, flags):
    places = 10 * np.arange(2000)
    places[1001] = places[1000] + steps
    keys = (2 * places).astype(np.uint32)
    keys[1000:1002] |= np.array(flags, np.uint32)
    keys.sort()
    found = _cosine_order._doubtful_places(keys[None])
    assert found.tolist() == ([1000, 1001] if doubtful else [])
