"""Choose a Keras backend that is installed, where the user has not chosen one."""

import importlib.util
import json
import os
import sys
from pathlib import Path

# The lightest to install and import comes first.
BACKENDS = ("jax", "torch", "tensorflow")


def ensure_backend() -> None:
    """Choose a backend for Keras: keep the user's choice, or else take one that is there.

    Keras takes TensorFlow unless told otherwise, even where only another one is installed.
    """
    if "keras" in sys.modules or os.environ.get("KERAS_BACKEND"):
        return
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if installed and _configured() not in installed:
        os.environ["KERAS_BACKEND"] = installed[0]


def missing_backend(error: ModuleNotFoundError) -> ImportError | None:
    """What to raise where Keras did not find a backend; `None` if something else is missing."""
    if error.name not in BACKENDS:
        return None
    return ImportError(
        f"Keras needs one of {BACKENDS}. Received: {error.name} is not installed. "
        "Install one with, for example, pip install 'keras-xmr[jax]'."
    )


def _configured() -> str:
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    try:
        backend: str = json.loads((home / "keras.json").read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, KeyError):
        return "tensorflow"
    return backend
