"""`Preprocessor`: what turns the items of each medium into the arrays a model takes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.datasets.sound_files import SOUND_ENDINGS
from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.transforms.audio_vectorizer import AudioVectorizer
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.transforms.pictures import PictureLoader, PictureRows
from keras_xmr.transforms.pixel_vectorizer import PixelVectorizer
from keras_xmr.transforms.text_rows import TextRows
from keras_xmr.transforms.text_vectorizer import TextVectorizer
from keras_xmr.transforms.word_ids import WordIds
from keras_xmr.types import Array, Config, FloatArray, Items

Transform: TypeAlias = (
    AudioVectorizer | FeatureScaler | PictureLoader | PixelVectorizer | TextVectorizer | WordIds
)

_TRANSFORMS: dict[str, type[Transform]] = {
    "AudioVectorizer": AudioVectorizer,
    "FeatureScaler": FeatureScaler,
    "PictureLoader": PictureLoader,
    "PixelVectorizer": PixelVectorizer,
    "TextVectorizer": TextVectorizer,
    "WordIds": WordIds,
}


class Preprocessor:
    """One fitted transform for each medium. It is saved with the model, as JSON.

    Args:
        transforms: Medium name to `FeatureScaler`, `PictureLoader`, `PixelVectorizer`,
            `TextVectorizer`, `WordIds` or `AudioVectorizer`.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> preprocessor = Preprocessor.for_data(toy()).fit(toy().part("train"))
        >>> preprocessor(["class1 thing0"], "text").shape
        (1, 10)
    """

    def __init__(self, transforms: Mapping[str, Transform]) -> None:
        self.transforms = dict(transforms)

    @classmethod
    def for_data(cls, data: CrossModalData, **transforms: Transform) -> "Preprocessor":
        """The usual transform for what each medium of `data` holds, unless one is given.

        Texts and word counts get a `TextVectorizer`, feature rows a `FeatureScaler`, picture files
        a `PictureLoader`, pictures that are arrays of bytes a `PixelVectorizer`, and files with the
        ending of a sound an `AudioVectorizer`.

        Args:
            data: The data set.
            **transforms: Medium name to the transform to use instead.

        Raises:
            ValueError: If a medium holds something else and no transform is given for it, or a
                transform is given for a medium that `data` has not.
        """
        unknown = sorted(set(transforms) - set(data.media))
        if unknown:
            raise ValueError(
                f"Transforms go with the media {sorted(data.media)} of {data.name!r}. "
                f"Received: transforms for {unknown}."
            )
        return cls(
            {
                name: transforms.get(name) or _usual_transform(name, medium.items)
                for name, medium in data.media.items()
            }
        )

    def fit(self, data: CrossModalData) -> "Preprocessor":
        """Fit every transform on the training items `data`; returns `self`."""
        for name, transform in self.transforms.items():
            transform.fit(data.medium(name).items)
        return self

    @property
    def dims(self) -> dict[str, int]:
        """Medium name to the width of its rows; media with pictures have none."""
        return {
            name: transform.dim
            for name, transform in self.transforms.items()
            if not isinstance(transform, PictureLoader)
        }

    def rows(
        self,
        items: Items,
        medium: str,
        *,
        augment: bool = False,
        augmentation: Callable[[Array], Array] | None = None,
        sentence_dropout: float = 0.0,
    ) -> FloatArray | PictureRows | TextRows:
        """What batches are drawn from: rows `(n, d)`, or what makes them when they are drawn.

        Args:
            items: The items.
            medium: Name of the medium.
            augment: As in `PictureRows`.
            augmentation: As in `PictureRows`.
            sentence_dropout: The `dropout` of `TextRows`, for sentences; 0 for rows as they are.

        Raises:
            KeyError: If the preprocessor was not made for that medium.
        """
        transform = self.transforms.get(medium)
        if isinstance(transform, PictureLoader):
            return PictureRows(items, transform, augment=augment, augmentation=augmentation)
        counted = isinstance(items, WordCounts)
        if isinstance(transform, TextVectorizer) and sentence_dropout and not counted:
            return TextRows(items, transform, sentence_dropout)
        return self(items, medium)

    def __call__(self, items: Items, medium: str) -> Array:
        """Rows `(n, d)`, or pixels `(n, height, width, 3)`, of the items of one medium.

        Raises:
            KeyError: If the preprocessor was not made for that medium.
        """
        if medium not in self.transforms:
            raise KeyError(
                f"This preprocessor serves the media {sorted(self.transforms)}. "
                f"Received: medium={medium!r}."
            )
        return self.transforms[medium](items)

    def get_config(self) -> Config:
        """Everything needed to rebuild the fitted preprocessor, JSON-serialisable."""
        return {
            name: {
                "transform": type(transform).__name__,
                "config": transform.get_config(),
                "state": transform.get_state(),
            }
            for name, transform in self.transforms.items()
        }

    @classmethod
    def from_config(cls, config: Config) -> "Preprocessor":
        """The counterpart of `get_config`.

        Raises:
            ValueError: If a transform is unknown to this version of the library.
        """
        transforms = {}
        for name, entry in config.items():
            if entry["transform"] not in _TRANSFORMS:
                raise ValueError(
                    f"Known transforms are {sorted(_TRANSFORMS)}. "
                    f"Received: transform={entry['transform']!r} for medium {name!r}."
                )
            transform = _TRANSFORMS[entry["transform"]](**entry["config"])
            transform.set_state(entry["state"])
            transforms[name] = transform
        return cls(transforms)


def _usual_transform(name: str, items: Items) -> Transform:
    if isinstance(items, WordCounts):
        return TextVectorizer()
    if isinstance(items, np.ndarray) and items.ndim == 2:
        return FeatureScaler()
    if isinstance(items, np.ndarray) and items.ndim in (3, 4) and items.dtype == np.uint8:
        return PixelVectorizer()
    first = items[0] if len(items) else None
    # Sentences and names of files are strings both: the medium's name tells them apart.
    texts = name.startswith("text") or name.endswith("_text")
    if texts and isinstance(first, str):
        return TextVectorizer()
    if not texts and isinstance(first, str | Path) and Path(first).suffix.lower() in SOUND_ENDINGS:
        return AudioVectorizer()
    if not texts and isinstance(first, str | bytes | Path):
        return PictureLoader()
    raise ValueError(
        "Without a transform given for it, a medium must hold feature rows (n, d), WordCounts, "
        "picture or sound files, or sentences under a name such as 'text'. "
        f"Received: medium {name!r} of {type(items).__name__}."
    )
