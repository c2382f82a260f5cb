"""NUS-WIDE: some 190,000 photographs with their tags and the largest labels, as features."""

from collections.abc import Sequence

from keras_xmr.datasets.base import CrossModalData, Provenance
from keras_xmr.datasets.hashing_files import hashing_data
from keras_xmr.types import Array

HOME_PAGE = (
    "lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html (pictures, tags "
    "and labels; the arrays are those of the authors of deep cross-modal hashing, DCMH)"
)


def nus_wide(
    queries: int | Sequence[int] | Array = 2000, *, training: int | None = 10_500, seed: int = 0
) -> CrossModalData:
    """Load features of NUS-WIDE as programs for cross-modal hashing have them.

    Expected in the folder `KERAS_XMR_DATA/nus_wide` are the arrays that `mirflickr` describes, of
    the pictures that have one of the largest labels: 186,577 with one of 10, or 195,834 with one of
    21. Tags are commonly the 1000 most frequent ones.

    The smaller `nus_wide_10k` has a loader of its own.

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
        >>> rows = {"IAll": np.ones((9, 4)), "TAll": np.ones((9, 3)), "LAll": np.ones((9, 2))}
        >>> with tempfile.TemporaryDirectory() as place:
        ...     (Path(place) / "nus_wide").mkdir()
        ...     np.savez(Path(place) / "nus_wide/arrays.npz", **rows)
        ...     with patch.dict("os.environ", KERAS_XMR_DATA=place):
        ...         data = nus_wide(queries=[0, 5], training=None)
        >>> data.part("test").media["text"].ids.tolist(), len(data.part("train").media["image"])
        (['1', '6'], 7)

    Reference:
        T.-S. Chua et al.: NUS-WIDE: a real-world web image database from National University of
        Singapore, CIVR 2009. The arrays: Q.-Y. Jiang, W.-J. Li: Deep cross-modal hashing, CVPR
        2017.
    """
    return hashing_data(
        "nus_wide",
        queries=queries,
        training=training,
        seed=seed,
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Chua et al., CIVR 2009",
            licence="research use",
        ),
    )
