"""What rows pass before their pathway: a trunk, where they are raw, and batch normalisation."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_xmr.layers.batch_normalization import BatchNormalization
from keras_xmr.layers.split_rows import SplitRows
from keras_xmr.training.batches import presence
from keras_xmr.types import Tensor

SOURCE = "source"
"""Name of the source domain's rows among the inputs of a model."""

Layers = Sequence[keras.layers.Layer]


def make_inputs(
    media: Mapping[str, int],
    hub: str,
    has_source: bool,
    trunks: Mapping[str, keras.Model],
    partial: Sequence[str] = (),
) -> dict[str, Tensor]:
    """Inputs of each medium, and of the source: what its trunk takes, or feature rows.

    For media that are `partial` a further input tells which of their rows are there.
    """
    shapes = {
        name: trunks[name].input_shape[1:] if name in trunks else (width,)
        for name, width in media.items()
    }
    if has_source:
        shapes[SOURCE] = shapes[hub]
    shapes |= {presence(name): () for name in partial}
    # Texts are whole numbers, which half precision would not keep.
    dtypes = {name: trunk.inputs[0].dtype for name, trunk in trunks.items()}
    return {
        name: keras.Input(shape, name=name, dtype=dtypes.get(name))
        for name, shape in shapes.items()
    }


def enter(
    inputs: Mapping[str, Tensor], layers: Mapping[str, Layers], hub: str
) -> dict[str, Tensor]:
    """Feature rows of every input, past the layers of its medium.

    Source rows pass those of the hub together with the hub's own: one forward of the trunk, and
    batch statistics of both.
    """
    told = {presence(name) for name in inputs}
    rows = {
        name: _through(layers.get(name, ()), x, inputs.get(presence(name)))
        for name, x in inputs.items()
        if name != hub and name not in told
    }
    if SOURCE in inputs and layers.get(hub):
        both = [inputs[hub], inputs[SOURCE]]
        stacked = keras.layers.Concatenate(axis=0, name="stack_hub")(both)
        entered = _through(layers[hub], stacked)
        rows[hub], rows[SOURCE] = SplitRows(name="unstack_hub")(entered, both)
    else:
        rows[hub] = _through(layers.get(hub, ()), inputs[hub])
    return rows


def rows_to_train(trunk: keras.Model | None, x: Any) -> Tensor:
    """Feature rows of a batch in training: past the trunk, if there is one."""
    if trunk is None:
        return ops.convert_to_tensor(x, keras.config.floatx())
    return trunk(ops.convert_to_tensor(x, trunk.inputs[0].dtype), training=True)


def _through(layers: Layers, x: Tensor, present: Tensor | None = None) -> Tensor:
    for layer in layers:
        x = layer(x, present=present) if isinstance(layer, BatchNormalization) else layer(x)
    return x
