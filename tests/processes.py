"""Environments of the processes that tests start."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def python_path(*first):
    """`PYTHONPATH` with the checkout, or other folders, before what it holds already."""
    inherited = os.environ.get("PYTHONPATH", "")
    return os.pathsep.join(str(folder) for folder in (*(first or [ROOT]), inherited) if folder)
