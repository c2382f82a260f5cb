"""Wikipedia featured articles: 2866 pairs of a picture and a text, 10 classes, as features."""

from pathlib import Path

import numpy as np

from keras_xmr.datasets.array_file import read_arrays
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance, hashed_order
from keras_xmr.datasets.locate import find
from keras_xmr.datasets.media_files import finite
from keras_xmr.types import Array

HOME_PAGE = "www.svcl.ucsd.edu/projects/crossmodal"
FOLDER = "wikipedia"
TEXTS = {"lda": "T", "tfidf": "T_tfidf"}
VALIDATION = 231


def wikipedia(text: str = "tfidf", *, split: str = "paper") -> CrossModalData:
    """Load the Wikipedia features: SIFT bag of visual words, and LDA topics or tf-idf words.

    Args:
        text: `"tfidf"` (1000 words) or `"lda"` (10 topics).
        split: `"paper"`: the split of the CHTN paper, 2173/231/462: the first 231 of the 693
            official test rows are for validation, the others for test. `"official"`: all 693 rows
            are for test, and 231 of the official training rows, drawn by hash, for validation.

    Returns:
        Media `"image"` (128 features) and `"text"` (1000 or 10), paired.

    Raises:
        DataNotFoundError: If `KERAS_XMR_DATA/wikipedia` lacks `raw_features.mat` (arrays `I_tr`,
            `I_te`, `T_tr`, `T_te`), `raw_features_with_tfidf1000.mat` (also `T_tfidf_tr`,
            `T_tfidf_te`), `trainset_txt_img_cat.list` or `testset_txt_img_cat.list` (text id,
            picture id, class 1..10, separated by tabs) or `categories.list`.
        ValueError: If `text` or `split` is none of the names above, or a file is damaged.

    Example:
        >>> data = wikipedia(split="paper")
        >>> [len(data.part(p).media["text"]) for p in ("train", "validation", "test")]
        [2173, 231, 462]

    Reference:
        N. Rasiwasia et al.: A new approach to cross-modal multimedia retrieval, ACM Multimedia,
        2010. The paper's split: X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 4.1.
    """
    if text not in TEXTS:
        raise ValueError(f"Texts come as {sorted(TEXTS)}. Received: text={text!r}.")
    if split not in ("paper", "official"):
        raise ValueError(f"Splits are 'paper' and 'official'. Received: split={split!r}.")
    arrays = _features(text)
    lists = [_list(part) for part in ("train", "test")]
    text_ids, image_ids, labels = (np.concatenate(column) for column in zip(*lists, strict=True))
    parts = _paper_split(lists) if split == "paper" else _official_split(lists)
    media = {
        "image": MediumItems(arrays["image"], labels, image_ids, parts, pairs=text_ids),
        "text": MediumItems(arrays["text"], labels, text_ids, parts, pairs=text_ids),
    }
    return CrossModalData(
        name="wikipedia",
        media=media,
        class_names=tuple(_file("categories.list").read_text(encoding="utf-8").split()),
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Rasiwasia et al., ACM Multimedia 2010",
            licence="none stated; research use",
            features=f"SIFT bag of 128 visual words; text: {text}",
            split=split,
        ),
    )


def _file(name: str) -> Path:
    return find(f"{FOLDER}/{name}", home_page=HOME_PAGE)


def _features(text: str) -> dict[str, Array]:
    name = "raw_features.mat" if text == "lda" else "raw_features_with_tfidf1000.mat"
    keys = {"image": "I", "text": TEXTS[text]}
    wanted = [f"{key}_{part}" for key in keys.values() for part in ("tr", "te")]
    arrays = read_arrays(_file(name), wanted)
    return {
        medium: finite(np.concatenate([arrays[f"{key}_tr"], arrays[f"{key}_te"]]))
        for medium, key in keys.items()
    }


def _list(part: str) -> tuple[Array, Array, Array]:
    lines = _file(f"{part}set_txt_img_cat.list").read_text(encoding="utf-8").splitlines()
    texts, images, classes = zip(*(line.split("\t") for line in lines), strict=True)
    return np.array(texts), np.array(images), np.array(classes, dtype=np.int64) - 1


def _paper_split(lists: list[tuple[Array, Array, Array]]) -> Array:
    rows = len(lists[1][0])
    return np.repeat(
        ["train", "validation", "test"], [len(lists[0][0]), VALIDATION, rows - VALIDATION]
    )


def _official_split(lists: list[tuple[Array, Array, Array]]) -> Array:
    held_out = set(hashed_order(lists[0][0].tolist(), seed=0)[:VALIDATION])
    train = ["validation" if name in held_out else "train" for name in lists[0][0].tolist()]
    return np.array(train + ["test"] * len(lists[1][0]))
