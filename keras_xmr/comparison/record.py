"""`Record`: one trained model of a comparison, as JSON with its representations beside it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.presets import save_whole
from keras_xmr.report import Report
from keras_xmr.types import Array, Config


@dataclass(frozen=True)
class Costs:
    """What a model cost.

    Attributes:
        tune: Seconds of tuning, of all trials.
        train: Seconds of one training.
        encode: Seconds for the representations of the test part, all media.
        memory: Bytes by which the process grew, at most, while it trained and encoded.
        size: Bytes of the preset.
    """

    tune: float = 0.0
    train: float = 0.0
    encode: float = 0.0
    memory: int = 0
    size: int = 0


@dataclass(frozen=True, eq=False)
class Record:
    """One model that was trained, and what came out.

    Attributes:
        method: Name of the method, or of a variant of one.
        split: Number of the split; 0 is that of the data.
        seed: Seed of the training.
        bagged: Whether it was trained on items drawn with replacement: a member of an ensemble.
        settings: The settings, as `Settings.to_dict` has them; `chosen` in it tells how they were
            found.
        costs: What it cost.
        history: Name of a figure to its value in each epoch, where there are epochs.
        reports: Readout to the report on the test part; `""` is the readout of the settings.
        validation: MAP on the validation part, by the readout of the settings.
        metric: What its representations are ranked by.
        encoded: `"test/image"` and the like to representations `(n, d)`; of `"means/image"`, the
            mean of the training items of each class `(classes, d)`.
    """

    method: str
    split: int
    seed: int
    bagged: bool
    settings: Config
    costs: Costs
    history: dict[str, list[float]]
    reports: dict[str, Report]
    validation: float
    metric: str
    encoded: Mapping[str, Array] = field(default_factory=dict, repr=False)

    @property
    def report(self) -> Report:
        """The report on the test part, by the readout of the settings."""
        return self.reports[""]

    def write(self, path: Path) -> None:
        """Write `path` with the suffix `.npz`, and then `.json`: what has it, is whole."""
        arrays: dict[str, Any] = dict(self.encoded)
        save_whole(path.with_suffix(".npz"), lambda draft: np.savez(draft, **arrays))
        plain: dict[str, Any] = asdict(replace(self, reports={}, encoded={}))
        plain["reports"] = {name: report.to_record() for name, report in self.reports.items()}
        del plain["encoded"]
        text = json.dumps(plain, indent=1) + "\n"
        save_whole(path.with_suffix(".json"), lambda draft: draft.write_text(text, "utf-8"))

    @classmethod
    def read(cls, path: Path) -> "Record":
        """The counterpart of `write`."""
        plain = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as arrays:
            encoded = {name: arrays[name] for name in arrays.files}
        reports = {name: Report.from_record(r) for name, r in plain.pop("reports").items()}
        costs = Costs(**plain.pop("costs"))
        return cls(**plain, costs=costs, reports=reports, encoded=encoded)
