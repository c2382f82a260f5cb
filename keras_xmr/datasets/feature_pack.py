"""Feature packs: `.npz` files inside the package with what was computed from real data.

A pack holds features, word counts, labels and ids, and no picture and no sentence.
`examples/make_feature_packs.py` makes them.
"""

from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.datasets.locate import data_root
from keras_xmr.types import Array

PACKS = Path(__file__).parent / "packs"


def read_pack(name: str) -> dict[str, Any]:
    """The arrays of the pack `name`; features come back as float32."""
    with np.load(PACKS / f"{name}.npz", allow_pickle=False) as pack:
        arrays = {key: pack[key] for key in pack.files}
    return {
        key: value.astype(np.float32) if key.startswith("features_") else value
        for key, value in arrays.items()
    }


def pack_features(arrays: dict[str, Any], extractor: str) -> Array:
    """The feature rows `(n, d)` that `extractor` gave.

    Raises:
        ValueError: If the pack has no features of that extractor.
    """
    key = f"features_{extractor}"
    if key not in arrays:
        known = sorted(k.removeprefix("features_") for k in arrays if k.startswith("features_"))
        raise ValueError(
            f"Bundled features are those of {known}; features=None loads the raw items. "
            f"Received: features={extractor!r}."
        )
    features: Array = arrays[key]
    return features


def raw_files(folder: str, names: Array) -> Array:
    """Paths `(n,)` of raw files; empty strings where `KERAS_XMR_DATA` has no such folder."""
    root = data_root()
    if root is None or not (root / folder).is_dir():
        return np.full(len(names), "")
    return np.array([str(root / folder / name) for name in names.tolist()])
