"""`SplitRows`: the blocks that were stacked come back."""

import keras
import numpy as np
import pytest

from keras_xmr.layers import SplitRows
from tests.tiny import rows

BLOCKS = [rows(n, 3, seed=n) for n in (2, 3, 1)]


def test_unequal_blocks_come_back():
    found = SplitRows()(np.concatenate(BLOCKS), [rows(len(b), 1) for b in BLOCKS])
    for block, wanted in zip(found, BLOCKS, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(block), wanted)


@pytest.mark.parametrize("counts", [(2, 3), (4, 1)])
def test_row_counts_stay_free_in_a_functional_model(counts):
    first, second = keras.Input((3,)), keras.Input((3,))
    stacked = keras.layers.Concatenate(axis=0)([first, second])
    model = keras.Model([first, second], SplitRows()(stacked, [first, second]))
    assert [output.shape for output in model.outputs] == [(None, 3), (None, 3)]
    blocks = [rows(n, 3, seed=n) for n in counts]
    for block, wanted in zip(model(blocks), blocks, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(block), wanted)
