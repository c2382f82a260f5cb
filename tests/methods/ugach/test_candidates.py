"""Batches of queries, matches and candidates."""

import numpy as np
import pytest

from keras_xmr.methods.ugach.candidates import CandidateBatches

ROWS = {"image": np.arange(20.0)[:, None], "text": 100 + np.arange(20.0)[:, None]}
GRAPH = [np.array(sorted({i, (i + 1) % 20, (i * 7) % 20})) for i in range(20)]


def make(**arguments):
    return CandidateBatches(ROWS, GRAPH, **{"pool_size": 8, "batch_size": 6, **arguments})


def numbers(batch):
    x, _ = batch
    for suffix in ("", "_match", "_pool"):
        pictures, texts = x[f"image{suffix}"][:, 0], x[f"text{suffix}"][:, 0]
        np.testing.assert_array_equal(texts, 100 + pictures)
    return [x[f"image{suffix}"][:, 0].astype(int) for suffix in ("", "_match", "_pool")]


def test_matches_are_of_the_graph_and_candidates_are_marked():
    batches = make(seed=1)
    assert len(batches) == 3
    away = 0
    seen = []
    for number in range(10):
        queries, matches, pool = numbers(batches.batch(number))
        seen += queries.tolist()
        assert len(set(pool)) == 8
        for query, match in zip(queries, matches, strict=True):
            assert match in GRAPH[query]
            away += match != query
        wanted = [[candidate in GRAPH[query] for candidate in pool] for query in queries]
        np.testing.assert_array_equal(batches.batch(number)[1]["neighbors"], wanted)
        assert set(batches.batch(number)[1]) == {"neighbors"}
    # Three times through, each time all of them.
    assert [sorted(seen[i : i + 20]) for i in (0, 20, 40)] == [list(range(20))] * 3
    assert 20 < away < 60


def test_what_is_near_is_no_candidate_and_no_match():
    near = [np.array(sorted({*own, (i + 2) % 20})) for i, own in enumerate(GRAPH)]
    batches = make(near=near)
    for number in range(5):
        queries, matches, pool = numbers(batches.batch(number))
        assert all(m in GRAPH[q] for q, m in zip(queries, matches, strict=True))
        wanted = [[instance in near[query] for instance in pool] for query in queries]
        np.testing.assert_array_equal(batches.batch(number)[1]["neighbors"], wanted)


def test_a_pair_is_its_own_match():
    queries, matches, _ = numbers(make(matches="pair")[0])
    np.testing.assert_array_equal(queries, matches)


def test_the_pool_is_everything_at_most():
    _, _, pool = numbers(make(pool_size=99)[0])
    assert sorted(pool) == list(range(20))


def test_a_batch_depends_on_seed_and_number_alone():
    one, same, other = make(seed=1), make(seed=1), make(seed=2)
    same.on_epoch_end()
    same.epoch = 0
    for found, wanted, different in zip(
        numbers(same[2]), numbers(one[2]), numbers(other[2]), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
        assert (found != different).any()
    one.on_epoch_end()
    assert (numbers(one[2])[0] != numbers(same[2])[0]).any()


@pytest.mark.parametrize("shuffle", [True, False])
def test_shuffling_is_of_queries(shuffle):
    queries, _, _ = numbers(make(shuffle=shuffle)[0])
    assert (queries.tolist() == list(range(6))) is not shuffle
