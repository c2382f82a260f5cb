"""`keras-xmr list`: presets, methods and data sets."""

import argparse
import json
from typing import Any


def run(arguments: argparse.Namespace) -> None:
    """Print what there is."""
    from keras_xmr import presets
    from keras_xmr.datasets.catalogue import CATALOGUE
    from keras_xmr.methods.catalogue import methods

    found: dict[str, dict[str, Any]] = {
        "presets": {
            name: f"{facts['class_name']} on {facts.get('data', '?')}, "
            f"MAP@all {facts.get('map', float('nan')):.3f}"
            for name, facts in presets.bundled().items()
        },
        "methods": {name: about._asdict() for name, about in methods().items()},
        "data sets": {name: entry.description for name, entry in CATALOGUE.items()},
    }
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for title, entries in found.items():
        print(title)
        for name, entry in entries.items():
            print(f"  {name:20} {entry if isinstance(entry, str) else _row(entry)}")


def _row(method: dict[str, Any]) -> str:
    """Year, kind, what it learns from, media, what it returns, and its name in words."""
    learns_from = ", ".join(method["learns_from"]) or "nothing"
    needs = " (media of one space)" if method["one_space"] else ""
    return (
        f"{method['year']}  {method['kind']:8} {learns_from:21} "
        f"media: {method['media']:4} {method['returns']:22} {method['title']}{needs}"
    )
