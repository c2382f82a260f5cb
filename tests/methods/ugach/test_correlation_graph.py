"""The correlation graph: neighbours, ties, the forms of the paper and of its authors' code."""

import numpy as np
import pytest

from keras_xmr.methods.ugach.correlation_graph import correlation_graph, nearest_rows

RNG = np.random.default_rng(0)
ROWS = {"image": RNG.normal(size=(60, 7)), "text": RNG.normal(size=(60, 4))}


def by_hand(rows, count):
    found = []
    for i, row in enumerate(rows):
        order = sorted(range(len(rows)), key=lambda j: (j != i, ((row - rows[j]) ** 2).sum(), j))
        found.append(order[:count])
    return found


def test_nearest_rows_are_those_of_a_loop():
    assert nearest_rows(ROWS["image"], 5).tolist() == by_hand(ROWS["image"], 5)


def test_ties_go_to_the_lower_row_and_a_row_is_its_own_nearest():
    # Binary tags: most distances are the same, and many rows are equal.
    tags = RNG.integers(0, 2, size=(80, 3)).astype("float64")
    found = nearest_rows(tags, 5)
    assert found.tolist() == by_hand(tags, 5)
    assert (found[:, 0] == np.arange(80)).all()
    assert nearest_rows(tags[:3], 9).tolist() == by_hand(tags[:3], 3)


def test_blocks_make_no_difference(monkeypatch):
    import sklearn

    tags = RNG.integers(0, 2, size=(300, 40)) / 3.0
    whole = nearest_rows(tags, 6)
    with sklearn.config_context(working_memory=0.02):
        np.testing.assert_array_equal(nearest_rows(tags, 6), whole)


def test_directed_edges_lead_to_five_neighbours_in_each_medium():
    graph = correlation_graph(ROWS, 5, symmetric=False)
    near = [by_hand(rows, 5) for rows in ROWS.values()]
    assert [matches.tolist() for matches in graph] == [
        sorted({*images, *texts}) for images, texts in zip(*near, strict=True)
    ]
    assert all(5 <= len(matches) <= 10 and i in matches for i, matches in enumerate(graph))
    edges = {(i, int(j)) for i, matches in enumerate(graph) for j in matches}
    assert any((j, i) not in edges for i, j in edges)


@pytest.mark.parametrize("joint", [True, False])
def test_symmetric_edges_lead_back(joint):
    edges, directed = (
        {
            (i, int(j))
            for i, matches in enumerate(
                correlation_graph(ROWS, 5, symmetric=symmetric, joint=joint)
            )
            for j in matches
        }
        for symmetric in (True, False)
    )
    assert edges == directed | {(j, i) for i, j in directed}


def test_a_joint_graph_is_of_the_sum_of_cosines():
    cosines = 0
    for rows in ROWS.values():
        unit = rows - rows.mean(axis=0)
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        cosines = cosines + unit @ unit.T
    graph = correlation_graph(ROWS, 6, symmetric=False, joint=True)
    wanted = np.sort(np.argsort(-cosines, axis=1)[:, :6], axis=1)
    np.testing.assert_array_equal(np.stack(graph), wanted)


def test_three_media():
    three = ROWS | {"audio": RNG.normal(size=(60, 5))}
    graph = correlation_graph(three, 3, symmetric=False)
    near = [by_hand(rows, 3) for rows in three.values()]
    for matches, *of_media in zip(graph, *near, strict=True):
        assert matches.tolist() == sorted(set().union(*of_media))


def test_a_row_is_near_itself_at_least():
    with pytest.raises(ValueError, match=r"count is 1 or more\. Received: count=0"):
        nearest_rows(ROWS["text"], 0)
