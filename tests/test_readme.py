"""What the README and the pages of `docs` say is executed."""

import csv
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_xmr import presets
from tests.methods.pictures import COLOURS, coloured, picture
from tests.processes import python_path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language):
    """The fenced blocks of one language, on all pages."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def commands():
    """The lines of console blocks, without their prompt."""
    lines = "\n".join(blocks("console")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a user's `my.csv`, its pictures and `q.jpg`; commands build on each other."""
    root = tmp_path_factory.mktemp("user")
    data = coloured(per_class=6)
    (root / "pictures").mkdir()
    lines = ["id,image,text,label"]
    rows = zip(data.media["image"].items, data.media["text"].items, strict=True)
    for number, (encoded, text) in enumerate(rows):
        file = root / "pictures" / f"{number}.jpg"
        file.write_bytes(encoded)
        label = data.class_names[data.media["image"].labels[number]]
        lines.append(f"{number},pictures/{number}.jpg,{text} 一只猫,{label}")
    (root / "my.csv").write_text("\n".join(lines), encoding="utf-8")
    (root / "q.jpg").write_bytes(picture(COLOURS["red"], np.random.default_rng(5)))
    return root


@pytest.fixture(autouse=True)
def user(place, monkeypatch):
    """Be in that folder, with a cache of one's own."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("KERAS_XMR_CACHE", str(place / "cache"))


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[-1][:40])
def test_python_blocks_run(code):
    exec(compile(code, "README.md", "exec"), {})


# Minutes in all; the same commands run on toy data on each backend in `test_cli.py`.
@pytest.mark.once
@pytest.mark.parametrize("command", commands())
def test_commands_run(command):
    program, *arguments = shlex.split(command)
    assert program == "keras-xmr"
    done = subprocess.run(
        [sys.executable, "-m", "keras_xmr.cli", *arguments],
        env={**os.environ, "PYTHONPATH": python_path()},
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_folders_named_are_there(page):
    text = page.read_text(encoding="utf-8")
    # Links are relative to the page; those within it name its headings.
    links = re.findall(r"\]\(([^)h#][^)]*)\)", text)
    named = re.findall(r"`((?:keras_xmr|examples|tests|weights)/[/\w.]*)`", text)
    missing = [name for name in links if not (page.parent / name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    }
    missing += [name for name in re.findall(r"\]\(#([^)]+)\)", text) if name not in headings]
    assert not missing


def test_results_are_those_of_the_table():
    with (ROOT / "examples" / "paper_tables" / "chtn.csv").open(encoding="utf-8") as file:
        table = {(row["data"], row["method"]): row for row in csv.DictReader(file)}
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    section = page.split("<!-- results -->")[1].split("<!-- end of results -->")[0]
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


def test_where_methods_differ_is_what_their_classes_say():
    script = runpy.run_path(str(ROOT / "examples" / "paper_tables" / "differences.py"))
    assert (ROOT / "docs" / "differences.md").read_text(encoding="utf-8") == script["page"]()
