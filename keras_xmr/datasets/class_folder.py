"""Any folder `<class>/<picture>`: a labelled source domain of one medium."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from keras_xmr.datasets.bad_rows import BadRow, tell
from keras_xmr.datasets.base import CrossModalData, MediumItems, Provenance, hashed_order
from keras_xmr.datasets.made_split import id_fault
from keras_xmr.datasets.media_files import PICTURE_ENDINGS, check_picture, file_inside, read_each
from keras_xmr.types import Array


def class_folder(
    path: str | Path,
    *,
    split_seed: int = 0,
    validation_per_class: int = 3,
    skip_bad: bool = False,
) -> CrossModalData:
    """Load pictures that lie in one folder per class.

    Pictures are the files `<class>/<name>` with one of the `PICTURE_ENDINGS`, such as .jpg, .png
    or .tif, in any case. Other files, hidden ones and deeper folders are passed over. Each picture
    is decoded once to see that it is whole.

    Args:
        path: The folder that holds one folder per class.
        split_seed: Seed of the split.
        validation_per_class: Pictures of each class for validation; one at least stays for
            training.
        skip_bad: Whether to leave pictures that cannot be used out with a warning.

    Returns:
        The single medium `"image"` with the parts `"train"` and `"validation"`. Ids are
        `<class>/<name>`, items are paths.

    Raises:
        BadRowsError: If pictures cannot be used and `skip_bad` is false, or none is left.
        ValueError: If there is no such folder, or it holds no pictures.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as place:
        ...     for name in ("cat", "dog"):
        ...         (Path(place) / name).mkdir()
        ...         for number in range(5):
        ...             Image.new("RGB", (8, 8)).save(Path(place) / name / f"{number}.png")
        ...     data = class_folder(place)
        >>> data.class_names, len(data.part("train").media["image"])
        (('cat', 'dog'), 4)
    """
    path = Path(path)
    if validation_per_class < 0:
        raise ValueError(
            f"Pictures for validation are counted from 0. Received: {validation_per_class=}."
        )
    names = _picture_names(path)
    outcomes = read_each(partial(_read, path.resolve()), names)
    bad = [BadRow(name, str(found)) for name, found in outcomes.items() if _is_bad(found)]
    tell(bad, name=path.name, total=len(names), skip_bad=skip_bad)
    return source_domain(
        path.resolve().name,
        {name: str(found) for name, found in outcomes.items() if not _is_bad(found)},
        validation_per_class=validation_per_class,
        split_seed=split_seed,
    )


def _picture_names(path: Path) -> list[str]:
    if not path.is_dir():
        what = "a file" if path.exists() else "nothing there"
        raise ValueError(
            f"Expected a folder that holds one folder per class. Received: {str(path)!r}, {what}."
        )
    names = sorted(
        picture.relative_to(path).as_posix()
        for picture in path.glob("*/*")
        if picture.suffix.lower() in PICTURE_ENDINGS
        and not picture.name.startswith(".")
        and not picture.parent.name.startswith(".")
        and not picture.is_dir()
    )
    if not names:
        raise ValueError(
            f"Expected pictures as <class>/<name>, with the endings {PICTURE_ENDINGS}. "
            f"Received: {str(path)!r}, which holds none."
        )
    return names


def _read(root: Path, name: str) -> Path:
    if fault := id_fault(name):
        raise ValueError(fault)
    file = file_inside(root, name)
    check_picture(file)
    return file


def _is_bad(outcome: object) -> bool:
    return isinstance(outcome, ValueError)


def source_domain(
    name: str,
    pictures: dict[str, str | bytes],
    *,
    validation_per_class: int,
    split_seed: int,
    class_names: dict[str, str] | None = None,
    provenance: Provenance | None = None,
) -> CrossModalData:
    """A data set of one medium from pictures `<class>/<name>`.

    Args:
        name: Name of the data set.
        pictures: Id `<class>/<name>` to the picture: its path, or the bytes of its file.
        validation_per_class: Pictures of each class for validation, one left for training.
        split_seed: Seed of the split.
        class_names: Folder to class name, where they differ.
        provenance: Where the data come from; the split is added.
    """
    folders = sorted({picture.split("/")[0] for picture in pictures})
    number = {folder: label for label, folder in enumerate(folders)}
    ids = np.array(list(pictures))
    labels = np.array([number[picture.split("/")[0]] for picture in pictures])
    items = list(pictures.values())
    paths = all(isinstance(item, str) for item in items)
    told = f"{validation_per_class} per class for validation, drawn by hash, {split_seed=}"
    medium = MediumItems(
        items,
        labels,
        ids,
        _split(ids, labels, validation_per_class, split_seed),
        files=np.array(items) if paths else None,
    )
    return CrossModalData(
        name,
        {"image": medium},
        tuple((class_names or {}).get(folder, folder) for folder in folders),
        replace(provenance or Provenance(), split=told),
    )


def _split(ids: Array, labels: Array, validation_per_class: int, seed: int) -> Array:
    held_out: set[str] = set()
    for label in np.unique(labels):
        ordered = hashed_order(ids[labels == label].tolist(), seed)
        held_out.update(ordered[: min(validation_per_class, len(ordered) - 1)])
    return np.array(["validation" if name in held_out else "train" for name in ids.tolist()])
