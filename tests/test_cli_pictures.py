"""The command line on own pictures and sentences: from files to a preset that takes files."""

import hashlib
import json

import numpy as np
import pytest

import keras_xmr
from keras_xmr import presets
from keras_xmr.cli import main
from keras_xmr.methods.catalogue import method_class, methods
from keras_xmr.trunks import trunk_fingerprint
from tests.methods.pictures import COLOURS, coloured, picture, trunk
from tests.tiny import TINY


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A table with pictures, a source of class folders, and the file of a trunk."""
    root = tmp_path_factory.mktemp("mine")
    medium = coloured().media["image"]
    texts = coloured().media["text"].items
    names = list(COLOURS)
    lines = ["id,image,text,label"]
    for number, (encoded, text, label) in enumerate(
        zip(medium.items, texts, medium.labels, strict=True)
    ):
        (root / f"{number}.png").write_bytes(encoded)
        lines.append(f"{number},{number}.png,{text},{names[label]}")
    (root / "my.csv").write_text("\n".join(lines), encoding="utf-8")
    rng = np.random.default_rng(1)
    for name, colour in COLOURS.items():
        folder = root / "source" / f"{name} things"
        folder.mkdir(parents=True)
        for number in range(8):
            (folder / f"{number}.png").write_bytes(picture(colour, rng))
    trunk().save(root / "trunk.keras")
    return root


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_CACHE", str(tmp_path / "cache"))


def train(files, out, *more):
    arguments = ["train", "chtn", "--data", files / "my.csv", "--trunk", files / "trunk.keras"]
    arguments += ["--source", files / "source", "--out", out, "--batch-size", 8, *more]
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def preset(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "x"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_XMR_CACHE", str(out.parent / "cache"))
        assert train(files, out, "--epochs", 20) == 0
    return out


def search(capsys, preset, *query):
    capsys.readouterr()
    assert main([*map(str, ["search", "--preset", preset, *query]), "--json"]) == 0
    return json.loads(capsys.readouterr().out)["results"]


def test_a_picture_finds_texts_and_a_text_finds_pictures(files, preset, tmp_path, capsys):
    query = tmp_path / "q.png"
    query.write_bytes(picture(COLOURS["blue"], np.random.default_rng(9)))
    found = search(capsys, preset, "--image", query, "--in", files / "my.csv", "-k", 3)
    assert {result["class"] for result in found} == {"blue"}
    assert all(not result["file"] for result in found)
    found = search(capsys, preset, "--text", "a red square", "-k", 3)  # in the training's data
    assert {result["class"] for result in found} == {"red"}
    assert all(result["file"].endswith(".png") for result in found)


def test_a_second_search_computes_no_features(preset, capsys):
    query = ["search", "--preset", str(preset), "--text", "a green square"]
    assert main(query) == 0
    assert "36 computed, 0 from the cache" in capsys.readouterr().err
    assert main(query) == 0
    assert "0 computed, 36 from the cache" in capsys.readouterr().err


def test_pictures_are_encoded_and_reported(files, preset, tmp_path, capsys):
    out = tmp_path / "z.npz"
    picture_file = files / "0.png"
    assert main(f"encode --preset {preset} --image {picture_file} --out {out}".split()) == 0
    # Three classes, and a column for each medium.
    assert np.load(out)["image"].shape == (1, 5)
    assert main(f"evaluate --preset {preset} --json".split()) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])[str(preset)]
    facts = json.loads((preset / "metadata.json").read_text())
    assert facts["trunk"].endswith("trunk.keras")
    assert report["split_hash"] == facts["split_hash"]


@pytest.mark.parametrize(
    "more",
    [
        "--fine-tune 0.1",
        "--fine-tune 1 --accumulate 2 --averaging 0.9",
        "--optimizer paper",
        "--precision mixed_bfloat16",
        "--no-jit-compile",
    ],
)
def test_options_of_training_go_through(files, tmp_path, more, capsys):
    assert train(files, tmp_path / "y", "--epochs", 2, *more.split()) == 0
    assert search(capsys, tmp_path / "y", "--text", "a red square", "-k", 2)
    assert not (tmp_path / "y.checkpoint").exists()


# Bags of words and the features of pictures lie in no common space.
@pytest.mark.parametrize("method", [n for n, about in methods().items() if not about.one_space])
def test_every_method_learns_from_pictures(files, tmp_path, method):
    kind = method_class(method)
    tiny = TINY[kind.__name__].arguments
    given = [f"--set={name}={json.dumps(tiny[name])}" for name in kind.settable() if name in tiny]
    linear = kind.about.kind == "linear"
    options = [] if linear else ["--epochs", "1", "--batch-size", "8"]
    options += ["--set=pretraining=1"] if kind.defaults.to_dict().get("pretraining") else []
    paths = ["--data", files / "my.csv", "--trunk", files / "trunk.keras", "--out", tmp_path / "y"]
    assert main(["train", method, *map(str, paths), *options, *given]) == 0
    model = kind.from_preset(tmp_path / "y")
    for medium, query in (("image", str(files / "0.png")), ("text", "a red square")):
        assert len(model.encode([query], medium)) == 1
    facts = json.loads((tmp_path / "y" / "metadata.json").read_text())
    # The network is there once, and was not changed by the training.
    (weights,) = (name for name in facts["sha256"] if name.endswith("h5") and "encoder" in name)
    assert trunk_fingerprint(trunk())[:16] in weights
    assert keras_xmr.trunks.load_trunk(str(tmp_path / "y")).output_shape == (None, 6)


@pytest.mark.parametrize("method", ["acmr", "cm_gans --text-cnn", "mhtn"])
def test_trunks_are_trained_further(files, tmp_path, method, capsys):
    out = tmp_path / "y"
    arguments = (
        f"train {method} --data {files / 'my.csv'} --trunk {files / 'trunk.keras'} --epochs 1"
        f" --batch-size 8 --out {out} --fine-tune 0.1"
    )
    assert main(arguments.split()) == 0
    assert presets.load(out).trunks.keys() >= {"image"}
    assert search(capsys, out, "--image", files / "0.png", "-k", 2)


def test_a_trunk_of_the_library_is_named_and_not_stored_again(files, tmp_path):
    out = tmp_path / "j"
    # A third of the table: the network is a large one.
    header, *rows = (files / "my.csv").read_text(encoding="utf-8").splitlines()
    table = files / "some.csv"
    table.write_text("\n".join([header, *rows[::3]]), encoding="utf-8")
    arguments = f"train jrl --data {table} --trunk chtn_pascal_mobilenet --out {out}"
    assert main(arguments.split()) == 0
    assert keras_xmr.JRL.from_preset(out).encode_image([str(files / "0.png")]).shape == (1, 5)
    assert not list(out.glob("encoder_*"))
    origins = json.loads((out / "metadata.json").read_text())["from_presets"]
    for name, origin in origins.items():
        assert origin["preset"] == "chtn_pascal_mobilenet"
        stored = presets.bundled_folder() / origin["preset"] / name
        assert origin["sha256"] == hashlib.sha256(stored.read_bytes()).hexdigest()
    assert len(origins) == 2


def test_bad_rows_stop_the_command_before_training_or_are_left_out(files, tmp_path, capsys):
    table = (files / "my.csv").read_text(encoding="utf-8")
    bad = files / "bad.csv"
    bad.write_text(table + "\n99,nowhere.png,a red square,red\n98,../0.png,,red\n", "utf-8")
    arguments = f"train chtn --data {bad} --trunk {files / 'trunk.keras'} --epochs 1 --out"
    assert main([*arguments.split(), str(tmp_path / "z")]) == 1
    shown = capsys.readouterr().err
    assert "line 38" in shown
    assert "line 39" in shown
    assert not (tmp_path / "z").exists()
    with pytest.warns(UserWarning, match="2"):
        assert main([*arguments.split(), str(tmp_path / "z"), "--skip-bad"]) == 0


def test_pictures_without_a_trunk_and_trunks_without_pictures_are_told(files, tmp_path, capsys):
    assert main(f"train chtn --data {files / 'my.csv'} --out {tmp_path / 'z'}".split()) == 1
    assert "--trunk" in capsys.readouterr().err
    trunk_file = f"--trunk {files / 'trunk.keras'} --out {tmp_path / 'z'}"
    assert main(f"train semantic_matching --data toy {trunk_file}".split()) == 1
    assert "Features are extracted from picture files" in capsys.readouterr().err
    assert main(f"train ugach --data toy --fine-tune 0.1 {trunk_file}".split()) == 1
    assert "UGACH takes a trunk as it is. Received: trunk_rate > 0." in capsys.readouterr().err
    query = f"search --preset chtn_pascal --image {files / '0.png'}"
    assert main(query.split()) == 1
    assert "Train one with --image-encoder or --trunk" in capsys.readouterr().err
