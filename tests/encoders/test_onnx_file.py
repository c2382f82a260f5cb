"""`OnnxFile`: rows as onnxruntime's by hand, in every layout; files that travel."""

import pickle
import sys

import numpy as np
import pytest

import keras_xmr
from keras_xmr.encoders import OnnxFile, onnx_file
from keras_xmr.transforms import Encoder, PictureLoader
from tests.encoders.models import SIZE, config_of, onnx_network
from tests.methods.pictures import coloured

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.once
FILES = list(coloured().media["image"].items[:5])


def by_hand(path, channels_first=True, dtype="float32", pooled=True):
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    pixels = PictureLoader.for_size(SIZE)(FILES).astype(dtype)
    if channels_first:
        pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    rows = np.concatenate([session.run(None, {"pixels": one[None]})[0] for one in pixels])
    return rows if pooled else rows.mean(axis=(2, 3))


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_rows_are_those_of_onnxruntime(tmp_path, channels_first, batch, dtype):
    path = onnx_network(
        tmp_path / "a.onnx", channels_first=channels_first, batch=batch, dtype=dtype
    )
    encoder = Encoder(str(path), cache=None)
    assert (encoder.reads, encoder.dim) == ("image", 4)
    np.testing.assert_allclose(encoder(FILES), by_hand(path, channels_first, dtype), rtol=1e-5)


def test_batches_of_one_size_are_filled_and_maps_are_averaged(tmp_path):
    path = onnx_network(tmp_path / "a.onnx", batch=2, pooled=False)
    single = onnx_network(tmp_path / "b.onnx", batch="n", pooled=False)
    wanted = by_hand(single, pooled=False)
    np.testing.assert_allclose(Encoder(path, cache=None)(FILES), wanted, rtol=1e-4)


def test_another_process_loads_it_again(tmp_path):
    encoder = Encoder(onnx_network(tmp_path / "a.onnx"), cache=None)
    wanted = encoder(FILES)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(encoder))(FILES), wanted)


def test_levels_are_scaled(tmp_path):
    path = onnx_network(tmp_path / "a.onnx")
    plain = Encoder(path, cache=None)(FILES)
    scaled = Encoder(OnnxFile(path, mean=0, deviation=[255, 255, 255]), cache=None)
    np.testing.assert_allclose(scaled(FILES), plain / 255, rtol=1e-4)
    assert scaled.fingerprint != Encoder(path).fingerprint


def test_a_small_file_travels_and_a_large_one_is_named(tmp_path, monkeypatch):
    path = onnx_network(tmp_path / "a.onnx")
    encoder = Encoder(path, cache=None)
    wanted = encoder(FILES)
    (tmp_path / "preset").mkdir()
    (name,) = encoder.save_files(tmp_path / "preset")
    config = config_of(encoder)
    named = monkeypatch.context()
    with named as patch:
        patch.setattr(onnx_file, "LARGEST", 10)
        large = config_of(encoder)
        assert encoder.save_files(tmp_path / "preset") == []
    again = Encoder.from_config(large)
    again.load_files({})
    again.cache = None
    np.testing.assert_array_equal(again(FILES), wanted)
    path.unlink()
    again = Encoder.from_config(config)
    with pytest.raises(ValueError, match=r"no encoder_.*\.onnx in the preset"):
        again.load_files({})
    again.load_files({name: tmp_path / "preset" / name})
    again.cache = None
    np.testing.assert_array_equal(again(FILES), wanted)


def test_what_is_refused(tmp_path, monkeypatch):
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(ValueError, match=r"that onnxruntime can run\. Received: 'bad\.onnx'"):
        Encoder(tmp_path / "bad.onnx")
    with pytest.raises(OSError, match=r"needs that file\. Received: .*nowhere\.onnx"):
        Encoder(tmp_path / "nowhere.onnx")
    path = onnx_network(tmp_path / "a.onnx")
    config = config_of(Encoder(path))
    changed = Encoder.from_config(config | {"path": str(onnx_network(path, channels_first=False))})
    with pytest.raises(ValueError, match=r"must have the fingerprint"):
        changed(FILES)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r'pip install "keras-xmr\[onnx\]"'):
        Encoder(path)


def test_the_name_of_a_preset_is_what_it_sees_pictures_with(tmp_path):
    path = onnx_network(tmp_path / "a.onnx")
    data = coloured()
    model = keras_xmr.train(data, "cca", encoders={"image": str(path)}, progress=False)
    model.save_to_preset(tmp_path / "preset")
    again = Encoder(str(tmp_path / "preset"), cache=None)
    np.testing.assert_allclose(again(FILES), by_hand(path), rtol=1e-5)
