"""Examples run as they stand, training ones on synthetic data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import python_path

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("script", "arguments", "expected"),
    [
        ("train_chtn.py", ["toy"], "semantic matching"),
        ("train_mhtn.py", ["toy"], "MHTN without adversary"),
        ("train_acmr.py", ["toy"], "ACMR, centred posteriors"),
        ("train_cm_gans.py", ["toy"], "CM-GANs, centred posteriors"),
        ("train_ugach.py", ["toy"], "its discriminator before the game"),
        ("missing_media.py", ["toy"], "3d: 40 items of 2 classes"),
        ("add_medium.py", ["toy"], "text: encoded as before, to the last bit"),
        ("search.py", ["a bird on a branch"], "bird/"),
    ],
)
def test_example_runs(script, arguments, expected):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / script, *arguments],
        env={**os.environ, "PYTHONPATH": python_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
