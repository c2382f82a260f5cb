"""What the figures of a comparison share: colours, sizes, legends, and how they become SVGs."""

import functools
import io
import re
import textwrap
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

# Okabe and Ito's palette, which the colour-blind tell apart; yellow comes last, being pale.
COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7"),
    *("#E69F00", "#56B4E9", "#000000", "#F0E442"),
)
MARKERS = "os^DvP*X"
GREY = "#B0B0B0"
DARK = "#333333"
# Inches.
WIDTH = 4.6
STYLE = {
    **{"svg.fonttype": "none", "font.size": 9, "axes.titlesize": 9, "legend.fontsize": 8},
    **{"xtick.labelsize": 8, "ytick.labelsize": 8, "legend.frameon": False},
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True},
    **{"grid.color": "#E4E4E4", "grid.linewidth": 0.6, "axes.axisbelow": True},
    # A name may have a dollar in it.
    "text.parse_math": False,
}
P = ParamSpec("P")


def svg(draw: Callable[P, Any]) -> Callable[P, str]:
    """Let a function that draws a figure return its SVG; matplotlib's own state stays as it is."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        import matplotlib

        with matplotlib.rc_context(), warnings.catch_warnings():
            matplotlib.rcdefaults()
            # Names of parts are hashes: with a salt they are the same each time, and differ from
            # those of the other figures on the page.
            matplotlib.rcParams.update({**STYLE, "svg.hashsalt": draw.__name__})
            # The browser has letters that matplotlib's font lacks.
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            file = io.StringIO()
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            draw(*args, **kwargs).savefig(file, format="svg", metadata=nothing)
        whole = file.getvalue()
        # Without its head it can be part of a page; names of groups would not be unique there.
        return re.sub(r'<g id="[^"]*"', "<g", whole[whole.index("<svg") :])

    return drawn


def blank(height: float, width: float = WIDTH, **kwargs: Any) -> Any:
    """An empty figure of that size (inches); `layout`, for example, goes to matplotlib."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), **kwargs)


def line_style(place: int) -> dict[str, Any]:
    """How the line of the method at a place looks: the first ones by colour, the rest grey."""
    if place >= len(COLOURS):
        return {"color": GREY, "linewidth": 0.7, "zorder": 1.5}
    return {
        **{"color": COLOURS[place], "marker": MARKERS[place], "markersize": 4},
        **{"linewidth": 1.4, "zorder": 3 - place / 10},
    }


def legend(figure: Any, labels: Sequence[str], bottom: float) -> None:
    """Names of the lines below the panels, from `bottom` (inches) downwards; grey ones together."""
    from matplotlib.lines import Line2D

    named = labels[: len(COLOURS)]
    handles = [Line2D([], [], **line_style(place)) for place in range(len(named))]
    texts = [legible(label) for label in named]
    others = labels[len(COLOURS) :]
    top = bottom / figure.get_figheight()
    figure.legend(handles, texts, loc="upper left", bbox_to_anchor=(0.02, top), ncols=2)
    if others:
        rows = -(-len(named) // 2)
        text = textwrap.fill("grey: " + "; ".join(others), 66)
        y = (bottom - 0.18 * rows - 0.12) / figure.get_figheight()
        figure.text(0.05, y, text, color="#666666", fontsize=8, va="top")


def legend_height(labels: Sequence[str]) -> float:
    """Inches that `legend` takes."""
    rows = -(-min(len(labels), len(COLOURS)) // 2)
    others = textwrap.wrap("; ".join(labels[len(COLOURS) :]), 60)
    return 0.2 + 0.18 * rows + 0.16 * len(others)


def legible(label: str) -> str:
    """Names with a leading underscore would be left out of legends."""
    return f" {label}" if label.startswith("_") else label


def stack(panels: int, height: float, below: float) -> tuple[Any, list[Any]]:
    """Panels below each other, each `height` inches with its labels, and room below them all."""
    whole = panels * height + below
    figure = blank(whole)
    left, right, up, down = 0.66 / WIDTH, 0.12 / WIDTH, 0.3, 0.46
    places = [
        (left, (whole - (k + 1) * height + down) / whole, 1 - left - right, (height - up - down))
        for k in range(panels)
    ]
    return figure, [figure.add_axes((x, y, w, h / whole)) for x, y, w, h in places]
