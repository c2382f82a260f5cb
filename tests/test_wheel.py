"""A built wheel, installed elsewhere, has its presets and feature packs."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.processes import python_path

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.once

SCRIPT = """
import keras_xmr
from pathlib import Path
here = Path(keras_xmr.__file__).parent
assert here.parent == Path("{site}"), here
data = keras_xmr.datasets.pascal_sentences()
assert keras_xmr.datasets.caltech101().num_classes == 101
model = keras_xmr.CHTN.from_preset("pascal")
print(model.encode_text(["a dog"]).shape, len(data.media["image"]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--wheel-dir", out, str(ROOT)], check=True)
    return next(out.glob("*.whl"))


def test_a_wheel_works_elsewhere(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(site=site)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": python_path(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(1, 20) 1000"


def test_a_wheel_holds_no_pictures_and_stays_small(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert not [name for name in names if name.endswith((".jpg", ".jpeg", ".JPEG", ".mat"))]
    assert "keras_xmr/weights/chtn_pascal/model.weights.h5" in names
    assert "keras_xmr/py.typed" in names
    # The largest file that the package index takes.
    assert wheel.stat().st_size < 100e6


def test_one_tensorflow_at_most():
    found = []
    for name in ("tensorflow", "tensorflow-cpu"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    assert len(found) <= 1, found
