"""`Engine`: what an encoder asks of the library that computes its rows."""

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from PIL import ImageOps

from keras_xmr.datasets.opened_picture import opened_picture
from keras_xmr.encoders.views import views_of
from keras_xmr.transforms.images import as_rgb
from keras_xmr.types import Array, Config, FloatArray

MEDIA = ("image", "text")


class Engine:
    """From texts, or from the pixels of pictures, to rows, by a model that stays as it is.

    A sub-class loads the model when it is first used. One that a preset names knows the
    fingerprint it must have, which is checked then.

    Attributes:
        reads: What it takes: `"image"`, `"text"`, or both.
        name: What it is called, and found by.
        revision: Which version of it, where its library has versions.
        fills_batches: Whether all batches should have the same size, as a new one is compiled.

    Example:
        >>> class Lengths(Engine):
        ...     reads, name, dim = ("text",), "lengths", 1
        ...     def measured(self):
        ...         return "0" * 64
        ...     def rows(self, items, medium):
        ...         return np.array([[len(item)] for item in items], dtype=np.float32)
        >>> Lengths().rows(["a dog"], "text").tolist()
        [[5.0]]
    """

    reads: tuple[str, ...] = ()
    name: str = ""
    revision: str = ""
    fills_batches: ClassVar[bool] = False
    _wanted: str = ""

    @property
    def dim(self) -> int:
        """Width of the rows."""
        raise NotImplementedError

    @property
    def network(self) -> Any:
        """The Keras network from pixels to rows, if that is what it is."""
        return None

    def measured(self) -> str:
        """SHA-256, in hexadecimal, of all that decides what the rows are."""
        raise NotImplementedError

    @functools.cached_property
    def fingerprint(self) -> str:
        """What `measured` gives, or must give where a preset says so."""
        return self._wanted or self.measured()

    def __getstate__(self) -> dict[str, Any]:
        # For another process: what can be loaded again there is not sent.
        return {name: value for name, value in vars(self).items() if name not in self._reloaded()}

    def _reloaded(self) -> Collection[str]:
        """Names of attributes that are loaded anew when they are missing."""
        return ()

    def verify(self) -> None:
        """See that the model is the one that a preset was made with.

        Raises:
            ValueError: If it is another one.
        """
        found = self.measured() if self._wanted else self.fingerprint
        if found != self.fingerprint:
            raise ValueError(
                f"The encoder must have the fingerprint {self.fingerprint}. Received: {found}, "
                f"of {self.name!r}. Its files are damaged or were changed: bring those that the "
                "preset was made with."
            )
        self._wanted = ""

    def pictures(self, encoded: bytes, views: str) -> list[Array]:
        """The views of a picture, as `rows` takes them: pixels `(height, width, 3)`, uint8.

        Here all of the picture, upright; a sub-class may have another size of its own.

        Args:
            encoded: The bytes of the file.
            views: Which views: see `keras_xmr.transforms.Encoder`.

        Raises:
            OSError: If Pillow cannot decode it.
        """
        return views_of(upright(encoded), views)

    def rows(self, items: Sequence[Any], medium: str) -> FloatArray:
        """Rows `(n, dim)`, float32.

        Args:
            items: Texts, or pixels as `pictures` gives them.
            medium: `"text"` or `"image"`: which of the two.
        """
        raise NotImplementedError

    def preprocessing(self, medium: str) -> Config:
        """What is done to items before the model, as far as the fingerprint does not say it."""
        return {"engine": type(self).__name__, "reads": medium}

    def get_config(self) -> Config:
        """What finds the model again, JSON-serialisable."""
        return {"name": self.name, "revision": self.revision, "sha256": self.fingerprint}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`; the model is loaded when it is used."""
        raise NotImplementedError

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Write the model, if it is small: see `keras_xmr.transforms.Transform.save_files`.

        Args:
            folder: Where to.
            known: Names of files that need not be written.
        """
        return []

    def load_files(self, files: Mapping[str, Path]) -> None:
        """Read what `save_files` wrote.

        Args:
            files: Names of the files at hand to their paths.
        """


def upright(encoded: bytes) -> Array:
    """All pixels `(height, width, 3)`, uint8, of a picture, turned as it was taken.

    Raises:
        OSError: If Pillow cannot decode it.
    """
    try:
        with opened_picture(encoded) as picture:
            ImageOps.exif_transpose(picture, in_place=True)
            return np.asarray(as_rgb(picture))
    except Exception as error:
        # What a damaged file makes Pillow raise depends on where the damage is.
        raise OSError(
            "Expected a picture that Pillow can decode. Received: a picture of "
            f"{len(encoded)} bytes: {str(error) or type(error).__name__}. "
            "Leave it out, or save it again from its source."
        ) from error


def needed(library: str, extra: str, error: ImportError) -> ImportError:
    """The error of a library that is not installed, in one line with the command."""
    return ImportError(
        f'This encoder needs {library}: pip install "keras-xmr[{extra}]". Received: {error}.'
    )
