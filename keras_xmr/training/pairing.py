"""Which rows of a medium may stand for an instance: its true partner, or any of the same class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from keras_xmr.datasets.base import CrossModalData, MediumItems
from keras_xmr.types import Array

PAIRINGS = ("instance", "class", "row")
MISSING = -1


@dataclass(frozen=True)
class Partners:
    """For each instance, the rows of a medium that may stand for it.

    Attributes:
        group_of: Number of the group of each instance, `(instances,)`.
        groups: Row numbers of each group. An empty group means that the medium is missing.
    """

    group_of: Array
    groups: Sequence[Array]

    def draw(self, instances: Array, rng: np.random.Generator) -> Array:
        """A row for each of `instances`, at random among its partners; `MISSING` without any."""
        groups = [self.groups[group] for group in self.group_of[instances]]
        return np.array([_one_of(group, rng) for group in groups], dtype=np.int64)

    def missing(self) -> Array:
        """Whether the medium is missing, for each instance."""
        empty = np.array([len(group) == 0 for group in self.groups], dtype=bool)
        return empty[self.group_of]


def pairing_of(pairing: str | Mapping[str, str], media: Sequence[str], hub: str) -> dict[str, str]:
    """The pairing of each medium with the hub.

    Raises:
        ValueError: If a name is none of `PAIRINGS`, or none of the media.
    """
    spokes = [name for name in media if name != hub]
    chosen = dict.fromkeys(spokes, pairing) if isinstance(pairing, str) else dict(pairing)
    if set(chosen) - set(spokes) or set(chosen.values()) - set(PAIRINGS):
        raise ValueError(
            f"A pairing is one of {PAIRINGS}, for all media or for each of {spokes} by its name. "
            f"Received: {pairing=}."
        )
    return dict.fromkeys(spokes, "instance") | chosen


def partners_by(
    pairing: str, data: CrossModalData, medium: str, hub: str, instances: Array
) -> Partners:
    """The partners in `medium` of the rows `instances` of the hub.

    Args:
        pairing: `"instance"` for rows of the same instance name, `"class"` for rows of the same
            labels, `"row"` for the row of the same number; a shorter medium is begun anew.
        data: The data set.
        medium: The medium.
        hub: The medium that the instances are rows of.
        instances: Row numbers in the hub.
    """
    items, anchors = data.medium(medium), data.medium(hub)
    if pairing == "row":
        return Partners(instances % len(items), list(np.arange(len(items))[:, None]))
    keys, wanted = _keys(items, pairing), _keys(anchors, pairing)
    rows_of: dict[object, list[int]] = {key: [] for key in wanted}
    for row, key in enumerate(keys):
        if key in rows_of:
            rows_of[key].append(row)
    number = {key: i for i, key in enumerate(rows_of)}
    groups = [np.array(rows, dtype=np.int64) for rows in rows_of.values()]
    return Partners(np.array([number[wanted[row]] for row in instances], dtype=np.int64), groups)


def pairing_by_names(data: CrossModalData, hub: str) -> dict[str, str]:
    """By instance for each medium that has instance names, as the hub must; by class for others.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> pairing_by_names(toy(), "image")
        {'text': 'instance'}
    """
    named = [name for name, items in data.media.items() if items.pairs is not None]
    return {
        name: "instance" if {name, hub} <= set(named) else "class"
        for name in data.media
        if name != hub
    }


def media_with_gaps(data: CrossModalData, pairing: Mapping[str, str], hub: str) -> tuple[str, ...]:
    """The media that some instances of the hub lack."""
    instances = np.arange(len(data.medium(hub)))
    return tuple(
        name
        for name, by in pairing.items()
        if partners_by(by, data, name, hub, instances).missing().any()
    )


def check_none_is_missing(partners: Partners, data: CrossModalData, medium: str) -> None:
    """An error if the medium is missing from some instance.

    Raises:
        ValueError: Then.
    """
    missing = int(partners.missing().sum())
    if missing:
        raise ValueError(
            f"Every instance needs a partner in {medium!r}. "
            f"Received: data {data.name!r}, where {missing} of {len(partners.group_of)} have none. "
            f"Name {medium!r} in `partial`, and those instances do without it."
        )


def _keys(items: MediumItems, pairing: str) -> list[object]:
    """What two rows must have in common to belong together."""
    if pairing == "instance":
        if items.pairs is None:
            raise ValueError(
                "Pairing by instance needs instance names in every medium. Received: pairs=None. "
                'Pair by class instead: pairing="class".'
            )
        return list(items.pairs.tolist())
    if items.labels.ndim == 1:
        return [(label,) for label in items.labels.tolist()]
    return [tuple(np.flatnonzero(row).tolist()) for row in items.labels]


def _one_of(group: Array, rng: np.random.Generator) -> int:
    if len(group) < 2:
        return int(group[0]) if len(group) else MISSING
    return int(rng.choice(group))
