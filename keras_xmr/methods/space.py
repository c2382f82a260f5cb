"""What is worth tuning of a method: ranges that it declares, and the settings within them."""

import inspect
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.defaults import row_widths
from keras_xmr.methods.settings import Settings
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.types import Config

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from keras_xmr.methods.method import Method


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both among them; whole ones where both are.

    Attributes:
        low: The least.
        high: The largest.
        log: Whether they are drawn evenly by their logarithm.
    """

    low: float
    high: float
    log: bool = True

    def distribution(self) -> "BaseDistribution":
        """What Optuna draws from."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if isinstance(self.low, int) and isinstance(self.high, int):
            return IntDistribution(self.low, self.high, log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def value(self, drawn: Any) -> Any:
        """The value that was drawn."""
        return drawn

    def drawn_as(self, value: Any) -> Any:
        """The counterpart of `value`; `None` if the range does not hold it."""
        numeric = isinstance(value, int | float)
        return value if numeric and self.low <= value <= self.high else None


@dataclass(frozen=True)
class Choice:
    """Any of several values, which JSON can hold.

    Attributes:
        values: The values.
    """

    values: tuple[Any, ...]

    def distribution(self) -> "BaseDistribution":
        """What Optuna draws from: numbers of values, since it takes no lists for values."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(range(len(self.values)))

    def value(self, drawn: Any) -> Any:
        """The value that was drawn."""
        return self.values[drawn]

    def drawn_as(self, value: Any) -> Any:
        """The counterpart of `value`; `None` if it is none of them."""
        # JSON makes lists of tuples.
        written = [json.dumps(known) for known in self.values]
        return written.index(json.dumps(value)) if json.dumps(value) in written else None


Tunable = Range | Choice


def scaler(**config: Any) -> Config:
    """A `FeatureScaler` as settings name it."""
    return {"transform": "FeatureScaler", "config": FeatureScaler(**config).get_config()}


SCALINGS = (
    scaler(**FeatureScaler.usual().get_config()),
    scaler(),
    scaler(norm="none"),
    scaler(norm="none", square_root=False),
)
SCALING = Choice(SCALINGS)


class Space:
    """The settings around given ones, of a method on a data set.

    Args:
        method: The class of the method; `tunable` says what of it is worth tuning.
        settings: The settings that all others start from.
        data: The data set; each medium of feature rows may be scaled in its own way.
        fixed: Names of settings that are not tuned.

    Example:
        >>> from keras_xmr import CFA, datasets
        >>> space = Space(CFA, CFA.defaults, datasets.toy())
        >>> space.settings({"transforms.image": 1}).transforms["image"]["config"]
        {'square_root': True, 'norm': 'l2', 'standardize': True}
    """

    def __init__(
        self,
        method: "type[Method]",
        settings: Settings,
        data: CrossModalData,
        fixed: Collection[str] = (),
    ) -> None:
        self.method = method
        self.start = settings
        self.tunable = {n: t for n, t in method.tunable.items() if n not in fixed}
        # Feature rows may come in any scale; but those of one space are to stay in it.
        kept = method.about.one_space or "transforms" in fixed
        scaled = {} if kept else row_widths(data)
        entries = {medium: settings.transforms.get(medium, SCALINGS[0]) for medium in scaled}
        self.rows = {m: e for m, e in entries.items() if e["transform"] == "FeatureScaler"}

    def distributions(self) -> "dict[str, BaseDistribution]":
        """Name of each parameter to what Optuna draws it from."""
        return {name: tunable.distribution() for name, tunable in self.tunable.items()} | {
            f"transforms.{medium}": SCALING.distribution() for medium in self.rows
        }

    def settings(self, drawn: Mapping[str, Any]) -> Settings:
        """The settings that parameters stand for."""
        changes = {name: tunable.value(drawn[name]) for name, tunable in self.tunable.items()}
        entries = {medium: SCALING.value(drawn[f"transforms.{medium}"]) for medium in self.rows}
        return self.start.changed(changes | {"transforms": entries}, self.method.settable())

    def parameters(self) -> dict[str, Any] | None:
        """What stands for the settings at the start; `None` if they are out of range."""
        found = {name: t.drawn_as(self._value(name)) for name, t in self.tunable.items()}
        for medium, entry in self.rows.items():
            config = FeatureScaler(**entry.get("config", {})).get_config()
            found[f"transforms.{medium}"] = SCALING.drawn_as(scaler(**config))
        return None if None in found.values() else found

    def _value(self, setting: str) -> Any:
        """Of the start: a setting, or else an argument, or else what the class has for it."""
        if hasattr(self.start, setting):
            return getattr(self.start, setting)
        if setting in self.start.arguments:
            return self.start.arguments[setting]
        for parent in self.method.__mro__:
            if "__init__" in vars(parent):
                parameters = inspect.signature(vars(parent)["__init__"]).parameters
                if setting in parameters:
                    return parameters[setting].default
        return None
