"""Caltech-101: photographs of 101 object classes, a labelled source domain of one medium."""

import numpy as np

from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance, split_by_class
from keras_xmr.datasets.feature_pack import pack_features, raw_files, read_pack
from keras_xmr.datasets.locate import DataNotFoundError, find
from keras_xmr.types import Array, Items

HOME_PAGE = "data.caltech.edu/records/mzrjq-6wc02"
FOLDER = "caltech101"


def caltech101(features: str | None = "mobilenet_v2", *, split_seed: int = 0) -> CrossModalData:
    """Load Caltech-101 as a labelled single-modal source domain.

    Args:
        features: `"mobilenet_v2"` for the feature pack that comes with the package: 25 pictures of
            each class as rows of 1280 features. `None` for the raw files:
            `KERAS_XMR_DATA/caltech101/<class>/<picture>.jpg`.
        split_seed: Seed of the split; three pictures of each class are for validation.

    Returns:
        The single medium `"image"` with the parts `"train"` and `"validation"`.

    Raises:
        DataNotFoundError: If raw files are asked for and not there.
        ValueError: If the pack has no such features.

    Example:
        >>> source = caltech101()
        >>> source.media["image"].items.shape, source.num_classes
        ((2525, 1280), 101)

    Reference:
        L. Fei-Fei, R. Fergus, P. Perona: Learning generative visual models from few training
        examples, CVPR workshop, 2004.
    """
    if features is None:
        return _raw(split_seed)
    pack = read_pack(FOLDER)
    return _assemble(
        pack_features(pack, features),
        pack["labels"].astype(np.int64),
        pack["ids"],
        tuple(pack["class_names"].tolist()),
        features=str(pack[f"extractor_{features}"]),
        split_seed=split_seed,
    )


def _raw(split_seed: int) -> CrossModalData:
    root = find(FOLDER, home_page=HOME_PAGE)
    pictures = sorted(root.glob("*/*.jpg"))
    if not pictures:
        raise DataNotFoundError(
            f"Expected <class>/<picture>.jpg below {str(root)!r}. Received: no such file. "
            f"Get the data from {HOME_PAGE}."
        )
    class_names = tuple(sorted({picture.parent.name for picture in pictures}))
    labels = np.array([class_names.index(picture.parent.name) for picture in pictures])
    ids = np.array([f"{picture.parent.name}/{picture.stem}" for picture in pictures])
    paths = [str(picture) for picture in pictures]
    return _assemble(paths, labels, ids, class_names, features="", split_seed=split_seed)


def _assemble(
    pictures: Items,
    labels: Array,
    ids: Array,
    class_names: tuple[str, ...],
    *,
    features: str,
    split_seed: int,
) -> CrossModalData:
    split = split_by_class(ids, labels, {"train": 0, "validation": 3}, split_seed)
    files = raw_files(FOLDER, np.char.add(ids, ".jpg"))
    return CrossModalData(
        name="caltech101",
        media={"image": MediumItems(pictures, labels, ids, split, files=files)},
        class_names=class_names,
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Fei-Fei, Fergus, Perona, CVPR workshop 2004",
            licence="none stated",
            features=features,
            split=f"3 per class for validation, drawn by hash, split_seed={split_seed}",
        ),
    )
