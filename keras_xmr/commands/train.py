"""`keras-xmr train`: from data to a preset."""

import argparse
import json
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_xmr.backend import ensure_backend
from keras_xmr.methods.catalogue import LINEAR, METHODS, NETWORKS

if TYPE_CHECKING:
    from keras_xmr.datasets import CrossModalData
    from keras_xmr.training.recipes import Recipe

# Those that take an option which others do not.
TRAINING_TRUNKS = ("acmr", "chtn", "cm_gans", "deep_sm", "mhtn")
TAKING = {
    "source": ("chtn", "mhtn"),
    "trunk": NETWORKS,
    # The graph of UGACH is of features that stay as they are.
    "fine_tune": TRAINING_TRUNKS,
    "hub": NETWORKS,
    "kernel": ("kcca",),
    "variant": ("acmr", "cm_gans", "corr_ae", "ugach"),
    "set": tuple(name for name in METHODS if name != "semantic_matching"),
}


def run(arguments: argparse.Namespace) -> None:
    """Train, evaluate and save."""
    import keras_xmr
    from keras_xmr.commands.report import past_trunks, print_reports
    from keras_xmr.datasets.catalogue import load

    raw = arguments.trunk is not None
    for option, methods in TAKING.items():
        if getattr(arguments, option) and arguments.method not in methods:
            raise ValueError(
                f"Only {', '.join(methods)} take --{option.replace('_', '-')}. "
                f"Received: method={arguments.method!r}."
            )
    data = load(arguments.data, raw=raw, skip_bad=arguments.skip_bad)
    source = (
        load(arguments.source, raw=raw, skip_bad=arguments.skip_bad) if arguments.source else None
    )
    ensure_backend()
    checkpoint = arguments.out.with_name(f"{arguments.out.name}.checkpoint")
    model: Any
    if arguments.method == "semantic_matching":
        from keras_xmr.training.train import fit_semantic_matching

        model = fit_semantic_matching(data)
    elif arguments.method in LINEAR:
        from keras_xmr.training.linear_recipes import fit_baseline

        model = fit_baseline(
            arguments.method, data, seed=arguments.seed, **_arguments_of_class(arguments)
        )
    else:
        model = _train(arguments, data, source, checkpoint)
    report = keras_xmr.evaluate(*past_trunks(model, data))
    model.save_to_preset(
        arguments.out,
        metadata={
            "data": arguments.data,
            "source": arguments.source,
            "trunk": arguments.trunk,
            "split_hash": report.split_hash,
            "provenance": data.provenance.split,
            "seed": arguments.seed,
            "command": shlex.join(["keras-xmr", *sys.argv[1:]]),
            "map": round(report.map, 4),
            "results": report.rows(),
        },
    )
    shutil.rmtree(checkpoint, ignore_errors=True)
    print_reports(arguments, {str(arguments.out): report})
    print(f"saved {arguments.out}", file=sys.stderr)


def _arguments_of_class(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `--kernel`, `--variant` and `--set name=value` give; a value is JSON or a string."""
    options = {"kernel": arguments.kernel, "variant": arguments.variant}
    given: dict[str, Any] = {name: value for name, value in options.items() if value}
    for text in arguments.set or []:
        name, sign, value = text.partition("=")
        if not sign:
            raise ValueError(f"An argument is set as name=value. Received: {text!r}.")
        try:
            given[name] = json.loads(value)
        except json.JSONDecodeError:
            given[name] = value
    return given


def _train(
    arguments: argparse.Namespace,
    data: "CrossModalData",
    source: "CrossModalData | None",
    checkpoint: Path,
) -> Any:
    from keras_xmr.training.train import train_model
    from keras_xmr.trunks import load_trunk

    trunks = {}
    if arguments.trunk:
        trunks["image"] = load_trunk(arguments.trunk, arguments.trunk_weights)
    model = train_model(
        arguments.method,
        data,
        source,
        trunks=trunks,
        recipe=_recipe(arguments, data),
        seed=arguments.seed,
        checkpoint=checkpoint,
        progress=True,
    )
    return model.for_retrieval()


def _recipe(arguments: argparse.Namespace, data: "CrossModalData") -> "Recipe":
    """The recipe of the data, with what the command line changes."""
    from keras_xmr.training.recipes import recipe_for
    from keras_xmr.training.train import MODELS
    from keras_xmr.transforms import WordIds

    recipe = recipe_for(
        data,
        arguments.method,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        optimizer=arguments.optimizer,
        trunk_rate=arguments.fine_tune,
        trained_from=arguments.fine_tune_from,
        accumulate=arguments.accumulate,
        averaging=arguments.averaging,
    )
    compiled = {
        "jit_compile": arguments.jit_compile,
        "steps_per_execution": arguments.steps_per_execution,
    }
    given = {name: value for name, value in compiled.items() if value is not None}
    if arguments.text_cnn:
        recipe = replace(recipe, transforms=recipe.transforms | {"text": (WordIds, {})})
    model = {"dtype": arguments.precision, "hub": arguments.hub}
    model = {name: value for name, value in model.items() if value is not None}
    model |= _arguments_of_class(arguments)
    unknown = sorted(set(model) - set(MODELS[arguments.method].argument_names()))
    if unknown:
        raise ValueError(
            f"{arguments.method} takes {sorted(MODELS[arguments.method].argument_names())}. "
            f"Received: {unknown}."
        )
    return replace(recipe, compile=recipe.compile | given, model=recipe.model | model)
