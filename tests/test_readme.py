"""What the README says is executed."""

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from keras_xmr import presets

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def commands():
    """The lines of console blocks, without their prompt."""
    lines = "\n".join(blocks("console")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[-1][:40])
def test_python_blocks_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


@pytest.mark.parametrize("command", commands())
def test_commands_run(command, tmp_path):
    program, *arguments = shlex.split(command)
    assert program == "keras-xmr"
    done = subprocess.run(
        [sys.executable, "-m", "keras_xmr.cli", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_there_is_something_to_run():
    assert len(blocks("python")) >= 2
    assert len(commands()) >= 4


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_targets_named_are_there(target):
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_files_and_folders_named_are_there():
    named = re.findall(r"\]\(([^)h][^)]*)\)", README)
    named += re.findall(r"`((?:keras_xmr|examples|tests|weights)[/\w.]*)`", README)
    assert named
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_results_are_those_of_the_table():
    with (ROOT / "examples" / "paper_tables" / "chtn.csv").open(encoding="utf-8") as file:
        table = {(row["data"], row["method"]): row for row in csv.DictReader(file)}
    section = README.split("<!-- results -->")[1].split("<!-- end of results -->")[0]
    lines = re.findall(r"^\| (.+?) \| (.+?) \| (.+) \|$", section, re.M)
    shown = {(data, method): figures.split(" | ") for data, method, figures in lines[1:]}
    assert set(shown) == set(table)
    for key, figures in shown.items():
        for name, figure in zip(
            ("image_to_text", "text_to_image", "average"), figures, strict=False
        ):
            mean, *spread = figure.split(" ± ")
            assert mean == f"{float(table[key][name]):.3f}"
            assert spread in ([], [f"{float(table[key][f'{name}_std']):.3f}"])


def test_presets_are_listed_with_their_map():
    listed = (ROOT / "weights" / "README.md").read_text(encoding="utf-8")
    for name, facts in presets.bundled().items():
        assert re.search(rf"\[{name}\].*{facts['map']:.3f}", listed)
