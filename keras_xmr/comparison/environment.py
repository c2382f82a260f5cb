"""What a comparison ran on."""

import importlib.metadata
import os
import platform
import shlex
import sys

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.types import Config
from keras_xmr.version import __version__

PACKAGES = ("keras", "numpy", "scipy", "scikit-learn", "torch", "jax", "tensorflow", "optuna")


def environment(data: CrossModalData) -> Config:
    """Versions, machine, command and data, JSON-serialisable."""
    keras = sys.modules.get("keras")
    return {
        "keras_xmr": __version__,
        "backend": keras.backend.backend() if keras else "NumPy alone",
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "command": shlex.join(["keras-xmr", *sys.argv[1:]]),
        "data": data.name,
        "split": data.provenance.split,
        "split_hash": data.split_hash(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
