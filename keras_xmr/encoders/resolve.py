"""The engine for a name, a file, a model or a function."""

from pathlib import Path
from typing import Any

from keras_xmr import presets
from keras_xmr.encoders.engine import Engine
from keras_xmr.encoders.function import Function
from keras_xmr.encoders.keras_hub import PREFIX, KerasHubModel
from keras_xmr.encoders.keras_network import KerasNetwork
from keras_xmr.encoders.onnx_file import OnnxFile
from keras_xmr.encoders.sentence_transformer import FORMS, SentenceModel
from keras_xmr.transforms.chain import Chain
from keras_xmr.transforms.pictures import PictureLoader
from keras_xmr.types import Config

ENGINES: dict[str, type[Engine]] = {
    "keras_network": KerasNetwork,
    "keras_hub": KerasHubModel,
    "sentence_transformer": SentenceModel,
    "onnx_file": OnnxFile,
    "function": Function,
}


def engine_of(source: Any, loader: PictureLoader | None = None) -> Engine:
    """The engine for what `keras_xmr.transforms.Encoder` is given.

    Args:
        source: The name of a trunk, or of a preset that takes pictures; `keras_hub:` and the name
            of a preset there; an `.onnx` file; the name or folder of a model of
            sentence_transformers; a model of these libraries; a function with a name and a
            fingerprint; or an engine.
        loader: How pictures become pixels, for Keras networks and `.onnx` files.

    Raises:
        ValueError: If it is none of these.

    Example:
        >>> engine_of("keras_hub:clip_vit_base_patch32").name
        'keras_hub:clip_vit_base_patch32'
        >>> type(engine_of("all-MiniLM-L6-v2")).__name__
        'SentenceModel'
        >>> engine_of(3)
        Traceback (most recent call last):
        ValueError: An encoder is a trunk such as ... Received: int.
    """
    if isinstance(source, Engine):
        return source
    if isinstance(source, str | Path):
        return _named(str(source), loader)
    package = type(source).__module__.split(".")[0]
    kinds = [base.__module__.split(".")[0] for base in type(source).__mro__]
    if "sentence_transformers" in kinds:
        return SentenceModel(source)
    if "keras_hub" in kinds:
        return KerasHubModel(source)
    if "keras" in kinds or package == "keras":
        return KerasNetwork(source, loader)
    if callable(source):
        return Function(source)
    raise ValueError(
        f"An encoder is {FORMS}; a model of these libraries; or a function with a name and a "
        f"fingerprint. Received: {type(source).__name__}."
    )


def _named(name: str, loader: PictureLoader | None) -> Engine:
    if name.startswith(PREFIX):
        return KerasHubModel(name.removeprefix(PREFIX))
    if name.lower().endswith(".onnx"):
        return OnnxFile(name, loader)
    if not name:
        raise ValueError(f"An encoder is {FORMS}. Received: an empty name.")
    if name in presets.bundled() or (Path(name) / presets.METADATA).is_file():
        return _of_preset(name, loader)
    if _names_trunk(name):
        from keras_xmr.trunks import load_trunk

        return KerasNetwork(load_trunk(name), loader)
    return SentenceModel(name)


def _of_preset(name: str, loader: PictureLoader | None) -> Engine:
    """What a preset sees pictures with: a file of onnxruntime, or a trunk."""
    if loader is None and any(presets.find(name).glob("encoder_*.onnx")):
        transform = presets.load(name).preprocessor.transforms["image"]
        first: Any = transform.steps[0] if isinstance(transform, Chain) else transform
        engine: Engine = first.engine
        return engine
    from keras_xmr.trunks import load_trunk

    return KerasNetwork(load_trunk(name), loader)


def _names_trunk(name: str) -> bool:
    """Whether `keras_xmr.trunks.load_trunk` knows it."""
    if name.endswith(".keras"):
        return True
    # Keras is loaded for names alone that look like those of trunks.
    if not name.isidentifier():
        return False
    from keras_xmr.trunks.application import APPLICATIONS
    from keras_xmr.trunks.catalogue import OWN

    return name in OWN or name in APPLICATIONS


def engine_config(engine: Engine) -> Config:
    """Kind and config of an engine, JSON-serialisable."""
    kind = next(name for name, kind in ENGINES.items() if isinstance(engine, kind))
    return {"engine": kind, **engine.get_config()}


def restored_engine(config: Config) -> Engine:
    """The counterpart of `engine_config`.

    Raises:
        ValueError: If this version of the library has no such kind.
    """
    kind = ENGINES.get(config["engine"])
    if kind is None:
        raise ValueError(f"Engines are {sorted(ENGINES)}. Received: {config['engine']!r}.")
    return kind.from_config(config)
