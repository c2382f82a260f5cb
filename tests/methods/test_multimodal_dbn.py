"""Multimodal DBN: the joint machine, inference of what is missing, readouts."""

import numpy as np
import pytest

from keras_xmr import MultimodalDBN, evaluate
from tests.methods.planted_pairs import planted
from tests.methods.small_stacks import batch, climbed, hidden, learned, numpy, sigmoid, small, terms

THREE = {"image": 5, "text": 4, "audio": 3}
STEPS = 3


def inferred(model, codes, known):
    """Hidden units, and visible ones of all media, by a loop over the media."""
    kernel, bias, _ = (numpy(w) for w in model.joint.weights)
    widths = [codes[m].shape[1] for m in model.media]
    ends = np.cumsum([0, *widths])
    groups = {m: slice(a, b) for m, a, b in zip(model.media, ends, ends[1:], strict=False)}

    def given(total):
        rows = sigmoid(total + bias)
        rows[:, groups[known]] = codes[known]
        return rows

    visible = given(np.zeros((len(codes[known]), len(bias))))
    for _ in range(STEPS):
        visible = given(hidden(model, "joint_rbm", visible) @ kernel.T)
    return hidden(model, "joint_rbm", visible), visible


@pytest.mark.parametrize("media", [{"image": 5, "text": 4}, THREE], ids=len)
@pytest.mark.parametrize("readout", ["joint", "generated"])
def test_readouts_are_inferred_from_one_medium(media, readout):
    model = small(MultimodalDBN, media, readout=readout, mean_field_steps=STEPS)
    x, _ = batch(media)
    codes = climbed(model, x)
    for medium in media:
        joint, visible = inferred(model, codes, medium)
        wanted = joint if readout == "joint" else visible
        np.testing.assert_allclose(model.encode(x, medium), wanted, rtol=1e-4, atol=1e-6)


def test_the_joint_machine_sees_all_media():
    model = small(MultimodalDBN, THREE)
    x, _ = batch(THREE)
    together = np.concatenate(list(climbed(model, x).values()), axis=1)
    found = model(x)
    np.testing.assert_allclose(numpy(found["together"]), together, rtol=1e-4)
    np.testing.assert_allclose(
        numpy(found["joint"]), hidden(model, "joint_rbm", together), rtol=1e-4
    )
    assert set(terms(model)) == {"joint"}


def test_wrong_readouts_are_errors():
    with pytest.raises(ValueError, match=r"Readouts are .* Received: readout='hidden'"):
        MultimodalDBN({"image": 5, "text": 4}, 3, readout="hidden")


def test_pairs_are_learned():
    data = planted()
    # Chance is 1 / classes, and a little more on a short list.
    assert evaluate(learned(MultimodalDBN, data, joint_units=8), data).map > 0.5
