"""MIRFlickr: 25,000 photographs with their tags and 24 labels, as features."""

from collections.abc import Sequence

from keras_xmr.datasets.base import CrossModalData, Provenance
from keras_xmr.datasets.hashing_files import hashing_data
from keras_xmr.types import Array

HOME_PAGE = (
    "press.liacs.nl/mirflickr (pictures, tags and annotations; the arrays of 20,015 pairs are "
    "those of the authors of deep cross-modal hashing, DCMH)"
)


def mirflickr(
    queries: int | Sequence[int] | Array = 2000, *, training: int | None = 10_000, seed: int = 0
) -> CrossModalData:
    """Load features of MIRFlickr as programs for cross-modal hashing have them.

    Expected in the folder `KERAS_XMR_DATA/mirflickr` are files `.mat` (of any version from 5, HDF5
    among them) or `.npz`, of whatever names, which together hold three arrays. Row `i` of each, or
    column `i` as MATLAB's HDF5 files appear, belongs to picture `i`:

    - `XAll` or `IAll`: features of the pictures, for example `(20015, 4096)`. Pixels are refused:
      their features have to be computed first.
    - `YAll` or `TAll`: tags, for example `(20015, 1386)` of 0 and 1.
    - `LAll`: labels `(20015, 24)` of 0 and 1. Their names are not in the files: they are called
      "label1", "label2", ...

    Which pairs are queries is drawn at random, and by other people in other ways, so that figures
    compare only where the queries are the same. Evaluate with
    `evaluate(model, data, gallery=("train", "validation"))`: queries in the whole database.

    Args:
        queries: Number of queries to draw, or their row numbers, counted from 0. They are for test.
        training: Size of the training part, which is drawn from the other rows, the database; all
            of it if `None`. What remains of the database is called the validation part.
        seed: Seed of the drawing.

    Returns:
        Media `"image"` and `"text"`, paired, with several labels each.

    Raises:
        DataNotFoundError: If the folder or an array is missing.
        ValueError: If a file is damaged, arrays do not fit, or the parts cannot be drawn.

    Example:
        >>> import numpy as np, tempfile
        >>> from pathlib import Path
        >>> from unittest.mock import patch
        >>> rows = {"XAll": np.ones((9, 4)), "YAll": np.ones((9, 3)), "LAll": np.ones((9, 2))}
        >>> with tempfile.TemporaryDirectory() as place:
        ...     (Path(place) / "mirflickr").mkdir()
        ...     np.savez(Path(place) / "mirflickr/arrays.npz", **rows)
        ...     with patch.dict("os.environ", KERAS_XMR_DATA=place):
        ...         data = mirflickr(queries=2, training=3)
        >>> [len(data.part(p).media["text"]) for p in ("train", "validation", "test")]
        [3, 4, 2]

    Reference:
        M. J. Huiskes, M. S. Lew: The MIR Flickr retrieval evaluation, MIR 2008. The arrays:
        Q.-Y. Jiang, W.-J. Li: Deep cross-modal hashing, CVPR 2017. J. Zhang, Y. Peng, M. Yuan:
        Unsupervised generative adversarial cross-modal hashing, AAAI 2018, draw 5 % as queries and
        train on 15,000 pairs.
    """
    return hashing_data(
        "mirflickr",
        queries=queries,
        training=training,
        seed=seed,
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Huiskes, Lew, MIR 2008",
            licence="Creative Commons licences of the photographs' authors",
        ),
    )
