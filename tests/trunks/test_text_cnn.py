"""The text network against a loop over windows; padding; its place in every model."""

import keras
import numpy as np
import pytest

import keras_xmr
from keras_xmr import ACMR, CHTN, CMGANs
from keras_xmr.datasets import toy
from keras_xmr.transforms import Preprocessor, WordIds, train_word_vectors
from keras_xmr.trunks import text_cnn

TEXTS = ["the dog and the cat run on the lawn", "a cat", "the bird sits on a dog"]
DATA = toy()
NARROW = {
    CHTN: {"pathway_units": (6,), "shared_units": (6,)},
    ACMR: {"hidden_units": {"image": (6,), "text": (6,)}, "common_dim": 4},
    CMGANs: {"hidden_units": 6, "common_dim": 4, "decoder_units": 5, "discriminator_units": 3},
}


def words_and_vectors(texts=TEXTS, **arguments):
    words = WordIds(**arguments).fit(texts)
    return words, np.random.default_rng(0).normal(size=(len(words.words), 6)).astype("float32")


def by_hand(trunk, ids, vectors):
    """The greatest activation of each map, window by window."""
    dim = vectors.shape[1]
    vector_of = {0: np.zeros(dim), 1: np.zeros(dim)} | {
        i + 2: vector for i, vector in enumerate(vectors)
    }
    rows = []
    for row in ids.tolist():
        count = sum(1 for number in row if number)
        features = []
        for layer in trunk.layers:
            if not isinstance(layer, keras.layers.Conv1D):
                continue
            kernel, bias = (keras.ops.convert_to_numpy(w) for w in layer.weights)
            width = len(kernel)
            best = np.zeros(len(bias))
            for place in range(count):
                activation = bias.astype("float64")
                for step in range(width):
                    at = place + step - (width - 1) // 2
                    if 0 <= at < len(row):
                        activation = activation + vector_of[row[at]] @ kernel[step]
                best = np.maximum(best, activation)
            features.append(best)
        rows.append(np.concatenate(features))
    return np.array(rows)


def test_features_are_the_maxima_over_windows():
    words, vectors = words_and_vectors()
    trunk = text_cnn(words, vectors, maps=4, seed=0)
    for layer in trunk.layers:
        if isinstance(layer, keras.layers.Conv1D):
            layer.bias.assign(np.linspace(-0.5, 0.5, 4))
    ids = words([*TEXTS, "", "an unknown dog", "cat"])
    found = keras.ops.convert_to_numpy(trunk(ids))
    assert found.shape == (6, 12)
    np.testing.assert_allclose(found, by_hand(trunk, ids, vectors), rtol=1e-4, atol=1e-5)
    assert not found[3].any()


def test_the_usual_sizes_are_those_of_the_paper():
    words, _ = words_and_vectors()
    trunk = text_cnn(words, np.zeros((len(words.words), 300)))
    assert trunk.output_shape == (None, 300)
    vectors = (len(words.words) + 2) * 300
    assert trunk.count_params() == vectors + sum(w * 300 * 100 + 100 for w in (3, 4, 5))
    assert len(trunk.trainable_variables) == 6
    trained = text_cnn(words, np.zeros((len(words.words), 300)), train_vectors=True)
    assert len(trained.trainable_variables) == 7


def test_padding_takes_no_part():
    found = []
    for length in (9, 25):
        words, vectors = words_and_vectors(length=length)
        trunk = text_cnn(words, vectors, maps=4, seed=0)
        for layer in trunk.layers:
            if isinstance(layer, keras.layers.Conv1D):
                # Where there are no words it would be active.
                layer.bias.assign(np.full(4, 3.0))
        found.append(keras.ops.convert_to_numpy(trunk(words(TEXTS))))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5, atol=1e-6)


def test_vectors_go_with_words():
    words, vectors = words_and_vectors()
    with pytest.raises(ValueError, match=r"each of the 10 words\. Received: .*\(9, 6\)"):
        text_cnn(words, vectors[:-1])


def model_of_texts(kind, **arguments):
    texts = DATA.part("train").medium("text").items
    words = WordIds().fit(texts)
    trunk = text_cnn(words, train_word_vectors(texts, words.words, dim=8), maps=4, seed=0)
    return kind.for_data(
        DATA,
        preprocessor=Preprocessor.for_data(DATA, text=words),
        trunks={"text": trunk},
        seed=0,
        **NARROW[kind] | arguments,
    )


@pytest.mark.parametrize("kind", NARROW)
@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_every_model_takes_it_as_trunk(kind, dtype, tmp_path):
    model = model_of_texts(kind, dtype=dtype)
    assert model.media["text"] == 12
    trunk = model.trunks["text"]
    before = {v.path: keras.ops.convert_to_numpy(v) for v in trunk.variables}
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(model.batches(DATA, batch_size=10), epochs=1, verbose=0)
    moved = {
        v.path for v in trunk.variables if np.any(keras.ops.convert_to_numpy(v) != before[v.path])
    }
    assert moved == {v.path for v in trunk.trainable_variables}
    encoded = model.encode(DATA.part("test"), "text")
    assert np.isfinite(encoded).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.encode(DATA.part("test"), "text"), encoded)
    folder = model.save_to_preset(tmp_path / "preset")
    again = kind.from_preset(folder)
    assert (
        again.preprocessor.transforms["text"].words == model.preprocessor.transforms["text"].words
    )
    np.testing.assert_allclose(again.encode(DATA.part("test"), "text"), encoded, atol=2e-2)


def test_word_numbers_survive_half_precision():
    """Numbers above 2048 are not whole in float16."""
    texts = [f"w{number:04d} w{number + 1:04d}" for number in range(3000)]
    words = WordIds().fit(texts)
    vectors = np.random.default_rng(0).normal(size=(len(words.words), 4))
    found = []
    for dtype in (None, "mixed_float16"):
        trunk = text_cnn(words, vectors, maps=4, seed=0)
        model = CMGANs(
            {"image": 5, "text": 12}, 3, trunks={"text": trunk}, dtype=dtype, seed=0,
            hidden_units=6, common_dim=4, decoder_units=5, discriminator_units=3,
        )  # fmt: skip
        x = {"text": words(texts[-40:])}
        found.append(model.encode(x, "text"))
    np.testing.assert_allclose(found[1], found[0], atol=2e-2)


def test_word_numbers_without_a_trunk_are_an_error():
    preprocessor = Preprocessor.for_data(DATA, text=WordIds())
    with pytest.raises(ValueError, match=r"word numbers need a trunk.*\['text'\].*trunks for \[\]"):
        CMGANs.for_data(DATA, preprocessor=preprocessor, **NARROW[CMGANs])


def test_it_learns_from_words():
    model = model_of_texts(CMGANs, generator_steps=2, hidden_units=16, common_dim=16)
    model.compile(keras.optimizers.Adam(5e-3, beta_1=0.5))
    model.fit(model.batches(DATA, batch_size=20), epochs=20, verbose=0)
    assert keras_xmr.evaluate(model, DATA).map > 0.9
