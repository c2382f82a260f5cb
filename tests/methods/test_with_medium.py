"""A trained MHTN with one more medium: what changes, and what stays."""

import numpy as np
import pytest

from keras_xmr import MHTN
from keras_xmr.datasets import toy
from keras_xmr.transforms import FeatureScaler, TextVectorizer

SMALL = {"pathway_units": (6,), "shared_units": (5,), "members": 1, "seed": 0}
NEW = toy(["image", "audio"])


def model_of(media, **arguments):
    return MHTN.for_data(
        toy(media), **(SMALL | {"bottleneck_units": 4, "discriminator_units": (4,)} | arguments)
    )


def test_what_was_encoded_is_encoded_so_still():
    model = model_of(["image", "text"])
    wider = model.with_medium("audio", NEW)
    wider.compile(optimizer="adam")
    untrained = wider.encode(NEW, "audio")
    wider.fit(wider.batches(NEW, batch_size=20), epochs=2, verbose=0)
    for medium in model.media:
        np.testing.assert_array_equal(wider.encode(toy(), medium), model.encode(toy(), medium))
    assert not np.array_equal(wider.encode(NEW, "audio"), untrained)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ("star", [("image", "text", 1.0), ("image", "video", 1.0), ("image", "audio", 1.0)]),
        ("chain", [("image", "text", 1.0), ("text", "video", 1.0), ("image", "audio", 1.0)]),
        ([("text", "video", 2.0)], [("text", "video", 2.0), ("image", "audio", 1.0)]),
    ],
)
def test_an_edge_leads_from_the_hub_to_the_new_medium(edges, expected):
    wider = model_of(["image", "text", "video"], edges=edges).with_medium("audio", NEW)
    assert wider.weighted_edges() == expected


def test_media_that_the_data_lack_are_partial_in_their_order():
    media = ["image", "video", "text", "depth"]
    wider = model_of(media, partial=("depth",)).with_medium("audio", NEW)
    assert wider.partial == ("depth", "video", "text")


def test_changes_come_before_what_it_would_choose():
    wider = model_of(["image", "text"]).with_medium(
        "audio", NEW, partial=("text", "audio"), cross_weight=0.5
    )
    assert wider.partial == ("text", "audio")
    assert wider.cross_weight == 0.5


def test_a_transform_may_be_given():
    data = toy(["image", "text"])
    model = model_of(["image", "audio"])
    letters = TextVectorizer(max_words=9, analyzer="characters")
    wider = model.with_medium("text", data, transform=letters)
    assert wider.media["text"] == 9
    assert wider.preprocessor.transforms["text"].analyzer == "characters"
    plain = model.with_medium("text", data)
    assert plain.preprocessor.transforms["text"].analyzer != "characters"
    assert isinstance(plain.preprocessor.transforms["image"], FeatureScaler)


def test_a_medium_that_is_there_is_an_error():
    with pytest.raises(ValueError, match="has the media"):
        model_of(["image", "audio"]).with_medium("audio", NEW)
