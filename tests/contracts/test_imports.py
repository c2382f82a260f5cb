"""Starting is cheap: the package and the command line load no backend before they need one."""

import resource
import subprocess
import sys

import pytest

HEAVY = {"keras", "tensorflow", "torch", "jax", "sklearn"}
SECONDS = 0.5

COMMAND = """
import sys
from keras_xmr.cli import main
sys.argv = ["keras-xmr", {argument!r}]
try:
    code = main()
except SystemExit as end:
    code = end.code
assert not code, code
"""
SCRIPTS = {
    "import": "import keras_xmr",
    "help": COMMAND.format(argument="--help"),
    "list": COMMAND.format(argument="list"),
}


def run(*arguments):
    """Output of a Python process, and the CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, spent


def fastest(script):
    return min(run("-c", script)[1] for _ in range(3))


@pytest.fixture(scope="module")
def numpy_seconds():
    return fastest("import numpy")


@pytest.mark.parametrize("name", SCRIPTS)
def test_loads_nothing_heavy(name):
    report = "\nimport sys\nprint('LOADED', *sorted({m.split('.')[0] for m in sys.modules}))"
    output, _ = run("-c", SCRIPTS[name] + report)
    loaded = output.splitlines()[-1].split()
    assert loaded[0] == "LOADED"
    assert "keras_xmr" in loaded
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("name", SCRIPTS)
def test_starts_at_once(name, numpy_seconds):
    assert fastest(SCRIPTS[name]) - numpy_seconds < SECONDS


def test_a_name_loads_its_module():
    script = "import sys, keras_xmr; keras_xmr.CHTN; print('keras' in sys.modules)"
    assert run("-c", script)[0].split()[-1] == "True"


@pytest.mark.parametrize("argument", ["--help", "list"])
def test_runs_as_a_module(argument):
    output, _ = run("-m", "keras_xmr.cli", argument)
    assert "chtn" in output.lower() or "train" in output
