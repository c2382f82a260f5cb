"""What the source files may not do: import a backend, unpickle, or know a machine's paths."""

import ast
import re
from pathlib import Path

import pytest

import keras_xmr
from keras_xmr.methods.catalogue import methods

ROOT = Path(keras_xmr.__file__).parent
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
BACKENDS = {"tensorflow", "torch", "jax"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib"}
# Not preceded by a letter: "http://a/home/" is no path of a machine.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/])/(work|home|root|tmp|mnt|Users|data|opt|usr)/|\b[A-Z]:\\\\?\w"
)


def imports(source):
    """Dotted names of all modules that a source imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and _is_import_module(node.func):
            found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return found


def _is_import_module(function):
    name = getattr(function, "attr", getattr(function, "id", ""))
    return name in ("import_module", "__import__")


def forbidden(source, backends_allowed=False):
    """The imports of a source that break a rule."""
    roots = PICKLES | (set() if backends_allowed else BACKENDS)
    return sorted(
        name
        for name in imports(source)
        if name.split(".")[0] in roots or name == "keras.src" or name.startswith("keras.src.")
    )


@pytest.mark.parametrize("file", FILES)
def test_imports_are_allowed(file):
    backend_file = re.fullmatch(r"training/_(tensorflow|torch|jax)\.py", file)
    source = (ROOT / file).read_text(encoding="utf-8")
    assert not forbidden(source, backends_allowed=bool(backend_file))


@pytest.mark.parametrize("file", FILES)
def test_no_path_of_a_machine(file):
    assert not MACHINE_PATH.search((ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "import jax.numpy as jnp",
        "def f():\n    from torch import nn",
        "from keras.src import ops",
        "from keras import src",
        "import pickle",
        "import importlib\nimportlib.import_module('tensorflow')",
    ],
)
def test_the_check_finds(source):
    assert forbidden(source)


@pytest.mark.parametrize("folder", ["commands", "index", "metrics", "training", "transforms"])
def test_no_method_is_known_by_name_outside_of_its_file(folder):
    words = {about.name for about in methods().values()} | {"CHTN", "MHTN", "ACMR", "UGACH", "JRL"}
    for file in (ROOT / folder).rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        # Docstrings may name the paper that something goes back to.
        code = re.sub(r'"""(?:.|\n)*?"""', "", source) if folder != "training" else source
        found = {word for word in words if re.search(rf"\b{word}\b", code)}
        assert not found, file.name


def test_the_check_finds_paths():
    assert MACHINE_PATH.search('Path("/home/me/data")')
    assert not MACHINE_PATH.search("https://example.org/home/me")
