"""`upright`: items in columns are turned where the labels leave no doubt, and told otherwise."""

import numpy as np
import pytest

from keras_xmr.datasets import TurnedArraysWarning
from keras_xmr.datasets.upright import upright

pytestmark = pytest.mark.once


def zeros(**shapes):
    return {name: np.zeros(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    "arrays",
    [
        zeros(image=(6, 4), text=(6, 3), labels=6),
        zeros(image=(6, 4), text=(6, 3), labels=(1, 6)),
        zeros(image=(6, 4), text=(6, 3), labels=(6, 2)),
        # As many features as items, or as classes.
        zeros(image=(6, 6), text=(6, 3), labels=(6, 1)),
        zeros(image=(6, 2), labels=(6, 2)),
        zeros(image=(6, 6), labels=(6, 6)),
        zeros(image=(1, 3), labels=(1, 3)),
        # One feature.
        zeros(image=(6, 1), labels=(1, 6)),
        zeros(image_tr=(6, 4), image_te=(4, 4), labels_tr=6, labels_te=4),
        zeros(image=(6, 4), labels_image=6, text=(3, 2), labels_text=3, ids_text=3),
        # What fits in no way is told by others.
        zeros(image=(6, 4), labels=5),
        zeros(image=(6, 4, 2), labels=6),
        zeros(image_tr=(4, 6), labels_tr=6, labels_te=6),
        zeros(image=(4, 6)),
    ],
)
def test_rows_stay_rows(arrays):
    found = upright(arrays, "a.mat")
    assert {name: array.shape for name, array in found.items()} == {
        name: array.shape for name, array in arrays.items()
    }


@pytest.mark.parametrize(
    ("arrays", "turned"),
    [
        (zeros(image=(4, 6), text=(3, 6), labels=6), ["image", "text"]),
        (zeros(image=(4, 6), text=(6, 3), labels=(1, 6)), ["image"]),
        (zeros(image=(4, 6), text=(6, 3), labels=(6, 1)), ["image"]),
        (zeros(image=(4, 6), text=(6, 3), labels=(6, 2)), ["image"]),
        (zeros(image=(4, 6), text=(3, 6), labels=(2, 6)), ["image", "text", "labels"]),
        (zeros(image=(6, 4), text=(6, 3), labels=(2, 6)), ["labels"]),
        (zeros(image=(4, 6), text=6, labels=6), ["image"]),
        (zeros(I_tr=(4, 6), I_te=(4, 5), L_tr=6, L_te=5), ["I_tr", "I_te"]),
        # The one part is square, the other one tells.
        (zeros(I_tr=(4, 6), I_te=(4, 4), L_tr=6, L_te=4), ["I_tr", "I_te"]),
        (zeros(image=(4, 6), labels_image=6, text=(6, 6), labels_text=6), ["image"]),
    ],
)
def test_columns_are_turned_and_told(arrays, turned):
    with pytest.warns(TurnedArraysWarning, match="Columns are taken for the items in 'a.mat'"):
        found = upright(arrays, "a.mat")
    assert {name: array.shape for name, array in found.items()} == {
        name: array.shape[::-1] if name in turned else array.shape for name, array in arrays.items()
    }


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            zeros(image=(4, 6), text=(6, 6), labels=6),
            r"'text': \(6, 6\).*6 items, with image in columns, "
            "or items in the rows or the columns of 'text'",
        ),
        (
            zeros(image=(2, 6), text=(2, 6), labels=(6, 2)),
            "6 items, with image and text in columns, or 2 items, with labels in columns",
        ),
        (
            zeros(image=(6, 2), labels=(2, 6), text=(2, 6)),
            "2 items, with image in columns, or 6 items, with labels and text in columns",
        ),
    ],
)
def test_what_may_be_either_is_told(arrays, message):
    with pytest.raises(ValueError, match=message):
        upright(arrays, "a.mat")
