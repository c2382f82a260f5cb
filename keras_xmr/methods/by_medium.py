"""A number for each medium."""

from collections.abc import Iterable, Mapping

# One for all media, or medium to its own; others have 0.
ByMedium = float | Mapping[str, float] | None


def by_medium(values: ByMedium, media: Iterable[str]) -> dict[str, float]:
    """Medium to its number.

    Example:
        >>> by_medium(0.2, ["image", "text"]), by_medium({"text": 0.3}, ["image", "text"])
        ({'image': 0.2, 'text': 0.2}, {'image': 0.0, 'text': 0.3})
    """
    if isinstance(values, int | float):
        return dict.fromkeys(media, float(values))
    return {name: (values or {}).get(name, 0.0) for name in media}
