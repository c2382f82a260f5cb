"""The modality loss against a loop in NumPy."""

import keras
import numpy as np
import pytest

from keras_xmr.losses import modality_loss


def by_hand(logits, form, present=None):
    """Mean over media of the mean over their rows and members, one by one."""
    media = len(logits)
    of_media = []
    for number, rows in enumerate(logits):
        losses = []
        for i, row in enumerate(rows.astype("float64")):
            if present is not None and present[number] is not None and not present[number][i]:
                continue
            for member in row.reshape(-1, media):
                if form == "softmax":
                    losses.append(np.log(np.exp(member).sum()) - member[number])
                else:
                    yes = 1 / (1 + np.exp(-member))
                    target = np.arange(media) == number
                    losses.append(-np.log(np.where(target, yes, 1 - yes)).sum())
        of_media.append(np.mean(losses) if losses else 0.0)
    return np.mean(of_media)


def logits(*rows, members=1, scale=2.0):
    rng = np.random.default_rng(0)
    return [rng.normal(0, scale, (n, members * len(rows))).astype("float32") for n in rows]


@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("rows", [(4, 4), (5, 2, 7)])
def test_it_is_the_loop(form, members, rows):
    made = logits(*rows, members=members)
    assert float(modality_loss(made, form)) == pytest.approx(by_hand(made, form), rel=1e-5)


@pytest.mark.parametrize("form", ["sigmoid", "softmax"])
def test_missing_rows_do_not_count(form):
    made = logits(4, 4, 4)
    present = [None, np.array([1, 0, 0, 1], "float32"), np.zeros(4, "float32")]
    found = float(modality_loss(made, form, present))
    assert found == pytest.approx(by_hand(made, form, present), rel=1e-5)
    made[1][1:3] = 50.0
    assert float(modality_loss(made, form, present)) == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("media", [2, 5])
def test_who_knows_nothing_has_the_loss_of_chance(media):
    nothing = [np.zeros((3, media), "float32")] * media
    assert float(modality_loss(nothing)) == pytest.approx(media * np.log(2), rel=1e-6)
    assert float(modality_loss(nothing, "softmax")) == pytest.approx(np.log(media), rel=1e-6)


def test_each_medium_has_the_same_say():
    many, few = np.full((100, 2), [9.0, -9.0]), np.full((1, 2), [9.0, -9.0])
    # The hundred rows are right, the one is wrong: the mean of about 0 and about 18.
    assert float(modality_loss([many.astype("float32"), few.astype("float32")], "softmax")) == (
        pytest.approx(9.0, rel=1e-4)
    )


def test_large_logits_stay_finite():
    huge = [keras.ops.convert_to_tensor(np.full((2, 2), 1e4, "float32"))] * 2
    for form in ("sigmoid", "softmax"):
        assert np.isfinite(float(modality_loss(huge, form)))


def test_forms_are_named():
    with pytest.raises(ValueError, match=r"Forms .*'sigmoid', 'softmax'.* Received: form='hinge'"):
        modality_loss(logits(2, 2), "hinge")
