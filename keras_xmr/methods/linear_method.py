"""`LinearMethod`: what methods that are fitted and encoded with arrays share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.evaluation import evaluate
from keras_xmr.methods.method import Method, Run
from keras_xmr.methods.settings import Settings
from keras_xmr.progress import Progress
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Array, Config, FloatArray

Weights = Mapping[str, tuple[Array, ...]]
Rows = Mapping[str, Array]


class LinearMethod(Method):
    """A method without a backend: what it learns are a few arrays for each medium.

    A subclass says in `_fit` what they are, names them in `ARRAYS`, and unless they are a kernel
    and a bias says in `_map` how they map rows. Arguments of its constructor are attributes of the
    same name.

    Args:
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.
    """

    ARRAYS: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    def __init__(self, preprocessor: Preprocessor | None = None) -> None:
        self.preprocessor = preprocessor
        self.weights: dict[str, tuple[FloatArray, ...]] = {}

    @classmethod
    def _trained(
        cls,
        data: CrossModalData,
        source: CrossModalData | None,
        trunks: dict[str, Any],
        settings: Settings,
        run: Run,
    ) -> Self:
        seeded = {"random_state": run.seed} if "random_state" in cls.argument_names() else {}
        arguments = seeded | settings.arguments
        model = cls(**arguments, preprocessor=settings.preprocessor(data)).fit(data)
        model._tell_transforms(run)
        if run.progress and data.has("validation"):
            found = evaluate(model, data, split="validation").map
            Progress(cls.about.name).say(f"fitted, validation MAP {found:.3f}")
        return model

    @property
    def media(self) -> list[str]:
        """The media it was fitted on."""
        return list(self.weights)

    def fit(self, data: CrossModalData, *, split: str = "train") -> Self:
        """Fit the preprocessor and the method on one part of `data`; returns `self`."""
        part = data.part(split)
        self._set_weights(self._fit(self._fit_preprocessor(data, part), part))
        return self

    def _fit_preprocessor(self, data: CrossModalData, part: CrossModalData) -> Rows:
        """Fit it; the rows `(n, d)` of every medium."""
        self._check_targets(part)
        transforms = self.preprocessor or self.settings_for(data).preprocessor(data)
        raw = [name for name, t in transforms.transforms.items() if t.needs_trunk]
        if raw:
            raise ValueError(
                f"{type(self).__name__} takes rows. Received: raw items of {raw} in {data.name!r}. "
                "Give a network that makes features of them: trunks={...}, or --trunk on the "
                "command line."
            )
        self.preprocessor = transforms.fit(part)
        return {
            name: self.preprocessor(part.medium(name).items, name)
            for name in self.preprocessor.transforms
        }

    def _set_weights(self, weights: Weights) -> None:
        self.weights = {
            name: tuple(np.asarray(array, dtype=np.float32) for array in arrays)
            for name, arrays in weights.items()
        }

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        """Medium to its `ARRAYS`, from its rows `(n, d)` and the part they are of."""
        raise NotImplementedError

    def _map(self, rows: FloatArray, medium: str) -> FloatArray:
        """Common representation `(n, k)` of rows `(n, d)`."""
        kernel, bias = self.weights[medium]
        mapped: FloatArray = rows @ kernel + bias
        return mapped

    def _represent(self, rows: Array, media: str, batch_size: int) -> FloatArray:
        if not len(rows):
            # No rows have a width too, which some of what follows cannot tell.
            return self._represent(np.zeros((1, rows.shape[1]), np.float32), media, 1)[:0]
        starts = range(0, len(rows), batch_size)
        blocks = [self._map(rows[start : start + batch_size], media) for start in starts]
        return np.concatenate(blocks).astype(np.float32, copy=False)

    def with_readout(self, readout: str) -> Self:
        """See `Method.with_readout`."""
        if "readout" not in self.argument_names():
            return super().with_readout(readout)
        config = self.get_config() | {"readout": readout, "preprocessor": None}
        copy = self.from_config(config)
        copy.preprocessor, copy.weights = self.preprocessor, self.weights
        return copy

    def get_config(self) -> Config:
        """The constructor's arguments, JSON-serialisable."""
        values = {name: getattr(self, name) for name in self.argument_names()}
        config = {n: dict(v) if isinstance(v, Mapping) else v for n, v in values.items()}
        return config | {"preprocessor": self.preprocessor and self.preprocessor.get_config()}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`."""
        config = dict(config)
        if config.get("preprocessor") is not None:
            config["preprocessor"] = Preprocessor.from_config(config["preprocessor"])
        return cls(**config)

    def save_weights(self, path: str | Path) -> None:
        """Write what was learned into an HDF5 file.

        Raises:
            RuntimeError: Before `fit`.
        """
        import h5py

        self._require_preprocessor()
        with h5py.File(path, "w") as file:
            for medium, arrays in self.weights.items():
                for name, array in zip(self.ARRAYS, arrays, strict=True):
                    file[f"{medium}/{name}"] = array

    def load_weights(self, path: str | Path) -> None:
        """Read what `save_weights` wrote."""
        import h5py

        with h5py.File(path, "r") as file:
            # A file gives its groups in alphabetical order; the preprocessor has that of the data.
            media = list(file) if self.preprocessor is None else self.preprocessor.transforms
            self._set_weights({m: tuple(file[m][name][()] for name in self.ARRAYS) for m in media})

    def _check_medium(self, media: str) -> None:
        self._require_preprocessor()
        super()._check_medium(media)

    def _require_preprocessor(self) -> Preprocessor:
        if self.preprocessor is None or not self.weights:
            raise RuntimeError(
                f"{type(self).__name__} must be fitted before it is used. Call fit()."
            )
        return self.preprocessor

    def _of(self, argument: str, medium: str) -> Any:
        """The value of an argument that is one for all media, or medium to value."""
        value = getattr(self, argument)
        if not isinstance(value, Mapping):
            return value
        if medium not in value:
            raise ValueError(
                f"{argument} must be one value, or have one for each medium. Received: "
                f"{argument}={dict(value)}, without {medium!r}."
            )
        return value[medium]


def paired(rows: Rows, part: CrossModalData, what: str, most: int | None = None) -> Rows:
    """The rows, float64, of the instances that all media have, aligned.

    Args:
        rows: Rows `(n, d)` of each medium.
        part: What they are of.
        what: Name of the method, for messages.
        most: The largest number of media it takes.

    Raises:
        ValueError: If there are too few or too many media, or media without pairs.
    """
    if len(rows) < 2 or (most is not None and len(rows) > most):
        wanted = "two media" if most == 2 else "two or more media"
        raise ValueError(f"{what} is defined for {wanted}. Received: {sorted(rows)}.")
    index = part.paired_rows(rows)
    return {name: np.asarray(own[index[name]], dtype=np.float64) for name, own in rows.items()}


def centre(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows `(n, d)` less their mean, and the mean `(d,)`."""
    mean: FloatArray = rows.mean(axis=0)
    return rows - mean, mean


def hot(labels: Array, num_classes: int) -> FloatArray:
    """Labels as rows `(n, classes)` that add up to 1; several classes share it equally."""
    rows = np.eye(num_classes)[labels] if labels.ndim == 1 else labels.astype(np.float64)
    shared: FloatArray = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1)
    return shared
