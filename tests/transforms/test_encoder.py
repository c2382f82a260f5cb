"""`Encoder` and `Chain`: rows as by hand, files that bring them back, and what is refused."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_xmr import CHTN, presets
from keras_xmr.datasets import toy
from keras_xmr.transforms import (
    Chain,
    Encoder,
    FeatureScaler,
    PictureLoader,
    Preprocessor,
    TextVectorizer,
    Transform,
    WordIds,
)
from keras_xmr.trunks import mirrored, trunk_fingerprint
from tests.methods.pictures import SIZE, coloured, trunk

PICTURES = coloured().media["image"].items


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_CACHE", str(tmp_path.with_name(f"{tmp_path.name}-cache")))


def by_hand(network, items):
    pixels = PictureLoader.for_size(SIZE)(items).astype("float32")
    return network.predict(pixels, verbose=0)


def files_of(folder):
    return {path.name: path for path in folder.iterdir()}


def test_rows_are_those_of_the_network():
    network = trunk()
    encoder = Encoder(network).fit(PICTURES)
    assert encoder.dim == 6
    np.testing.assert_allclose(encoder(PICTURES), by_hand(network, PICTURES), atol=1e-6)
    assert encoder([]).shape == (0, 6)


def test_what_fits_into_a_batch_leaves_no_trace(tmp_path, capsys):
    encoder = Encoder(trunk(), batch_size=8)
    encoder(PICTURES[:8])
    assert not tmp_path.with_name(f"{tmp_path.name}-cache").exists()
    assert not capsys.readouterr().err
    encoder(PICTURES[:9])
    assert "9 computed, 0 from the cache" in capsys.readouterr().err
    encoder(PICTURES[:9])
    assert "0 computed, 9 from the cache" in capsys.readouterr().err
    Encoder(trunk(), batch_size=8, cache=None)(PICTURES[:9])
    assert "9 computed" in capsys.readouterr().err


def test_unreadable_pictures_are_all_named():
    items = [*PICTURES[:2], "nowhere.png", b"no picture"]
    with pytest.raises(OSError, match=r"Received: 2 of 4 are not: .*nowhere\.png.*; .*"):
        Encoder(trunk())(items)


def test_a_chain_is_its_steps_one_after_another():
    network = trunk()
    chain = Chain([Encoder(network), FeatureScaler()]).fit(PICTURES)
    rows = by_hand(network, PICTURES)
    np.testing.assert_allclose(chain(PICTURES), FeatureScaler().fit(rows)(rows), atol=1e-4)
    assert chain.dim == 6
    with pytest.raises(ValueError, match=r"at least one transform\. Received: steps=\[\]"):
        Chain([])


def test_a_chain_says_of_itself_what_its_ends_say():
    chain = Chain([Encoder(trunk()), FeatureScaler()])
    assert (chain.of_pictures, chain.needs_trunk, chain.counts_words) == (True, False, False)
    assert chain.network.name == "tiny_trunk"
    assert Chain([TextVectorizer()]).counts_words
    assert Chain([WordIds()]).needs_trunk
    assert Chain([FeatureScaler()]).network is None


def test_json_and_files_bring_it_back(tmp_path):
    chain = Chain([Encoder(trunk(3)), FeatureScaler(norm="none")]).fit(PICTURES)
    before = Preprocessor({"image": chain})
    needed = before.save_files(tmp_path)
    assert sorted(needed) == sorted(files_of(tmp_path))
    config = json.loads(json.dumps(before.get_config()))
    after = Preprocessor.from_config(config)
    assert after.transforms["image"].steps[0].fingerprint == chain.steps[0].fingerprint
    with pytest.raises(RuntimeError, match=r"without them\. Call load_files\(\)\."):
        after(PICTURES, "image")
    after.load_files(files_of(tmp_path))
    np.testing.assert_allclose(after(PICTURES, "image"), chain(PICTURES), atol=1e-6)
    assert after.get_config() == before.get_config()


def test_weights_are_halved_only_where_nothing_is_lost(tmp_path):
    import h5py

    network = trunk(5)
    rounded = [np.asarray(w).astype("float16").astype("float32") for w in network.get_weights()]
    sizes = {}
    for name, weights in (("full", network.get_weights()), ("half", rounded)):
        network.set_weights(weights)
        (tmp_path / name).mkdir()
        _, file = Encoder(network).save_files(tmp_path / name)
        kinds = set()

        def note(_, item, kinds=kinds):
            if isinstance(item, h5py.Dataset):
                kinds.add(str(item.dtype))

        with h5py.File(tmp_path / name / file) as opened:
            opened.visititems(note)
        sizes[name] = kinds
    assert "float16" in sizes["half"]
    assert sizes["full"] == {"float32"}


def test_a_network_of_two_media_is_stored_once(tmp_path):
    both = Preprocessor({m: Encoder(trunk()) for m in ("image", "sketch")})
    both.save_files(tmp_path)
    assert len(files_of(tmp_path)) == 2
    other = Preprocessor({"image": Encoder(trunk()), "sketch": Encoder(trunk(1))})
    other.save_files(tmp_path)
    assert len(files_of(tmp_path)) == 4


def test_files_that_are_known_are_needed_but_not_written(tmp_path):
    encoder = Encoder(trunk())
    known = encoder.save_files(tmp_path)
    (tmp_path / "other").mkdir()
    assert encoder.save_files(tmp_path / "other", known) == known
    assert not files_of(tmp_path / "other")


def test_missing_and_exchanged_files_are_told(tmp_path):
    encoder, other = Encoder(trunk()), Encoder(trunk(1))
    again = Encoder.from_config(encoder.get_config())
    with pytest.raises(ValueError, match=r"two files\. Received: \['encoder_.*\] neither"):
        again.load_files({})
    mine, theirs = encoder.save_files(tmp_path), other.save_files(tmp_path)
    shutil.copy(tmp_path / theirs[1], tmp_path / mine[1])
    again.load_files(files_of(tmp_path))
    with pytest.raises(ValueError, match=r"must have the fingerprint .*Received: .*damaged"):
        again.features(PICTURES, "mine")


def test_a_model_file_of_keras_holds_the_network(tmp_path):
    model = CHTN.train(
        coloured(), trunks={"image": trunk()}, progress=False, epochs=1, members=1,
        pathway_units=(8,), shared_units=(8,),
    )  # fmt: skip
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    wanted = model.encode_image(list(PICTURES))
    np.testing.assert_allclose(loaded.encode_image(list(PICTURES)), wanted, atol=1e-6)


def test_a_preset_of_the_library_that_is_written_again_keeps_its_network(tmp_path, monkeypatch):
    """It must not refer to the files that it replaces."""
    model = CHTN.train(
        coloured(), trunks={"image": mirrored(trunk())}, progress=False, epochs=1, members=1,
        pathway_units=(8,), shared_units=(8,),
    )  # fmt: skip
    monkeypatch.setattr(presets, "bundled_folder", lambda: tmp_path)
    for _ in range(2):
        model.save_to_preset(tmp_path / "chtn_mine")
        assert len(list((tmp_path / "chtn_mine").glob("encoder_*"))) == 2
    model.save_to_preset(tmp_path / "chtn_other")
    assert not list((tmp_path / "chtn_other").glob("encoder_*"))
    found = CHTN.from_preset("other").preprocessor.transforms["image"]
    assert found.steps[0].fingerprint == trunk_fingerprint(found.network)


def test_what_is_no_picture_or_no_trunk_is_refused():
    with pytest.raises(ValueError, match=r"picture files .*Received: items of type ndarray\."):
        Encoder(trunk())(np.eye(3))
    pixels = keras.Input((4, 4, 3))
    with pytest.raises(ValueError, match=r"A trunk has one output"):
        Encoder(keras.Model(pixels, keras.layers.Conv2D(2, 1)(pixels)))
    with pytest.raises(ValueError, match=r"takes pixels \(8, 8, 3\)"):
        Encoder(trunk(), PictureLoader.for_size(4))


def test_every_transform_has_the_same_five_things():
    from keras_xmr.transforms.catalogue import described, kind_of, restored

    data = toy()
    texts = data.media["text"].items
    sentences = np.array([f"class{i} thing" for i in range(3)], dtype=object)
    for name, medium, items in (
        ("FeatureScaler", "image", data.media["image"].items),
        ("TextVectorizer", "text", texts),
        ("WordIds", "text", sentences),
    ):
        kind = kind_of(name, medium)
        assert issubclass(kind, Transform)
        assert kind.takes(items, medium)
        fitted = kind().fit(items)
        rows = fitted(items)
        assert rows.shape == (len(items), fitted.dim)
        again = restored(json.loads(json.dumps(described(fitted))), medium)
        np.testing.assert_array_equal(again(items), rows)
