"""`KerasNetwork`: a Keras network from pixels to features."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_xmr import presets
from keras_xmr.encoders.engine import Engine
from keras_xmr.encoders.views import views_of
from keras_xmr.transforms.pictures import PictureLoader
from keras_xmr.types import Array, Config, FloatArray


class KerasNetwork(Engine):
    """A Keras network from pixels `(n, height, width, 3)`, 0 to 255, to features `(n, d)`.

    In a preset it has two files, named by its fingerprint: `encoder_<...>.json` and
    `encoder_<...>.weights.h5`. Where a preset that comes with the library has the same network,
    its files are used.

    Args:
        network: The network: see `keras_xmr.trunks`.
        loader: How pictures become pixels. `None` for centre crops of the size the network takes,
            from pictures resized to 8/7 of that size.

    Example:
        >>> import keras
        >>> pixels = keras.Input((4, 4, 3))
        >>> engine = KerasNetwork(
        ...     keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels)))
        >>> engine.dim, engine.rows([np.full((4, 4, 3), 9)], "image").tolist()
        (3, [[9.0, 9.0, 9.0]])
    """

    reads = ("image",)
    fills_batches = True

    def __init__(self, network: Any, loader: PictureLoader | None = None) -> None:
        from keras_xmr.trunks import check_trunk

        check_trunk(network)
        self._network = network
        self.name = network.name
        self.loader = _fitting_loader(network, loader)

    @property
    def network(self) -> Any:
        """The network.

        Raises:
            RuntimeError: If the files of a restored one were not loaded.
        """
        if self._network is None:
            raise RuntimeError(
                "The network of an encoder lies in files of its own. "
                f"Received: an encoder {self.fingerprint[:16]} without them. Call load_files()."
            )
        return self._network

    @property
    def dim(self) -> int:
        """Width of the features."""
        return int(self.network.output_shape[-1])

    def measured(self) -> str:
        """Of architecture and weights: see `keras_xmr.trunks.trunk_fingerprint`."""
        from keras_xmr.trunks import trunk_fingerprint

        return trunk_fingerprint(self.network)

    def pictures(self, encoded: bytes, views: str) -> list[Array]:
        """Pixels of the size that the network takes: see `Engine.pictures`."""
        return loaded(self.loader, encoded, views)

    def rows(self, items: Sequence[Any], medium: str) -> FloatArray:
        """Features `(n, d)`, float32: see `Engine.rows`."""
        return np.asarray(self.network.predict_on_batch(np.stack(items))).astype(np.float32)

    def preprocessing(self, medium: str) -> Config:
        """How pictures become pixels."""
        return of_loader(self.loader)

    def get_config(self) -> Config:
        """Name and fingerprint of the network, and how pictures become pixels."""
        return {
            "name": self.name,
            "sha256": self.fingerprint,
            "loader": self.loader.get_config(),
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`; the network comes with `load_files`."""
        engine = cls.__new__(cls)
        engine._network = None
        engine._wanted = config["sha256"]
        engine.name = config["name"]
        engine.loader = PictureLoader(**config["loader"])
        return engine

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
        """Read the network. Its fingerprint is verified later, since Keras imports TensorFlow then.

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


def loaded(loader: PictureLoader, encoded: bytes, views: str) -> list[Array]:
    """Views of a picture in the size of a loader: see `keras_xmr.encoders.views.views_of`."""
    whole = loader.whole if views == "five_crops" else loader
    return views_of(whole([encoded])[0], views, loader.size)


def of_loader(loader: PictureLoader) -> Config:
    """What a loader does to pictures, JSON-serialisable."""
    return {"loader": type(loader).__name__, "version": loader.VERSION, **loader.get_config()}


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
