"""ACMR's losses against loops in NumPy, and what the released code has in their place."""

import keras
import numpy as np
import pytest

from keras_xmr.losses import invariance_loss, multi_label_cross_entropy, released_triplet_loss
from keras_xmr.losses.invariance import pairwise_distances
from tests.gradients import gradients_at

RNG = np.random.default_rng(0)
ANCHORS, OTHERS = RNG.normal(size=(2, 7, 4)).astype("float32")
INPUTS = RNG.normal(size=(7, 6)).astype("float32")
LABELS = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 1, 0]]
# Rows 0 and 2 share a class with several others.
MANY = np.array(
    [[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0]], "float32"
)


def distance(first, second, metric):
    first, second = first.astype("float64"), second.astype("float64")
    if metric == "euclidean":
        return np.linalg.norm(first - second)
    return 1 - first @ second / np.linalg.norm(first) / np.linalg.norm(second)


def by_hand(anchors, others, labels, inputs, push_weight, margin, metric, mining):
    """Anchor by anchor, as the docstring says."""
    pulls, pushes = [], []
    for i, anchor in enumerate(anchors):
        same = [j for j in range(len(others)) if labels[i] @ labels[j] > 0]
        different = [j for j in range(len(others)) if j not in same]
        pulls.append(np.mean([distance(anchor, others[j], metric) for j in same]))
        if not different:
            continue
        if mining == "input":
            hardness = [-distance(inputs[i], inputs[j], "cosine") for j in different]
        else:
            hardness = [-distance(anchor, others[j], metric) for j in different]
        negative = different[int(np.argmax(hardness))]
        pushes.append(max(0.0, margin - distance(anchor, others[negative], metric)))
    return np.mean(pulls) + push_weight * (np.mean(pushes) if pushes else 0.0)


@pytest.mark.parametrize("labels", [LABELS, MANY], ids=["single", "multiple"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("mining", ["input", "embedding"])
def test_it_is_the_loop(labels, metric, mining):
    arguments = {"push_weight": 0.7, "margin": 2.5, "metric": metric, "mining": mining}
    found = float(invariance_loss(ANCHORS, OTHERS, labels, inputs=INPUTS, **arguments))
    wanted = by_hand(ANCHORS, OTHERS, labels, INPUTS, **arguments)
    assert found == pytest.approx(wanted, rel=1e-5)


def test_anchors_without_a_negative_are_not_pushed():
    labels = np.ones((7, 1), "float32")
    pull = by_hand(ANCHORS, OTHERS, labels, INPUTS, 0.0, 1.0, "euclidean", "input")
    found = float(invariance_loss(ANCHORS, OTHERS, labels, inputs=INPUTS, margin=100.0))
    assert found == pytest.approx(pull, rel=1e-5)


def test_beyond_the_margin_nothing_is_pushed():
    found, wanted = (
        float(invariance_loss(ANCHORS, OTHERS, LABELS, inputs=INPUTS, push_weight=w, margin=0.01))
        for w in (5.0, 0.0)
    )
    assert found == pytest.approx(wanted, rel=1e-6)


def test_gradients_are_finite_where_items_coincide():
    def loss(rows):
        return invariance_loss(rows, rows, LABELS, mining="embedding")

    _, (gradient,) = gradients_at(loss, np.zeros((7, 4)))
    assert np.isfinite(gradient).all()


def test_a_step_along_the_gradient_pulls_pairs_together():
    def loss(anchors, others):
        return invariance_loss(anchors, others, LABELS, push_weight=0.0, inputs=INPUTS)

    before, (first, second) = gradients_at(loss, ANCHORS, OTHERS)
    after, _ = gradients_at(loss, ANCHORS - 0.1 * first, OTHERS - 0.1 * second)
    assert after < before


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_distances_are_precise_far_from_the_origin(metric):
    offset = 100.0 if metric == "euclidean" else 0.0
    found = keras.ops.convert_to_numpy(
        pairwise_distances(ANCHORS + offset, OTHERS + offset, metric)
    )
    wanted = [[distance(a + offset, b + offset, metric) for b in OTHERS] for a in ANCHORS]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"metric": "manhattan"}, r"Received: metric='manhattan'"),
        ({"mining": "random"}, r"Received: .*mining='random'"),
        ({"mining": "input"}, r"Received: inputs=None"),
    ],
)
def test_wrong_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        invariance_loss(ANCHORS, OTHERS, LABELS, **arguments)


def released_by_hand(anchors, others, labels, inputs):
    """One hinge of sums over the batch."""
    pull = push = 0.0
    for i, anchor in enumerate(anchors.astype("float64")):
        cosines = [
            0.0 if labels[i] @ labels[j] > 0 else 1 - distance(inputs[i], inputs[j], "cosine")
            for j in range(len(others))
        ]
        negative = int(np.argmax(cosines))
        pull += 0.5 * np.sum((anchor - others[i]) ** 2)
        push += 0.5 * np.sum((anchor - others[negative]) ** 2)
    return max(0.0, 0.1 + 5 * pull - push)


@pytest.mark.parametrize("near", [0.0, 0.9, 1.0])
def test_the_released_loss_is_one_hinge(near):
    others = near * ANCHORS + (1 - near) * OTHERS
    found = float(released_triplet_loss(ANCHORS, others, LABELS, INPUTS))
    wanted = released_by_hand(ANCHORS, others, LABELS, INPUTS)
    assert found == pytest.approx(wanted, rel=1e-5, abs=1e-5)
    assert (wanted == 0.0) == (near > 0)


def test_the_released_loss_may_take_a_positive_for_a_negative():
    # Every cosine to another label is negative; the masked zeros are larger.
    inputs = np.array([[1.0, 0.0], [0.9, 0.1], [-1.0, 0.0]], "float32")
    labels = np.eye(2, dtype="float32")[[0, 0, 1]]
    rows = np.array([[0.0], [1.0], [5.0]], "float32")
    # Row 0 itself is the first of the zeros: it is pushed from its own pair.
    assert float(released_triplet_loss(rows, rows + 1, labels, inputs)) == pytest.approx(
        released_by_hand(rows, rows + 1, labels, inputs)
    )


def test_several_labels_are_questions_of_their_own():
    logits = RNG.normal(size=(7, 3)).astype("float32")
    yes = 1 / (1 + np.exp(-logits.astype("float64")))
    wanted = -np.log(np.where(MANY > 0, yes, 1 - yes)).sum(axis=1).mean()
    found = float(multi_label_cross_entropy(MANY / MANY.sum(axis=1, keepdims=True), logits))
    assert found == pytest.approx(wanted, rel=1e-5)
    huge = multi_label_cross_entropy(MANY, np.full((7, 3), 1e4, "float32"))
    assert np.isfinite(float(huge))
