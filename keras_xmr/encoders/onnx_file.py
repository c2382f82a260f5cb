"""`OnnxFile`: a network of an `.onnx` file, run by onnxruntime."""

import functools
import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_xmr.encoders.engine import Engine, needed
from keras_xmr.encoders.keras_network import loaded, of_loader
from keras_xmr.transforms.pictures import PictureLoader
from keras_xmr.types import Array, Config, FloatArray

CHANNELS = 3
# Files up to so many bytes travel inside a preset; larger ones are named.
LARGEST = 32 * 2**20
DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


class OnnxFile(Engine):
    """A network of pictures in one `.onnx` file, run by onnxruntime.

    Its input has the shape `(n, 3, height, width)` or `(n, height, width, 3)`; its first output is
    rows `(n, d)`, feature maps, which are averaged over the places, or tokens, over the tokens.

    Args:
        path: The file; weights in further files are not read.
        loader: How pictures become pixels. `None` for centre crops of the size the network takes.
        mean: What is subtracted from the levels 0 to 255 of each channel, or of all.
        deviation: What they are then divided by.

    Example:
        >>> OnnxFile("nowhere.onnx")
        Traceback (most recent call last):
        OSError: An encoder in a file needs that file. Received: 'nowhere.onnx', which is not ...
    """

    reads = ("image",)
    fills_batches = False

    def __init__(
        self,
        path: str | Path,
        loader: PictureLoader | None = None,
        *,
        mean: float | Sequence[float] = 0.0,
        deviation: float | Sequence[float] = 1.0,
    ) -> None:
        self.path: Path | None = Path(path)
        self.name = self.path.name
        self.mean = np.asarray(mean, dtype=np.float32)
        self.deviation = np.asarray(deviation, dtype=np.float32)
        self.loader = loader or PictureLoader.for_size(self._layout.size)

    @functools.cached_property
    def session(self) -> Any:
        """The network."""
        self.verify()
        try:
            import onnxruntime
        except ImportError as error:
            raise needed("onnxruntime", "onnx", error) from error
        try:
            return onnxruntime.InferenceSession(self._bytes, providers=["CPUExecutionProvider"])
        except Exception as error:
            # onnxruntime has a class of its own for each reason.
            raise ValueError(
                "Expected one file of a network that onnxruntime can run. "
                f"Received: {self.name!r}: {error}."
            ) from error

    @functools.cached_property
    def _layout(self) -> "_Layout":
        return _Layout(self.session, self.name)

    @functools.cached_property
    def dim(self) -> int:
        """Width of the rows."""
        size = self.loader.size
        return int(self.rows([np.zeros((size, size, CHANNELS), np.uint8)], "image").shape[1])

    def measured(self) -> str:
        """SHA-256 of the file and of what is done to levels."""
        scaling = f"{self.mean.tolist()} {self.deviation.tolist()}"
        return hashlib.sha256(hashlib.sha256(self._bytes).digest() + scaling.encode()).hexdigest()

    def pictures(self, encoded: bytes, views: str) -> list[Array]:
        """Pixels of the size that the network takes: see `Engine.pictures`."""
        return loaded(self.loader, encoded, views)

    def rows(self, items: Sequence[Any], medium: str) -> FloatArray:
        """Rows `(n, d)`, float32: see `Engine.rows`."""
        layout = self._layout
        pixels = np.stack(items)
        if np.any(self.mean != 0) or np.any(self.deviation != 1):
            pixels = (pixels.astype(np.float32) - self.mean) / self.deviation
        if layout.channels_first:
            pixels = pixels.transpose(0, 3, 1, 2)
        pixels = np.ascontiguousarray(pixels.astype(layout.dtype))
        step = layout.batch or len(pixels)
        parts = [self._run(pixels[i : i + step]) for i in range(0, len(pixels), step)]
        return np.concatenate(parts).astype(np.float32)

    def _run(self, pixels: Array) -> FloatArray:
        """Rows of one batch, filled up where the network takes batches of one size."""
        layout, count = self._layout, len(pixels)
        if layout.batch and count < layout.batch:
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], layout.batch - count, axis=0)])
        found = np.asarray(self.session.run([layout.output], {layout.input: pixels})[0])[:count]
        places = {2: (), 3: (1,), 4: (2, 3) if layout.channels_first else (1, 2)}
        if found.ndim not in places:
            raise ValueError(
                "A network gives rows (n, d), tokens or feature maps. "
                f"Received: {self.name!r}, whose first output has the shape {found.shape}."
            )
        rows: FloatArray = found.mean(axis=places[found.ndim]) if found.ndim > 2 else found
        return rows

    def preprocessing(self, medium: str) -> Config:
        """How pictures become pixels."""
        return of_loader(self.loader)

    def get_config(self) -> Config:
        """Name and fingerprint of the file, and how pictures become pixels."""
        return {
            "name": self.name,
            "path": "" if self._travels else str(self.path),
            "sha256": self.fingerprint,
            "loader": self.loader.get_config(),
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`; a file inside a preset comes with `load_files`."""
        engine = cls.__new__(cls)
        engine.name, engine._wanted = config["name"], config["sha256"]
        engine.mean = np.asarray(config["mean"], dtype=np.float32)
        engine.deviation = np.asarray(config["deviation"], dtype=np.float32)
        engine.loader = PictureLoader(**config["loader"])
        engine.path = Path(config["path"]) if config["path"] else None
        return engine

    def _reloaded(self) -> Collection[str]:
        return ("session", "_layout")

    @functools.cached_property
    def _bytes(self) -> bytes:
        """The file."""
        if self.path is None:
            raise RuntimeError(f"The file {self.name!r} lies in the preset. Call load_files().")
        return _read(self.path)

    @property
    def _travels(self) -> bool:
        return len(self._bytes) <= LARGEST

    @property
    def _file(self) -> str:
        return f"encoder_{self.fingerprint[:16]}.onnx"

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Write the file, if it is small."""
        if not self._travels:
            return []
        if self._file not in known and not (folder / self._file).exists():
            (folder / self._file).write_bytes(self._bytes)
        return [self._file]

    def load_files(self, files: Mapping[str, Path]) -> None:
        """Read the file, if it lies in the preset.

        Raises:
            ValueError: If it should and does not.
        """
        if self.path is not None:
            return
        if self._file not in files:
            raise ValueError(
                f"The network of an encoder has a file. Received: no {self._file} in the preset."
            )
        self._bytes = files[self._file].read_bytes()


class _Layout:
    """How the input of a network is laid out.

    Attributes:
        channels_first: Whether channels come before height and width.
        size: Height and width.
        batch: The only number of pictures that it takes, or `None`.
    """

    def __init__(self, session: Any, name: str) -> None:
        first = session.get_inputs()[0]
        shape = [n if isinstance(n, int) else None for n in first.shape]
        self.input, self.output = first.name, session.get_outputs()[0].name
        self.dtype = DTYPES.get(first.type, "")
        pictured = len(shape) == 4 and CHANNELS in (shape[1], shape[3])
        self.channels_first = pictured and shape[1] == CHANNELS
        sides = (shape[2:] if self.channels_first else shape[1:3]) if pictured else []
        given = [(one.name, one.shape, one.type) for one in session.get_inputs()]
        if not self.dtype or len(given) > 1 or not sides or sides[0] != sides[1]:
            raise ValueError(
                "A network of pictures has one input (n, 3, size, size) or (n, size, size, 3). "
                f"Received: {name!r} with {given}."
            )
        self.size: int = sides[0] or 224
        self.batch: int | None = shape[0]


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise OSError(
            f"An encoder in a file needs that file. Received: {str(path)!r}, which is not there."
        )
    return path.read_bytes()
