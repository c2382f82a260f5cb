"""Settings: how a method is made, and trained, on a data set."""

import copy
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.transforms.catalogue import kind_of, restored
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Config


@dataclass(frozen=True)
class Settings:
    """How a method is made. All of it can be written as JSON.

    Attributes:
        chosen: How the settings were chosen, in words.
        arguments: Arguments of the method's class.
        transforms: Medium to its transform, as `{"transform": "FeatureScaler", "config": {...}}`;
            other media, and those that hold something else, get the usual one.
        given: Medium to the transform that it gets in any case; no part of what is written.

    Example:
        >>> Settings(arguments={"n_components": 20}).changed({"n_components": 10}, ["n_components"])
        Settings(chosen='', arguments={'n_components': 10}, transforms={})
    """

    chosen: str = ""
    arguments: Config = field(default_factory=dict)
    transforms: dict[str, Config] = field(default_factory=dict)
    given: Mapping[str, Transform] = field(
        default_factory=dict, repr=False, compare=False, kw_only=True
    )

    @property
    def trains_trunks(self) -> bool:
        """Whether trunks are trained further, rather than kept as they are."""
        return False

    def changed(self, changes: Mapping[str, Any], arguments: Collection[str]) -> Self:
        """These settings with some of them, or some arguments of the class, changed.

        Args:
            changes: Name to value; of `transforms` and `compile`, what is not named stays.
            arguments: Names of the arguments that the class has.

        Raises:
            ValueError: If there is no such setting and no such argument.
        """
        known = set(self._written())
        unknown = sorted(set(changes) - known - set(arguments))
        if unknown:
            raise ValueError(
                f"Settings are {sorted(known)}, and arguments {sorted(arguments)}. "
                f"Received: {unknown}."
            )
        of_class = {name: value for name, value in changes.items() if name in arguments}
        rest = {name: value for name, value in changes.items() if name not in arguments}
        for name in {"transforms", "compile"} & set(rest):
            rest[name] = getattr(self, name) | rest[name]
        made = replace(self, **rest)
        return replace(made, arguments=made.arguments | of_class)

    @classmethod
    def _written(cls) -> list[str]:
        """Names of what can be written as JSON."""
        return [f.name for f in fields(cls) if f.name != "given"]

    def preprocessor(self, data: CrossModalData, **given: Transform) -> Preprocessor:
        """An unfitted preprocessor for a data set.

        Args:
            data: The data set.
            **given: Medium to the transform that it gets in any case.
        """
        made = {
            medium: restored(entry, medium)
            for medium, entry in self.transforms.items()
            if medium in data.media
            and kind_of(entry["transform"], medium).takes(data.medium(medium).items, medium)
        }
        # Each preprocessor is fitted by itself.
        mine = {m: copy.deepcopy(t) for m, t in self.given.items() if m in data.media}
        return Preprocessor.for_data(data, **(made | mine | given))

    def to_dict(self) -> Config:
        """What differs from no settings at all, JSON-serialisable."""
        plain = type(self)()
        return {
            name: value
            for name in self._written()
            if (value := getattr(self, name)) != getattr(plain, name)
        }

    def write(self, path: str | Path) -> None:
        """Write them as a JSON file that a person can read and compare."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Settings of a file.

        Raises:
            OSError: If the file is not there.
            ValueError: If it is no JSON, or has settings that there are not.
        """
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        known = set(cls._written())
        if not isinstance(found, dict) or not set(found) <= known:
            names = sorted(found) if isinstance(found, dict) else type(found).__name__
            raise ValueError(
                f"A file of settings has some of {sorted(known)}. Received: {names} in "
                f"{str(path)!r}."
            )
        return cls(**found)


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """How a Keras method is made and trained.

    Attributes:
        epochs: Times through the training pairs.
        batch_size: Pairs per step.
        optimizer: `"adamw"`, or `"paper"`: the SGD of the release, with its own rate and decay.
        learning_rate: Highest learning rate of AdamW; it falls to zero as half a cosine.
        beta_1: Momentum of AdamW.
        weight_decay: Decoupled weight decay of AdamW, on matrices alone.
        pretraining: Epochs of pretraining, of a method that has one.
        discriminator_rate: Learning rate of the discriminator of a game; `None` for that of all.
        rates: Pattern to factor on AdamW's learning rate: see `keras_xmr.optimizers`.
        trunk_rate: Learning rate of trunks of pictures as a share of that of the other layers. 0
            keeps trunks as they are, so that the features of each picture are computed once.
        trained_from: Name of the first layer of a trunk that is trained; `None` for all of them.
        accumulate: Batches whose gradients are averaged before each step; `None` for one.
        averaging: Momentum of the moving average of the weights that training ends with; `None`
            for the last weights themselves.
        pairing: As in `CrossModalModel.batches`; media without instance names are paired by class
            in any case.
        text_cnn: Arguments of `keras_xmr.trunks.text_cnn`, for media whose transform is `WordIds`;
            its word vectors are trained on the training texts.
        sentence_dropout: As in `CrossModalModel.batches`.
        distillation: Share of the targets that is what classifiers of all media agree on, from 0 to
            1: see `keras_xmr.methods.distillation`. Accuracies of the history are then of targets.
        compile: Further arguments of `compile`, such as `jit_compile` and `steps_per_execution`.
    """

    epochs: int = 30
    batch_size: int = 64
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    beta_1: float = 0.9
    weight_decay: float = 1e-2
    pretraining: int = 0
    discriminator_rate: float | None = None
    rates: dict[str, float] = field(default_factory=dict)
    trunk_rate: float = 0.0
    trained_from: str | None = None
    accumulate: int | None = None
    averaging: float | None = None
    pairing: str | Mapping[str, str] = "instance"
    text_cnn: Config = field(default_factory=dict)
    sentence_dropout: float = 0.0
    distillation: float = 0.0
    compile: Config = field(default_factory=dict)

    @property
    def trains_trunks(self) -> bool:
        """Whether trunks are trained further, rather than kept as they are."""
        return self.trunk_rate > 0
