"""`keras-xmr encode`: common representations as an `.npz` file."""

import argparse
import json
from typing import Any

import numpy as np


def run(arguments: argparse.Namespace) -> None:
    """Encode the texts and pictures given, or else a data set."""
    from keras_xmr import presets
    from keras_xmr.commands.report import model_and_data

    given = {"text": arguments.text, "image": arguments.image}
    arrays: dict[str, Any] = {}
    if any(given.values()):
        model = presets.load(arguments.preset)
        for name, items in given.items():
            if items:
                arrays[name] = model.encode(items, media=name)
    else:
        model, data = model_and_data(arguments, arguments.preset)
        for name in model.media:
            arrays[name] = model.encode(data, media=name)
            arrays[f"{name}_ids"] = data.medium(name).ids
    presets.save_whole(arguments.out, lambda file: np.savez_compressed(file, **arrays))
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    print(json.dumps(shapes) if arguments.json else f"{arguments.out}: {shapes}")
