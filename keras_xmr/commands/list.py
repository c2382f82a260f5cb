"""`keras-xmr list`: presets, methods and data sets."""

import argparse
import json


def run(arguments: argparse.Namespace) -> None:
    """Print what there is."""
    from keras_xmr import presets
    from keras_xmr.commands.train import METHODS
    from keras_xmr.datasets.catalogue import CATALOGUE

    found = {
        "presets": {
            name: f"{facts['class_name']} on {facts.get('data', '?')}, "
            f"MAP@all {facts.get('map', float('nan')):.3f}"
            for name, facts in presets.bundled().items()
        },
        "methods": METHODS,
        "data sets": {name: entry.description for name, entry in CATALOGUE.items()},
    }
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for title, entries in found.items():
        print(title)
        for name, text in entries.items():
            print(f"  {name:20} {text}")
