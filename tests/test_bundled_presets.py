"""The presets that come with the library: golden encodings, figures, sizes, cards."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import keras_xmr
from keras_xmr import CHTN, datasets, presets

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(presets.bundled())
# Dimensions of an array of pictures.
PICTURES = 4


def test_there_are_presets():
    assert {"chtn_pascal", "chtn_wiki"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_encodings_are_the_golden_ones(name):
    model = presets.load(name)
    # `examples/make_presets.py` wrote the file with the backend that trained the preset.
    with np.load(GOLDEN / f"{name}.npz") as golden:
        for medium in model.media:
            relaxed = {"as_bits": False} if model.metric == "hamming" else {}
            rows = golden[f"{medium}_input"]
            transform = model.preprocessor.transforms[medium]
            if transform.network is not None:
                # What was written are pixels: past the network, the scaler of its features.
                rows = transform.steps[1](transform.network.predict(rows, verbose=0))
            elif rows.ndim == PICTURES:
                rows = transform(transform.listed(list(rows)))
            encoded = model.encode({medium: rows}, media=medium, **relaxed)
            np.testing.assert_allclose(encoded, golden[medium], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_small_and_says_where_it_comes_from(name):
    folder = presets.find(name)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 25e6
    facts = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    for key in ("paper", "data", "features", "split", "split_hash", "seed", "command", "map"):
        assert facts[key] not in ("", None), key
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"{facts['map']:.4f}" in card
    class_name = facts["class_name"]
    (short,) = re.findall(rf"keras_xmr\.{class_name}\.from_preset\(\"(\w+)\"\)", card)
    assert presets.find(short, getattr(keras_xmr, class_name)) == folder


def test_the_pascal_preset_has_the_map_of_its_card():
    facts = presets.metadata("chtn_pascal")
    data = datasets.pascal_sentences()
    assert facts["split_hash"] == data.split_hash()
    report = keras_xmr.evaluate(CHTN.from_preset("pascal"), data)
    # float16 storage and another backend may exchange neighbours.
    assert report.map == pytest.approx(facts["map"], abs=2e-3)


@pytest.mark.data
def test_the_wiki_preset_has_the_map_of_its_card():
    report = keras_xmr.evaluate(CHTN.from_preset("wiki"), datasets.wikipedia())
    assert report.map == pytest.approx(presets.metadata("chtn_wiki")["map"], abs=2e-3)


@pytest.mark.data
@pytest.mark.once
def test_the_preset_from_pixels_has_the_map_of_its_card():
    report = keras_xmr.evaluate(CHTN.from_preset("pascal_pixels"), datasets.pascal_sentences(None))
    assert report.map == pytest.approx(presets.metadata("chtn_pascal_pixels")["map"], abs=2e-3)


@pytest.mark.once
def test_a_word_that_no_text_had_is_no_blank_with_a_sentence_encoder():
    model = CHTN.from_preset("pascal_pixels")
    classes = datasets.pascal_sentences().class_names
    # Behind the posteriors, the readout has a number for each medium.
    seen, unseen = model.encode_text(["two birds in a tree", "a sparrow"])[:, : len(classes)]
    assert [classes[row.argmax()] for row in (seen, unseen)] == ["bird", "bird"]


def test_a_raw_sentence_finds_pictures_of_its_class():
    model = CHTN.from_preset("pascal")
    pictures = datasets.pascal_sentences().media["image"]
    index = keras_xmr.ExactIndex().add(model.encode_image(pictures.items), pictures.ids)
    found = index.search(model.encode_text(["two dogs on a beach", "a sheep in a field"]), k=5).ids
    assert sum(name.startswith("dog/") for name in found[0]) >= 4
    assert sum(name.startswith("sheep/") for name in found[1]) >= 4
