"""Figures of a comparison, each as the text of an SVG.

Texts stay texts, so that a browser finds them and has the letters of every script. Equal numbers
give equal SVGs. Figures are as narrow as their content allows, for phones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_xmr.comparison.drawing import (
    COLOURS,
    DARK,
    GREY,
    MARKERS,
    blank,
    legend,
    legend_height,
    legible,
    line_style,
    stack,
    svg,
)
from keras_xmr.comparison.labels import name_points, width_of
from keras_xmr.report import RECALL_LEVELS
from keras_xmr.types import Array, FloatArray

# Of as many classes are the colours told apart; no palette of so many suits the colour-blind, so
# that the names of the classes stand beside the points.
CLASSES = 20
# More points of a medium hide each other, and make the file large.
POINTS = 1000
# More classes leave no room for numbers.
NUMBERED = 40
# Seconds that the axis of time tells, and those besides where these are too few.
TIMES = (0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 360000)
BETWEEN = (
    *(0.002, 0.005, 0.02, 0.05, 0.2, 0.5, 2, 5, 20, 30, 120, 300, 1200, 1800),
    *(7200, 18000, 72000, 180000),
)


@svg
def precision_recall(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Any:
    """Precision at each level of recall, a panel for each direction.

    Args:
        curves: Label of a method, the best first, to direction to precision at `RECALL_LEVELS`.

    Returns:
        The SVG; the first eight methods are told apart by colour.
    """
    directions = list(dict.fromkeys(name for of in curves.values() for name in of))
    labels = list(curves)
    below = legend_height(labels)
    figure, panels = stack(max(1, len(directions)), 3.1, below)
    for axes, direction in zip(panels, directions, strict=False):
        for place, of in enumerate(curves.values()):
            if direction in of:
                axes.plot(RECALL_LEVELS, of[direction], **line_style(place))
        axes.set(xlabel="recall", ylabel="interpolated precision", title=direction)
    for axes in panels:
        axes.set(xlim=(-0.02, 1.02), ylim=(0, 1.02))
    legend(figure, labels, below)
    return figure


@svg
def tuning(trials: Mapping[str, Sequence[float]]) -> Any:
    """Best held-out MAP so far, trial by trial.

    Args:
        trials: Label of a method, the best first, to the MAP of each trial; nan where it failed.

    Returns:
        The SVG; the first eight methods are told apart by colour.
    """
    from matplotlib.ticker import MaxNLocator

    labels = list(trials)
    below = legend_height(labels)
    figure, (axes,) = stack(1, 3.4, below)
    for place, values in enumerate(trials.values()):
        best = np.fmax.accumulate(np.asarray(values, dtype=float))
        # Markers of methods at the same level do not hide each other.
        every = (place % max(1, min(4, len(best))), 4)
        style = {"drawstyle": "steps-mid", "markevery": every}
        axes.plot(np.arange(1, len(best) + 1), best, **style, **line_style(place))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="trial", ylabel="best held-out MAP so far")
    legend(figure, labels, below)
    return figure


@svg
def cost(points: Mapping[str, tuple[float, float]]) -> Any:
    """MAP against seconds of training; what no other method beats in both is joined by a line.

    Args:
        points: Label of a method to seconds and MAP; those without a MAP are left out.

    Returns:
        The SVG; all of the front are named, and others where there is room.
    """
    # The axis has no zero.
    known = {
        label: (max(float(seconds), 1e-3), float(value))
        for label, (seconds, value) in points.items()
        if np.isfinite(seconds) and np.isfinite(value)
    }
    front = _front(known)
    figure, (axes,) = stack(1, 3.6, 0)
    rest = [label for label in known if label not in front]
    axes.plot(*_columns([known[label] for label in rest]), "o", color="#888888", markersize=5)
    line = {"color": COLOURS[0], "linewidth": 1.2, "markersize": 7}
    axes.plot(*_columns([known[label] for label in front]), "D-", **line, drawstyle="steps-post")
    _scale_of_seconds(axes, [seconds for seconds, _ in known.values()])
    axes.set(xlabel="training time, logarithmic", ylabel="MAP")
    axes.margins(y=0.12)
    axes.set_title("blue: nothing is both faster and better", color=COLOURS[0])
    axes.autoscale_view()
    name_points(axes, {label: known[label] for label in [*front, *rest]}, len(front))
    return figure


def _front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """What no other point beats in both, the fastest first."""
    found: list[str] = []
    best = -np.inf
    for label in sorted(points, key=lambda name: (points[name][0], -points[name][1])):
        if points[label][1] > best:
            found.append(label)
            best = points[label][1]
    return found


def _columns(pairs: Sequence[tuple[float, float]]) -> FloatArray:
    return np.array(pairs, dtype=float).reshape(-1, 2).T


def _scale_of_seconds(axes: Any, seconds: Sequence[float]) -> None:
    """A logarithmic axis with times as people write them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    low, high = min(seconds, default=1.0), max(seconds, default=1.0)
    axes.set_xlim(low / 2, high * 3)
    inside = [time for time in TIMES if low / 2 <= time <= high * 3]
    axes.xaxis.set_major_locator(FixedLocator([*TIMES, *(BETWEEN if len(inside) < 3 else ())]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _time(seconds)))


def _time(seconds: float) -> str:
    """Seconds as people tell them.

    Example:
        >>> _time(0.002), _time(0.5), _time(20), _time(300), _time(72000)
        ('2 ms', '0.5 s', '20 s', '5 min', '20 h')
    """
    units = {"h": 3600, "min": 60, "s": 0.1, "ms": 0}
    unit = next(name for name, least in units.items() if seconds >= least)
    return f"{seconds / {**units, 's': 1, 'ms': 0.001}[unit]:.3g} {unit}"


@svg
def per_class(rows: Mapping[str, Array], class_names: Sequence[str]) -> Any:
    """Average precision of each class by each method, as a heat map.

    Args:
        rows: Label of a method to the values `(classes,)`; nan is hatched.
        class_names: Names `(classes,)`.

    Returns:
        The SVG, with the numbers where there are few classes.
    """
    values = np.array([np.asarray(row, dtype=float) for row in rows.values()])
    values = values.reshape(len(rows), len(class_names)).T
    numbered = len(class_names) <= NUMBERED
    columns, names = [_short(x, 24) for x in rows], [_short(x, 24) for x in class_names]
    figure, axes, bar = _heat_axes(columns, names, 0.21 if numbered else 0.14)
    high = _highest(values)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=high, edgecolor="white", lw=0.5
    )
    _name_cells(axes, names, columns)
    if numbered:
        _write_cells(axes, values, high)
    figure.colorbar(mesh, cax=bar).outline.set_visible(False)
    return figure


def _heat_axes(columns: Sequence[str], rows: Sequence[str], high: float) -> tuple[Any, Any, Any]:
    """A figure with room for all names: it, a hatched panel of cells, and a bar for the colours."""
    left, top = (0.15 + 0.065 * max(map(width_of, names), default=0) for names in (rows, columns))
    inner = (max(1, len(columns)) * 0.31, max(1, len(rows)) * high)
    width, height = left + inner[0] + 0.55, top + inner[1] + 0.1
    figure = blank(height, width)
    place = (left / width, 0.1 / height, inner[0] / width, inner[1] / height)
    axes = figure.add_axes(place, facecolor="white")
    axes.patch.set(hatch="//////", edgecolor="#999999", linewidth=0)
    tall = min(1.5 / height, place[3])
    low = place[1] + place[3] - tall
    bar = figure.add_axes(((left + inner[0] + 0.1) / width, low, 0.1 / width, tall))
    return figure, axes, bar


def _highest(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size and known.max() > 0 else 1.0


def _name_cells(axes: Any, rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=90)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=7 if len(rows) > NUMBERED else 8)
    axes.tick_params(axis="x", labelsize=8)
    axes.invert_yaxis()
    axes.grid(False)
    axes.spines[:].set_visible(False)


def _write_cells(axes: Any, values: FloatArray, high: float) -> None:
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            text = f"{value:.2f}".removeprefix("0") if value < 0.995 else "1"
            color = "white" if value > 0.6 * high else "black"
            place = {"ha": "center", "va": "center_baseline", "fontsize": 7}
            axes.text(column + 0.5, row + 0.5, text, color=color, **place)


def _short(name: str, limit: int) -> str:
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


@svg
def learning_curves(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> Any:
    """Loss by epoch, a small panel for each method that learns in epochs.

    Args:
        histories: Label of a method to name of a figure to its value in each epoch. Shown is
            `"loss"`, or else all whose names end in `"_loss"`.

    Returns:
        The SVG.
    """
    from matplotlib.ticker import MaxNLocator

    losses = {label: _losses(history) for label, history in histories.items()}
    losses = {label: found for label, found in losses.items() if found}
    rows = max(1, -(-len(losses) // 2))
    figure = blank(1.45 * rows + 0.2, layout="constrained")
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, (label, found) in zip(panels, losses.items(), strict=False):
        for place, (name, values) in enumerate(found.items()):
            style = {"color": COLOURS[place % len(COLOURS)], "linewidth": 1.3}
            # A single epoch is a point.
            marker = "o" if len(values) == 1 else ""
            epochs = np.arange(1, len(values) + 1)
            axes.plot(epochs, values, label=legible(name), marker=marker, **style)
        axes.set_title(_short(label, 34))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(labelsize=7)
        if len(found) > 1:
            small = {"fontsize": 6, "handlelength": 1, "labelspacing": 0.2}
            axes.legend(**small, frameon=True, edgecolor="white")
    for axes in panels[len(losses) :]:
        axes.set_axis_off()
    figure.supxlabel("epoch", fontsize=8)
    figure.supylabel("loss", fontsize=8)
    return figure


def _losses(history: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    if "loss" in history:
        return {"loss": history["loss"]}
    return {name: values for name, values in history.items() if name.endswith("_loss")}


def project(encoded: Mapping[str, Array]) -> dict[str, FloatArray]:
    """The plane in which representations of all media, of length 1, differ most.

    Args:
        encoded: Medium to representations `(n, d)`; `d` is common to all.

    Returns:
        Medium to points `(n, 2)`.

    Example:
        >>> there = project({"image": np.eye(3), "text": np.eye(3)})
        >>> there["image"].shape, bool(np.allclose(there["image"], there["text"]))
        ((3, 2), True)
    """
    from sklearn.decomposition import PCA

    pooled = np.concatenate([np.asarray(rows, dtype=float) for rows in encoded.values()])
    lengths = np.linalg.norm(pooled, axis=1, keepdims=True)
    pooled = pooled / np.where(lengths > 0, lengths, 1)
    axes = min(2, *pooled.shape)
    pca = PCA(axes, svd_solver="randomized", random_state=0)
    points = np.zeros((len(pooled), 2))
    # Where all rows are alike there is no variance to explain a share of.
    with np.errstate(invalid="ignore", divide="ignore"):
        points[:, :axes] = pca.fit_transform(pooled)
    # An axis may be turned round at will: its largest weight is above 0.
    largest = np.abs(pca.components_).argmax(axis=1)
    points[:, :axes] *= np.where(pca.components_[np.arange(axes), largest] < 0, -1, 1)
    ends = np.cumsum([len(rows) for rows in encoded.values()])[:-1]
    return dict(zip(encoded, np.split(points, ends), strict=True))


@svg
def map_of_space(
    points: Mapping[str, Array], classes: Mapping[str, Array], class_names: Sequence[str]
) -> Any:
    """The common space in two dimensions: a colour for each class, a marker for each medium.

    Args:
        points: Medium to points `(n, 2)`, as `project` makes them.
        classes: Medium to the class of each `(n,)`.
        class_names: Names `(classes,)`; those with few points are grey where there are many.

    Returns:
        The SVG, with the names of the classes at the middle of their points.
    """
    from matplotlib.lines import Line2D

    media = {medium: (*_thinned(points[medium], classes[medium]),) for medium in points}
    counts = np.bincount(
        np.concatenate([np.asarray(classes[medium], dtype=int) for medium in points]),
        minlength=len(class_names),
    )
    shown = np.sort(np.argsort(-counts, kind="stable")[:CLASSES])
    colours = _colours_of(shown, len(class_names))
    figure, (axes,) = stack(1, 4.6, 0)
    markers = [MARKERS[place % len(MARKERS)] for place in range(len(media))]
    for marker, (where, of) in zip(markers, media.values(), strict=True):
        style = {"s": 14, "alpha": 0.75, "linewidths": 0}
        axes.scatter(where[:, 0], where[:, 1], c=colours[of], marker=marker, **style)
    axes.set(xlabel="first principal axis", ylabel="second")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.08)
    axes.autoscale_view()
    handles = [Line2D([], [], marker=marker, color=DARK, linestyle="") for marker in markers]
    place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 4, "handletextpad": 0.1}
    axes.legend(handles, [legible(medium) for medium in media], **place)
    everything = np.concatenate([where for where, _ in media.values()])
    of_all = np.concatenate([of for _, of in media.values()])
    middles = {
        _short(class_names[k], 16): tuple(np.median(everything[of_all == k], axis=0))
        for k in shown
        if (of_all == k).any()
    }
    name_points(axes, middles, len(middles))
    return figure


def _colours_of(shown: Array, classes: int) -> Array:
    """RGB of each class `(classes, 3)`; grey is that of those not shown."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    found = np.tile(to_rgb(GREY), (classes, 1))
    few = len(shown) <= len(COLOURS)
    palette = [to_rgb(c) for c in COLOURS] if few else colormaps["tab20"](range(CLASSES))[:, :3]
    for place, k in enumerate(shown):
        found[k] = palette[place]
    return found


def _thinned(points: Array, classes: Array) -> tuple[FloatArray, Array]:
    """At most `POINTS` of the points, evenly spread over their order."""
    step = -(-len(points) // POINTS) or 1
    return np.asarray(points, dtype=float)[::step], np.asarray(classes, dtype=int)[::step]
