"""Every public Keras model: config, training, encoding, saving, presets."""

import json

import keras
import numpy as np
import pytest

from keras_xmr.datasets import toy
from keras_xmr.layers import LinearProjection
from tests.contracts.public import KERAS_METHODS, argument_names
from tests.tiny import TINY, toy_for

DATA, SOURCE = toy(), toy(["image"], num_classes=3, seed=1)
# Rows of one space are as wide as there are classes, as the other encodings here are.
DATA_OF = {name: toy_for(kind, width=DATA.num_classes) for name, kind in KERAS_METHODS.items()}
FROM_DATA = ("media", "num_classes", "source_classes", "preprocessor")


# Those that learn from a source domain, too.
TRANSFER = [
    name for name in KERAS_METHODS if "source_classes" in argument_names(KERAS_METHODS[name])
]


def source_of(name):
    return SOURCE if name in TRANSFER else None


def make(name, /, **more):
    """A model for the toy data, with the other tiny arguments."""
    tiny = {k: v for k, v in TINY[name].arguments.items() if k not in FROM_DATA}
    return KERAS_METHODS[name].for_data(DATA_OF[name], source_of(name), **tiny, **more)


def data_of(model):
    """The data that `make` made the model for."""
    return DATA_OF[type(model).__name__]


def encodings(model):
    """What is close where weights are close: of codes, what their bits are the signs of."""
    more = {"as_bits": False} if model.metric == "hamming" else {}
    return {
        medium: model.encode(data_of(model).part("test"), medium, **more) for medium in model.media
    }


def bits_of(model, rows):
    """The codes of encodings, where the model has codes."""
    return np.packbits(rows >= 0, axis=1) if model.metric == "hamming" else rows


def assert_same(found, wanted, **tolerance):
    assert found.keys() == wanted.keys()
    for medium in wanted:
        np.testing.assert_allclose(found[medium], wanted[medium], **{"rtol": 0.0, **tolerance})


@pytest.fixture(scope="module", params=KERAS_METHODS)
def trained(request):
    """A model after one epoch, its weights before, its history and what it encodes."""
    model = make(request.param, name=f"my_{request.param.lower()}")
    before = model.get_weights()
    model.compile(optimizer=keras.optimizers.SGD(1e-3))
    batches = model.batches(data_of(model), source_of(request.param), batch_size=10)
    history = model.fit(batches, epochs=1, verbose=0).history
    return model, before, history, encodings(model)


@pytest.mark.parametrize("name", KERAS_METHODS)
def test_arguments_are_attributes_and_config_keys(name):
    model = KERAS_METHODS[name](**TINY[name].arguments)
    config = model.get_config()
    for argument, value in TINY[name].arguments.items():
        assert getattr(model, argument) == config[argument] == value
    assert set(argument_names(KERAS_METHODS[name])) <= set(config) & set(dir(model))


@pytest.mark.parametrize("name", KERAS_METHODS)
@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_config_survives_json(name, dtype):
    model = KERAS_METHODS[name](**TINY[name].arguments, dtype=dtype, name="mine")
    config = json.loads(json.dumps(model.get_config()))
    again = KERAS_METHODS[name].from_config(config)
    assert again.get_config() == model.get_config()
    assert json.loads(json.dumps(again.get_config())) == config
    assert again.name == "mine"
    assert again.dtype_policy == model.dtype_policy == keras.dtype_policies.get(dtype)


@pytest.mark.parametrize("name", KERAS_METHODS)
def test_half_precision_keeps_full_weights_and_encodings(name):
    model = make(name, dtype="mixed_float16")
    model.compile(optimizer=keras.optimizers.SGD(1e-3))
    model.train_on_batch(*model.batches(data_of(model), source_of(name), batch_size=10)[0])
    assert {w.dtype for w in model.trainable_weights} == {"float32"}
    assert {layer.compute_dtype for layer in model.layers if layer.weights} == {"float16"}
    full = make(name)
    full.set_weights(model.get_weights())
    assert_same(encodings(model), encodings(full), atol=2e-2)
    assert all(rows.dtype == np.float32 for rows in encodings(model).values())


def test_training_changes_every_weight(trained):
    model, before, _, _ = trained
    # What was measured before the training stays.
    measured = [layer for layer in model.layers if isinstance(layer, LinearProjection)]
    measured = [weight for layer in measured for weight in layer.weights]
    for weight, old in zip(model.weights, before, strict=True):
        if any(weight is other for other in measured):
            continue
        new = keras.ops.convert_to_numpy(weight)
        assert np.isfinite(new).all(), weight.path
        assert np.any(new != old), weight.path


def test_history_names_every_term(trained):
    model, _, history, _ = trained
    batch = model.batches(data_of(model), SOURCE if model.source_classes else None, batch_size=10)[
        0
    ]
    terms = model.loss_terms(batch[1], model(batch[0]))
    assert {"loss", *terms} <= set(history)
    assert np.isfinite(list(history.values())).all()


def test_encodings_are_float32_rows_of_one_width(trained):
    model, _, _, encoded = trained
    rows = len(DATA.part("test").medium("text"))
    assert {z.dtype for z in encoded.values()} == {np.dtype("float32")}
    width = model.bits if model.metric == "hamming" else DATA.num_classes
    assert {z.shape for z in encoded.values()} == {(rows, width)}
    assert all(np.isfinite(z).all() for z in encoded.values())
    empty = model.encode({"text": np.zeros((0, model.media["text"]))}, "text")
    assert empty.shape == (0, width // 8 if model.metric == "hamming" else width)


def test_codes_are_packed_signs(trained):
    model, _, _, encoded = trained
    for medium, rows in encoded.items():
        found = model.encode(data_of(model).part("test"), medium)
        assert found.dtype == (np.uint8 if model.metric == "hamming" else np.float32)
        np.testing.assert_array_equal(found, bits_of(model, rows))


def test_a_row_is_encoded_as_in_a_batch(trained):
    model, _, _, encoded = trained
    arrays = model.preprocess(data_of(model).part("test"))
    for medium, rows in arrays.items():
        more = {"as_bits": False} if model.metric == "hamming" else {}
        alone = np.concatenate(
            [model.encode({medium: rows[i : i + 1]}, medium, **more) for i in range(3)]
        )
        blocks = model.encode({medium: rows}, medium, batch_size=7, **more)
        np.testing.assert_allclose(alone, encoded[medium][:3], rtol=0, atol=1e-6)
        np.testing.assert_allclose(blocks, encoded[medium], rtol=0, atol=1e-6)


def test_raw_items_data_and_arrays_encode_alike(trained):
    model, _, _, encoded = trained
    encoded = {medium: bits_of(model, rows) for medium, rows in encoded.items()}
    part = data_of(model).part("test")
    for medium in model.media:
        raw = part.medium(medium).items
        np.testing.assert_array_equal(model.encode(raw, medium), encoded[medium])
        ready = model.preprocess(part)
        np.testing.assert_array_equal(model.encode(ready, medium), encoded[medium])
    np.testing.assert_array_equal(model.encode_text(part), encoded["text"])
    np.testing.assert_array_equal(model.encode_image(part), encoded["image"])


def test_a_saved_model_encodes_bit_for_bit(trained, tmp_path):
    model, _, _, encoded = trained
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    assert_same(encodings(loaded), encoded)


def test_saved_weights_give_the_same_encodings(trained, tmp_path):
    model, _, _, encoded = trained
    model.save_weights(tmp_path / "model.weights.h5")
    other = type(model).from_config({**model.get_config(), "seed": 99})
    # Some begin with weights that no seed changes.
    other.set_weights([weight + 0.1 for weight in other.get_weights()])
    assert np.abs(encodings(other)["text"] - encoded["text"]).max() > 1e-3
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(encodings(other), encoded)


def test_a_preset_keeps_config_and_nearly_the_encodings(trained, tmp_path):
    model, _, _, encoded = trained
    folder = model.save_to_preset(tmp_path / "preset", metadata={"seed": 3})
    loaded = type(model).from_preset(folder)
    assert loaded.get_config() == model.get_config()
    # Matrices are stored in float16.
    assert_same(encodings(loaded), encoded, atol=5e-3)
    assert json.loads((folder / "metadata.json").read_text())["seed"] == 3


def test_the_seed_decides_the_initial_weights():
    for name in KERAS_METHODS:
        one, same = make(name).get_weights(), make(name).get_weights()
        for first, second in zip(one, same, strict=True):
            np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", KERAS_METHODS)
def test_raw_items_need_a_preprocessor(name):
    model = KERAS_METHODS[name](**TINY[name].arguments)
    for call in (
        lambda: model.encode(["a dog"], "text"),
        lambda: model.preprocess(DATA),
        lambda: model.batches(DATA, source_of(name)),
    ):
        with pytest.raises(ValueError, match=r"Raw items need .* Received: preprocessor=None"):
            call()


@pytest.mark.parametrize("name", sorted(set(KERAS_METHODS) - set(TRANSFER)))
def test_models_without_a_source_branch_refuse_source_data(name):
    with pytest.raises(ValueError, match=rf"{name} learns from no source domain\. Received: 'toy'"):
        KERAS_METHODS[name].for_data(DATA_OF[name], SOURCE)


@pytest.mark.parametrize("name", TRANSFER)
def test_source_data_go_with_a_source_branch(name):
    with pytest.raises(ValueError, match=r"Received: source=None, .*source_classes=3"):
        make(name).batches(DATA)
    without = KERAS_METHODS[name].for_data(DATA, pathway_units=(4, 4), shared_units=(4, 4))
    with pytest.raises(ValueError, match=r"Received: source='toy', .*source_classes=None"):
        without.batches(DATA, SOURCE)


@pytest.mark.parametrize("name", KERAS_METHODS)
def test_an_unknown_medium_is_named(name):
    model = make(name)
    with pytest.raises(KeyError, match=r"media \['image', 'text'\]\. Received: media='audio'"):
        model.encode(data_of(model), "audio")
