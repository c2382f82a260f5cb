"""Tiny ImageNet: 200 classes of small photographs, a labelled source domain of one medium."""

import re
import tarfile
from pathlib import Path

from keras_xmr.datasets.bad_rows import short
from keras_xmr.datasets.base import CrossModalData, Provenance
from keras_xmr.datasets.class_folder import source_domain
from keras_xmr.datasets.locate import find

HOME_PAGE = "cs231n.stanford.edu/tiny-imagenet-200.zip"
FOLDER = "tiny_imagenet"
VALIDATION = 5
# Pictures of 64 x 64 have a few kilobytes.
MAX_BYTES = 2**20
_MEMBER = re.compile(r"(n\d{8})/(n\d{8}_\d+)\.JPEG", re.ASCII)
_CLASS = re.compile(r"(n\d{8})\t([^\t]+)", re.ASCII)


def tiny_imagenet(*, split_seed: int = 0) -> CrossModalData:
    """Load a part of Tiny ImageNet, 50 pictures of 64 x 64 for each class, as a source domain.

    The pictures are read from the archive into memory; nothing is unpacked.

    Args:
        split_seed: Seed of the split; five pictures of each class are for validation.

    Returns:
        The single medium `"image"` with the parts `"train"` and `"validation"`; its items are the
        bytes of JPEG files.

    Raises:
        DataNotFoundError: If `KERAS_XMR_DATA/tiny_imagenet` lacks `train_50_per_class.tar` (with
            `<class>/<picture>.JPEG`, classes by their WordNet number such as n01443537) or
            `classes.tsv` (number and names, separated by a tab).
        ValueError: If one of the two holds anything else.

    Example:
        >>> source = tiny_imagenet()
        >>> len(source.media["image"]), source.num_classes, source.class_names[0]
        (10000, 200, 'goldfish')

    Reference:
        J. Deng et al.: ImageNet: a large-scale hierarchical image database, CVPR 2009.
    """
    class_names = _class_names(find(f"{FOLDER}/classes.tsv", home_page=HOME_PAGE))
    archive = find(f"{FOLDER}/train_50_per_class.tar", home_page=HOME_PAGE)
    return source_domain(
        "tiny_imagenet",
        _pictures(archive, class_names),
        validation_per_class=VALIDATION,
        split_seed=split_seed,
        class_names=class_names,
        provenance=Provenance(
            home_page=HOME_PAGE,
            citation="Deng et al., CVPR 2009",
            licence="ImageNet terms, research use",
        ),
    )


def _class_names(path: Path) -> dict[str, str]:
    """WordNet number to the first of the names of a class."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} must be text in UTF-8. Received: {error}.") from error
    names = {}
    for line in lines:
        found = _CLASS.fullmatch(line)
        if found is None:
            raise ValueError(
                f"Lines of {path.name} must be a WordNet number, a tab and names. "
                f"Received: {short(line)}."
            )
        names[found[1]] = found[2].split(",")[0]
    return names


def _pictures(path: Path, class_names: dict[str, str]) -> dict[str, str | bytes]:
    """Id to the bytes of each picture; any other member of the archive but a folder is refused."""
    try:
        # "r:" takes no compressed archives, which could grow without limit.
        with tarfile.open(path, "r:") as archive:
            pictures = _members(archive, class_names)
    except OSError:
        raise
    except Exception as error:
        # A damaged archive makes tarfile raise errors of many types.
        raise ValueError(
            f"Expected an uncompressed archive of pictures in {str(path)!r}. "
            f"Received: {str(error) or type(error).__name__}."
        ) from error
    if not pictures:
        raise ValueError(f"Expected pictures in {str(path)!r}. Received: none.")
    return pictures


def _members(archive: tarfile.TarFile, class_names: dict[str, str]) -> dict[str, str | bytes]:
    pictures: dict[str, str | bytes] = {}
    for member in archive:
        if member.isdir():
            continue
        found = _MEMBER.fullmatch(member.name)
        if found is None or not member.isreg() or found[1] not in class_names:
            raise ValueError(f"member {short(member.name)} is no picture of a known class")
        # A size below zero would lead back to what was read before, for ever.
        if not 0 < member.size <= MAX_BYTES:
            raise ValueError(
                f"member {short(member.name)} of {member.size} bytes, the limit is {MAX_BYTES}"
            )
        stream = archive.extractfile(member)
        encoded = stream.read() if stream else b""
        name = f"{found[1]}/{found[2]}"
        if len(encoded) != member.size or name in pictures:
            raise ValueError(f"member {short(member.name)} is incomplete or there twice")
        pictures[name] = encoded
    _check_end(archive)
    return pictures


def _check_end(archive: tarfile.TarFile) -> None:
    """Raise unless a block of zeros ends the archive: tarfile also stops at a damaged member."""
    stream = archive.fileobj
    assert stream is not None  # Open for reading.
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise ValueError(f"archive that is damaged or cut at byte {archive.offset}")
