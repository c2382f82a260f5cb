"""`modality_probe`: near 1 where media lie apart, near chance where they are mixed."""

import numpy as np
import pytest

from keras_xmr import modality_probe
from keras_xmr.datasets import toy

DATA = toy(["image", "text", "audio"])


class Given:
    """An encoder of random rows, moved by medium."""

    def __init__(self, apart, media=("image", "text", "audio"), features=3):
        self.media = dict.fromkeys(media, 1)
        self.apart = apart
        self.features = features

    def encode(self, x, media):
        number = list(self.media).index(media)
        rng = np.random.default_rng(number)
        rows = rng.normal(size=(len(x.medium(media)), self.features))
        return (rows + self.apart * np.eye(self.features)[number]).astype("float32")


def test_media_that_lie_apart_are_told_apart():
    assert modality_probe(Given(20.0), DATA, split="train") == 1.0


def test_mixed_media_are_at_chance():
    assert modality_probe(Given(0.0), DATA, split="train") == pytest.approx(1 / 3, abs=0.12)
    two = modality_probe(Given(0.0), DATA, split="train", media=["image", "text"])
    assert two == pytest.approx(1 / 2, abs=0.15)


def test_it_is_between_where_they_overlap():
    some = [modality_probe(Given(apart), DATA, split="train") for apart in (0.5, 1.5, 4.0)]
    assert some == sorted(some)
    assert 0.35 < some[0] < some[1] < 0.99


def test_one_instance_is_in_one_fold():
    """Rows that name their instance say nothing about other instances."""

    class Named(Given):
        def encode(self, x, media):
            # All media of an instance share a row; a split of it would be recognised.
            return np.random.default_rng(0).normal(size=(len(x.medium(media)), 30))

    assert modality_probe(Named(0.0), DATA, split="train") < 0.45


def test_fewer_than_two_media_are_an_error():
    with pytest.raises(ValueError, match=r"at least two\. Received: \['text'\] of \['audio', 'im"):
        modality_probe(Given(0.0), DATA, media=["text", "video"])
