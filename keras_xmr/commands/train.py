"""`keras-xmr train`: from data to a preset."""

import argparse
import shlex
import shutil
import sys
from typing import Any

from keras_xmr.commands.assigned import assigned

# Option of the command line to the setting, or the argument of the class, that it is.
SETTINGS = {
    "kernel": "kernel",
    "variant": "variant",
    "hub": "hub",
    "precision": "dtype",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "optimizer": "optimizer",
    "fine_tune": "trunk_rate",
    "fine_tune_from": "trained_from",
    "accumulate": "accumulate",
    "averaging": "averaging",
}
COMPILED = ("jit_compile", "steps_per_execution")


def run(arguments: argparse.Namespace) -> None:
    """Train, evaluate and save."""
    import keras_xmr
    from keras_xmr import presets
    from keras_xmr.commands.encoders import encoders_of, raw_media
    from keras_xmr.commands.report import print_reports
    from keras_xmr.datasets.catalogue import load
    from keras_xmr.methods.catalogue import method_class

    method = method_class(arguments.method)
    settings = type(method.defaults).read(arguments.settings) if arguments.settings else None
    changes = _changes(arguments)
    # Before data are loaded: what cannot be set is told at once.
    (settings or method.defaults).changed(changes, method.settable())
    encoders = encoders_of(arguments)
    raw = raw_media(arguments)
    data = load(arguments.data, raw=raw, skip_bad=arguments.skip_bad)
    source = (
        load(arguments.source, raw=raw, skip_bad=arguments.skip_bad) if arguments.source else None
    )
    trunks = _trunks(arguments)
    if arguments.tune:
        settings = keras_xmr.tune(
            data,
            arguments.method,
            source,
            budget=arguments.tune,
            trunks=trunks,
            encoders=encoders,
            settings=settings,
            seed=arguments.seed,
            folder=arguments.out.with_name(f"{arguments.out.name}.trials"),
            **changes,
        )
    checkpoint = arguments.out.with_name(f"{arguments.out.name}.checkpoint")
    model = method.train(
        data,
        source,
        trunks=trunks,
        encoders=encoders,
        settings=settings,
        seed=arguments.seed,
        checkpoint=checkpoint,
        **changes,
    ).for_retrieval()
    # Figures are those of what is saved.
    model = presets.as_stored(model)
    report = keras_xmr.evaluate(model, data)
    model.save_to_preset(
        arguments.out,
        metadata={
            "data": arguments.data,
            "source": arguments.source,
            "trunk": arguments.trunk,
            "encoders": encoders,
            "split_hash": report.split_hash,
            "provenance": data.provenance.split,
            "seed": arguments.seed,
            "chosen": settings.chosen if settings else "",
            "command": shlex.join(["keras-xmr", *sys.argv[1:]]),
            "map": round(report.map, 4),
            "results": report.rows(),
        },
    )
    shutil.rmtree(checkpoint, ignore_errors=True)
    print_reports(arguments, {str(arguments.out): report})
    print(f"saved {arguments.out}", file=sys.stderr)


def _trunks(arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.trunk:
        return {}
    from keras_xmr.trunks import load_trunk

    return {"image": load_trunk(arguments.trunk, arguments.trunk_weights)}


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the options, and `--set name=value`, change; a value is JSON or a string."""
    given = {name: getattr(arguments, option) for option, name in SETTINGS.items()}
    changes = {name: value for name, value in given.items() if value is not None}
    compiled = {name: getattr(arguments, name) for name in COMPILED}
    compiled = {name: value for name, value in compiled.items() if value is not None}
    if compiled:
        changes["compile"] = compiled
    if arguments.text_cnn:
        changes["transforms"] = {"text": {"transform": "WordIds"}}
    changes |= assigned(arguments.set or [])
    return changes
