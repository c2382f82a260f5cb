"""Presets: a trained model as a directory that a person can read.

| file | content |
|---|---|
| `config.json` | class name and constructor arguments |
| `preprocessor.json` | what turns raw items into the model's arrays |
| `model.weights.h5` | weights; matrices in float16 unless told otherwise, the rest as trained |
| `encoder_<...>.json`, `encoder_<...>.weights.h5` | a network in front of the model |
| `metadata.json` | data, split, seed, command, measured figures, SHA-256 of the other files |
| `README.md` | the card |

A network that a preset of the library has in front of its model, too, is not stored again:
`metadata.json` then names that preset and the hash.

No file holds code: nothing is unpickled. Every file is verified by its hash before it is used.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.types import Config
from keras_xmr.version import __version__

CONFIG = "config.json"
PREPROCESSOR = "preprocessor.json"
WEIGHTS = "model.weights.h5"
METADATA = "metadata.json"
CARD = "README.md"
HASHED = (CONFIG, PREPROCESSOR, WEIGHTS)
PRECISIONS = ("float16", "float32")


def bundled_folder() -> Path:
    """The folder of the presets that come with the library."""
    package = Path(__file__).parent
    inside = package / "weights"
    # A wheel carries the folder inside the package, a checkout beside it.
    return inside if inside.is_dir() else package.parent / "weights"


def bundled() -> dict[str, Config]:
    """Name to metadata of the presets that come with the library.

    Example:
        >>> "chtn_pascal" in bundled()
        True
    """
    return {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(bundled_folder().glob(f"*/{METADATA}"))
    }


def save(
    model: Any, path: Path, *, metadata: Config, card: str, precision: str = "float16"
) -> Path:
    """Write `model` into the directory `path`, whole or not at all.

    Args:
        model: An object with `get_config`, `save_weights` and `preprocessor`.
        path: The directory. A preset that is there already is replaced.
        metadata: What `metadata.json` shall tell besides versions and hashes.
        card: Text of `README.md`.
        precision: What matrices are stored in: `"float16"`, or `"float32"` for all their bits.

    Raises:
        FileExistsError: If `path` exists and is no preset.
        ValueError: If `precision` is neither.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"Matrices are stored in one of {PRECISIONS}. Received: {precision=}.")
    if path.exists() and not (path / METADATA).is_file():
        raise FileExistsError(
            f"A preset replaces nothing but a preset. Received: path={str(path)!r}, which exists "
            "and is none. Choose another path."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:
        draft = Path(folder) / "new"
        draft.mkdir()
        card = card or _plain_card(path.name, model)
        _write_files(model, draft, path, metadata, card, precision)
        if path.exists():
            os.replace(path, Path(folder) / "old")
        os.replace(draft, path)
    return path


def as_stored(model: Any) -> Any:
    """The model that its preset will give back: its matrices have lost the bits not stored.

    What is measured of it is true of the preset.

    Example:
        >>> from keras_xmr import SemanticMatching, datasets
        >>> data = datasets.toy()
        >>> stored = as_stored(SemanticMatching().fit(data))
        >>> stored.encode_text(["class1 thing0"]).shape
        (1, 4)
    """
    with tempfile.TemporaryDirectory() as folder:
        return load(save(model, Path(folder) / "preset", metadata={}, card=""), type(model))


def _write_files(
    model: Any, folder: Path, path: Path, metadata: Config, card: str, precision: str
) -> None:
    config = model.get_config()
    preprocessor = config.pop("preprocessor")
    write_json(folder / CONFIG, {"class_name": type(model).__name__, "config": config})
    write_json(folder / PREPROCESSOR, preprocessor)
    model.save_weights(folder / WEIGHTS)
    halve_matrices(folder / WEIGHTS, exactly=precision == "float32")
    elsewhere = _files_of_bundled(but=path)
    needed = model.preprocessor.save_files(folder, elsewhere) if model.preprocessor else []
    facts = {
        "keras_xmr_version": __version__,
        "class_name": type(model).__name__,
        **metadata,
        "sha256": {file.name: _sha256(file) for file in sorted(folder.iterdir())},
    }
    if borrowed := {name: elsewhere[name] for name in needed if name in elsewhere}:
        facts["from_presets"] = borrowed
    write_json(folder / METADATA, facts)
    (folder / CARD).write_text(card, encoding="utf-8")


def load(name: str | Path, expected: type[Any] | None = None) -> Any:
    """Load a model from a preset.

    Args:
        name: Name of a bundled preset, or path of a directory. With `expected`, the class's own
            prefix may be left out: `"pascal"` for `"chtn_pascal"`.
        expected: The class that the preset must be of; any public one if `None`.

    Raises:
        ValueError: If there is no such preset, it is of another class, or a file is missing or
            does not have the hash that `metadata.json` gives.
    """
    folder = find(name, expected)
    files = _verified_files(folder)
    described = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    kind = _class_of(described["class_name"], expected, folder)
    config = described["config"]
    config["preprocessor"] = json.loads((folder / PREPROCESSOR).read_text(encoding="utf-8"))
    with kind.reading():
        model = kind.from_config(config)
        model.load_weights(folder / WEIGHTS)
    if model.preprocessor is not None:
        model.preprocessor.load_files(files)
    return model


def metadata(name: str | Path) -> Config:
    """What `metadata.json` of a preset tells.

    Raises:
        ValueError: If there is no such preset, or a file of it is missing.
    """
    folder = find(name)
    _require_files(folder)
    facts: Config = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    return facts


def save_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file through `write`, so that `path` holds all of it or is not touched."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays: some writers go by it.
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        write(draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def find(name: str | Path, expected: type[Any] | None = None) -> Path:
    """The directory of a preset, by name or path; see `load`."""
    text = str(name)
    if isinstance(name, Path) or os.sep in text or text.startswith("."):
        if Path(text).is_dir():
            return Path(text)
        raise ValueError(f"A preset path must be a directory. Received: name={text!r}.")
    prefix = f"{prefix_of(expected)}_"
    for candidate in (f"{prefix}{text}", text):
        if (bundled_folder() / candidate / METADATA).is_file():
            return bundled_folder() / candidate
    raise ValueError(
        f"Bundled presets are {sorted(bundled())}; a directory is given by its path, such as "
        f"'./{text}'. Received: name={text!r}."
    )


def prefix_of(kind: type[Any] | None) -> str:
    """What the names of the bundled presets of a class begin with."""
    about = getattr(kind, "about", None)
    return about.name if about else ""


def _require_files(folder: Path) -> None:
    missing = [name for name in (*HASHED, METADATA) if not (folder / name).is_file()]
    if missing:
        raise ValueError(
            f"A preset has the files {[*HASHED, METADATA]}. "
            f"Received: {str(folder)!r} without {missing}."
        )


def _verified_files(folder: Path) -> dict[str, Path]:
    """Name to path of all files of a preset, and of those of other presets that it needs."""
    _require_files(folder)
    facts = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    hashes = dict.fromkeys(HASHED) | facts.get("sha256", {})
    files = {name: folder / Path(name).name for name in hashes}
    for name, origin in facts.get("from_presets", {}).items():
        files[name] = find(origin["preset"]) / Path(name).name
        hashes[name] = origin["sha256"]
    for name, path in files.items():
        found = _sha256(path) if path.is_file() else "no such file"
        if found != hashes[name]:
            raise ValueError(
                f"The file {name} of a preset must have the SHA-256 that {METADATA} gives, "
                f"{hashes[name]}. Received: {found} in {str(path.parent)!r}. "
                "The file is damaged or was changed: get the preset again."
            )
    return files


def _files_of_bundled(but: Path) -> dict[str, Config]:
    """Files that only some presets have: name to the bundled preset that has it, and its hash."""
    return {
        name: {"preset": preset, "sha256": digest}
        for preset, facts in bundled().items()
        if (bundled_folder() / preset).resolve() != but.resolve()
        for name, digest in facts.get("sha256", {}).items()
        if name not in HASHED
    }


def _class_of(class_name: str, expected: type[Any] | None, folder: Path) -> type[Any]:
    import keras_xmr

    if expected is not None and class_name == expected.__name__:
        return expected
    known = getattr(keras_xmr, class_name, None) if class_name in keras_xmr.__all__ else None
    if (
        not isinstance(known, type)
        or not hasattr(known, "from_config")
        or (expected is not None and not issubclass(known, expected))
    ):
        wanted = "a public class of keras_xmr" if expected is None else expected.__name__
        raise ValueError(
            f"Expected a preset of {wanted}. Received: class_name={class_name!r} "
            f"in {str(folder)!r}."
        )
    found: type[Any] = known
    return found


def halve_matrices(path: Path, *, exactly: bool = False) -> None:
    """Rewrite an HDF5 file with its float32 matrices in float16, and without optimizers.

    Vectors (biases, running statistics) are small, and variances may not fit float16: they stay.
    What an optimizer remembers would make the file three times as large.

    Args:
        path: The file.
        exactly: Whether matrices stay where float16 would not hold the same numbers.
    """
    import h5py

    halved = path.with_suffix(".half")
    with h5py.File(path, "r") as source, h5py.File(halved, "w") as target:

        def copy(name: str, item: Any) -> None:
            if name.split("/")[0] == "optimizer":
                return
            if isinstance(item, h5py.Dataset):
                value = item[()]
                if item.ndim >= 2 and item.dtype == np.float32:
                    half = value.astype(np.float16)
                    value = value if exactly and not np.array_equal(half, value) else half
                copied = target.create_dataset(name, data=value)
            else:
                copied = target.require_group(name)
            for key, attribute in item.attrs.items():
                # Keras notes layer names, which depend on what else was made in the process, and
                # never reads them.
                if key != "name":
                    copied.attrs[key] = attribute

        source.visititems(copy)
    os.replace(halved, path)


def write_json(path: Path, content: Any, indent: int | None = 1) -> None:
    """Write JSON as text that a person can read."""
    text = json.dumps(content, indent=indent, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain_card(name: str, model: Any) -> str:
    return f"# {name}\n\nA {type(model).__name__} model of keras_xmr {__version__}.\n"
