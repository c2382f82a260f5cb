"""MATLAB files -> arrays; those of the versions 5 to 7 are read without compiled code.

SciPy's reader trusts the sizes that a file gives, and a damaged file can end the whole process.
Here every size is compared with what is there. Numbers, full or sparse, texts and cell arrays of
texts are read, which is what features and labels need. Version 7.3 is HDF5.

Reference:
    MAT-file format, Level 5, as MathWorks publishes it.
"""

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_xmr.datasets.hdf5_file import is_hdf5, read_hdf5
from keras_xmr.datasets.matlab_sparse import full_array
from keras_xmr.types import Array

HEADER = 128
# No variable of a MATLAB file before version 7.3 may be larger.
MAX_BYTES = 2**31
_MATRIX, _COMPRESSED = 14, 15
# How values are stored, by the number of the type: numbers, and the units of texts.
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"}
_NUMBERS |= {12: "i8", 13: "u8"}
_TEXTS = {
    1: (1, "latin-1"),
    2: (1, "latin-1"),
    4: (2, "utf-16"),
    17: (2, "utf-16"),
    18: (4, "utf-32"),
}
_UTF8 = 16
_CELL, _STRUCTURE, _TEXT, _SPARSE = 1, 2, 4, 5
# What the values are, by the number of the class.
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}
_CLASSES |= {14: "i8", 15: "u8"}
_OTHERS = {
    3: "object",
    16: "function",
    17: "object (of strings, save cellstr of them)",
}
_COMPLEX = 0x0800


class _Element(NamedTuple):
    kind: int
    content: memoryview


class _Matrix(NamedTuple):
    """A variable, or a cell of one: what it is, and the elements that hold its values."""

    name: str
    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    values: list[_Element]


def read_matlab(path: Path, names: Collection[str] | None = None) -> dict[str, Array]:
    """Name to array: numbers in their MATLAB shape, texts and cells `(n,)`, column by column.

    Sparse arrays become full ones. The fields of a structure are arrays `structure.field`.

    Args:
        path: The file.
        names: The variables to read; others may then hold anything. `None` for all.

    Raises:
        ValueError: If the file is damaged, of version 4, or holds anything else.
    """
    if is_hdf5(path):
        return read_hdf5(path, names)
    content = memoryview(path.read_bytes())
    order = {b"IM": "<", b"MI": ">"}.get(bytes(content[126:HEADER]))
    if order is None:
        raise ValueError("no MATLAB file of version 5, 6, 7 or 7.3; save it with save(..., '-v7')")
    arrays: dict[str, Array] = {}
    for element in _elements(content[HEADER:], order):
        inner = _inflated(element, order)
        if inner.kind != _MATRIX:
            raise ValueError(f"an element of type {inner.kind} in the place of a variable")
        matrix = _matrix(inner.content, order)
        # What MATLAB keeps for itself has no name.
        if matrix.name and (names is None or matrix.name in names):
            arrays.update(_named(matrix.name, matrix, order))
    return arrays


def _named(name: str, matrix: _Matrix, order: str) -> Iterator[tuple[str, Array]]:
    """The variable under its name, or the fields of a structure."""
    if matrix.kind != _STRUCTURE:
        yield name, _array(matrix._replace(name=name), order)
        return
    if math.prod(matrix.shape) != 1 or len(matrix.values) < 2:
        raise ValueError(f"{name} is a list of structures, not one")
    # All names of fields have the same room.
    (width,) = struct.unpack(f"{order}i", matrix.values[0].content)
    fields = bytes(matrix.values[1].content)
    if width < 1 or len(fields) != width * (len(matrix.values) - 2):
        raise ValueError(f"{name} is a structure whose fields have other names than it tells")
    for start, (kind, content) in zip(range(0, len(fields), width), matrix.values[2:], strict=True):
        field = fields[start : start + width].partition(b"\0")[0].decode("ascii")
        if kind != _MATRIX:
            raise ValueError(f"{name}.{field} is an element of type {kind}, not a variable")
        yield from _named(f"{name}.{field}", _matrix(content, order), order)


def _elements(content: memoryview, order: str) -> Iterator[_Element]:
    """The elements that follow each other in `content`."""
    start = 0
    while start < len(content):
        if len(content) - start < 8:
            raise ValueError("file that ends in the middle of an element")
        first, size = struct.unpack_from(f"{order}II", content, start)
        if first >> 16:
            # Up to four bytes lie within the tag.
            kind, size, begin, end = first & 0xFFFF, first >> 16, start + 4, start + 8
        else:
            kind, begin = first, start + 8
            padding = 0 if kind == _COMPRESSED else -size % 8
            end = begin + size + padding
        if begin + size > min(end, len(content)):
            raise ValueError(f"an element of {size} bytes where there are fewer")
        yield _Element(kind, content[begin : begin + size])
        start = end


def _inflated(element: _Element, order: str) -> _Element:
    if element.kind != _COMPRESSED:
        return element
    inflater = zlib.decompressobj()
    content = inflater.decompress(element.content, MAX_BYTES)
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError(f"a compressed variable that is cut, or larger than {MAX_BYTES} bytes")
    (inner,) = _elements(memoryview(content), order)
    return inner


def _matrix(content: memoryview, order: str) -> _Matrix:
    parts = list(_elements(content, order))
    if len(parts) < 3 or len(parts[0].content) != 8:
        raise ValueError("a variable without type, shape or name")
    (flags,) = struct.unpack_from(f"{order}I", parts[0].content)
    shape = tuple(np.frombuffer(parts[1].content, dtype=f"{order}i4").tolist())
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError(f"a variable of shape {shape}")
    name = bytes(parts[2].content).decode("ascii")
    return _Matrix(name, flags & 0xFF, bool(flags & _COMPLEX), shape, parts[3:])


def _array(matrix: _Matrix, order: str) -> Array:
    # Octave gives sparse flags the class of its full ones; no other array has three elements.
    if matrix.kind == _SPARSE or (matrix.kind in _CLASSES and len(matrix.values) == 3):
        return _sparse(matrix, order)
    if matrix.kind in _CLASSES:
        return _numbers(matrix, order)
    if matrix.kind == _TEXT:
        return np.array(_rows_of_text(matrix, order), dtype=object)
    if matrix.kind == _CELL:
        return np.array(_cells(matrix, order), dtype=object)
    kind = _OTHERS.get(matrix.kind, f"variable of class {matrix.kind}")
    raise ValueError(f"{matrix.name} is a {kind}, not an array of numbers or texts")


def _numbers(matrix: _Matrix, order: str) -> Array:
    if matrix.is_complex or len(matrix.values) != 1:
        raise ValueError(f"{matrix.name} does not consist of real numbers")
    stored = _stored(matrix, 0, order)
    if len(stored) != math.prod(matrix.shape):
        raise ValueError(f"{matrix.name} of shape {matrix.shape} with {len(stored)} numbers")
    with np.errstate(invalid="ignore", over="ignore"):
        return stored.astype(_CLASSES[matrix.kind]).reshape(matrix.shape, order="F")


def _sparse(matrix: _Matrix, order: str) -> Array:
    if matrix.is_complex or len(matrix.values) != 3:
        raise ValueError(f"{matrix.name} does not consist of real numbers")
    rows, starts, values = (_stored(matrix, part, order) for part in range(3))
    return full_array(matrix.shape, rows, starts, values.astype(np.float64))


def _stored(matrix: _Matrix, part: int, order: str) -> Array:
    """Numbers as they are stored: MATLAB takes the narrowest type that holds them."""
    kind, content = matrix.values[part]
    if kind not in _NUMBERS:
        raise ValueError(f"{matrix.name} with numbers of the unknown type {kind}")
    return np.frombuffer(content, dtype=f"{order}{_NUMBERS[kind]}")


def _rows_of_text(matrix: _Matrix, order: str) -> list[str]:
    """The rows of a character array; MATLAB fills them with spaces to the same length."""
    if len(matrix.shape) != 2 or len(matrix.values) > 1:
        raise ValueError(f"{matrix.name} is no list of texts")
    if not math.prod(matrix.shape):
        return [""] * min(1, matrix.shape[0])
    kind, content = matrix.values[0] if matrix.values else _Element(2, memoryview(b""))
    if kind == _UTF8:
        units, width, encoding = bytes(content).decode().encode("utf-32-le"), 4, "utf-32-le"
    else:
        if kind not in _TEXTS:
            raise ValueError(f"{matrix.name} with text of the unknown type {kind}")
        width, name = _TEXTS[kind]
        ending = "" if width == 1 else "-le" if order == "<" else "-be"
        units, encoding = bytes(content), f"{name}{ending}"
    if len(units) != width * math.prod(matrix.shape):
        raise ValueError(f"{matrix.name} of shape {matrix.shape} with {len(units)} bytes of text")
    table = np.frombuffer(units, dtype=f"V{width}").reshape(matrix.shape, order="F")
    return [row.tobytes().decode(encoding) for row in table]


def _cells(matrix: _Matrix, order: str) -> list[str]:
    """The texts of a cell array, one for each cell."""
    texts = []
    for kind, content in matrix.values:
        cell = _matrix(content, order) if kind == _MATRIX and len(content) else None
        # An empty cell is an empty array of numbers.
        empty = cell is None or not math.prod(cell.shape)
        rows = [""] if cell is None or empty else _text_of_cell(matrix.name, cell, order)
        if kind != _MATRIX or len(rows) != 1:
            raise ValueError(f"{matrix.name} has cells that are no single text")
        texts.extend(rows)
    if len(texts) != math.prod(matrix.shape):
        raise ValueError(f"{matrix.name} of shape {matrix.shape} with {len(texts)} cells")
    return texts


def _text_of_cell(name: str, cell: _Matrix, order: str) -> list[str]:
    if cell.kind != _TEXT:
        raise ValueError(f"{name} has cells that are no texts")
    return _rows_of_text(cell, order)
