"""The class-aware contrastive loss against loops in NumPy, and against CLIP's."""

import keras
import numpy as np
import pytest

from keras_xmr.losses import class_contrastive_loss

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (7, 7)).astype("float32")
CLASSES = np.array([0, 0, 1, 2, 1, 0, 3])
LABELS = np.eye(4, dtype="float32")[CLASSES]


def by_hand(logits, labels, others, positives):
    """One anchor and one positive after the other, in both directions, in float64."""
    means = []
    for matrix, near, far in ((logits, labels, others), (logits.T, others, labels)):
        of_anchors = []
        for i, row in enumerate(matrix.astype("float64")):
            share = [bool((near[i] * label).sum() > 0) for label in far]
            wanted = [i] if positives == "pair" else np.flatnonzero(share)
            against = [np.exp(row[n]) for n in range(len(row)) if n not in wanted and not share[n]]
            odds = [np.exp(row[p]) / (np.exp(row[p]) + sum(against)) for p in wanted]
            if len(wanted):
                of_anchors.append(-np.mean(np.log(odds)))
        means.append(np.mean(of_anchors) if of_anchors else 0.0)
    return np.mean(means)


def loss(*arguments):
    return float(class_contrastive_loss(*arguments))


@pytest.mark.parametrize("positives", ["class", "pair"])
@pytest.mark.parametrize("kind", ["one label", "several", "other rows"])
def test_it_is_the_loop(positives, kind):
    labels = others = LABELS
    if kind == "several":
        labels = others = (RNG.random((7, 5)) < 0.3).astype("float32") / 2
    elif kind == "other rows":
        others = LABELS[[1, 4, 2, 6, 0, 3, 3]]
    wanted = by_hand(LOGITS, labels, others, positives)
    assert loss(LOGITS, labels, others, positives) == pytest.approx(wanted, rel=1e-5)


def test_the_media_may_differ_in_rows():
    wanted = by_hand(LOGITS[:4], LABELS[:4], LABELS, "class")
    assert loss(LOGITS[:4], LABELS[:4], LABELS) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("positives", ["class", "pair"])
def test_with_a_class_for_each_pair_it_is_that_of_clip(positives):
    torch = pytest.importorskip("torch")
    logits, labels = torch.from_numpy(LOGITS), torch.arange(7)
    cross_entropy = torch.nn.functional.cross_entropy
    wanted = (cross_entropy(logits, labels) + cross_entropy(logits.T, labels)) / 2
    each = np.eye(7, dtype="float32")
    assert loss(LOGITS, each, each, positives) == pytest.approx(float(wanted), rel=1e-5)


def test_items_of_one_class_push_each_other_nowhere():
    moved = LOGITS.copy()
    moved[0, 1] += 2.0
    moved[5, 0] -= 3.0
    assert loss(moved, LABELS, LABELS, "pair") == loss(LOGITS, LABELS, LABELS, "pair")
    assert loss(moved, LABELS, LABELS, "class") != loss(LOGITS, LABELS, LABELS, "class")


@pytest.mark.parametrize("positives", ["class", "pair"])
def test_without_negatives_or_positives_it_is_zero_and_large_logits_stay_finite(positives):
    same = np.ones((7, 1), "float32")
    assert loss(LOGITS, same, same, positives) == 0.0
    assert loss(LOGITS, LABELS[:, :2] * 0, LABELS[:, :2] * 0, "class") == 0.0
    assert np.isfinite(loss(LOGITS * 1e4, LABELS, LABELS, positives))


def test_half_precision_is_computed_in_full():
    half = keras.ops.cast(LOGITS, "float16")
    found = class_contrastive_loss(half, LABELS, LABELS)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == pytest.approx(loss(LOGITS, LABELS, LABELS), rel=1e-3)


def test_positives_are_named():
    with pytest.raises(ValueError, match=r"'class', 'pair'.* Received: positives='all'"):
        class_contrastive_loss(LOGITS, LABELS, LABELS, "all")
