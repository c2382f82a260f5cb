"""What is a trunk, and what is none."""

import keras
import pytest

from keras_xmr.trunks import check_trunk

PICTURE = (8, 8, 3)


def model(*shapes, pooled=True, outputs=1):
    inputs = [keras.Input(shape) for shape in shapes]
    pool = keras.layers.GlobalAveragePooling2D(data_format="channels_last")
    results = [pool(i) if pooled else i for i in inputs]
    return keras.Model(inputs, (results * outputs)[0] if outputs == 1 else results * outputs)


def test_a_trunk_passes():
    check_trunk(model(PICTURE))
    check_trunk(keras.Sequential([keras.Input(PICTURE), keras.layers.Flatten()]))


@pytest.mark.parametrize(
    "shapes", [(PICTURE, PICTURE), ((8, 8, 1),), ((3, 8, 8),), ((None, None, 3),), ((None, 8, 3),)]
)
def test_inputs_of_another_kind_are_named(shapes):
    with pytest.raises(
        ValueError, match=r"one input \(n, height, width, 3\).* Received: inputs=\["
    ):
        check_trunk(model(*shapes))


def test_vectors_are_no_pictures():
    rows = keras.Input((4,))
    with pytest.raises(ValueError, match=r"Received: inputs=\[\(None, 4\)\]\. Give the model"):
        check_trunk(keras.Model(rows, keras.layers.Dense(2)(rows)))


@pytest.mark.parametrize("how", [{"pooled": False}, {"outputs": 2}])
def test_outputs_of_another_kind_are_named(how):
    with pytest.raises(ValueError, match=r"one output \(n, d\)\. Received: outputs=\[\(None, "):
        check_trunk(model(PICTURE, **how))


def test_a_model_without_a_graph_is_named():
    class Plain(keras.Model):
        pass

    for thing in (Plain(), keras.Sequential([keras.layers.Flatten()]), keras.layers.Flatten()):
        with pytest.raises(ValueError, match=rf"functional .* Received: {type(thing).__name__}\."):
            check_trunk(thing)
