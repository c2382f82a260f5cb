"""`Join`, views and texts of `Encoder`: rows by hand, what is cached, and what is refused."""

import copy
import json

import numpy as np
import pytest

from keras_xmr.datasets import toy
from keras_xmr.encoders import KerasNetwork
from keras_xmr.transforms import (
    Chain,
    Encoder,
    FeatureScaler,
    Join,
    PictureLoader,
    Preprocessor,
    TextVectorizer,
)
from keras_xmr.transforms.catalogue import described, restored
from keras_xmr.trunks import mirrored
from tests.encoders.models import Lengths
from tests.methods.pictures import SIZE, coloured, trunk

pytestmark = pytest.mark.once
TEXTS = ["a dog. two cats!", "one bird", "a dog. two cats!", ""]
PICTURES = list(coloured().media["image"].items[:5])


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_CACHE", str(tmp_path / "cache"))


def lengths(**arguments):
    return Encoder(Lengths("text", dim=1), batch_size=1, **arguments)


def test_parts_stand_side_by_side_at_unit_length():
    words, scaled = TextVectorizer(weighting="counts"), TextVectorizer(2, weighting="counts")
    join = Join([words, scaled, lengths()]).fit(TEXTS)
    rows = join(TEXTS[:2])
    assert (join.dim, rows.shape) == (words.dim + 2 + 1, (2, words.dim + 2 + 1))
    by_hand = words(TEXTS[:2])
    by_hand /= np.linalg.norm(by_hand, axis=1, keepdims=True)
    np.testing.assert_allclose(rows[:, : words.dim], by_hand, atol=1e-6)
    np.testing.assert_array_equal(rows[:, -1], [1, 1])
    assert (join.of_texts, join.of_pictures, join.counts_words) == (True, False, False)
    assert join.needs_sentences


def test_parts_with_scalers_of_their_own_stay_as_they_are():
    chain = Chain([lengths(), FeatureScaler(square_root=False, norm="none")])
    join = Join([chain, lengths()], unit_length=False).fit(TEXTS[:2])
    np.testing.assert_allclose(join(TEXTS[:2]), [[1, 16], [-1, 8]], atol=1e-6)


def test_a_word_is_unknown_if_no_part_knows_it():
    bag = TextVectorizer().fit(TEXTS)
    assert bag.unknown("a feline") == ["feline"]
    assert Join([bag, lengths()]).unknown("a feline") == []
    assert Join([bag, TextVectorizer().fit(["feline"])]).unknown("a feline") == []
    assert Join([bag, bag]).unknown("a feline") == ["feline"]
    assert Join([lengths(), bag]).nearest("dogs", 1) == ["dog"]
    assert Join([lengths()]).nearest("dogs") == []


def test_a_text_is_blank_if_it_is_to_all_parts():
    join = Join([TextVectorizer(), lengths()]).fit(TEXTS)
    texts = ["a feline", " ", "dog"]
    assert join.blank(texts, join(texts)).tolist() == [False, True, False]
    chain = Chain([lengths(), FeatureScaler()]).fit(TEXTS)
    assert chain.blank(texts, chain(texts)).tolist() == [False, True, False]
    assert not Encoder(trunk()).blank(PICTURES, None).any()


def test_json_brings_it_back(tmp_path):
    join = Join([TextVectorizer(3), lengths()]).fit(TEXTS)
    from keras_xmr.encoders import register

    register(Lengths("text", dim=1))
    again = restored(json.loads(json.dumps(described(join))), "text")
    np.testing.assert_array_equal(again(TEXTS), join(TEXTS))
    pictured = Preprocessor({"image": Join([Encoder(trunk()), Encoder(trunk(1))]).fit(PICTURES)})
    files = pictured.save_files(tmp_path)
    assert len(files) == 4
    back = Preprocessor.from_config(json.loads(json.dumps(pictured.get_config())))
    back.load_files({name: tmp_path / name for name in files})
    rows = pictured(PICTURES, "image")
    np.testing.assert_allclose(back(PICTURES, "image"), rows, atol=1e-6)


def test_a_copy_is_fitted_by_itself_and_shares_its_encoder():
    join = Join([TextVectorizer(), lengths()])
    mine = copy.deepcopy(join).fit(TEXTS)
    assert not join.parts[0].dim
    assert mine.parts[1] is join.parts[1]


def test_what_does_not_go_together_is_refused():
    with pytest.raises(ValueError, match=r"at least one transform\. Received: parts=\[\]"):
        Join([])
    with pytest.raises(ValueError, match=r"rows of the same items\. .*'TextVectorizer', 'Encoder'"):
        Join([TextVectorizer(), Encoder(trunk())])
    with pytest.raises(ValueError, match=r"rows of the same items\. .*'PictureLoader'"):
        Join([PictureLoader()])


def test_texts_are_computed_once_and_kept(capsys):
    encoder = lengths()
    assert encoder(TEXTS).tolist() == [[16], [8], [16], [0]]
    assert encoder.engine.function.calls == [3]
    assert "3 computed, 0 from the cache" in capsys.readouterr().err
    assert lengths()(TEXTS).shape == (4, 1)
    assert not capsys.readouterr().err
    again = lengths()
    assert again([*TEXTS, "new"])[-1].tolist() == [3]
    assert again.engine.function.calls == [1]
    assert again([]).shape == (0, 1)
    assert lengths(cache=None)(TEXTS).shape == (4, 1)


def test_sentences_are_averaged_and_kept_apart_from_whole_texts():
    lengths()(TEXTS)
    np.testing.assert_allclose(lengths(views="sentences")(TEXTS), [[7.5], [8], [7.5], [0]])
    assert lengths(views="sentences").preprocessing() != lengths().preprocessing()


def test_views_of_pictures():
    network = trunk()
    mirror = Encoder(network, views="mirror", cache=None)(PICTURES)
    np.testing.assert_allclose(mirror, Encoder(mirrored(network), cache=None)(PICTURES), atol=1e-5)
    loader = PictureLoader(SIZE, 11)
    crops = Encoder(KerasNetwork(network, loader), views="five_crops", cache=None)(PICTURES)
    whole = loader.whole(PICTURES)
    places = [(1, 1), (0, 0), (0, 3), (3, 0), (3, 3)]
    each = [whole[:, y : y + SIZE, x : x + SIZE].astype("float32") for y, x in places]
    by_hand = np.mean([network.predict(view, verbose=0) for view in each], axis=0)
    np.testing.assert_allclose(crops, by_hand, atol=1e-5)
    whole = Encoder(Lengths("image"), views="five_crops", cache=None)(PICTURES)
    assert whole.shape == (5, 1)


def test_items_of_the_wrong_kind_are_refused():
    with pytest.raises(ValueError, match=r"picture files .*Received: items of type ndarray"):
        Encoder(trunk())(np.eye(3))
    with pytest.raises(ValueError, match=r"reads the texts themselves\. Received: counts"):
        lengths()(TextVectorizer().fit(TEXTS) and _counts())
    with pytest.raises(ValueError, match=r"Texts must be strings"):
        lengths()([b"bytes"])
    with pytest.raises(ValueError, match=r"Views of 'text' are .*Received: views='mirror'"):
        lengths(views="mirror")
    with pytest.raises(ValueError, match=r"reads \('text',\)\. Received: reads='image'"):
        lengths(reads="image")
    with pytest.raises(ValueError, match=r"reads one of .*Received: reads='sound'"):
        lengths(reads="sound")


def _counts():
    from keras_xmr.transforms import count_words

    return count_words(TEXTS)


def test_numbers_that_are_none_are_refused():
    encoder = lengths(cache=None)
    encoder.engine.function = lambda texts: [[float("nan")] for _ in texts]
    with pytest.raises(ValueError, match=r"must be finite\. .*from the encoder 'lengths'"):
        encoder(["a"])


def test_encoders_go_with_media_that_are_there():
    from keras_xmr.transforms.given_encoders import given_encoders

    with pytest.raises(ValueError, match=r"media \['image', 'text'\] .*encoders for \['sound'\]"):
        given_encoders(toy(), {"sound": "tfidf"})
    found = given_encoders(toy(), {"text": ["tfidf", lengths()]})["text"]
    assert [type(part) for part in found.parts] == [TextVectorizer, Encoder]
