"""Names beside points, which hide each other as little as may be."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def name_points(axes: Any, points: Mapping[str, tuple[float, float]], needed: int) -> None:
    """Write names beside points, where they hide no other name or point.

    Args:
        axes: The axes, whose limits are final.
        points: Name to point `(x, y)`, those that matter most first.
        needed: So many are written even where they hide others.
    """
    frame = axes.get_window_extent()
    scale = axes.figure.dpi / 72
    places = {label: axes.transData.transform(point) for label, point in points.items()}
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in places.values()]
    for number, (label, (x, y)) in enumerate(places.items()):
        size = (4.9 * width_of(label) * scale + 2, 9.5 * scale)
        options = [_box((x, y), size, at) for at in _AROUND]
        hidden = [
            sum(_overlap(box, other) for other in taken) + 4 * _outside(box, frame)
            for box in options
        ]
        best = int(np.argmin(hidden))
        if hidden[best] > 0 and number >= needed:
            continue
        taken.append(options[best])
        axes.annotate(
            label,
            axes.transData.inverted().transform(options[best][:2]),
            **{"fontsize": 8, "va": "bottom", "zorder": 4},
            bbox={"facecolor": "white", "alpha": 0.7, "pad": 0.5, "edgecolor": "none"},
            color="black" if number < needed else "#666666",
            annotation_clip=False,
        )


# Where a name may stand: how much of it is left of the point, and below it; then its distance.
_AROUND = (
    *((0.0, 0.5, 10, 0), (0.5, 0.0, 0, 8), (0.5, 1.0, 0, -9), (1.0, 0.5, -10, 0)),
    *((0.0, 0.0, 5, 4), (0.0, 1.0, 5, -5), (1.0, 0.0, -5, 4), (1.0, 1.0, -5, -5)),
    *((0.0, 0.0, 5, 14), (0.0, 1.0, 5, -15), (1.0, 0.0, -5, 14), (1.0, 1.0, -5, -15)),
)
Box = tuple[float, float, float, float]


def _box(
    point: Sequence[float], size: tuple[float, float], at: tuple[float, float, float, float]
) -> Box:
    """Where a name of that size stands beside a point."""
    left, below, right, up = at
    x, y = point[0] - left * size[0] + right, point[1] - below * size[1] + up
    return x, y, x + size[0], y + size[1]


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _outside(box: Box, frame: Any) -> float:
    return (box[2] - box[0]) * (box[3] - box[1]) - _overlap(
        box, (frame.x0, frame.y0, frame.x1, frame.y1)
    )


def width_of(text: str) -> float:
    """Width of a text, by that of a Latin letter.

    Example:
        >>> width_of("ab"), width_of("猫")
        (2.0, 2.0)
    """
    return float(sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text))
