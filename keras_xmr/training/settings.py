"""The settings of a training run as comparable text: a run is resumed with the same ones only."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_xmr.training.batches import PairedBatches
from keras_xmr.training.pairing import Partners
from keras_xmr.types import Array

LONGEST = 100
ROWS = 16


def settings_of(
    model: Any, batches: PairedBatches | None, more: Mapping[str, Any]
) -> dict[str, str]:
    """Dotted name to text of all settings that decide what a run computes.

    Args:
        model: A compiled model.
        batches: What it is trained on.
        more: Further settings.

    Example:
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.5))
        >>> settings_of(model, None, {"data": "toy"})["optimizer.config.learning_rate"]
        '0.5'
    """
    described = {
        "backend": keras.config.backend(),
        "model": {"class_name": type(model).__name__, "config": model.get_config()},
        "optimizer": keras.saving.serialize_keras_object(model.optimizer),
        "batches": None if batches is None else _describe_batches(batches),
        "more": dict(more),
    }
    plain = json.loads(json.dumps(described, default=keras.saving.serialize_keras_object))
    return dict(_flat(plain, ""))


def differences(saved: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Dotted name to what was and what is, of the settings that are not the same.

    Example:
        >>> differences({"a": "1", "b": "2"}, {"a": "1", "b": "3"})
        {'b': 'was 2, is 3'}
    """
    return {
        name: f"was {saved.get(name, 'not there')}, is {now.get(name, 'not there')}"
        for name in sorted({*saved, *now})
        if saved.get(name) != now.get(name)
    }


def _describe_batches(batches: PairedBatches) -> dict[str, Any]:
    return {
        "batch_size": batches.batch_size,
        "shuffle": batches.shuffle,
        "seed": batches.seed,
        "streams": [
            {
                "partial": stream.partial,
                "partners": {name: _describe_partners(p) for name, p in stream.partners.items()},
                "labels": {name: _hash(labels) for name, labels in stream.labels.items()},
                "rows": {name: _describe_rows(rows) for name, rows in stream.rows.items()},
            }
            for stream in batches.streams
        ],
    }


def _describe_partners(partners: Partners) -> str:
    """Hash of who may be whose partner."""
    sizes = [len(group) for group in partners.groups]
    return _hash(np.concatenate([partners.group_of, sizes, *partners.groups]))


def _describe_rows(rows: Any) -> str:
    """Number and hash of feature rows; of a few rows, since all may be many gigabytes."""
    if not isinstance(rows, np.ndarray):
        text = json.dumps(rows.settings(), sort_keys=True)
        return (
            f"{len(rows)} {type(rows).__name__}, {hashlib.sha256(text.encode()).hexdigest()[:16]}"
        )
    some = np.linspace(0, len(rows) - 1, min(len(rows), ROWS)).astype(int)
    return f"{len(rows)} rows, {_hash(rows[some])}"


def _hash(array: Array) -> str:
    content = f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            # Keras numbers names by what else was made in the process.
            if key != "name":
                yield from _flat(item, f"{path}.{key}" if path else key)
        return
    text = json.dumps(value)
    if len(text) > LONGEST:
        text = f"sha256 {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    yield path, text
