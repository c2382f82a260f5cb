"""`Preprocessor`: what turns the items of each medium into the arrays a model takes."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.transforms.catalogue import described, restored, usual_transform
from keras_xmr.transforms.chain import Chain
from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Array, Config, Items


class Preprocessor:
    """One fitted transform for each medium. It is saved with the model, as JSON.

    Args:
        transforms: Medium name to its transform: see `keras_xmr.transforms`.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> preprocessor = Preprocessor.for_data(toy()).fit(toy().part("train"))
        >>> preprocessor(["class1 thing0"], "text").shape
        (1, 82)
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
                name: transforms.get(name) or usual_transform(name, medium.items)
                for name, medium in data.media.items()
            }
        )

    def fit(self, data: CrossModalData) -> "Preprocessor":
        """Fit every transform on the training items `data`; returns `self`."""
        for name, transform in self.transforms.items():
            transform.fit(data.medium(name).items)
        return self

    def behind(self, encoders: Mapping[str, Transform]) -> "Preprocessor":
        """The same, with an encoder in front of the transform of each of its media.

        Args:
            encoders: Medium to what gave the rows that its transform was fitted on.
        """
        chained = {name: Chain([e, self.transforms[name]]) for name, e in encoders.items()}
        return Preprocessor(self.transforms | chained)

    @property
    def dims(self) -> dict[str, int]:
        """Medium name to the width of its rows."""
        return {name: transform.dim for name, transform in self.transforms.items()}

    def drawn(self, items: Items, medium: str, **options: Any) -> Any:
        """What batches are drawn from: rows `(n, d)`, or what makes them when they are drawn.

        Args:
            items: The items.
            medium: Name of the medium.
            **options: As in `Transform.drawn`.

        Raises:
            KeyError: If the preprocessor was not made for that medium.
        """
        return self.of(medium).drawn(items, **options)

    def __call__(self, items: Items, medium: str) -> Array:
        """Rows `(n, d)`, or pixels `(n, height, width, 3)`, of the items of one medium.

        Raises:
            KeyError: If the preprocessor was not made for that medium.
        """
        return self.of(medium)(items)

    def of(self, medium: str) -> Transform:
        """The transform of a medium.

        Raises:
            KeyError: If the preprocessor was not made for that medium.
        """
        if medium not in self.transforms:
            raise KeyError(
                f"This preprocessor serves the media {sorted(self.transforms)}. "
                f"Received: medium={medium!r}."
            )
        return self.transforms[medium]

    def get_config(self) -> Config:
        """Everything needed to rebuild the fitted preprocessor but files, JSON-serialisable."""
        return {name: described(transform) for name, transform in self.transforms.items()}

    @classmethod
    def from_config(cls, config: Config) -> "Preprocessor":
        """The counterpart of `get_config`.

        Raises:
            ValueError: If a transform is unknown to this version of the library.
        """
        return cls({name: restored(entry, name) for name, entry in config.items()})

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Write what is too large for JSON, each file once: see `Transform.save_files`."""
        transforms = self.transforms.values()
        return [name for transform in transforms for name in transform.save_files(folder, known)]

    def load_files(self, files: Mapping[str, Path]) -> None:
        """Read what `save_files` wrote."""
        for transform in self.transforms.values():
            transform.load_files(files)
