"""`Plan`: what is compared, and with how much effort."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.methods.catalogue import methods
from keras_xmr.presets import save_whole
from keras_xmr.transforms.catalogue import described
from keras_xmr.transforms.transform import Transform
from keras_xmr.tuning.tune import SELECT_ON
from keras_xmr.types import Config, Items

PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """What is compared, and with how much effort.

    Attributes:
        methods: Names of the methods.
        seeds: How often each is trained on each split.
        splits: Number of splits; the first is that of the data.
        trials: Trials of tuning for each method, on each split.
        select_on: The part that settings are chosen on: `"validation"`, or `"test"`.

    Raises:
        ValueError: If a number is below 1, or a name is unknown.

    Example:
        >>> Plan(("cca", "jrl"), seeds=2).splits
        1
    """

    methods: tuple[str, ...]
    seeds: int = 5
    splits: int = 1
    trials: int = 20
    select_on: str = "validation"

    def __post_init__(self) -> None:
        unknown = sorted(set(self.methods) - set(methods()))
        if unknown:
            raise ValueError(f"Methods are {sorted(methods())}. Received: {unknown}.")
        counts = {name: getattr(self, name) for name in ("seeds", "splits", "trials")}
        wrong = {name: count for name, count in counts.items() if count < 1}
        if wrong:
            raise ValueError(f"There is at least one of each. Received: {wrong}.")
        if not self.methods:
            raise ValueError("There is at least one method to compare. Received: none.")
        if self.select_on not in SELECT_ON:
            raise ValueError(
                f"Settings are selected on one of {SELECT_ON}. Received: {self.select_on!r}."
            )

    def keep(
        self,
        folder: Path,
        data: CrossModalData,
        source: CrossModalData | None,
        transforms: Mapping[str, Transform] | None = None,
    ) -> None:
        """Write it into the folder, or see that it is the one that is there.

        Raises:
            ValueError: If the folder holds another comparison.
        """
        told = self._told(data, source)
        if transforms:
            told["transforms"] = {m: described(t)["config"] for m, t in transforms.items()}
        mine = json.loads(json.dumps(told))
        path = folder / PLAN
        if path.exists():
            theirs = json.loads(path.read_text(encoding="utf-8"))
            changed = sorted(name for name in mine if theirs.get(name) != mine[name])
            if changed:
                raise ValueError(
                    f"The folder {str(folder)!r} holds a comparison with other {changed}. Give "
                    "another folder, or remove it to start anew."
                )
        text = json.dumps(mine, indent=1) + "\n"
        save_whole(path, lambda draft: draft.write_text(text, "utf-8"))

    def _told(self, data: CrossModalData, source: CrossModalData | None) -> Config:
        """What a comparison that goes on must have in common; more methods may come."""
        told = asdict(self) | {"data": data.name, "split_hash": data.split_hash()}
        told |= {"contents": contents(data), "source": contents(source) if source else None}
        del told["methods"]
        return told


def contents(data: CrossModalData) -> str:
    """SHA-256 over the items and labels of all media: features of another encoder differ.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> contents(toy()) == contents(toy()), contents(toy()) == contents(toy(["text", "audio"]))
        (True, False)
    """
    digest = hashlib.sha256()
    for name, medium in data.media.items():
        digest.update(f"{name} {medium.labels.tolist()}".encode())
        for block in _blocks(medium.items):
            digest.update(block)
    return digest.hexdigest()


def _blocks(items: Items) -> Iterator[bytes]:
    if isinstance(items, WordCounts):
        yield " ".join(items.words).encode()
        found = items.counts.tocoo()
        yield from (np.ascontiguousarray(a).tobytes() for a in (*found.coords, found.data))
    elif items.dtype == object:
        yield from (f"{item}\0".encode() for item in items)
    else:
        yield np.ascontiguousarray(items).tobytes()


def named(text: str | Sequence[str], media: int) -> tuple[str, ...]:
    """The methods that are meant, in alphabetical order: `"all"`, or names.

    Args:
        text: `"all"`, which means all that take so many media, or names, with commas between them.
        media: Number of media.

    Example:
        >>> named("jrl,cca", 2)
        ('cca', 'jrl')
    """
    if text == "all":
        return tuple(name for name, a in methods().items() if media == 2 or a.media == "any")
    names = text.split(",") if isinstance(text, str) else text
    return tuple(sorted({name.strip() for name in names}))
