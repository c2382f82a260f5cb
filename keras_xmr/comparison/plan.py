"""`Plan`: what is compared, and with how much effort."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.methods.about import About
from keras_xmr.methods.catalogue import methods
from keras_xmr.methods.one_space import may_share_a_space
from keras_xmr.presets import save_whole
from keras_xmr.transforms.catalogue import described
from keras_xmr.transforms.transform import Transform
from keras_xmr.tuning.tune import SELECT_ON
from keras_xmr.types import Config, Items

PLAN = "plan.json"
# Names of variants are those of folders, too.
NAME = re.compile(r"\w[\w .+-]*")


class Variant(NamedTuple):
    """A method, some of whose settings are given and not tuned: an ablation, say.

    Attributes:
        method: Name of the method.
        changes: What is given, as in `train`.
    """

    method: str
    changes: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Plan:
    """What is compared, and with how much effort.

    Attributes:
        methods: Names of the methods, and of variants of them.
        seeds: How often each is trained on each split.
        splits: Number of splits; the first is that of the data.
        trials: Trials of tuning for each method, on each split.
        select_on: The part that settings are chosen on: `"validation"`, or `"test"`.
        variants: Names of variants to what they are.

    Raises:
        ValueError: If a number is below 1, a name is unknown, or a variant has the name of a method
            or none that a folder could have.

    Example:
        >>> Plan(("cca", "jrl"), seeds=2).splits
        1
    """

    methods: tuple[str, ...]
    seeds: int = 5
    splits: int = 1
    trials: int = 20
    select_on: str = "validation"
    variants: Mapping[str, Variant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unusable = [n for n in self.variants if n in methods() or not NAME.fullmatch(n)]
        if unusable:
            raise ValueError(
                "A variant has a name of its own, of letters, digits, spaces and any of '.+-_'. "
                f"Received: {unusable}."
            )
        unknown = sorted({self.variant(name).method for name in self.methods} - set(methods()))
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

    def variant(self, name: str) -> Variant:
        """What goes by a name: a variant, or a method all of whose settings are tuned."""
        return self.variants.get(name, Variant(name))

    def about(self, name: str) -> About:
        """What the method says of itself that goes by a name."""
        return methods()[self.variant(name).method]

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
            # Variants may be added; one that is there stays what it is.
            old, new = theirs.pop("variants", {}), mine.pop("variants")
            changed = sorted(name for name in mine if theirs.get(name) != mine[name])
            changed += sorted(name for name in set(old) & set(new) if old[name] != new[name])
            mine["variants"] = old | new
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


def named(text: str | Sequence[str], data: CrossModalData) -> tuple[str, ...]:
    """The methods that are meant, in alphabetical order: `"all"`, or names.

    Args:
        text: `"all"`, which means all that take such media, or names, with commas between them.
        data: The data: how many media there are, and whether their rows may lie in one space.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> named("jrl,cca", toy())
        ('cca', 'jrl')
        >>> "zero_shot" in named("all", toy()), "zero_shot" in named("all", toy(["image", "video"]))
        (False, True)
    """
    if text == "all":
        return tuple(name for name, about in methods().items() if _takes(about, data))
    names = text.split(",") if isinstance(text, str) else text
    return tuple(sorted({name.strip() for name in names}))


def _takes(about: About, data: CrossModalData) -> bool:
    of_count = about.media == "any" or len(data.media) == int(about.media)
    return of_count and (may_share_a_space(data) or not about.one_space)
