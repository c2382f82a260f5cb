"""The files of a report."""

import csv
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_xmr.comparison.comparison import Comparison
from keras_xmr.comparison.latex import latex
from keras_xmr.comparison.markdown import markdown
from keras_xmr.comparison.page import page
from keras_xmr.comparison.summary import content
from keras_xmr.presets import save_whole


def write_report(comparison: Comparison, folder: Path) -> Path:
    """Write all files, each whole or not at all; the path of the page."""
    told = content(comparison)
    texts = {"report.html": page(told), "report.md": markdown(told), "results.tex": latex(told)}
    for name, text in texts.items():
        save_whole(folder / name, functools.partial(Path.write_text, data=text, encoding="utf-8"))
    for name, rows in {"results.csv": comparison.rows(), "costs.csv": comparison.costs()}.items():
        save_whole(folder / name, functools.partial(_write_rows, rows))
    return folder / "report.html"


def _write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({n: f"{v:.6g}" if isinstance(v, float) else v for n, v in row.items()})
