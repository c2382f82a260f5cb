"""What several commands share: a preset with its data, and printed reports."""

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_xmr.datasets import CrossModalData
    from keras_xmr.report import Report


def model_and_data(arguments: argparse.Namespace, preset: str) -> tuple[Any, "CrossModalData"]:
    """The model of a preset, and the data named on the command line or those of its training.

    A trunk that was trained within the model is put in front of it, so that its features of each
    picture are computed once and kept in the cache.
    """
    from keras_xmr import presets
    from keras_xmr.datasets.catalogue import load

    name = arguments.data or presets.metadata(preset).get("data")
    if name is None:
        raise ValueError("This preset does not name its data. Received: no data set; give one.")
    model = presets.load(preset).with_frozen_trunks()
    transforms = model.preprocessor.transforms
    raw: Any = any(t.of_pictures for t in transforms.values())
    raw = raw or {name for name, t in transforms.items() if t.needs_sentences}
    return model, load(name, raw=raw, skip_bad=arguments.skip_bad)


def print_reports(arguments: argparse.Namespace, reports: dict[str, "Report"]) -> None:
    """Tables with their legend, and paired tests where there are several; or JSON."""
    from keras_xmr.evaluation import compare

    if arguments.json:
        print(json.dumps({name: report.to_dict() for name, report in reports.items()}))
        return
    for name, report in reports.items():
        print(f"{name}: {report.data}, {report.split}\n{report.table()}\n")
    # Most columns are those of all.
    legend = dict.fromkeys(line for r in reports.values() for line in r.legend().splitlines())
    print(*legend, sep="\n")
    for line in compare(reports):
        print(line)
