"""PKU XMedia: 12,000 items of five media in 20 classes, as features."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from keras_xmr.datasets.array_file import read_arrays
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance, split_by_class
from keras_xmr.datasets.locate import DataNotFoundError, find
from keras_xmr.datasets.media_files import finite
from keras_xmr.types import Array

HOME_PAGE = "www.icst.pku.edu.cn/mipl/XMedia (the authors send the features on request)"
FOLDER = "xmedia"
FEATURES = "XMediaFeatures.mat"
RELEASED = "Label.mat"
SPLITS = ("paper", "official")


class _Names(NamedTuple):
    """What a medium's arrays are called in the file of features, and its labels in `Label.mat`."""

    train: str
    held_out: str
    classes: str
    released: str


MEDIA = {
    "image": _Names("I_tr_CNN", "I_te_CNN", "ImgCat", "ImgCat"),
    "text": _Names("T_tr_BOW", "T_te_BOW", "TxtCat", "TxtCat"),
    "audio": _Names("A_tr", "A_te", "AudCat", "AudCat"),
    "video": _Names("V_tr_CNN", "V_te_CNN", "VidCat", "VidCat"),
    "3d": _Names("d3_tr", "d3_te", "3dCat", "TDCat"),
}
CLASS_NAMES = (
    *("insect", "bird", "wind", "dog", "tiger", "explosion", "elephant", "flute", "airplane"),
    *("drum", "train", "laughter", "wolf", "thunder", "horse", "autobike", "gun", "stream"),
    *("piano", "violin"),
)


def xmedia(split: str = "paper") -> CrossModalData:
    """Load the features of PKU XMedia: pictures, texts, audio, videos and 3D models.

    Expected in `KERAS_XMR_DATA/xmedia` is the file that the authors hand out,
    `XMediaFeatures.mat`: of each medium the training (`tr`) and the held-out (`te`) rows, and their
    classes, counted from 1.

    | medium | rows | classes |
    |---|---|---|
    | `"image"` | `I_tr_CNN`, `I_te_CNN` | `trImgCat`, `teImgCat` |
    | `"text"` | `T_tr_BOW`, `T_te_BOW` | `trTxtCat`, `teTxtCat` |
    | `"audio"` | `A_tr`, `A_te` (MFCC) | `trAudCat`, `teAudCat` |
    | `"video"` | `V_tr_CNN`, `V_te_CNN` | `trVidCat`, `teVidCat` |
    | `"3d"` | `d3_tr`, `d3_te` (LightField) | `tr3dCat`, `te3dCat` |

    Besides, `Label.mat` of the authors' release of MHTN may lie there, which says by its `vidIndex`
    (from 1) in which order that release takes the held-out videos before it halves them.

    These names are certain: public programs that read the files agree on them. The loader was not
    tried on the files themselves, though, and takes all lengths from them: the page counts 100
    held-out videos, but files with 174 are known. That the numbers of the classes follow the order
    of their names on the page is an assumption, which no figure depends on.

    Rows are as in the file. The release scales audio to zero mean and unit variance, which
    `FeatureScaler` does by the training rows.

    Args:
        split: `"paper"`: the parts of MHTN's release; of the held-out rows of each medium, the
            first half is for test and the second for validation. `"official"`: all of them are
            for test, and a tenth of the training rows, drawn by hash class by class, for
            validation.

    Returns:
        The five media, of different lengths and without pairs.

    Raises:
        DataNotFoundError: If there is no `XMediaFeatures.mat`.
        ValueError: If `split` is neither name, the file is damaged or lacks arrays, or `Label.mat`
            is not of the same rows.

    Example:
        >>> xmedia(split="mine")
        Traceback (most recent call last):
        ValueError: Splits are 'paper' and 'official'. Received: split='mine'.

    Reference:
        X. Zhai, Y. Peng, J. Xiao: Learning cross-media joint representation with sparse and
        semisupervised regularization, IEEE TCSVT 24 (6), 2014. The paper's parts: X. Huang,
        Y. Peng, M. Yuan: MHTN, IEEE Transactions on Cybernetics 50 (3), 2020, as released.
    """
    if split not in SPLITS:
        raise ValueError(f"Splits are 'paper' and 'official'. Received: split={split!r}.")
    wanted = [
        key
        for names in MEDIA.values()
        for key in (names.train, names.held_out, f"tr{names.classes}", f"te{names.classes}")
    ]
    path = find(f"{FOLDER}/{FEATURES}", home_page=HOME_PAGE)
    arrays = read_arrays(path, wanted)
    released = _released()
    if released:
        _check_released(arrays, released)
    order = released.get("vidIndex", np.arange(len(arrays["V_te_CNN"])) + 1).ravel() - 1
    return CrossModalData(
        name="xmedia",
        media={
            name: _medium(name, names, arrays, split, order if name == "video" else None)
            for name, names in MEDIA.items()
        },
        class_names=CLASS_NAMES,
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Zhai, Peng, Xiao, IEEE TCSVT 2014",
            licence="research use, as agreed with the authors",
            features=f"rows of {FEATURES}",
            split=f"{split}, held-out videos in the order of {RELEASED if released else FEATURES}",
        ),
    )


def _released() -> dict[str, Array]:
    """What `Label.mat` holds; nothing where it is not there."""
    try:
        path = find(f"{FOLDER}/{RELEASED}", home_page=HOME_PAGE)
    except DataNotFoundError:
        return {}
    return read_arrays(path, [*(names.released for names in MEDIA.values()), "vidIndex"])


def _check_released(arrays: Mapping[str, Array], released: Mapping[str, Array]) -> None:
    """Raise unless the held-out classes of both files are the same."""
    order = released["vidIndex"].ravel()
    wrong = ["vidIndex"]
    if np.array_equal(np.sort(order), np.arange(len(arrays["V_te_CNN"])) + 1):
        wrong = []
        for name, names in MEDIA.items():
            classes = arrays[f"te{names.classes}"].ravel()
            expected = classes[order.astype(int) - 1] if name == "video" else classes
            # The release counts classes from 0.
            if not np.array_equal(released[names.released].ravel() + 1, expected):
                wrong.append(names.released)
    if wrong:
        raise ValueError(
            f"{RELEASED} must tell the classes of the held-out rows of {FEATURES}. "
            f"Received: others in {wrong}. Without {RELEASED}, videos keep the order of the file."
        )


def _medium(
    name: str, names: _Names, arrays: Mapping[str, Array], split: str, order: Array | None
) -> MediumItems:
    rows = [finite(arrays[names.train]), finite(arrays[names.held_out])]
    classes = [arrays[f"{part}{names.classes}"].ravel() - 1 for part in ("tr", "te")]
    ids = [
        np.array([f"{name}_{part}{row}" for row in range(1, len(found) + 1)])
        for part, found in zip(("tr", "te"), rows, strict=True)
    ]
    if order is not None:
        shuffled = order.astype(int)
        rows[1], classes[1], ids[1] = (column[1][shuffled] for column in (rows, classes, ids))
    labels = np.concatenate(classes).astype(np.int64)
    parts = _paper_split(rows) if split == "paper" else _official_split(ids, classes)
    return MediumItems(np.concatenate(rows), labels, np.concatenate(ids), parts)


def _paper_split(rows: Sequence[Array]) -> Array:
    held_out = len(rows[1])
    counts = [len(rows[0]), held_out // 2, held_out - held_out // 2]
    return np.repeat(["train", "test", "validation"], counts)


def _official_split(ids: Sequence[Array], classes: Sequence[Array]) -> Array:
    train = np.full(len(ids[0]), "train", dtype="<U10")
    for label in np.unique(classes[0]):
        own = classes[0] == label
        tenth = {"train": int(own.sum()) - int(own.sum()) // 10, "validation": int(own.sum()) // 10}
        train[own] = split_by_class(ids[0][own], classes[0][own], tenth, seed=0)
    return np.concatenate([train, np.full(len(ids[1]), "test")])
