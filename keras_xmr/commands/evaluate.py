"""`keras-xmr evaluate`: MAP, recall and precision of presets between all pairs of media."""

import argparse
from pathlib import Path


def run(arguments: argparse.Namespace) -> None:
    """Evaluate every preset, and compare them."""
    from keras_xmr.commands.report import model_and_data, print_reports
    from keras_xmr.evaluation import evaluate

    reports = {}
    for name in arguments.preset:
        model, data = model_and_data(arguments, name)
        reports[name] = evaluate(model, data, split=arguments.split)
        if arguments.out:
            folder = arguments.out / Path(name).name
            folder.mkdir(parents=True, exist_ok=True)
            reports[name].to_json(folder / "report.json")
            reports[name].to_csv(folder / "report.csv")
            reports[name].plot(folder / "report.png")
    print_reports(arguments, reports)
