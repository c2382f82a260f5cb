"""ModelNet10: 3D models of chairs and monitors, as occupancy of a coarse grid."""

import gzip
from pathlib import Path

import numpy as np

from keras_xmr.datasets.bad_rows import short
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance
from keras_xmr.datasets.locate import find
from keras_xmr.datasets.made_split import draw_split
from keras_xmr.types import Array, FloatArray

HOME_PAGE = "modelnet.cs.princeton.edu (as voxels: github.com/SomTambe/ModelNet10-dataset)"
FOLDER = "modelnet10_voxels"
CLASS_NAMES = ("chair", "monitor")
SIDE = 32
MAX_SHAPES = 10_000


def modelnet10(side: int = 8, *, split_seed: int = 0) -> CrossModalData:
    """Load the chairs and the monitors of ModelNet10.

    A model is a grid of 32 x 32 x 32 cells, which it fills or not. Its features are the shares of
    filled cells in the `side` ** 3 equally large blocks. Empty grids, and all but the first of
    equal ones, are left out.

    Two classes are no data set to search in. They are a third medium for classes of another one,
    which its other classes lack: see `add_media`.

    Args:
        side: Blocks along each side: a divisor of 32.
        split_seed: Seed of the parts, 80/10/10 % of each class. Which models the official parts
            have, the files do not tell.

    Returns:
        The single medium `"3d"`, rows `(n, side ** 3)`.

    Raises:
        DataNotFoundError: If `KERAS_XMR_DATA/modelnet10_voxels` lacks `chair.npy.gz` or
            `monitor.npy.gz`, arrays `(n, 1, 32, 32, 32)` of 0 and 1.
        ValueError: If a file holds anything else, or `side` is no divisor of 32.

    Example:
        >>> models = modelnet10(side=4)
        >>> models.media["3d"].items.shape[1], models.class_names
        (64, ('chair', 'monitor'))

    Reference:
        Z. Wu et al.: 3D ShapeNets: a deep representation for volumetric shapes, CVPR 2015.
    """
    if not 1 <= side <= SIDE or SIDE % side:
        raise ValueError(f"Blocks along a side must divide {SIDE}. Received: {side=}.")
    grids = {name: _grids(name) for name in CLASS_NAMES}
    ids = np.array([f"{name}{row}" for name, kept in grids.items() for row in kept])
    labels = np.repeat(np.arange(len(grids)), [len(kept) for kept in grids.values()])
    rows = np.concatenate([_shares(np.stack(list(kept.values())), side) for kept in grids.values()])
    medium = MediumItems(rows, labels, ids, draw_split(ids, labels, split_seed, {}))
    return CrossModalData(
        name="modelnet10",
        media={"3d": medium},
        class_names=CLASS_NAMES,
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Wu et al., CVPR 2015",
            licence="none stated",
            features=f"share of filled cells in {side} x {side} x {side} blocks",
            split=f"80/10/10 % of each class, drawn by hash, {split_seed=}",
        ),
    )


def _grids(name: str) -> dict[int, Array]:
    """Row number to grid `(32, 32, 32)`, uint8, of the different grids that are not empty."""
    path = find(f"{FOLDER}/{name}.npy.gz", home_page=HOME_PAGE)
    try:
        with gzip.open(path) as stream:
            grids = _read(stream)
    except OSError as error:
        if not isinstance(error, gzip.BadGzipFile):
            raise
        raise _damaged(path, error) from error
    except Exception as error:
        # A damaged file makes zlib and NumPy raise errors of many types.
        raise _damaged(path, error) from error
    kept: dict[bytes, int] = {}
    for row, grid in enumerate(grids):
        if grid.any():
            kept.setdefault(grid.tobytes(), row)
    return {row: grids[row] for row in kept.values()}


def _read(stream: gzip.GzipFile) -> Array:
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"array of version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    # A few kilobytes may unpack to any size: what the header claims is checked first.
    if shape[1:] != (1, SIDE, SIDE, SIDE) or not 0 < shape[0] <= MAX_SHAPES:
        raise ValueError(f"array of shape {shape}")
    if dtype.kind not in "fiub":
        raise ValueError(f"array of type {dtype}")
    grids = np.empty((shape[0], SIDE, SIDE, SIDE), dtype=np.uint8)
    for row in range(shape[0]):
        cells = np.frombuffer(stream.read(SIDE**3 * dtype.itemsize), dtype=dtype)
        if len(cells) != SIDE**3 or not np.isin(cells, (0, 1)).all():
            raise ValueError(f"model {row} is cut, or has others than 0 and 1")
        grids[row] = cells.reshape(SIDE, SIDE, SIDE)
    return grids


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"Expected an array (n, 1, {SIDE}, {SIDE}, {SIDE}) of 0 and 1 in {path.name!r}. "
        f"Received: {short(str(error) or type(error).__name__)}."
    )


def _shares(grids: Array, side: int) -> FloatArray:
    width = SIDE // side
    blocks = grids.reshape(len(grids), side, width, side, width, side, width)
    shares: FloatArray = blocks.mean(axis=(2, 4, 6), dtype=np.float32).reshape(len(grids), -1)
    return shares
