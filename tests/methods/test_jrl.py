"""JRL, against loops over its formulas, and the gradient at its fixed point."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit

from keras_xmr import JRL, evaluate
from keras_xmr.datasets import toy
from keras_xmr.methods.jrl import (
    RELEASED,
    Term,
    joint_projections,
    neighbour_laplacian,
    neighbour_posteriors,
    objective,
)
from keras_xmr.transforms import FeatureScaler, Preprocessor
from tests.methods.planted import planted

pytestmark = pytest.mark.once

DATA = planted(classes=3, per_class=10, media=("image", "text", "audio"), width=6)
WEIGHTS = {"label_weight": 2.0, "pair_weight": 0.5, "graph_weight": 0.3, "sparsity_weight": 0.7}


def naive_graph(rows, neighbours):
    """Joined or not, by a loop."""
    joined = np.zeros((len(rows), len(rows)), bool)
    distances = np.linalg.norm(rows[:, None] - rows, axis=2)
    for item, row in enumerate(distances):
        row = row.copy()
        row[item] = np.inf
        joined[item, np.argsort(row)[:neighbours]] = True
    return joined | joined.T, expit(-distances)


@pytest.mark.parametrize("graph", ["masked", "released"])
def test_the_laplacian_is_that_of_the_graph(graph):
    rows = np.random.default_rng(0).normal(size=(12, 3))
    joined, weights = naive_graph(rows, 3)
    kept = joined * weights
    degrees = (kept if graph == "masked" else joined).sum(axis=1)
    used = kept if graph == "masked" else weights
    expected = np.eye(12) - used / np.sqrt(np.outer(degrees, degrees))
    found = neighbour_laplacian(rows, 3, graph)
    found = found if graph == "released" else found.toarray()
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_laplacian_of_items_that_are_all_far_apart_still_tells_near_from_far():
    rows = np.array([[0.0], [2000.0], [4001.0], [6003.0]])
    found = neighbour_laplacian(rows, 2).toarray()
    assert found[0, 1] < -0.5
    assert -0.5 < found[1, 2] < -0.1


def test_the_laplacian_of_items_far_apart_is_finite():
    rows = np.random.default_rng(0).normal(size=(12, 3)) * 500
    rows[0] += 1e6
    found = neighbour_laplacian(rows, 3).toarray()
    assert np.isfinite(found).all()
    assert np.linalg.eigvalsh(found).min() > -1e-9
    # Nothing that is near enough to weigh anything: it is not smoothed.
    assert not found[0].any()
    assert neighbour_laplacian(rows, 99).shape == (12, 12)


def test_neighbours_vote_by_similarity():
    rng = np.random.default_rng(0)
    gallery, queries = rng.normal(size=(20, 4)), rng.normal(size=(5, 4))
    classes = np.eye(3)[rng.integers(0, 3, 20)]
    found = neighbour_posteriors(queries, gallery, classes, 6)
    for query, row in zip(queries, found, strict=True):
        distances = np.linalg.norm(gallery - query, axis=1)
        votes = np.zeros(3)
        for item in np.argsort(distances)[:6]:
            votes += expit(-distances[item]) * classes[item]
        np.testing.assert_allclose(row, votes / votes.sum(), atol=1e-10)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    # Far from everything, all weights are nought: yet they are compared.
    assert np.isfinite(neighbour_posteriors(queries + 1e5, gallery, classes, 6)).all()


def fitted_parts(data, **more):
    """The baseline, and what its objective is made of, made once more from the data."""
    baseline = JRL(**{**WEIGHTS, "neighbours": 4, **more}).fit(data)
    train = data.part("train")
    rows = {n: x.astype(float) for n, x in baseline.preprocess(train).items()}
    rows = {n: x - x.mean(axis=0) for n, x in rows.items()}
    hot = np.eye(data.num_classes)[train.media["image"].labels]
    return baseline, rows, hot


def naive_objective(rows, hot, found, neighbours):
    value = 0.0
    for name, own in rows.items():
        projected = own @ found[name]
        value += WEIGHTS["label_weight"] * np.sum((projected - hot) ** 2)
        laplacian = neighbour_laplacian(own, neighbours).toarray()
        value += WEIGHTS["graph_weight"] * np.trace(projected.T @ laplacian @ projected)
        value += WEIGHTS["sparsity_weight"] * sum(np.linalg.norm(row) for row in found[name])
    for first, second in combinations(rows, 2):
        difference = rows[first] @ found[first] - rows[second] @ found[second]
        value += WEIGHTS["pair_weight"] * np.sum(difference**2)
    return value


def test_it_minimises_the_objective_of_the_docstring():
    more = {"iterations": 300, "tolerance": 0.0}
    baseline, rows, hot = fitted_parts(DATA, **more)
    found = {name: arrays[0].astype(float) for name, arrays in baseline.weights.items()}
    best = naive_objective(rows, hot, found, 4)
    rng = np.random.default_rng(0)
    for scale in (1e-1, 1e-2):
        for _ in range(5):
            other = {n: p + scale * rng.normal(size=p.shape) for n, p in found.items()}
            assert naive_objective(rows, hot, other, 4) > best
    # The gradient, by central differences.
    for name, projection in found.items():
        for at in [(0, 0), (3, 2)]:
            moved = []
            for step in (1e-4, -1e-4):
                changed = projection.copy()
                changed[at] += step
                moved.append(naive_objective(rows, hot, {**found, name: changed}, 4))
            assert abs(moved[0] - moved[1]) / 2e-4 < 2e-2


def test_its_own_objective_is_that():
    baseline, rows, hot = fitted_parts(DATA)
    train = DATA.part("train")
    centred = {n: (x, np.zeros(x.shape[1])) for n, x in rows.items()}
    terms = baseline._terms(centred, train, {})
    rng = np.random.default_rng(0)
    some = {n: rng.normal(size=(6, 3)) for n in rows}
    ours = objective(terms, some, WEIGHTS["sparsity_weight"])
    assert ours == pytest.approx(naive_objective(rows, hot, some, 4))


def test_wide_and_narrow_systems_give_the_same():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(8, 8))
    term = Term(rows, neighbour_laplacian(rows, 3), rng.normal(size=(8, 2)), {})
    row_weights = rng.uniform(1, 2, 8)
    narrow = term.solve(term.targets, row_weights)
    # A column of zeros more than there are rows.
    wide = replace(term, rows=np.concatenate([rows, np.zeros((8, 1))], axis=1))
    found = wide.solve(term.targets, np.append(row_weights, 1.0))
    np.testing.assert_allclose(found[:8], narrow, atol=1e-9)
    np.testing.assert_allclose(found[8], 0, atol=1e-12)


def test_it_stops_early_when_little_changes():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 4))
    inner = neighbour_laplacian(rows, 3) + neighbour_laplacian(rows, 29)
    terms = {"image": Term(rows, inner, rng.normal(size=(30, 2)), {})}
    few, many = (joint_projections(terms, 0.1, n, 0.5, 0) for n in (3, 50))
    np.testing.assert_array_equal(few["image"], many["image"])
    assert not np.allclose(joint_projections(terms, 0.1, 50, 0.0, 0)["image"], few["image"])


def test_between_media_cosine_is_the_dot_product_of_posteriors():
    data = toy()
    baseline = JRL(neighbours=5).fit(data)
    projections = JRL(neighbours=5, readout="projections").fit(data)
    posteriors = {}
    everything = [projections.encode(data.part("train"), name) for name in data.media]
    hot = np.eye(4)[data.part("train").media["image"].labels]
    for name in data.media:
        encoded = baseline.encode(data, name)
        posteriors[name] = neighbour_posteriors(
            projections.encode(data, name), np.concatenate(everything), np.tile(hot, (2, 1)), 5
        )
        assert encoded.shape == (80, 4 + 2)
        assert baseline.encode(data.media[name].items[:0], name).shape == (0, 4 + 2)
        np.testing.assert_allclose(np.linalg.norm(encoded, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(encoded[:, :4], posteriors[name], atol=1e-4)
    cosines = baseline.encode_image(data) @ baseline.encode_text(data).T
    np.testing.assert_allclose(cosines, posteriors["image"] @ posteriors["text"].T, atol=1e-3)


def test_unlabelled_items_join_the_graph_and_nothing_else():
    without, with_them = (JRL(**WEIGHTS, neighbours=4), JRL(**WEIGHTS, neighbours=4))
    without.fit(DATA)
    with_them.fit(DATA, unlabelled="test")
    kernel, other = (b.weights["image"][0] for b in (without, with_them))
    assert not np.allclose(kernel, other, atol=1e-4)
    # Votes are those of labelled items.
    assert len(with_them.weights["image"][2]) == len(DATA.part("train").media["image"])
    no_graph = [JRL(graph_weight=0.0).fit(DATA, unlabelled=part) for part in (None, "test")]
    found = [baseline.weights["text"][0] for baseline in no_graph]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_unlabelled_items_are_centred_like_the_others():
    kernels = []
    for offset in (0, 50):
        media = {m: replace(x, items=x.items + offset) for m, x in DATA.media.items()}
        data = replace(DATA, media=media)
        plain = {m: FeatureScaler(square_root=False, norm="none", standardize=False) for m in media}
        baseline = JRL(neighbours=4, preprocessor=Preprocessor.for_data(data, **plain))
        kernels.append(baseline.fit(data, unlabelled="test").weights["image"][0])
    np.testing.assert_allclose(kernels[0], kernels[1], atol=1e-3)


def test_sparsity_empties_rows():
    rng = np.random.default_rng(0)
    image = DATA.media["image"]
    noisy = np.concatenate([image.items, rng.normal(size=(len(image), 6))], axis=1)
    data = replace(DATA, media={**DATA.media, "image": replace(image, items=noisy)})
    lengths = {}
    for weight in (0.01, 3.0):
        baseline = JRL(sparsity_weight=weight, iterations=50, tolerance=0.0).fit(data)
        lengths[weight] = np.linalg.norm(baseline.weights["image"][0], axis=1)
    assert lengths[0.01].min() > 1e-4
    assert (lengths[3.0][6:] < 1e-4).sum() >= 4
    assert (lengths[3.0][:6] > 1e-2).any()


def test_the_released_settings_run():
    # Weights for thousands of items leave little of thirty.
    assert evaluate(JRL(**RELEASED).fit(DATA), DATA).map > 0.45


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"graph": "x"}, r"Graphs are .*Received: graph='x'"),
        ({"readout": "x"}, r"Readouts are .*Received: readout='x'"),
        ({"neighbours": 0}, r"one neighbour .*Received: neighbours=0"),
        ({"iterations": 0}, r"one iteration.*iterations=0"),
        ({"pair_weight": -1.0}, r"not negative.*pair_weight=-1\.0"),
        ({"sparsity_weight": 0.0}, r"above 0.*sparsity_weight=0\.0"),
    ],
)
def test_arguments_outside_their_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        JRL(**arguments)


def test_as_many_neighbours_vote_as_a_class_has_items():
    # 60 images and texts in the training part, of 6 classes.
    assert (
        JRL.settings_for(toy()).arguments["neighbours"]
        == len([*toy().part("train").medium("image").ids, *toy().part("train").medium("text").ids])
        // toy().num_classes
    )
