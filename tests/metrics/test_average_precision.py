"""AP and MAP: by hand, against plain loops bit for bit, and against scikit-learn."""

import importlib
import math
import os
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from keras_xmr.metrics import (
    average_precision,
    cosine_scores,
    mean_average_precision,
    metric_name,
    ranked_relevance,
    ranked_relevance_blocks,
    relevance,
)


def flags(text):
    return np.array([[c == "1" for c in row] for row in text.split()])


def naive_ap(ranked, k=None, denominator="relevant"):
    """One query, one rank after the other."""
    cut = len(ranked) if k is None else k
    hits, total = 0, 0.0
    for rank, relevant in enumerate(ranked[:cut], start=1):
        if relevant:
            hits += 1
            total += hits / rank
    relevant = int(sum(ranked))
    if relevant == 0:
        return math.nan
    by = {"relevant": relevant, "hits": max(hits, 1), "min": min(cut, relevant)}
    return total / by[denominator]


def naive_map(queries, gallery, query_labels, gallery_labels, k=None, denominator="relevant"):
    values = []
    for scores, label in zip(cosine_scores(queries, gallery), query_labels, strict=True):
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        if np.ndim(label):
            relevant = [bool((label * gallery_labels[i]).any()) for i in order]
        else:
            relevant = [label == gallery_labels[i] for i in order]
        values.append(naive_ap(relevant, k, denominator))
    return math.fsum(values) / len(values)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("10110", (1 + 2 / 3 + 3 / 4) / 3),
        ("11100", 1.0),
        ("11111", 1.0),
        ("00001", 0.2),
        ("00011", (1 / 4 + 2 / 5) / 2),
        ("1", 1.0),
    ],
)
def test_hand_worked(pattern, expected):
    np.testing.assert_array_equal(average_precision(flags(pattern)), [expected])


def test_the_number_of_the_specification():
    assert average_precision(flags("10110"))[0] == pytest.approx(0.8055556, abs=5e-8)


@pytest.mark.parametrize(
    ("pattern", "k", "relevant", "hits", "minimum"),
    [
        # Precisions 1 and 2/3 within three ranks, three relevant items in all.
        ("10110", 3, (1 + 2 / 3) / 3, (1 + 2 / 3) / 2, (1 + 2 / 3) / 3),
        # min(2, 3) = 2 items could have been found, one was.
        ("10110", 2, 1 / 3, 1.0, 1 / 2),
        # Relevant items exist, all beyond the cut: zero, not NaN.
        ("00011", 2, 0.0, 0.0, 0.0),
        # A cut beyond the gallery changes nothing.
        ("10110", 50, (1 + 2 / 3 + 3 / 4) / 3, (1 + 2 / 3 + 3 / 4) / 3, (1 + 2 / 3 + 3 / 4) / 3),
    ],
)
def test_denominators_by_hand(pattern, k, relevant, hits, minimum):
    for denominator, expected in [("relevant", relevant), ("hits", hits), ("min", minimum)]:
        np.testing.assert_array_equal(average_precision(flags(pattern), k, denominator), [expected])


def test_no_relevant_item_is_nan_and_empty_inputs_are_empty():
    for denominator in ("relevant", "hits", "min"):
        result = average_precision(flags("000 010"), 2, denominator)
        np.testing.assert_array_equal(np.isnan(result), [True, False])
    np.testing.assert_array_equal(average_precision(np.empty((3, 0), bool)), [np.nan] * 3)
    assert average_precision(np.empty((0, 4), bool)).shape == (0,)


@pytest.mark.parametrize("k", [None, 1, 10, 500])
@pytest.mark.parametrize("denominator", ["relevant", "hits", "min"])
@pytest.mark.parametrize("share", [0.002, 0.1, 0.9])
def test_equal_to_the_naive_loop_bit_for_bit(k, denominator, share):
    ranked = np.random.default_rng(0).random((30, 500)) < share
    expected = [naive_ap(row, k, denominator) for row in ranked]
    result = average_precision(ranked, k, denominator)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shift", [0.0, -10.0])
def test_agrees_with_scikit_learn_without_ties(dtype, shift):
    rng = np.random.default_rng(1)
    scores = (rng.standard_normal((25, 300)) + shift).astype(dtype)
    assert all(len(np.unique(row)) == 300 for row in scores)
    relevant = rng.random((25, 300)) < 0.1
    expected = [average_precision_score(r, s) for r, s in zip(relevant, scores, strict=True)]
    np.testing.assert_allclose(
        average_precision(ranked_relevance(scores, relevant)), expected, rtol=1e-13
    )


def problem(kind, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    if kind == "ties":
        embeddings = [rng.integers(-1, 2, (n, 3)).astype(dtype) for n in (40, 90)]
    else:
        embeddings = [rng.standard_normal((n, 12)).astype(dtype) for n in (40, 90)]
    if kind == "multi-hot":
        labels = [(rng.random((n, 8)) < 0.25).astype(int) for n in (40, 90)]
        labels[0][:, 0] = 1
        return (*embeddings, *labels)
    return (*embeddings, *(rng.integers(0, 4, n) for n in (40, 90)))


SORTS = ["continuous", "ties", "multi-hot"]


@pytest.mark.parametrize("kind", SORTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("k", "denominator"), [(None, "relevant"), (10, "relevant"), (10, "hits"), (10, "min")]
)
def test_map_equals_the_naive_loop_bit_for_bit(kind, dtype, k, denominator):
    arguments = problem(kind, dtype)
    assert mean_average_precision(*arguments, k, denominator) == naive_map(
        *arguments, k, denominator
    )


@pytest.mark.parametrize("kind", SORTS)
def test_map_does_not_depend_on_the_block_size(kind, monkeypatch):
    arguments = problem(kind)
    expected = mean_average_precision(*arguments)
    # By its full name: the package has a function of the name of this module.
    module = importlib.import_module("keras_xmr.metrics.average_precision")
    for block_bytes in (1, 20_000, 40_000):
        smaller = partial(ranked_relevance_blocks, block_bytes=block_bytes)
        assert len(list(smaller(*arguments))) > 1
        monkeypatch.setattr(module, "ranked_relevance_blocks", smaller)
        assert mean_average_precision(*arguments) == expected


@pytest.mark.parametrize("kind", SORTS)
def test_the_order_of_queries_does_not_matter(kind):
    queries, gallery, query_labels, gallery_labels = problem(kind)
    order = np.random.default_rng(3).permutation(len(queries))
    assert mean_average_precision(
        queries[order], gallery, query_labels[order], gallery_labels
    ) == mean_average_precision(queries, gallery, query_labels, gallery_labels)


@pytest.mark.parametrize("kind", SORTS)
def test_positive_scaling_of_rows_does_not_matter(kind):
    queries, gallery, *labels = problem(kind)
    rng = np.random.default_rng(4)
    scales = [10.0 ** rng.uniform(-6, 6, (n, 1)) for n in (40, 90)]
    scaled = mean_average_precision(queries * scales[0], gallery * scales[1], *labels)
    assert scaled == mean_average_precision(queries, gallery, *labels)
    # The sign does matter, or this test could not fail.
    assert scaled != mean_average_precision(-queries, gallery, *labels)


def test_all_equal_scores_rank_by_gallery_index():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 60)
    embeddings = np.full((60, 4), 0.3)
    expected = average_precision(relevance(labels, labels))
    assert mean_average_precision(embeddings, embeddings, labels, labels) == (
        math.fsum(expected) / 60
    )


def test_queries_without_relevant_items_are_left_out_with_a_warning():
    queries, gallery, query_labels, gallery_labels = problem("continuous")
    expected = mean_average_precision(queries[2:], gallery, query_labels[2:], gallery_labels)
    query_labels[:2] = 99
    message = "2 of 40 queries have no relevant item in the gallery and are left out of the mean."
    with pytest.warns(UserWarning, match=re.escape(message)) as caught:
        result = mean_average_precision(queries, gallery, query_labels, gallery_labels)
    assert result == expected
    assert caught[0].filename == __file__


@pytest.mark.parametrize("queries", [0, 40])
def test_no_query_with_a_relevant_item_is_an_error(queries):
    embeddings, gallery, query_labels, gallery_labels = problem("continuous")
    message = (
        "Expected at least one query with a relevant item in the gallery. "
        f"Received: {queries} queries, none with one. "
        "Check that query and gallery labels number the classes in the same way."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        mean_average_precision(
            embeddings[:queries], gallery, query_labels[:queries] + 10, gallery_labels
        )


def test_names():
    assert metric_name() == metric_name(None, "hits") == "MAP@all"
    assert metric_name(50) == "MAP@50/relevant"
    assert metric_name(50, "hits") == "MAP@50/hits"
    assert metric_name(np.int64(7), "min") == "MAP@7/min"


@pytest.mark.parametrize(
    "function", [partial(average_precision, np.ones((1, 3), bool)), metric_name]
)
def test_errors_of_cut_and_denominator(function):
    message = (
        "Expected one of ('relevant', 'hits', 'min'). Received: denominator='all'. "
        "'relevant' is the usual one: all relevant items of the gallery."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        function(denominator="all")
    for k in (0, -1, 2.0, True, "50"):
        message = (
            f"Expected k to be a whole number of at least 1. Received: k={k!r}. "
            "Give the number of leading ranks that count, for example k=50."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            function(k)


@pytest.mark.parametrize("ranked", [np.ones((2, 3)), np.ones(3, bool), np.ones((1, 2, 3), bool)])
def test_errors_of_flags(ranked):
    message = (
        "Expected the relevance flags in rank order, boolean, one row per query. "
        f"Received: ranked.shape={ranked.shape}, ranked.dtype={ranked.dtype}. "
        "Make them with `ranked_relevance`; a single ranking is `ranked[None, :]`."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        average_precision(ranked)


@pytest.mark.data
def test_chance_level_of_the_released_wikipedia_labels():
    root = os.environ.get("KERAS_XMR_DATA")
    if root is None:
        pytest.skip("KERAS_XMR_DATA is not set to the folder with wikipedia/")
    path = Path(root) / "wikipedia" / "testset_txt_img_cat.list"
    if not path.exists():
        pytest.skip(f"{path} does not exist")
    labels = np.loadtxt(path, dtype=str, delimiter="\t")[:, 2].astype(int)
    assert labels.shape == (693,)
    same = np.ones((693, 10))
    assert mean_average_precision(same, same, labels, labels) == pytest.approx(0.11789, abs=1e-5)
