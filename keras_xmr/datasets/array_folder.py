"""Releases: a file, its structures, or the files of a folder -> arrays under their names."""

from pathlib import Path

import numpy as np

from keras_xmr.datasets.array_file import ENDINGS, read_arrays
from keras_xmr.datasets.array_names import placed
from keras_xmr.datasets.bad_rows import short
from keras_xmr.datasets.released_layout import WHOLE
from keras_xmr.types import Array


def is_array_folder(path: Path) -> bool:
    """Whether a directory holds files of arrays, and no folders, which would be classes."""
    if not path.is_dir():
        return False
    inside = [entry for entry in path.iterdir() if not entry.name.startswith((".", "__"))]
    return bool(_files(path)) and not any(entry.is_dir() for entry in inside)


def array_files(path: Path) -> list[Path]:
    """The file, or the files of arrays in a folder."""
    return _files(path) if path.is_dir() else [path]


def read_release(path: Path) -> dict[str, Array]:
    """Name to array, of a file or of all files in a folder.

    The fields of a structure count as arrays of the file. Arrays in a file or structure whose name
    tells the part, such as `train.mat`, are of that part.

    Raises:
        ValueError: If two arrays have the same name, or a file cannot be used.
        OSError: If a file cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     for part in ("train", "test"):
        ...         np.savez(f"{place}/{part}.npz", image=np.eye(2), labels=[0, 1])
        ...     list(read_release(Path(place)))
        ['test_image', 'test_labels', 'train_image', 'train_labels']
    """
    files = array_files(path)
    if not files:
        raise ValueError(
            f"Features are in files {ENDINGS}. Received: path={str(path)!r}, a directory without "
            "any."
        )
    arrays: dict[str, Array] = {}
    for file in files:
        for given, array in read_arrays(file).items():
            *structures, name = given.split(".")
            for place in (*reversed(structures), file.stem if path.is_dir() else ""):
                name = name if name in WHOLE else placed(name, place)
            same = name in WHOLE and np.array_equal(arrays.get(name, array), array)
            if name in arrays and not same:
                raise ValueError(
                    "Every array has a name of its own, or lies in a file or structure whose name "
                    "tells the part, such as 'train.mat' and 'test.mat'. "
                    f"Received: {short(name)} twice in {path.name!r}. Rename or delete one."
                )
            arrays[name] = array
    return arrays


def _files(path: Path) -> list[Path]:
    return sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in ENDINGS and file.is_file() and not file.name.startswith(".")
    )
