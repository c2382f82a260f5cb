"""The command line, run in this process; one trained preset serves all tests."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

from keras_xmr import cli
from keras_xmr.cli import main
from keras_xmr.methods.catalogue import methods

# Row number and colour of the rows of a table.
TABLE = list(enumerate(["red", "green", "yellow"] * 12))


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A CHTN trained for two epochs on toy data, through the command line."""
    out = tmp_path_factory.mktemp("runs") / "toy"
    arguments = "train chtn --data toy --source toy_source --epochs 2 --batch-size 16 --out"
    assert main([*arguments.split(), str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "baseline"
    assert main(["train", "semantic_matching", "--data", "toy", "--out", str(out)]) == 0
    return out


def run_json(capsys, *arguments):
    capsys.readouterr()
    assert main([*map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_list_names_everything(capsys):
    found = run_json(capsys, "list")
    assert set(found) == {"presets", "methods", "data sets"}
    assert "chtn_pascal" in found["presets"]
    assert set(found["methods"]) == set(methods())
    assert found["methods"]["kcca"] == {
        "name": "kcca",
        "title": "kernel canonical correlation analysis",
        "year": 2004,
        "reference": "Hardoon, Szedmak, Shawe-Taylor: Neural Computation 2004",
        "kind": "linear",
        "learns_from": ["pairs"],
        "media": "any",
        "returns": "correlated directions",
        "one_space": False,
    }
    assert "toy" in found["data sets"]
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert "pascal_sentences" in shown
    assert re.search(r"jrl +2014 +linear +labels, pairs +media: any +class posteriors", shown)
    assert re.search(r"zero_shot +2021 +linear +nothing .* \(media of one space\)", shown)


def test_training_records_how_it_was_done(preset):
    facts = json.loads((preset / "metadata.json").read_text())
    assert facts["data"] == "toy"
    assert facts["source"] == "toy_source"
    assert facts["seed"] == 0
    assert len(facts["split_hash"]) == 64
    assert facts["command"].startswith("keras-xmr")
    assert {row["direction"] for row in facts["results"]} >= {"image->text", "text->image"}


def test_the_figures_of_the_training_are_those_of_the_preset(preset, baseline, capsys):
    for folder in (preset, baseline):
        facts = json.loads((folder / "metadata.json").read_text())
        report = run_json(capsys, "evaluate", "--preset", folder)[str(folder)]
        assert report["results"] == facts["results"]
        assert round(report["results"][-1]["MAP@all"], 4) == facts["map"]


def test_settings_are_tuned_first_and_their_trials_kept(tmp_path, capsys):
    arguments = "train jrl --data toy --tune 3 --set readout=projections --out"
    assert main([*arguments.split(), str(tmp_path / "new")]) == 0
    assert "tuning jrl: 100/100, 3 trials, held-out MAP" in capsys.readouterr().err
    facts = json.loads((tmp_path / "new" / "metadata.json").read_text(encoding="utf-8"))
    assert "3 trials of keras_xmr.tune" in facts["chosen"]
    assert {path.name for path in (tmp_path / "new.trials").iterdir()} >= {
        "trials.csv",
        "trials.png",
    }
    assert main([*arguments.replace("--tune 3", "--tune soon").split(), str(tmp_path / "x")]) == 1
    assert "A budget is a number of trials" in capsys.readouterr().err


def test_training_shows_progress_with_time_left(tmp_path, capsys):
    arguments = "train chtn --data toy --epochs 3 --batch-size 16 --out"
    assert main([*arguments.split(), str(tmp_path / "new")]) == 0
    shown = capsys.readouterr().err
    assert "training epochs: 3/3, loss " in shown
    assert "s left" in shown


@pytest.mark.parametrize("method", ["acmr", "cm_gans --text-cnn", "mhtn"])
def test_other_models_train_evaluate_and_search(method, tmp_path, capsys):
    out = tmp_path / "new"
    assert main(f"train {method} --data toy --epochs 2 --batch-size 16 --out {out}".split()) == 0
    facts = run_json(capsys, "evaluate", "--preset", out)[str(out)]
    assert facts["split_hash"] == json.loads((out / "metadata.json").read_text())["split_hash"]
    found = run_json(capsys, "search", "--preset", out, "--text", "class2 thing0", "-k", "3")
    assert len(found["results"]) == 3


@pytest.mark.once
def test_arguments_of_a_network_may_be_set(tmp_path, capsys):
    out = tmp_path / "x"
    train = f"train corr_ae --data toy --epochs 1 --variant cross --out {out}".split()
    more = ["--set", "pretraining_epochs=1", "--set", "pathway_units=[8]"]
    assert main([*train, *more]) == 0
    config = json.loads((out / "config.json").read_text())["config"]
    assert (config["variant"], config["pathway_units"]) == ("cross", [8])
    assert main([*train, "--set", "depth=2"]) == 1
    assert "and arguments ['cd_steps', 'code_units', " in capsys.readouterr().err
    assert main(f"train cmdn --data toy --variant cross --out {out}".split()) == 1
    assert "Received: ['variant']." in capsys.readouterr().err


@pytest.mark.once
def test_distillation_is_set_of_either_kind_of_method_and_refused_by_others(tmp_path, capsys):
    out = tmp_path / "x"
    more = ["--set", "distillation=0.75", "--out", str(out)]
    assert main(["train", "semantic_matching", "--data", "toy", *more]) == 0
    config = json.loads((out / "config.json").read_text())["config"]
    assert config["distillation"] == 0.75
    networks = ["--data", "toy", "--epochs", "1", *more]
    assert main(["train", "deep_sm", *networks, "--set", "pathway_units=[8]"]) == 0
    assert main(["train", "acmr", *networks]) == 1
    message = "ACMR learns from labels alone. Received: distillation=0.75."
    assert message in capsys.readouterr().err


@pytest.mark.once
@pytest.mark.parametrize("method", ["cca", "cfa", "jrl", "kcca", "lgcfl"])
def test_linear_baselines_train_evaluate_and_search(method, tmp_path, capsys):
    out = tmp_path / method
    assert main(f"train {method} --data toy --seed 3 --out {out}".split()) == 0
    config = json.loads((out / "config.json").read_text())["config"]
    assert config.get("random_state", 3) == 3
    facts = run_json(capsys, "evaluate", "--preset", out)[str(out)]
    assert facts["results"][-1]["MAP@all"] > 0.8
    found = run_json(capsys, "search", "--preset", out, "--text", "class2 thing0", "-k", "3")
    assert [result["class"] for result in found["results"]] == ["class2"] * 3


@pytest.mark.once
def test_arguments_of_a_linear_baseline_may_be_set(tmp_path, capsys):
    out = tmp_path / "x"
    train = f"train kcca --data toy --out {out}".split()
    more = ["--kernel", "poly", "--set", "degree=2", "--set", 'gamma={"image": 0.1, "text": null}']
    assert main([*train, *more]) == 0
    config = json.loads((out / "config.json").read_text())["config"]
    assert (config["kernel"], config["degree"]) == ("poly", 2)
    assert config["gamma"] == {"image": 0.1, "text": None}
    for wrong, message in (
        ("shrinkage=0", "and arguments ['coef0', 'degree', "),
        ("degree", "An argument is set as name=value. Received: 'degree'."),
    ):
        assert main([*train, "--set", wrong]) == 1
        assert message in capsys.readouterr().err
    assert main([*train, "--set", "kernel=linear"]) == 0
    assert main(f"train cca --data toy --kernel rbf --out {out}".split()) == 1
    assert "Received: ['kernel']." in capsys.readouterr().err


def test_mhtn_takes_a_source_and_the_optimizer_of_the_release(tmp_path):
    arguments = "train mhtn --data toy --source toy_source --epochs 1 --optimizer paper --out"
    assert main([*arguments.split(), str(tmp_path / "x")]) == 0


def test_the_hub_may_be_any_medium(tmp_path, capsys):
    out = tmp_path / "x"
    train = f"train mhtn --data toy --epochs 1 --batch-size 16 --out {out} --hub"
    assert main([*train.split(), "text"]) == 0
    assert json.loads((out / "config.json").read_text())["config"]["hub"] == "text"
    assert main([*train.split(), "sound"]) == 1
    assert "sound" in capsys.readouterr().err


def test_a_table_with_three_media_may_have_gaps(tmp_path, capsys):
    rows = [f"{n},a {c} {n},{c},{n}.npy,{f'{c} und {n}' if n % 2 else ''}" for n, c in TABLE]
    table = tmp_path / "my.csv"
    table.write_text("\n".join(["id,text,label,image,german_text", *rows]), encoding="utf-8")
    for number, colour in TABLE:
        np.save(tmp_path / f"{number}.npy", np.full(4, len(colour), "float32") + number / 100)
    out = tmp_path / "x"
    assert main(f"train mhtn --data {table} --epochs 2 --batch-size 8 --out {out}".split()) == 0
    config = json.loads((out / "config.json").read_text())
    assert config["config"]["partial"] == ["german_text"]
    report = run_json(capsys, "evaluate", "--preset", out)[str(out)]
    assert "text->german_text" in {row["direction"] for row in report["results"]}


def test_training_is_repeatable_to_the_bit(preset, tmp_path):
    def weights(folder):
        return (folder / "model.weights.h5").read_bytes()

    def trained(seed):
        arguments = "train chtn --data toy --source toy_source --epochs 2 --batch-size 16"
        out = tmp_path / str(seed)
        assert main([*arguments.split(), "--seed", str(seed), "--out", str(out)]) == 0
        return weights(out)

    assert trained(0) == weights(preset)
    assert trained(1) != weights(preset)


def test_evaluate_writes_its_report_and_compares(preset, baseline, tmp_path, capsys):
    arguments = ["evaluate", "--preset", str(preset), "--preset", str(baseline)]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "MAP@all" in shown
    assert "against" in shown
    for column in ("MAP@all", "recall@k", "partner@k"):
        assert shown.count(f"\n{column}: ") == 1
    for name in ("report.json", "report.csv", "report.png"):
        assert (tmp_path / "toy" / name).stat().st_size
    found = run_json(capsys, *arguments)
    assert set(found) == {str(preset), str(baseline)}


def test_encode_a_data_set_and_texts(preset, tmp_path, capsys):
    out = tmp_path / "all.npz"
    assert run_json(capsys, "encode", "--preset", preset, "--out", out)["image"] == [80, 6]
    with np.load(out) as arrays:
        assert arrays["text_ids"].shape == (80,)
    texts = ["encode", "--preset", preset, "--text", "class1", "--text", "class2", "--out", out]
    assert run_json(capsys, *texts) == {"text": [2, 6]}
    assert not list(tmp_path.glob(".*"))


def test_search_by_text_and_by_item(baseline, capsys):
    found = run_json(capsys, "search", "--preset", baseline, "--text", "class2 thing0", "-k", "3")
    assert found["medium"] == "image"
    assert [r["class"] for r in found["results"]] == ["class2"] * 3
    scores = [r["score"] for r in found["results"]]
    assert scores == sorted(scores, reverse=True)
    found = run_json(capsys, "search", "--preset", baseline, "--item", "item003", "-k", "2")
    assert found["medium"] == "text"
    assert len(found["results"]) == 2


def searched(out, capsys, preset="chtn_pascal"):
    """What a search says of its contact sheet."""
    capsys.readouterr()
    search = ["search", "--preset", str(preset), "--text", "two dogs", "-k", "3", "--out", str(out)]
    assert main(search) == 0
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.once
def test_there_is_a_contact_sheet_where_there_is_a_picture(tmp_path, monkeypatch, capsys):
    out = tmp_path / "sheets" / "found.png"
    monkeypatch.delenv("KERAS_XMR_DATA", raising=False)
    unset = "below the folder that KERAS_XMR_DATA names, which is unset"
    pictures = "no contact sheet: pictures of image items of pascal_sentences are looked for"
    assert searched(out, capsys) == f"{pictures} {unset}"
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    assert searched(out, capsys).endswith(f"KERAS_XMR_DATA names, which is {str(tmp_path)!r}")
    folder = tmp_path / "pascal_sentences" / "images"
    folder.mkdir(parents=True)
    assert searched(out, capsys).startswith(f"{pictures} in '{folder}")
    assert not out.parent.exists()
    found = run_json(capsys, "search", "--preset", "chtn_pascal", "--text", "two dogs", "-k", "1")
    picture = folder / f"{found['results'][0]['id']}.jpg"
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(picture)
    assert searched(out, capsys) == f"saved {out}"
    with Image.open(out) as sheet:
        assert sheet.size == (1000, 268)
        assert sheet.getpixel((100, 134)) == pytest.approx((255, 0, 0), abs=2)


@pytest.mark.once
def test_data_without_picture_files_have_no_contact_sheet(baseline, tmp_path, capsys):
    search = f"search --preset {baseline} --text class1 --out {tmp_path / 'x.png'}"
    assert main(search.split()) == 0
    shown = capsys.readouterr().err
    assert shown == "no contact sheet: image items of toy have no picture files\n"
    assert not list(tmp_path.iterdir())


def test_search_asks_in_a_terminal(baseline, monkeypatch, capsys):
    answers = iter(["class1 thing2", ""])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    assert main(["search", "--preset", str(baseline), "-k", "2"]) == 0
    assert "'class1 thing2'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("evaluate --preset nothing", "Bundled presets are"),
        ("evaluate --preset ./nothing", "must be a directory"),
        ("train chtn --data nothing --out x", "Data sets are"),
        ("train nothing --data toy --out x", "Methods are ['acmr', 'bimodal_ae', "),
        ("train chtn --data toy --settings nothing.json --out x", "nothing.json"),
        ("train cca --data toy --source toy_source --out x", "CCA learns from no source domain"),
        ("train acmr --data toy --source toy_source --out x", "ACMR learns from no source domain"),
        ("search --preset {baseline} --item nothing", "No item of 'toy' has that id"),
        ("search --preset {baseline} --text a --in wikipedia", "KERAS_XMR_DATA"),
        ("search --preset {baseline} --text a --media sound", "Received: medium='sound'"),
    ],
)
def test_errors_are_told_without_a_traceback(
    arguments, message, baseline, no_data, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(arguments.format(baseline=baseline).split()) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("keras-xmr: error:")
    assert message in shown
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", ["", "train chtn", "search --preset x -k 0", "dance"])
def test_wrong_usage_exits_with_two(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments.split())
    assert stopped.value.code == 2


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"example: keras-xmr {command}" in capsys.readouterr().out


def test_a_folder_that_is_no_preset_is_told(tmp_path, capsys):
    assert main(["search", "--preset", str(tmp_path), "--text", "a dog"]) == 1
    assert "A preset has the files" in capsys.readouterr().err


def languages(folder):
    """A table of English and German sentences."""
    german = {"dog": "Hund", "cat": "Katze", "bird": "Vogel"}
    lines = ["english,german,label"]
    for row in range(12):
        lines += [f"a {e} number {row},ein {g} Nummer {row},{e}" for e, g in german.items()]
    table = folder / "languages.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    return table


@pytest.mark.once
@pytest.mark.parametrize("method", ["chtn", "jrl"])
def test_texts_find_texts_of_another_language(method, tmp_path, capsys):
    table, out = languages(tmp_path), tmp_path / "preset"
    assert main(["train", method, "--data", str(table), "--out", str(out)]) == 0
    asked = ("search", "--preset", out, "--in", table, "-k", "3", "--text")
    found = run_json(capsys, *asked, "a dog")
    assert found["medium"] == "german"
    assert all("Hund" in result["text"] for result in found["results"])
    found = run_json(capsys, *asked, "Katze", "--media", "english")
    assert all("cat" in result["text"] for result in found["results"])


@pytest.mark.once
def test_a_query_of_unknown_words_is_refused_and_some_are_told(tmp_path, capsys):
    table, out = languages(tmp_path), tmp_path / "preset"
    changes = '{"transforms": {"english": {"transform": "TextVectorizer", "config": {}}}}'
    (tmp_path / "words.json").write_text(changes, encoding="utf-8")
    settings = ["--settings", str(tmp_path / "words.json")]
    assert main(["train", "cca", "--data", str(table), "--out", str(out), *settings]) == 0
    capsys.readouterr()
    search = ["search", "--preset", str(out), "--in", str(table), "-k", "1", "--text"]
    assert main([*search, "a dog feline"]) == 0
    assert "unknown words: feline" in capsys.readouterr().err
    for query in ("dogs", "?!", ""):
        assert main([*search, query]) == 1
        told = capsys.readouterr().err
        assert f"needs a word that the model has learnt. Received: {query!r}" in told
        assert "Nearest known words: dog" in told or query != "dogs"
