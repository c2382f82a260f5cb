"""HDF5 files, such as MATLAB's of version 7.3 -> arrays of numbers.

Only what lies in the file itself is read: no link to another file, and nothing that claims to be
far larger than the file.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.types import Array

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# What a file may hold for each of its bytes; deflate does not reach more.
MOST_COMPRESSED = 1100


def is_hdf5(path: Path) -> bool:
    """Whether it is an HDF5 file; MATLAB puts 512 bytes of its own before."""
    with path.open("rb") as file:
        start = file.read(512 + len(SIGNATURE))
    return start.startswith(SIGNATURE) or start[512:] == SIGNATURE


def read_hdf5(path: Path, names: Collection[str]) -> dict[str, Array]:
    """Name to array, of those of `names` that are there, in the shape that HDF5 has.

    MATLAB's arrays come with their axes in the opposite order.

    Raises:
        ValueError: If the file is damaged, or one of the arrays is none of numbers within the file.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return {name: _numbers(file, name, path) for name in names if name in file}
    except ValueError:
        raise
    except Exception as error:
        # What a damaged file makes h5py raise depends on where the damage is.
        raise ValueError(
            f"Expected a whole HDF5 file. Received: {path.name!r}, {type(error).__name__}."
        ) from error


def _numbers(file: Any, name: str, path: Path) -> Array:
    import h5py

    link, found = file.get(name, getlink=True), None
    if isinstance(link, h5py.HardLink):
        found = file[name]
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "fiub":
        raise ValueError(f"Expected numbers in {path.name!r}. Received: others in {name!r}.")
    size = path.stat().st_size
    if found.external or found.is_virtual or found.nbytes > MOST_COMPRESSED * size:
        raise ValueError(
            f"Expected arrays that lie within {path.name!r}, a file of {size} bytes. "
            f"Received: {name!r} of shape {found.shape}."
        )
    return np.asarray(found[()])
