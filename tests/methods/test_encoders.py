"""Training on encoders: all kinds of methods, joins, tuning, comparison, the command line."""

import json

import numpy as np
import pytest

import keras_xmr
from keras_xmr import presets
from keras_xmr.cli import main
from keras_xmr.encoders import register
from keras_xmr.methods.catalogue import method_class
from keras_xmr.transforms import Chain, Encoder, FeatureScaler, Join, TextVectorizer
from tests.encoders.models import Lengths, clip_folder, minilm
from tests.methods.pictures import COLOURS, coloured, trunk

pytestmark = pytest.mark.once
SMALL = {"epochs": 2, "batch_size": 8}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    root = tmp_path_factory.mktemp("mine")
    data = coloured()
    lines = ["id,image,text,label"]
    for n, encoded in enumerate(data.media["image"].items):
        (root / f"{n}.png").write_bytes(encoded)
        label = data.class_names[data.media["image"].labels[n]]
        lines.append(f"{n},{n}.png,{data.media['text'].items[n]},{label}")
    (root / "my.csv").write_text("\n".join(lines), encoding="utf-8")
    trunk().save(root / "trunk.keras")
    return root


def texts_of(data):
    return list(data.media["text"].items)


@pytest.mark.parametrize("method", ["semantic_matching", "acmr"])
def test_an_encoder_stands_in_front(method, tmp_path):
    data = coloured()
    register(Lengths("text", dim=1))
    more = {} if method_class(method).about.kind == "linear" else SMALL
    model = keras_xmr.train(
        data,
        method,
        encoders={"image": Encoder(trunk()), "text": Encoder(Lengths("text", dim=1))},
        progress=False,
        **more,
    )
    for medium in ("image", "text"):
        steps = model.preprocessor.of(medium).steps
        assert [type(step) for step in steps] == [Encoder, FeatureScaler]
    model.save_to_preset(tmp_path / "x", precision="float32")
    again = presets.load(tmp_path / "x")
    texts = texts_of(data)[:5]
    np.testing.assert_allclose(again.encode_text(texts), model.encode_text(texts), atol=1e-5)
    pictures = list(data.media["image"].items[:5])
    np.testing.assert_allclose(
        again.encode_image(pictures), model.encode_image(pictures), atol=1e-5
    )


@pytest.mark.parametrize("method", ["cca", "chtn"])
def test_a_join_is_fitted_in_the_preprocessor(method, tmp_path):
    data = coloured()
    register(Lengths("text", dim=1))
    more = {} if method == "cca" else {**SMALL, "members": 1}
    model = keras_xmr.train(
        data,
        method,
        encoders={"image": trunk(), "text": ["tfidf", Lengths("text", dim=1)]},
        progress=False,
        **more,
    )
    join = model.preprocessor.of("text")
    assert isinstance(join, Join)
    assert [type(part) for part in join.parts] == [TextVectorizer, Encoder]
    # Numbers of the training part alone.
    words = {word for text in texts_of(data.part("train")) for word in text.split()}
    assert {word.removeprefix("=") for word in join.parts[0].words if "=" in word} <= words
    model.save_to_preset(tmp_path / "x", precision="float32")
    again = presets.load(tmp_path / "x")
    texts = texts_of(data)[:5]
    np.testing.assert_allclose(again.encode_text(texts), model.encode_text(texts), atol=1e-5)


def test_tuning_and_comparison_take_encoders(tmp_path):
    data = coloured()
    encoders = {"image": trunk(), "text": ["tfidf", Lengths("text", dim=1)]}
    settings = keras_xmr.tune(
        data,
        "semantic_matching",
        budget=2,
        encoders=encoders,
        progress=False,
        folder=tmp_path / "t",
    )
    json.dumps(settings.to_dict())
    model = keras_xmr.train(
        data, "semantic_matching", encoders=encoders, settings=settings, progress=False
    )
    assert isinstance(model.preprocessor.of("text"), Join)
    found = keras_xmr.compare(
        data, "cca,semantic_matching", encoders=encoders, seeds=1, budget=1, progress=False,
        folder=tmp_path / "c",
    )  # fmt: skip
    assert sorted(found.methods()) == ["cca", "semantic_matching"]
    told = json.loads((tmp_path / "c" / "plan.json").read_text("utf-8"))["transforms"]["text"]
    assert [part["transform"] for part in told["parts"]] == ["TextVectorizer", "Encoder"]


def run(capsys, *arguments):
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
    return capsys.readouterr()


@pytest.mark.parametrize("method", ["semantic_matching", "acmr"])
def test_the_command_line_trains_searches_and_encodes(method, table, tmp_path, capsys):
    pytest.importorskip("sentence_transformers")
    out = tmp_path / "x"
    more = () if method_class(method).about.kind == "linear" else ("--epochs", 10)
    run(
        capsys, "train", method, "--data", table / "my.csv", "--out", out, *more,
        "--image-encoder", table / "trunk.keras", "--text-encoder", f"tfidf+{minilm()}",
    )  # fmt: skip
    facts = json.loads((out / "metadata.json").read_text("utf-8"))
    assert facts["encoders"]["text"] == ["tfidf", str(minilm())]
    # A word that no training text has.
    found = run(capsys, "search", "--preset", out, "--text", "crimson", "-k", 3, "--json")
    results = json.loads(found.out)["results"]
    assert len(results) == 3
    assert results[0]["file"].endswith(".png")
    assert "unknown words" not in found.err
    image = table / "0.png"
    found = run(capsys, "search", "--preset", out, "--image", image, "-k", 3, "--json")
    assert {r["class"] for r in json.loads(found.out)["results"]} <= set(COLOURS)
    arguments = ("encode", "--preset", out, "--out", tmp_path / "z.npz")
    run(capsys, *arguments, "--text", "a red square", "--image", image)
    with np.load(tmp_path / "z.npz") as arrays:
        assert arrays["text"].shape[0] == arrays["image"].shape[0] == 1


def test_one_encoder_of_both_sides(table, tmp_path, capsys):
    pytest.importorskip("sentence_transformers")
    folder = clip_folder(tmp_path / "clip")
    run(
        capsys, "train", "cca", "--data", table / "my.csv", "--out", tmp_path / "x",
        "--encoder", folder, "--set", "n_components=2",
    )  # fmt: skip
    run(capsys, "search", "--preset", tmp_path / "x", "--text", "a red square", "-k", 3)
    config = json.loads((tmp_path / "x" / "preprocessor.json").read_text("utf-8"))
    read = [config[m]["config"]["steps"][0]["config"]["medium"] for m in ("image", "text")]
    assert read == ["image", "text"]


def test_comparison_on_the_command_line(table, tmp_path, capsys):
    pytest.importorskip("sentence_transformers")
    found = run(
        capsys, "compare", "--data", table / "my.csv", "--methods", "cca", "--out", tmp_path / "r",
        "--image-encoder", table / "trunk.keras", "--text-encoder", f"{minilm()}",
        "--seeds", 1, "--budget", 1, "--jobs", 1,
    )  # fmt: skip
    assert "cca" in found.out.lower()


def test_a_trunk_and_an_encoder_of_pictures_are_one_too_many(table, tmp_path, capsys):
    arguments = ["train", "cca", "--data", table / "my.csv", "--out", tmp_path / "x", "--trunk"]
    arguments += [table / "trunk.keras", "--image-encoder", "mobilenet_v2"]
    assert main([str(argument) for argument in arguments]) == 1
    assert "Received: --trunk and an encoder of them." in capsys.readouterr().err


def test_sentences_without_pictures_go_with_bundled_features():
    data = keras_xmr.datasets.catalogue.load("toy", raw={"text"})
    assert data.media["image"].items.ndim == 2


def test_a_chain_of_an_encoder_is_taken_as_it_is():
    chain = Chain([Encoder(Lengths("text", dim=1)), FeatureScaler(norm="none")])
    model = keras_xmr.train(
        coloured(), "cca", encoders={"image": trunk(), "text": chain}, progress=False
    )
    assert [type(step) for step in model.preprocessor.of("text").steps] == [Encoder, FeatureScaler]
