"""HDF5 files, such as MATLAB's of version 7.3 or those of h5py -> plain arrays.

Only what lies in the file itself is read: no link to another file, and nothing that claims to be
far larger than the file. Every function raises a plain `ValueError` whose message is the reason, in
a few words.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_xmr.datasets.matlab_sparse import full_array
from keras_xmr.types import Array

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# What a file may hold for each of its bytes; deflate does not reach more.
MOST_COMPRESSED = 1100
# Strings that are read at a time: many may lead to the same long one.
CHUNK = 1000
# MATLAB's classes that are arrays of numbers.
_NUMBERS = [
    "double",
    "single",
    "logical",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
]


def is_hdf5(path: Path) -> bool:
    """Whether it is an HDF5 file; MATLAB puts 512 bytes of its own before."""
    with path.open("rb") as file:
        start = file.read(512 + len(SIGNATURE))
    return start.startswith(SIGNATURE) or start[512:] == SIGNATURE


def read_hdf5(path: Path, names: Collection[str] | None = None) -> dict[str, Array]:
    """Name to array, as `read_matlab`; those without a class of MATLAB's have their HDF5 shape.

    Args:
        path: The file.
        names: The arrays to read; others may then hold anything. `None` for all.

    Raises:
        ValueError: If the file is damaged, or one of the arrays is none of numbers or texts in it.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            # "#refs#" is where MATLAB keeps the contents of cells.
            wanted = [name for name in file if not name.startswith("#")]
            limit = MOST_COMPRESSED * path.stat().st_size
            wanted = [name for name in wanted if names is None or name in names]
            return dict(found for name in wanted for found in _named(file, name, limit))
    except ValueError:
        raise
    except Exception as error:
        # What a damaged file makes h5py raise depends on where the damage is.
        raise ValueError(f"no whole HDF5 file, {type(error).__name__}") from error


def _named(group: "h5py.Group", name: str, limit: int) -> Iterator[tuple[str, Array]]:
    """An array under its name, or the fields of a structure as `structure.field`."""
    import h5py

    found = _own(group, name)
    if isinstance(found, h5py.Group) and _class(found) == "struct":
        for field in found:
            yield from _named(found, field, limit)
    else:
        # Below the root, names are paths.
        yield found.name[1:].replace("/", "."), _array(found, limit)


def _array(found: "h5py.Group | h5py.Dataset", limit: int) -> Array:
    import h5py

    name = found.name[1:]
    if isinstance(found, h5py.Group) and "MATLAB_sparse" in found.attrs:
        return _sparse(found, limit)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{name} is a group, not an array of numbers or texts")
    _check(found, limit)
    kind = _class(found)
    if kind == "char":
        return np.array(_rows_of_text(found), dtype=object)
    if kind == "cell":
        return np.array(_cells(found, limit), dtype=object)
    if h5py.check_string_dtype(found.dtype):
        return np.array(_strings(found, limit), dtype=object)
    # Arrays of other programs have no class.
    if (kind and kind not in _NUMBERS) or found.dtype.kind not in "fiub":
        hint = "; make texts of it with cellstr" if kind == "string" else ""
        kind = kind or f"dataset of type {found.dtype}"
        raise ValueError(f"{name} is a {kind}, not an array of real numbers or texts{hint}")
    if _is_empty(found):
        return np.zeros((0, 0))
    numbers = np.asarray(found[()])
    # MATLAB's axes come in the opposite order.
    return numbers.T if kind else numbers


def _own(group: "h5py.Group", name: str) -> Any:
    """What lies in the group under that name itself: a link may lead anywhere."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link, not an array")
    return group[name]


def _check(found: "h5py.Dataset", limit: int) -> None:
    if found.external or found.is_virtual or found.nbytes > limit:
        raise ValueError(f"{found.name[1:]} of shape {found.shape} does not lie within the file")


def _class(found: "h5py.Group | h5py.Dataset") -> str:
    kind = found.attrs.get("MATLAB_class", b"")
    return kind.decode() if isinstance(kind, bytes) else str(kind)


def _is_empty(found: "h5py.Dataset") -> bool:
    """Whether it stands for an empty array; what it holds is the shape then."""
    return bool(found.attrs.get("MATLAB_empty", 0))


def _sparse(group: "h5py.Group", limit: int) -> Array:
    import h5py

    def part(name: str) -> Array:
        # Without any value, MATLAB leaves these out.
        if name not in group and name != "jc":
            return np.zeros(0)
        found = _own(group, name)
        if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "fiub":
            raise ValueError(f"{group.name[1:]} is a sparse array without real numbers")
        _check(found, limit)
        return np.asarray(found[()]).ravel()

    starts = part("jc")
    shape = (int(group.attrs["MATLAB_sparse"]), len(starts) - 1)
    return full_array(shape, part("ir"), starts, part("data"))


def _rows_of_text(found: "h5py.Dataset") -> list[str]:
    """The rows of a character array; MATLAB fills them with spaces to the same length."""
    if _is_empty(found):
        return [""]
    if found.ndim != 2 or found.dtype.kind != "u":
        raise ValueError(f"{found.name[1:]} is no list of texts")
    rows = np.ascontiguousarray(found[()].T.astype("<u2"))
    return [row.tobytes().decode("utf-16-le") for row in rows]


def _strings(found: "h5py.Dataset", limit: int) -> list[str]:
    """The texts of a list of strings, as h5py writes them."""
    if found.ndim != 1:
        raise ValueError(f"{found.name[1:]} is no list of texts")
    texts: list[str] = []
    for start in range(0, len(found), CHUNK):
        strings = found[start : start + CHUNK].tolist()
        limit -= sum(map(len, strings))
        if limit < 0:
            raise ValueError(f"{found.name[1:]} does not lie within the file")
        texts.extend(string.decode() for string in strings)
    return texts


def _cells(found: "h5py.Dataset", limit: int) -> list[str]:
    """The texts of a cell array, column by column."""
    import h5py

    name = found.name[1:]
    if _is_empty(found):
        return []
    if h5py.check_ref_dtype(found.dtype) is not h5py.Reference:
        raise ValueError(f"{name} has cells that are no texts")
    texts = []
    for reference in found[()].ravel():
        cell = found.file[reference]
        if not isinstance(cell, h5py.Dataset) or not (_is_empty(cell) or _class(cell) == "char"):
            raise ValueError(f"{name} has cells that are no texts")
        # Many cells may be the same long text.
        limit -= cell.nbytes
        _check(cell, limit)
        rows = _rows_of_text(cell)
        if len(rows) != 1:
            raise ValueError(f"{name} has cells that are no single text")
        texts.extend(rows)
    return texts
