"""Pascal Sentences: 1000 photographs of 20 classes, each with about five sentences."""

import json

import numpy as np

from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance, split_by_class
from keras_xmr.datasets.feature_pack import pack_features, raw_files, read_pack
from keras_xmr.datasets.locate import find
from keras_xmr.datasets.word_counts import from_arrays
from keras_xmr.types import Array, Items

HOME_PAGE = "vision.cs.uiuc.edu/pascal-sentences"
FOLDER = "pascal_sentences"
PER_CLASS = {"train": 40, "validation": 5, "test": 5}


def pascal_sentences(
    features: str | None = "mobilenet_v2", *, split_seed: int = 0
) -> CrossModalData:
    """Load Pascal Sentences, with the 800/100/100 split of the CHTN paper.

    The five sentences of a picture are one text, as in the paper, each on a line of its own. Which
    items the authors put into which part was not published; here the parts are drawn class by class
    (40/5/5) from a seed.

    Args:
        features: `"mobilenet_v2"` for the feature pack that comes with the package: pictures as
            rows of 1280 features, texts as `WordCounts`. `None` for the raw files:
            `KERAS_XMR_DATA/pascal_sentences` with `images/<class>/<id>.jpg` and `sentences.json`,
            a list of `{"category", "label", "file", "sentences"}`.
        split_seed: Seed of the split. 0 is the split of the presets; others are for statistics.

    Returns:
        Media `"image"` and `"text"`, paired, 1000 items each.

    Raises:
        DataNotFoundError: If raw files are asked for and not there.
        ValueError: If the pack has no such features.

    Example:
        >>> data = pascal_sentences()
        >>> data.media["image"].items.shape, len(data.part("train").media["text"])
        ((1000, 1280), 800)

    Reference:
        C. Rashtchian, P. Young, M. Hodosh, J. Hockenmaier: Collecting image annotations using
        Amazon's Mechanical Turk, NAACL HLT workshop, 2010.
    """
    if features is None:
        return _raw(split_seed)
    pack = read_pack(FOLDER)
    pictures = pack_features(pack, features)
    return _assemble(
        pictures,
        from_arrays(pack),
        pack["labels"].astype(np.int64),
        pack["ids"],
        tuple(pack["class_names"].tolist()),
        features=str(pack[f"extractor_{features}"]),
        split_seed=split_seed,
    )


def _raw(split_seed: int) -> CrossModalData:
    rows = json.loads(
        find(f"{FOLDER}/sentences.json", home_page=HOME_PAGE).read_text(encoding="utf-8")
    )
    images = find(f"{FOLDER}/images", home_page=HOME_PAGE)
    labels = np.array([row["label"] for row in rows])
    names = {row["label"]: row["category"] for row in rows}
    return _assemble(
        [str(images / row["file"]) for row in rows],
        ["\n".join(row["sentences"]) for row in rows],
        labels,
        np.array([row["file"].removesuffix(".jpg") for row in rows]),
        tuple(names[label] for label in sorted(names)),
        features="",
        split_seed=split_seed,
    )


def _assemble(
    pictures: Items,
    texts: Items,
    labels: Array,
    ids: Array,
    class_names: tuple[str, ...],
    *,
    features: str,
    split_seed: int,
) -> CrossModalData:
    split = split_by_class(ids, labels, PER_CLASS, split_seed)
    files = raw_files(f"{FOLDER}/images", np.char.add(ids, ".jpg"))
    return CrossModalData(
        name="pascal_sentences",
        media={
            "image": MediumItems(pictures, labels, ids, split, pairs=ids, files=files),
            "text": MediumItems(texts, labels, ids, split, pairs=ids),
        },
        class_names=class_names,
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Rashtchian, Young, Hodosh, Hockenmaier, NAACL HLT workshop 2010",
            licence="captions CC BY-SA; photographs under Flickr terms, research use",
            features=features,
            split=f"40/5/5 per class, drawn by hash, split_seed={split_seed}",
        ),
    )
