"""CHTN with a trunk: raw pictures in, one forward for source and target, frozen or trained."""

import keras
import numpy as np
import pytest

from keras_xmr import CHTN, evaluate
from keras_xmr.transforms import PictureLoader, Preprocessor, TextVectorizer
from tests.methods.pictures import SIZE, coloured, trunk
from tests.methods.small import outputs

WIDTHS = {"pathway_units": (8, 8), "shared_units": (8, 8), "seed": 0}
DATA, SOURCE = coloured(), coloured(["image"], seed=1)


def loaders():
    return Preprocessor({"image": PictureLoader(SIZE, 10), "text": TextVectorizer()})


def make(source=SOURCE, frozen=False, **arguments):
    network = trunk()
    network.trainable = not frozen
    return CHTN.for_data(
        DATA, source, preprocessor=loaders(), trunks={"image": network}, **{**WIDTHS, **arguments}
    )


def values(model):
    return [keras.ops.convert_to_numpy(w) for w in model.weights]


def one_epoch(model, **arguments):
    model.compile(optimizer=keras.optimizers.Adam(1e-2))
    source = SOURCE if model.source_classes else None
    batches = model.batches(DATA, source, batch_size=8, **arguments)
    return model.fit(batches, epochs=1, verbose=0).history


@pytest.fixture(scope="module")
def trained():
    model = make()
    model.compile(optimizer=keras.optimizers.Adam(2e-2))
    model.fit(model.batches(DATA, SOURCE, batch_size=8), epochs=40, verbose=0)
    return model


def test_it_learns_from_pixels(trained):
    assert evaluate(make(), DATA).map < 0.9
    assert evaluate(trained, DATA).map > 0.95


def test_one_forward_of_the_trunk_sees_source_and_target(monkeypatch):
    network = trunk()
    seen = []
    convolution = network.layers[2]
    call = convolution.call
    monkeypatch.setattr(convolution, "call", lambda x: seen.append(x.shape[0]) or call(x))
    model = CHTN.for_data(DATA, SOURCE, preprocessor=loaders(), trunks={"image": network}, **WIDTHS)
    seen.clear()
    model(model.batches(DATA, SOURCE, batch_size=5)[0][0])
    assert seen == [10]


def test_the_trunk_s_rows_enter_the_pathways():
    model = make()
    x = model.batches(DATA, SOURCE, batch_size=6)[0][0]
    both = np.concatenate([x["image"], x["source"]]).astype("float32")
    rows = keras.ops.convert_to_numpy(model.trunks["image"](both))
    found = outputs(model, x)
    for name, part in (("image", rows[:6]), ("source", rows[6:])):
        for layer, activations in zip(("fc6", "fc7"), model.pathways[name](part), strict=True):
            wanted = keras.ops.convert_to_numpy(activations)
            np.testing.assert_allclose(found[f"{name}_{layer}"], wanted, atol=1e-5)


@pytest.mark.parametrize("frozen", [True, False])
def test_only_a_frozen_trunk_stays_bit_for_bit(frozen):
    model = make(frozen=frozen)
    before = values(model.trunks["image"])
    rest = values(model.pathways["image"])
    one_epoch(model)
    same = [
        np.array_equal(a, b) for a, b in zip(before, values(model.trunks["image"]), strict=True)
    ]
    assert all(same) if frozen else not any(same)
    assert not any(
        np.array_equal(a, b) for a, b in zip(rest, values(model.pathways["image"]), strict=True)
    )


@pytest.mark.parametrize("batch_statistics", [False, True])
def test_target_depends_on_the_source_batch_only_through_batch_statistics(batch_statistics):
    model = make(frozen=not batch_statistics)
    x = model.batches(DATA, SOURCE, batch_size=6)[0][0]
    other = {**x, "source": 255 - x["source"]}
    one, two = (outputs(model, inputs, training=True) for inputs in (x, other))
    assert np.array_equal(one["image"], two["image"]) is not batch_statistics
    assert np.array_equal(one["text"], two["text"])
    assert not np.array_equal(one["source"], two["source"])


def test_config_and_preset_keep_the_trunk_and_whether_it_is_frozen(tmp_path, trained):
    again = CHTN.from_preset(trained.save_to_preset(tmp_path / "preset"))
    np.testing.assert_allclose(again.encode_image(DATA), trained.encode_image(DATA), atol=2e-3)
    assert again.preprocessor.get_config() == trained.preprocessor.get_config()
    assert again.trunks["image"].trainable
    frozen = CHTN.from_config(make(frozen=True).get_config())
    assert not frozen.trunks["image"].trainable_weights
    assert again.trunks["image"].trainable_weights


def test_a_preset_takes_files_and_bytes(tmp_path, trained):
    encoded = DATA.media["image"].items[0]
    file = tmp_path / "picture.png"
    file.write_bytes(encoded)
    by_bytes, by_name = trained.encode_image([encoded]), trained.encode_image([str(file)])
    np.testing.assert_array_equal(by_bytes, by_name)
    np.testing.assert_allclose(by_bytes, trained.encode_image(DATA)[:1], atol=1e-6)


def test_encoding_in_batches_of_any_size_is_the_same(trained):
    whole = trained.encode_image(DATA)
    np.testing.assert_allclose(trained.encode_image(DATA, batch_size=5), whole, atol=1e-6)
    assert trained.encode_image([]).shape == (0, 3)


def test_without_source_copies_the_trunk(trained):
    copy = trained.for_retrieval()
    assert copy.trunks["image"] is not trained.trunks["image"]
    np.testing.assert_array_equal(copy.encode_image(DATA), trained.encode_image(DATA))
    kept = trained.encode_image(DATA)
    one_epoch(copy)
    np.testing.assert_array_equal(trained.encode_image(DATA), kept)


def test_training_draws_random_crops_and_evaluation_the_centre():
    model = make()
    drawn = model.batches(DATA, SOURCE, batch_size=8)
    again = model.batches(DATA, SOURCE, batch_size=8)
    np.testing.assert_array_equal(drawn[0][0]["image"], again[0][0]["image"])
    plain = model.batches(DATA, SOURCE, batch_size=8, shuffle=False)
    centres = model.preprocessor(DATA.part("train").media["image"].items, "image")
    np.testing.assert_array_equal(plain[0][0]["image"], centres[:8])
    fixed = model.batches(DATA, SOURCE, batch_size=8, augment=False)
    crops = {
        p.tobytes() for p in model.preprocessor(DATA.part("train").media["image"].items, "image")
    }
    assert {p.tobytes() for p in fixed[0][0]["image"]} <= crops
    assert not {p.tobytes() for p in drawn[0][0]["image"]} <= crops


def test_an_augmentation_of_one_s_own_is_applied():
    model = make()
    batches = model.batches(DATA, SOURCE, batch_size=8, augmentation=lambda pixels: pixels * 0)
    x = batches[0][0]
    assert not np.any(x["image"])
    assert not np.any(x["source"])
    assert np.any(x["text"])


def test_workers_change_nothing():
    one, three = (make() for _ in range(2))
    for model, workers in ((one, 1), (three, 3)):
        one_epoch(model, workers=workers)
    for a, b in zip(values(one), values(three), strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors_name_the_trunk_that_is_missing_or_does_not_fit():
    with pytest.raises(ValueError, match=r"need a trunk.*'image'.*trunks for \[\]"):
        CHTN.for_data(DATA, preprocessor=loaders(), **WIDTHS)
    with pytest.raises(ValueError, match=r"trunk for 'image' with output_shape=\(None, 6\)"):
        CHTN({"image": 5, "text": 4}, 3, trunks={"image": trunk()}, **WIDTHS)
    with pytest.raises(ValueError, match="trunk for 'sound'"):
        CHTN({"image": 6, "text": 4}, 3, trunks={"sound": trunk()}, **WIDTHS)
