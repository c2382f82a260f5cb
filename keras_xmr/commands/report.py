"""What several commands share: a preset with its data, cached features, and printed reports."""

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_xmr.datasets import CrossModalData
    from keras_xmr.report import Report


def model_and_data(arguments: argparse.Namespace, preset: str) -> tuple[Any, "CrossModalData"]:
    """The model of a preset, and the data named on the command line or those of its training."""
    from keras_xmr import presets
    from keras_xmr.datasets.catalogue import load
    from keras_xmr.transforms.pictures import picture_trunks

    name = arguments.data or presets.metadata(preset).get("data")
    if name is None:
        raise ValueError("This preset does not name its data. Received: no data set; give one.")
    model = presets.load(preset)
    raw = bool(picture_trunks(getattr(model, "trunks", {})))
    return model, load(name, raw=raw, skip_bad=arguments.skip_bad)


def past_trunks(model: Any, data: "CrossModalData") -> tuple[Any, "CrossModalData"]:
    """The model without trunks of pictures, and the data as features, each computed once."""
    from keras_xmr.transforms.extraction import extract_features
    from keras_xmr.transforms.pictures import picture_trunks

    trunks = picture_trunks(getattr(model, "trunks", {}))
    if not trunks:
        return model, data
    for medium, trunk in trunks.items():
        if medium in data.media:
            data = extract_features(data, trunk, medium=medium)
    return model.without_trunks(), data


def print_reports(arguments: argparse.Namespace, reports: dict[str, "Report"]) -> None:
    """Tables, and paired tests where there are several; or JSON."""
    from keras_xmr.evaluation import compare

    if arguments.json:
        print(json.dumps({name: report.to_dict() for name, report in reports.items()}))
        return
    for name, report in reports.items():
        print(f"{name}: {report.data}, {report.split}\n{report.table()}\n")
    for line in compare(reports):
        print(line)
