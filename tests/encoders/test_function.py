"""`Function` and `engine_of`: functions that say which they are, and the forms of a source."""

import pytest

from keras_xmr.encoders import Function, KerasNetwork, engine_of, function, register
from keras_xmr.encoders.resolve import restored_engine
from keras_xmr.transforms import Encoder
from tests.encoders.models import Lengths, config_of
from tests.methods.pictures import coloured, trunk

pytestmark = pytest.mark.once


def test_a_function_encodes_texts_and_pictures():
    assert Encoder(Lengths(), reads="text", cache=None)(["a dog", "a"]).tolist() == [[5], [1]]
    files = coloured().media["image"].items[:3]
    rows = Encoder(Lengths("image"), cache=None)(files)
    assert rows.shape == (3, 1)
    assert rows.min() > 0


def test_its_width_is_told_or_measured():
    assert Encoder(Lengths("text")).dim == Encoder(Lengths("image")).dim == 1
    told = Lengths("text", dim=1)
    assert Encoder(told).dim == 1
    assert not told.calls


def test_a_preset_needs_the_function_registered(monkeypatch):
    monkeypatch.setattr(function, "_KNOWN", {})
    config = config_of(Encoder(Lengths("text", dim=1)))
    with pytest.raises(ValueError, match=r"'lengths'\. Call keras_xmr\.encoders\.register"):
        Encoder.from_config(config)
    register(Lengths("text"))
    assert Encoder.from_config(config)(["a dog"]).tolist() == [[5]]
    changed = Lengths("text")
    changed.fingerprint = "v2"
    register(changed)
    with pytest.raises(ValueError, match=r"must have the fingerprint v1\. Received: v2"):
        Encoder.from_config(config)


def test_what_is_no_function_that_encodes():
    with pytest.raises(ValueError, match=r"type without \['name', 'fingerprint'\]"):
        Function(str)
    wrong = Lengths("text", dim=1)
    wrong.name = "wrong"
    monkey = Function(wrong)
    monkey.function = lambda items: [[0.0]]
    monkey.name = "wrong"
    with pytest.raises(ValueError, match=r"one row for each of 2 items\. .*shape=\(1, 1\)"):
        monkey.rows(["a", "b"], "text")


def test_sources_have_their_engines():
    assert isinstance(engine_of(trunk()), KerasNetwork)
    engine = engine_of(trunk())
    assert engine_of(engine) is engine
    with pytest.raises(ValueError, match=r"An encoder is a trunk .*Received: an empty name"):
        engine_of("")
    with pytest.raises(ValueError, match=r"An encoder is a trunk .*Received: int"):
        engine_of(3)
    with pytest.raises(ValueError, match=r"Engines are .*Received: 'other'"):
        restored_engine({"engine": "other"})


def test_the_name_of_a_trunk_is_a_keras_network(tmp_path):
    trunk().save(tmp_path / "mine.keras")
    assert isinstance(engine_of(tmp_path / "mine.keras"), KerasNetwork)
    assert isinstance(engine_of("chtn_pascal_mobilenet"), KerasNetwork)
