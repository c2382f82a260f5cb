"""The registry of methods has all that can be trained, and tells of each what is true."""

import pytest

import keras_xmr
from keras_xmr.methods.catalogue import LINEAR, METHODS
from keras_xmr.training.train import MODELS

KINDS = {"linear", "neural", "game", "hashing"}
SUPERVISION = {"labels", "pairs", "labels, pairs", "labels, pairs, source domain"}


def test_all_that_can_be_trained_is_there():
    assert set(METHODS) == {*LINEAR, *MODELS}


def test_each_row_has_words_of_the_lists():
    for name, method in METHODS.items():
        assert method.kind in KINDS, name
        assert method.supervision in SUPERVISION, name
        assert method.media in {"2", "any"}, name


def test_games_are_those_that_take_turns():
    from keras_xmr.training.alternating import AlternatingModel

    games = {name for name, kind in MODELS.items() if issubclass(kind, AlternatingModel)}
    assert games == {n for n, method in METHODS.items() if method.kind in ("game", "hashing")}


def test_those_of_two_media_say_so():
    data = keras_xmr.datasets.toy(["image", "text", "audio"])
    for name in LINEAR:
        kind = next(k for k in vars(keras_xmr)["__all__"] if k.lower() == name.replace("_", ""))
        method = getattr(keras_xmr, kind)()
        if METHODS[name].media == "any":
            assert sorted(method.fit(data).media) == ["audio", "image", "text"]
        else:
            with pytest.raises(ValueError, match="two media"):
                method.fit(data)
