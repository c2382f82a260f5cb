"""NUS-WIDE-10k: 10,000 photographs with their tags, 10 classes, as features."""

import numpy as np

from keras_xmr.datasets.array_file import read_arrays
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance
from keras_xmr.datasets.locate import DataNotFoundError, find
from keras_xmr.datasets.media_files import finite
from keras_xmr.types import Array

HOME_PAGE = (
    "lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html (the 10,000 pairs "
    "were drawn from it at random: ask authors who report on them for their features)"
)
FOLDER = "nus_wide_10k"
# Part to the beginning of the names of its files.
PARTS = {"train": "train", "validation": "valid", "test": "test"}
FILES = ("img", "txt", "img_lab")
CLASSES = 10


def nus_wide_10k() -> CrossModalData:
    """Load features of NUS-WIDE-10k: 1000 pairs of a picture and its tags for each class.

    The pairs are those with a single one of the ten largest classes (animal, clouds, flowers, food,
    grass, person, sky, toy, water, window), 8000 for training, 1000 for validation and 1000 for
    test. Which they are was drawn at random and not published, so that only features that others
    computed can be compared. Expected in `KERAS_XMR_DATA/nus_wide_10k` are MATLAB files with a
    single array each, called as the file is, as public programs of the field read them:

    - `train_img.mat`, `valid_img.mat`, `test_img.mat`: pictures `(n, d)`.
    - `train_txt.mat`, `valid_txt.mat`, `test_txt.mat`: tags `(n, words)`, for example counts of the
      1000 most frequent ones. Row `i` belongs to picture `i`.
    - `train_img_lab.mat`, `valid_img_lab.mat`, `test_img_lab.mat`: classes from 0 or from 1, or a
      0/1 matrix `(n, 10)` with a single 1 in each row.
    - `categories.list` (optional): names of the classes in their order, one on each line; "class1",
      "class2", ... without it.

    Such programs have files `train` and `test`. Where features come like that, the held-out rows
    have to be divided: the lengths of the parts are taken from the files.

    Returns:
        Media `"image"` and `"text"`, paired.

    Raises:
        DataNotFoundError: If a file is missing.
        ValueError: If a file is damaged, or arrays do not fit.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from unittest.mock import patch
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as place:
        ...     (Path(place) / "nus_wide_10k").mkdir()
        ...     for part in ("train", "valid", "test"):
        ...         for kind in ("img", "txt", "img_lab"):
        ...             name = f"{part}_{kind}"
        ...             savemat(f"{place}/nus_wide_10k/{name}.mat", {name: np.eye(10)})
        ...     with patch.dict("os.environ", KERAS_XMR_DATA=place):
        ...         data = nus_wide_10k()
        >>> data.media["text"].items.shape, len(data.part("test").media["image"])
        ((30, 10), 10)

    Reference:
        T.-S. Chua et al.: NUS-WIDE: a real-world web image database from National University of
        Singapore, CIVR 2009. The 10,000 pairs: F. Feng, X. Wang, R. Li: Cross-modal retrieval with
        correspondence autoencoder, ACM Multimedia, 2014.
    """
    rows = {part: _rows(prefix) for part, prefix in PARTS.items()}
    pictures, texts, labels = (
        _stacked(kind, [found[kind] for found in rows.values()]) for kind in FILES
    )
    split = np.repeat(list(rows), [len(found["img_lab"]) for found in rows.values()])
    ids = np.concatenate(
        [
            [f"{PARTS[part]}{row}" for row in range(1, len(found["img_lab"]) + 1)]
            for part, found in rows.items()
        ]
    )
    return CrossModalData(
        name="nus_wide_10k",
        media={
            "image": MediumItems(pictures, _from_zero(labels), ids, split, pairs=ids),
            "text": MediumItems(texts, _from_zero(labels), ids, split, pairs=ids),
        },
        class_names=_class_names(),
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Chua et al., CIVR 2009; Feng, Wang, Li, ACM Multimedia 2014",
            licence="research use",
            features="rows of the files",
            split="as in the files",
        ),
    )


def _rows(prefix: str) -> dict[str, Array]:
    """The pictures, the texts and the classes `(n,)` of a part."""
    found = {kind: _array(f"{prefix}_{kind}") for kind in FILES}
    found["img_lab"] = _numbers(found["img_lab"], f"{prefix}_img_lab")
    counts = {f"{prefix}_{kind}": len(array) for kind, array in found.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"Files of a part must have equally many rows. Received: {counts}.")
    return found


def _array(name: str) -> Array:
    path = find(f"{FOLDER}/{name}.mat", home_page=HOME_PAGE)
    array = read_arrays(path, [name])[name]
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"Expected rows of numbers in {path.name!r}. "
            f"Received: shape={array.shape}, type {array.dtype}."
        )
    return finite(array)


def _numbers(classes: Array, name: str) -> Array:
    """Class numbers `(n,)` as they are counted in the file, from 0 for a matrix."""
    if 1 in classes.shape:
        return classes.ravel().astype(np.int64)
    single = np.isin(classes, (0, 1)).all() and (classes.sum(axis=1) == 1).all()
    if classes.shape[1] != CLASSES or not single:
        raise ValueError(
            f"Classes are a column of numbers or a 0/1 matrix (n, {CLASSES}) with a single 1 in "
            f"each row. Received: {name!r} of shape {classes.shape}."
        )
    numbers: Array = classes.argmax(axis=1)
    return numbers


def _stacked(kind: str, arrays: list[Array]) -> Array:
    widths = [array.shape[1:] for array in arrays]
    if len(set(widths)) > 1:
        raise ValueError(
            f"Rows of all parts must be equally long. Received: widths {widths} of {kind!r}."
        )
    return np.concatenate(arrays)


def _from_zero(labels: Array) -> Array:
    """Class numbers from 0: those of a file with a class 10 and without a class 0 are from 1."""
    from_one = labels.min(initial=1) == 1 and labels.max(initial=0) == CLASSES
    numbers: Array = labels - int(from_one)
    return numbers


def _class_names() -> tuple[str, ...]:
    try:
        path = find(f"{FOLDER}/categories.list", home_page=HOME_PAGE)
    except DataNotFoundError:
        return tuple(f"class{number}" for number in range(1, CLASSES + 1))
    names = tuple(path.read_text(encoding="utf-8").split())
    if len(names) != CLASSES:
        raise ValueError(f"Expected {CLASSES} names in {path.name!r}. Received: {list(names)}.")
    return names
