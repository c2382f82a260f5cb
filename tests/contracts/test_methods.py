"""Every method, linear or not: what it says of itself, and that one file is enough to add one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keras_xmr
from keras_xmr.methods.catalogue import method_class, methods
from keras_xmr.training.alternating import AlternatingModel
from tests.processes import python_path
from tests.tiny import toy_for

pytestmark = pytest.mark.once

SORTS = {"linear", "neural", "game", "hashing"}
SOURCES = {"labels", "pairs", "source"}
DATA = keras_xmr.datasets.toy()


def test_the_sixteen_of_papers_and_those_for_rows_of_one_space_are_found():
    assert list(methods()) == sorted(methods())
    assert len([name for name, about in methods().items() if not about.one_space]) == 16
    assert [name for name, about in methods().items() if about.one_space] == [
        "contrastive_adapter",
        "linear_adapter",
        "zero_shot",
    ]


@pytest.mark.parametrize("name", methods())
def test_what_is_read_from_the_source_is_what_the_class_says(name):
    kind = method_class(name)
    assert methods()[name] == kind.about
    assert kind.about.name == name
    assert kind.about.kind in SORTS
    assert set(kind.about.learns_from) <= SOURCES
    assert kind.about.media in {"2", "any"}
    assert str(kind.about.year)[:2] in {"19", "20"}
    assert kind.about.title
    assert kind.about.returns
    assert "recipe" not in kind.__doc__
    assert ":" in kind.about.reference


@pytest.mark.parametrize("name", methods())
def test_what_it_says_is_true(name):
    kind = method_class(name)
    assert issubclass(kind, AlternatingModel) == (kind.about.kind in ("game", "hashing"))
    assert ("source_classes" in kind.argument_names()) == ("source" in kind.about.learns_from)
    assert set(kind.defaults.arguments) <= set(kind.settable())


@pytest.mark.parametrize("name", [n for n, about in methods().items() if about.kind == "linear"])
def test_those_of_two_media_say_so(name):
    data = toy_for(method_class(name), ["image", "text", "audio"])
    if methods()[name].media == "any":
        assert sorted(keras_xmr.train(data, name).media) == ["audio", "image", "text"]
    else:
        with pytest.raises(ValueError, match="two media"):
            keras_xmr.train(data, name)


METHOD = '''
"""Ridge regression, for a test."""

import numpy as np

from keras_xmr.methods.linear_method import LinearMethod
from keras_xmr.methods.about import About


class Ridge(LinearMethod):
    """Ridge regression of the labels on the rows of each medium.

    Args:
        penalty: Factor on the squared weights.
        preprocessor: As in `LinearMethod`.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> Ridge().fit(toy()).encode_text(["class1 thing0"]).shape
        (1, 4)

    Reference:
        A. E. Hoerl, R. W. Kennard: Ridge regression, Technometrics, 1970.
    """

    about = About(
        name="ridge",
        title="ridge regression of labels",
        year=1970,
        reference="Hoerl, Kennard: Technometrics 1970",
        kind="linear",
        learns_from=("labels",),
        media="any",
        returns="class scores",
    )

    def __init__(self, penalty=1.0, preprocessor=None):
        super().__init__(preprocessor)
        self.penalty = penalty

    def _fit(self, rows, part):
        fitted = {}
        for medium, own in rows.items():
            labels = part.medium(medium).labels
            hot = np.eye(part.num_classes)[labels] if labels.ndim == 1 else labels
            mean = own.mean(axis=0)
            centred = own - mean
            gram = centred.T @ centred + self.penalty * np.eye(own.shape[1])
            kernel = np.linalg.solve(gram, centred.T @ (hot - hot.mean(axis=0)))
            fitted[medium] = (kernel, -mean @ kernel)
        return fitted
'''
# What `keras_xmr/__init__.py` and `tests/tiny.py` would have a line for.
EXPORT = """
from pathlib import Path

import keras_xmr
import keras_xmr.methods

keras_xmr.methods.__path__.append(str(Path(__file__).parent))
keras_xmr._HOMES["Ridge"] = "keras_xmr.methods.ridge"
keras_xmr.__all__ = sorted([*keras_xmr.__all__, "Ridge"])
"""
TINY = """
import exported
from tests.tiny import TINY, Tiny

TINY["Ridge"] = Tiny({"penalty": 2.0})
"""
USE = """
import exported, sys
from keras_xmr.cli import main

main(["list"])
for command in (
    "train ridge --data toy --set penalty=3 --out {out}",
    "evaluate --preset {out}",
    "search --preset {out} --text class1 -k 2",
):
    assert main(command.format(out=sys.argv[1]).split()) == 0, command
import keras_xmr
print("penalty", keras_xmr.Ridge.from_preset(sys.argv[1]).penalty)
"""


@pytest.fixture
def seventeenth(tmp_path):
    """Runs Python where one more method is exported."""
    for name, text in {
        "ridge": METHOD, "exported": EXPORT, "with_tiny": TINY, "use": USE,
    }.items():  # fmt: skip
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    root = Path(__file__).parents[2]

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": python_path(tmp_path, root)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_a_method_of_one_file_is_known_to_the_command_line(seventeenth, tmp_path):
    shown = seventeenth(str(tmp_path / "use.py"), str(tmp_path / "preset"))
    assert "ridge                1970  linear   labels" in shown
    assert "image->text" in shown
    assert "text items of toy" in shown or "image items of toy" in shown
    assert "penalty 3" in shown


def test_a_method_of_one_file_is_taken_by_the_contract_tests(seventeenth):
    files = ["test_linear_methods.py", "test_methods.py", "test_docstrings.py", "test_names.py"]
    paths = [f"tests/contracts/{file}" for file in files]
    shown = seventeenth(
        *("-m", "pytest", "-p", "with_tiny", "-p", "no:cacheprovider", "-q"),
        *("-k", "Ridge or ridge"),
        *paths,
    )
    passed = int(re.search(r"(\d+) passed", shown)[1])
    assert passed >= 15
