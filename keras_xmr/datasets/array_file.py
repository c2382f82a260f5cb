"""Files of named arrays, `.npz`, `.mat` and `.h5` -> plain arrays, running no code of theirs."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.datasets.bad_rows import short
from keras_xmr.datasets.hdf5_file import read_hdf5
from keras_xmr.datasets.matlab_file import read_matlab
from keras_xmr.types import Array

ENDINGS = (".npz", ".mat", ".h5", ".hdf5")


def read_arrays(
    path: Path, names: Collection[str] | None = None, *, all_needed: bool = True
) -> dict[str, Array]:
    """Name to array.

    Args:
        path: The file.
        names: The arrays to read; others may then hold anything. `None` for all there are.
        all_needed: Whether all of `names` must be there.

    Raises:
        ValueError: If it is no such file, lacks one of `names`, or holds Python objects.
        OSError: If it cannot be read.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"Features are in files {ENDINGS}. Received: path={str(path)!r}.")
    if not path.is_file():
        what = "a directory" if path.is_dir() else "no such file"
        raise ValueError(f"Expected a file of arrays. Received: path={str(path)!r}, {what}.")
    read = {".npz": _read_npz, ".mat": read_matlab}.get(path.suffix.lower(), read_hdf5)
    try:
        arrays = read(path, names)
    except OSError:
        raise
    except Exception as error:
        # A damaged file makes zipfile, zlib and NumPy raise errors of many types.
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"Expected plain arrays of numbers and texts in {path.name!r}. "
            f"Received: {short(reason)}. Save the file again, with such arrays only."
        ) from error
    missing = sorted(set(names or ()) - set(arrays))
    if missing and all_needed:
        raise ValueError(
            f"Expected the arrays {sorted(names or ())} in {path.name!r}. "
            f"Received: a file without {missing}. Get the file from its authors again."
        )
    return arrays


def _read_npz(path: Path, names: Collection[str] | None) -> dict[str, Array]:
    # Opened here: NumPy leaves the file of a damaged archive open.
    with path.open("rb") as stream:
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("a single array, expected an archive of named ones")
        with file:
            wanted = [name for name in file.files if names is None or name in names]
            arrays = {name: _member(file, name) for name in wanted}
    for name, array in arrays.items():
        if array.dtype.kind == "U":
            _check_characters(name, array)
    return arrays


def _member(file: np.lib.npyio.NpzFile, name: str) -> Array:
    try:
        return np.asarray(file[name])
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise ValueError(
            f"objects, which are not unpickled: save texts as np.array(texts, dtype=str), in {name}"
        ) from error


def _check_characters(name: str, array: Array) -> None:
    """Raise for characters that Unicode has not: NumPy makes strings of them that break Python."""
    order = array.dtype.byteorder
    codes = np.frombuffer(array.tobytes(), dtype=np.dtype("u4").newbyteorder(order))
    if (codes > 0x10FFFF).any() or ((codes >= 0xD800) & (codes <= 0xDFFF)).any():
        raise ValueError(f"{name} with characters that are no text")


def texts_of(array: Array, name: str) -> list[str]:
    """The texts of an array of strings or of whole numbers.

    Raises:
        ValueError: If it holds anything else.
    """
    try:
        if array.dtype.kind not in "USOfiub":
            raise ValueError(f"an array of type {array.dtype}")
        entries: list[Any] = array.ravel().tolist()
        return [_text(entry).strip() for entry in entries]
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"Expected texts or whole numbers in {name!r}. Received: {short(str(error))}."
        ) from error


def _text(entry: Any) -> str:
    if isinstance(entry, bytes):
        return entry.decode()
    if isinstance(entry, str):
        return entry
    if isinstance(entry, int | float) and int(entry) == entry:
        return str(int(entry))
    raise ValueError(f"an entry of type {type(entry).__name__}")
