"""The ten digits in three media: written by hand, spoken, and named in many languages."""

import re

import numpy as np

from keras_xmr.datasets.array_file import read_arrays
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance, hashed_order
from keras_xmr.datasets.digit_names import NAMES, PHRASES
from keras_xmr.datasets.locate import DataNotFoundError, find
from keras_xmr.types import Array

HOME_PAGE = "yann.lecun.com/exdb/mnist and github.com/Jakobovski/free-spoken-digit-dataset"
FOLDER = "digits"
CLASS_NAMES = tuple(NAMES["english"].split())
# Recordings with a lower number are the official test part.
TEST_RECORDINGS = 5
_RECORDING = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav", re.ASCII)
_PICTURES = ("train_images", "train_labels", "test_images", "test_labels")


def digits(*, split_seed: int = 0) -> CrossModalData:
    """Load pictures, recordings and names of the ten digits.

    Small, and yet three media of their own: pictures of 28 x 28 grey levels, recordings of six
    speakers, and the names of the digits in more than a hundred languages, partly also in Latin
    letters, and in short phrases ("number three"). Nothing is paired but by its class.

    Test parts are the official ones of pictures and recordings, and a fifth of the texts of each
    digit, always the same. A tenth of all others of each digit is for validation, drawn by hash.
    Speakers are therefore the same in all parts. Texts are different ones in each part, but the
    word of a test text may occur in training, alone or in another phrase: half of them do.

    Args:
        split_seed: Seed of the validation part.

    Returns:
        Media `"image"`: `(5000, 28, 28)`, uint8; `"audio"`: the paths of 1500 `.wav` files; and
        `"text"`: strings. Names share runs of characters rather than words, as
        `TextVectorizer(analyzer="characters")` counts them.

    Raises:
        DataNotFoundError: If `KERAS_XMR_DATA/digits` lacks `images.npz` (arrays `train_images`,
            `train_labels`, `test_images`, `test_labels`) or the folder `audio`, with files
            `<digit>_<speaker>_<number>.wav`, those of a number below 5 being the test part.
        ValueError: If one of them holds anything else.

    Example:
        >>> data = digits()
        >>> [len(data.part("test").media[name]) for name in ("image", "audio")]
        [1000, 300]

    Reference:
        Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
        recognition, Proceedings of the IEEE, 1998. Z. Jackson et al.: Free spoken digit dataset,
        2018.
    """
    return CrossModalData(
        name="digits",
        media={
            "image": _pictures(split_seed),
            "audio": _recordings(split_seed),
            "text": _texts(split_seed),
        },
        class_names=CLASS_NAMES,
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="LeCun et al., Proceedings of the IEEE 1998; Jackson et al., FSDD, 2018",
            licence="recordings CC BY-SA 4.0; names Apache-2.0; pictures: none stated",
            split="official test parts, and a fifth of the texts; a tenth of each digit's rest "
            f"is for validation, drawn by hash, split_seed={split_seed}",
        ),
    )


def _pictures(seed: int) -> MediumItems:
    path = find(f"{FOLDER}/images.npz", home_page=HOME_PAGE)
    arrays = read_arrays(path, _PICTURES)
    pictures = np.concatenate([arrays["train_images"], arrays["test_images"]])
    if pictures.dtype != np.uint8 or pictures.ndim != 3:
        raise ValueError(
            f"Expected pictures (n, height, width), uint8, in {path.name!r}. "
            f"Received: shape={pictures.shape}, type {pictures.dtype}."
        )
    labels = np.concatenate([arrays["train_labels"], arrays["test_labels"]]).astype(np.int64)
    counts = {part: len(arrays[f"{part}_images"]) for part in ("train", "test")}
    ids = np.array([f"{part}{row}" for part, count in counts.items() for row in range(count)])
    test = np.repeat([False, True], list(counts.values()))
    return MediumItems(pictures, labels, ids, _split(ids, labels, test, seed))


def _recordings(seed: int) -> MediumItems:
    place = find(f"{FOLDER}/audio", home_page=HOME_PAGE)
    paths = sorted(path for path in place.iterdir() if _RECORDING.fullmatch(path.name))
    if not paths:
        raise DataNotFoundError(
            "Expected recordings <digit>_<speaker>_<number>.wav. "
            f"Received: {str(place)!r}, which holds none. Get them from {HOME_PAGE}."
        )
    names = [path.stem.split("_") for path in paths]
    labels = np.array([int(digit) for digit, _, _ in names])
    test = np.array([int(number) < TEST_RECORDINGS for *_, number in names])
    ids = np.array([path.stem for path in paths])
    files = np.array([str(path) for path in paths])
    return MediumItems(list(files), labels, ids, _split(ids, labels, test, seed), files=files)


def _texts(seed: int) -> MediumItems:
    # Languages that write a text alike have it in common.
    text_of = {
        f"{text}={digit}": (text, digit)
        for language, names in NAMES.items()
        for digit, word in enumerate(names.split())
        for text in (word, *(phrase.format(word) for phrase in PHRASES.get(language, ())))
    }
    texts, digits_of = zip(*text_of.values(), strict=True)
    ids, labels = np.array(list(text_of)), np.array(digits_of)
    test = np.zeros(len(ids), dtype=bool)
    for label in range(len(CLASS_NAMES)):
        own = ids[labels == label].tolist()
        test |= np.isin(ids, hashed_order(own, seed=0)[: len(own) // 5])
    return MediumItems(texts, labels, ids, _split(ids, labels, test, seed))


def _split(ids: Array, labels: Array, test: Array, seed: int) -> Array:
    """`"test"` where told, and `"validation"` for a tenth of the other items of each digit."""
    split = np.where(test, "test", "train").astype("<U10")
    for label in np.unique(labels):
        own = ids[(labels == label) & ~test].tolist()
        split[np.isin(ids, hashed_order(own, seed)[: len(own) // 10])] = "validation"
    return split
