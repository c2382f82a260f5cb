"""`FrozenEncoder`: pictures -> the features of a network that stays as it is."""

import functools
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Self

from keras_xmr import presets
from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.progress import Progress
from keras_xmr.transforms.feature_cache import FeatureCache
from keras_xmr.transforms.given import as_pictures
from keras_xmr.transforms.images import Picture
from keras_xmr.transforms.picture_features import PictureFeatures, picture_features
from keras_xmr.transforms.pictures import PictureLoader
from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Config, FloatArray, Items

# How many unreadable pictures a message lists.
LISTED = 10
# Pictures per forward pass. Keras keeps what every layer makes of them until the end: MobileNetV2
# at 288 pixels takes 0.3 GB for each.
BATCH = 8


class FrozenEncoder(Transform):
    """Picture files to feature rows, by a network that is not trained any further.

    It is to pictures what a vectorizer is to sentences, so that every method takes pictures. They
    are known by their contents: equal ones are computed once, and what the cache holds is not
    computed again. Features that another backend put into the cache count as the same, though they
    differ in the last digits. No more pictures than one batch holds, such as queries, are computed
    without looking into the cache.

    In a preset the network has two files, named by its fingerprint: `encoder_<...>.json` and
    `encoder_<...>.weights.h5`. Where a preset that comes with the library has the same network,
    its files are used.

    Args:
        network: A `keras.Model` from pixels `(n, height, width, 3)`, 0 to 255, to features
            `(n, d)`: see `keras_xmr.trunks`.
        loader: How pictures become pixels. `None` for centre crops of the size the network takes,
            from pictures resized to 8/7 of that size.
        cache: The folder that keeps features from one run to the next. `True` for the folder that
            the environment variable `KERAS_XMR_CACHE` names, or else the user's cache folder;
            `None` or `False` for no cache.
        batch_size: Pictures per forward pass.

    Example:
        >>> import io
        >>> import keras
        >>> from PIL import Image
        >>> encoded = io.BytesIO()
        >>> Image.new("RGB", (40, 30), (9, 8, 7)).save(encoded, format="png")
        >>> pixels = keras.Input((4, 4, 3))
        >>> network = keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels))
        >>> FrozenEncoder(network)([encoded.getvalue()]).tolist()
        [[9.0, 8.0, 7.0]]
    """

    of_pictures = True

    def __init__(
        self,
        network: Any,
        loader: PictureLoader | None = None,
        *,
        cache: bool | str | Path | None = True,
        batch_size: int = BATCH,
    ) -> None:
        from keras_xmr.trunks import check_trunk

        check_trunk(network)
        self._network = network
        self._verified = True
        self.loader = _fitting_loader(network, loader)
        self.cache = cache
        self.batch_size = batch_size

    @property
    def network(self) -> Any:
        """The network.

        Raises:
            RuntimeError: If the files of a restored encoder were not loaded.
        """
        if self._network is None:
            raise RuntimeError(
                "The network of an encoder lies in files of its own. "
                f"Received: an encoder {self.fingerprint[:16]} without them. Call load_files()."
            )
        return self._network

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of architecture and weights: see `keras_xmr.trunks.trunk_fingerprint`."""
        from keras_xmr.trunks import trunk_fingerprint

        return trunk_fingerprint(self.network)

    @property
    def dim(self) -> int:
        """Width of the features."""
        return int(self.network.output_shape[-1])

    def __call__(self, items: Sequence[Picture]) -> FloatArray:
        """Features `(n, dim)`, float32.

        Args:
            items: Picture files, or the bytes of them.

        Raises:
            ValueError: If items are no pictures, or a feature is not finite.
            OSError: If pictures are missing or damaged, after all others were computed.
            DamagedCacheError: If the cache file is damaged; the message says which to delete.
        """
        many = len(items) > self.batch_size
        found = self.features(items, "pictures", cached=many, progress=many)
        if found.unreadable:
            listed = "; ".join(list(found.unreadable.values())[:LISTED])
            raise OSError(
                "Every picture must be there and readable. "
                f"Received: {len(found.unreadable)} of {len(items)} are not: {listed}."
            )
        return found.rows

    def listed(self, given: Any) -> Items:
        """Paths or bytes of files, of one picture too, of Pillow's and of arrays."""
        return as_pictures(given)

    def features(
        self, items: Sequence[Picture], title: str, *, cached: bool = True, progress: bool = True
    ) -> PictureFeatures:
        """Features of all pictures that can be read, and which cannot.

        Args:
            items: Picture files, or the bytes of them.
            title: What the progress calls them.
            cached: Whether the cache is looked into.
            progress: Whether to show on standard error how far it is, and how many pictures were
                computed and how many came from the cache.
        """
        _check_pictures(items)
        with self._opened_cache() if cached else nullcontext() as file:
            return picture_features(
                items,
                self.network,
                self.loader,
                file,
                batch_size=self.batch_size,
                progress=Progress(f"features of {title}", shown=progress),
            )

    def _opened_cache(self) -> AbstractContextManager[FeatureCache | None]:
        if self.cache is None or self.cache is False:
            return nullcontext()
        folder = None if self.cache is True else self.cache
        self._verify()
        return FeatureCache(self.fingerprint, self.preprocessing(), folder)

    def _verify(self) -> None:
        """Features are kept under the fingerprint: it must not be that of another network.

        Here and not on loading, since Keras imports TensorFlow to describe a network.
        """
        from keras_xmr.trunks import trunk_fingerprint

        found = self.fingerprint if self._verified else trunk_fingerprint(self.network)
        if found != self.fingerprint:
            raise ValueError(
                f"The encoder must have the fingerprint {self.fingerprint}. "
                f"Received: {found}. Its files are damaged or were changed."
            )
        self._verified = True

    def preprocessing(self) -> Config:
        """What is done to pictures before the network, JSON-serialisable."""
        return {
            "loader": type(self.loader).__name__,
            "version": self.loader.VERSION,
            **self.loader.get_config(),
        }

    def get_config(self) -> Config:
        """Name and fingerprint of the network, and how pictures become pixels."""
        return {
            "network": self.network.name,
            "sha256": self.fingerprint,
            "loader": self.loader.get_config(),
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`; the network comes with `load_files`."""
        encoder = cls.__new__(cls)
        encoder._network = None
        encoder._verified = False
        encoder.fingerprint = config["sha256"]
        encoder.loader = PictureLoader(**config["loader"])
        encoder.cache = True
        encoder.batch_size = BATCH
        return encoder

    @property
    def _files(self) -> tuple[str, str]:
        """Names of the files of architecture and weights."""
        stem = f"encoder_{self.fingerprint[:16]}"
        return f"{stem}.json", f"{stem}.weights.h5"

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Write architecture and weights: matrices in float16 where nothing is lost by it."""
        import keras

        architecture, weights = self._files
        if weights in known or (folder / weights).exists():
            return [architecture, weights]
        presets.write_json(
            folder / architecture, keras.saving.serialize_keras_object(self.network), indent=None
        )
        self.network.save_weights(folder / weights)
        presets.halve_matrices(folder / weights, exactly=True)
        return [architecture, weights]

    def load_files(self, files: Mapping[str, Path]) -> None:
        """Read the network.

        Raises:
            ValueError: If its files are not there.
        """
        from keras_xmr.training.reading import reading_weights
        from keras_xmr.trunks import trunk_from_config

        missing = [name for name in self._files if name not in files]
        if missing:
            raise ValueError(
                "The network of an encoder has two files. "
                f"Received: {missing} neither in the preset nor in one of the library."
            )
        architecture, weights = (files[name] for name in self._files)
        with reading_weights():
            network = trunk_from_config(json.loads(architecture.read_text(encoding="utf-8")))
            network.load_weights(weights)
        self._network = network


def _check_pictures(items: Any) -> None:
    # Word counts have rows, but no items that one could go through.
    each = [items] if isinstance(items, WordCounts) else items
    wrong = sorted({type(i).__name__ for i in each if not isinstance(i, str | Path | bytes)})
    if wrong:
        raise ValueError(
            "Features are extracted from picture files (str or Path) or the bytes of them. "
            f"Received: items of type {wrong[0]}."
        )


def _fitting_loader(network: Any, loader: PictureLoader | None) -> PictureLoader:
    """The loader, if it fits the network, or the usual one."""
    takes = tuple(network.input_shape[1:])
    loader = loader or PictureLoader.for_size(takes[0])
    if loader.shape != takes:
        raise ValueError(
            f"The trunk {network.name!r} takes pixels {takes}. "
            f"Received: a loader that gives {loader.shape}. Change the size of the loader, or of "
            "the trunk where it is not square."
        )
    return loader
