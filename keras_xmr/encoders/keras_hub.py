"""`KerasHubModel`: a backbone of keras-hub with its own preprocessing."""

import functools
import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_xmr.encoders.engine import Engine, needed
from keras_xmr.types import Config, FloatArray

PREFIX = "keras_hub:"
# Pictures or texts that the network looks at together.
BATCH = 32
# Classes of keras-hub that turn texts into what a backbone takes; the first one that fits does.
PREPROCESSORS = (
    "TextEmbedderPreprocessor",
    "TextClassifierPreprocessor",
    "CausalLMPreprocessor",
)


class KerasHubModel(Engine):
    """A backbone of keras-hub: CLIP, SigLIP, or one of pictures or of texts.

    What gives one vector, as CLIP, is taken as it is; feature maps are averaged over the places,
    and tokens over the tokens that are none of the padding.

    Args:
        source: The name of a preset, `"clip_vit_base_patch32"`, a folder of one, a
            `keras_hub.models.Backbone`, or a task that has one, such as a `TextEmbedder`.
        preprocessor: What turns texts into tokens, and pictures into pixels; `None` for that of
            the preset or the task.

    Example:
        >>> KerasHubModel("clip_vit_base_patch32").name
        'keras_hub:clip_vit_base_patch32'
    """

    fills_batches = True

    def __init__(self, source: Any, preprocessor: Any = None) -> None:
        self._dim: int | None = None
        self._reads: tuple[str, ...] | None = None
        self._preprocessor = preprocessor
        if isinstance(source, str | Path):
            self.preset = str(source)
        else:
            self.preset = ""
            self.backbone = getattr(source, "backbone", source)
            self._preprocessor = preprocessor or getattr(source, "preprocessor", None)
        self.name = f"{PREFIX}{self.preset or self.backbone.name}"

    @functools.cached_property
    def backbone(self) -> Any:
        """The network, loaded.

        Raises:
            ImportError: If keras-hub is not installed.
            OSError: If the preset is not there, and cannot be fetched.
        """
        hub = _library()
        try:
            return hub.models.Backbone.from_preset(self.preset)
        except Exception as error:
            # What fails depends on where the preset is kept: each has errors of its own.
            raise OSError(
                "A preset of keras-hub is one of its names, or a folder that has config.json, "
                "model.weights.h5 and the files of the preprocessing. Received: "
                f"{self.preset!r}, which cannot be loaded ({type(error).__name__}: "
                f"{str(error).splitlines()[0] if str(error) else ''}). Without a network bring "
                f"these files, and give 'keras_hub:./folder'."
            ) from error

    @functools.cached_property
    def _checked(self) -> Any:
        self.verify()
        return self.backbone

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """`"image"`, `"text"`, or both, as the inputs say."""
        if self._reads is None:
            takes = self._checked.input
            names = set(takes) if isinstance(takes, dict) else set()
            both = {"images", "token_ids"} <= names
            self._reads = ("image", "text") if both else ("text",) if names else ("image",)
            if not both and "images" in names:
                self._reads = ("image",)
        return self._reads

    @property
    def dim(self) -> int:
        """Width of the rows."""
        if self._dim is None:
            self._dim = int(self._network(self.reads[0]).output_shape[-1])
        return self._dim

    def measured(self) -> str:
        """SHA-256 of architecture, weights and preprocessing."""
        from keras_xmr.trunks import trunk_fingerprint

        digest = hashlib.sha256(trunk_fingerprint(self.backbone).encode())
        for part in (self._converter, getattr(self._tokens, "tokenizer", None), self._tokens):
            digest.update(json.dumps(_about(part), sort_keys=True, default=str).encode())
        return digest.hexdigest()

    @functools.cached_property
    def _converter(self) -> Any:
        """What turns pictures into pixels, or `None`."""
        if self._preprocessor is not None:
            return getattr(self._preprocessor, "image_converter", None)
        if not self.preset:
            return None
        try:
            return _library().layers.ImageConverter.from_preset(self.preset)
        except (ValueError, OSError):
            return None

    @functools.cached_property
    def _tokens(self) -> Any:
        """What turns texts into tokens, or `None`."""
        if self._preprocessor is not None or not self.preset:
            return self._preprocessor
        hub = _library()
        for name in PREPROCESSORS:
            try:
                return getattr(hub.models, name).from_preset(self.preset)
            except (ValueError, OSError, AttributeError):
                continue
        return None

    def _reloaded(self) -> Collection[str]:
        made = ("_networks",)
        parts = ("backbone", "_checked", "_converter", "_tokens")
        return (*made, *parts) if self.preset and self._preprocessor is None else made

    def _network(self, medium: str) -> Any:
        """A model from pixels or tokens to rows."""
        if medium not in self._networks:
            self._networks[medium] = self._made(medium)
        return self._networks[medium]

    @functools.cached_property
    def _networks(self) -> dict[str, Any]:
        return {}

    def _made(self, medium: str) -> Any:
        import keras

        backbone = self._checked
        if len(self.reads) == 2:
            name, rows = (
                ("images", backbone.get_vision_embeddings)
                if medium == "image"
                else ("token_ids", backbone.get_text_embeddings)
            )
            taken = backbone.input[name]
            given = keras.Input(taken.shape[1:], dtype=taken.dtype, name=name)
            return keras.Model(given, rows(given))
        found = backbone.output
        if isinstance(found, dict):
            found = found.get("sequence_output", next(iter(found.values())))
        return keras.Model(backbone.input, _pooled(found, backbone.input, medium))

    def rows(self, items: Sequence[Any], medium: str) -> FloatArray:
        """Rows `(n, dim)`, float32: see `Engine.rows`."""
        network = self._network(medium)
        given = self._pixels(items) if medium == "image" else self._token_ids(items)
        found = network.predict(given, batch_size=BATCH, verbose=0)
        return np.asarray(found, dtype=np.float32)

    def _pixels(self, items: Sequence[Any]) -> Any:
        import keras

        if self._converter is None:
            raise ValueError(
                "A backbone of pictures needs its preprocessing. "
                f"Received: {self.name!r} without an image converter. Give `preprocessor`."
            )
        made = [self._converter(np.ascontiguousarray(item)[None]) for item in items]
        pixels = np.concatenate([keras.ops.convert_to_numpy(one) for one in made])
        taken = self._checked.input
        return {"images": pixels} if isinstance(taken, dict) and len(self.reads) == 1 else pixels

    def _token_ids(self, texts: Sequence[str]) -> Any:
        import keras

        if self._tokens is None:
            raise ValueError(
                "A backbone of texts needs its preprocessing. "
                f"Received: {self.name!r} without a preprocessor. Give `preprocessor`."
            )
        both = len(self.reads) == 2
        found = self._tokens({"prompts": list(texts), "images": None} if both else list(texts))
        arrays = {
            name: keras.ops.convert_to_numpy(found[name])
            for name in self._checked.input
            if name in found and found[name] is not None
        }
        return arrays["token_ids"] if both else arrays

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Nothing: a preset names the model.

        Raises:
            ValueError: If it has no preset that it could be found by.
        """
        if not self.preset:
            raise ValueError(
                "A preset names an encoder of keras-hub, so that it can be found again. Received: "
                f"{self.name!r}, made in memory. Save it with its own `save_to_preset`, and give "
                "'keras_hub:' and the folder."
            )
        return []

    def get_config(self) -> Config:
        """Name and fingerprint, and what is then known without loading the model."""
        return {**super().get_config(), "dim": self.dim, "reads": list(self.reads)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`; the model is loaded when it is used."""
        engine = cls(config["name"].removeprefix(PREFIX))
        engine._wanted = config["sha256"]
        engine._dim, engine._reads = config["dim"], tuple(config["reads"])
        return engine


def _library() -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise needed("keras-hub", "hub", error) from error
    return keras_hub


def _about(part: Any) -> Any:
    """What decides what a part of the preprocessing does; names of layers do not."""
    if part is None:
        return None
    nested = ("name", "tokenizer", "image_converter", "audio_converter", "dtype", "trainable")
    config = {k: v for k, v in part.get_config().items() if k not in nested}
    vocabulary: Any = part.get_vocabulary() if hasattr(part, "get_vocabulary") else None
    return [type(part).__name__, config, vocabulary, list(getattr(part, "merges", None) or [])]


def _pooled(found: Any, taken: Any, medium: str) -> Any:
    """Rows of what a backbone gives: the mean over places, or over tokens that are no padding."""
    import keras

    if len(found.shape) == 2:
        return found
    mask = taken.get("padding_mask") if medium == "text" and isinstance(taken, dict) else None
    if len(found.shape) == 3 and mask is not None:
        return keras.layers.GlobalAveragePooling1D()(found, mask=mask)
    if len(found.shape) == 3:
        return keras.layers.GlobalAveragePooling1D()(found)
    return keras.layers.GlobalAveragePooling2D(data_format="channels_last")(found)
