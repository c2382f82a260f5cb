"""Encoders leave Keras: what another program computes with them is what `encode` does."""

import numpy as np
import pytest

from tests.contracts.public import KERAS_METHODS
from tests.contracts.test_keras_methods import data_of, make

# Exporters warn of their own ways at length.
pytestmark = pytest.mark.filterwarnings("ignore")
# What Keras exports ONNX with.
EXPORTERS = {"torch": "onnx", "tensorflow": "tf2onnx", "jax": "jax2onnx"}


@pytest.fixture(scope="module", params=KERAS_METHODS)
def model(request):
    return make(request.param)


def rows_and_encoded(model, medium):
    """The rows of a few items, and what they are by `encode`: of codes, before the signs."""
    more = {"as_bits": False} if model.metric == "hamming" else {}
    rows = model.preprocess(data_of(model).part("test"))[medium]
    return rows, model.encode({medium: rows}, medium, **more)


@pytest.mark.parametrize("medium", ["image", "text"])
def test_onnx_runtime_computes_what_encode_does(model, medium, backend, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip(EXPORTERS[backend])
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "encoder.onnx"
    model.encoder(medium).export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path)
    rows, encoded = rows_and_encoded(model, medium)
    # Any number of rows: the one that was exported with is no part of it.
    for some in (slice(0, 1), slice(None)):
        (found,) = session.run(None, {session.get_inputs()[0].name: rows[some]})
        np.testing.assert_allclose(found, encoded[some], rtol=0, atol=1e-5)


def test_a_saved_model_computes_what_encode_does(model, backend, tmp_path):
    if backend == "torch":
        with pytest.raises(ValueError, match="Keras writes a SavedModel on TensorFlow and on JAX"):
            model.encoder("text").export(tmp_path / "encoder")
        return
    tf = pytest.importorskip("tensorflow")
    model.encoder("text").export(tmp_path / "encoder", verbose=False)
    rows, encoded = rows_and_encoded(model, "text")
    loaded = tf.saved_model.load(str(tmp_path / "encoder"))
    np.testing.assert_allclose(loaded.serve(rows), encoded, rtol=0, atol=1e-5)
