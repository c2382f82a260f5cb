"""What baselines that are fitted and encoded with arrays share: verbs, state, presets."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from keras_xmr import presets
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.transforms.pictures import PictureLoader
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Array, Config, FloatArray, Items

Weights = Mapping[str, tuple[Array, ...]]
Rows = Mapping[str, Array]

# Rows encoded at a time where what lies between input and output is large.
BLOCK = 1024


class LinearMethod:
    """A method without a backend: what it learns are a few arrays for each medium.

    A subclass says in `_fit` what they are, names them in `ARRAYS`, and unless they are a kernel
    and a bias says in `_represent` how they map rows. Arguments of its constructor are attributes
    of the same name.

    Args:
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.
    """

    ARRAYS: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    def __init__(self, preprocessor: Preprocessor | None = None) -> None:
        self.preprocessor = preprocessor
        self.weights: dict[str, tuple[FloatArray, ...]] = {}

    @property
    def media(self) -> list[str]:
        """The media it was fitted on."""
        return list(self.weights)

    @property
    def metric(self) -> str:
        """What rankings of its representations are by."""
        return "cosine"

    def fit(self, data: CrossModalData, *, split: str = "train") -> Self:
        """Fit the preprocessor and the method on one part of `data`; returns `self`."""
        part = data.part(split)
        self._set_weights(self._fit(self._fit_preprocessor(data, part), part))
        return self

    def _fit_preprocessor(self, data: CrossModalData, part: CrossModalData) -> Rows:
        """Fit it; the rows `(n, d)` of every medium."""
        transforms = self.preprocessor or Preprocessor.for_data(data)
        pictures = [n for n, t in transforms.transforms.items() if isinstance(t, PictureLoader)]
        if pictures:
            raise ValueError(
                f"{type(self).__name__} takes features. Received: pictures as {pictures} of "
                f"{data.name!r}. Turn them into features first, with "
                "keras_xmr.transforms.extract_features."
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

    def _represent(self, rows: FloatArray, medium: str) -> FloatArray:
        """Common representation `(n, k)` of rows `(n, d)`."""
        kernel, bias = self.weights[medium]
        represented: FloatArray = rows @ kernel + bias
        return represented

    def preprocess(self, data: CrossModalData) -> dict[str, FloatArray]:
        """Arrays `(n, d)` of every medium of `data` that the baseline knows."""
        preprocessor = self._fitted()
        return {name: preprocessor(data.medium(name).items, name) for name in self.weights}

    def encode(self, x: CrossModalData | dict[str, Array] | Items, media: str) -> FloatArray:
        """Common representation `(n, k)`, float32, of the items of one medium.

        Args:
            x: A data set or raw items; a dict, such as `preprocess` returns, is taken as it is.
            media: Name of the medium.

        Raises:
            RuntimeError: Before `fit`.
            KeyError: If it was not fitted on that medium.
        """
        preprocessor = self._fitted()
        if media not in self.weights:
            raise KeyError(f"Fitted media are {self.media}. Received: {media=}.")
        if isinstance(x, dict):
            rows = x[media]
        else:
            items = x.medium(media).items if isinstance(x, CrossModalData) else x
            rows = preprocessor(items, media)
        if not len(rows):
            # No rows have a width too, which some of what follows cannot tell.
            return self.encode({media: np.zeros((1, rows.shape[1]), np.float32)}, media)[:0]
        starts = range(0, len(rows), BLOCK)
        blocks = [self._represent(rows[start : start + BLOCK], media) for start in starts]
        return np.concatenate(blocks).astype(np.float32, copy=False)

    def encode_image(self, x: Any) -> FloatArray:
        """`encode(x, media="image")`."""
        return self.encode(x, "image")

    def encode_text(self, x: Any) -> FloatArray:
        """`encode(x, media="text")`."""
        return self.encode(x, "text")

    def get_config(self) -> Config:
        """The constructor's arguments, JSON-serialisable."""
        values = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
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
        """Write what was learned into an HDF5 file."""
        import h5py

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

    def save_to_preset(
        self, path: str | Path, *, metadata: Config | None = None, card: str = ""
    ) -> Path:
        """Write a preset directory; see `keras_xmr.presets`."""
        self._fitted()
        return presets.save(self, Path(path), metadata=metadata or {}, card=card)

    @classmethod
    def from_preset(cls, name: str | Path) -> Self:
        """Load a preset by name or path.

        Raises:
            ValueError: If there is no such preset, it is of another class, or it is damaged.
        """
        model = presets.load(name, expected=cls)
        assert isinstance(model, cls)
        return model

    def _fitted(self) -> Preprocessor:
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
