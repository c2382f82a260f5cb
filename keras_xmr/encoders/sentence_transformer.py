"""`SentenceModel`: a model of sentence_transformers, for texts, or for pictures, too."""

import functools
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from keras_xmr.encoders.engine import MEDIA, Engine, needed
from keras_xmr.types import Config, FloatArray

# What is fetched of a model: no pickles, no code, no weights for other libraries.
PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors", "*.jinja")
OTHERS = ("onnx/*", "openvino/*")
# The environment variable of a folder in which models lie under their names.
VARIABLE = "KERAS_XMR_ENCODERS"
ORGANIZATION = "sentence-transformers"
BATCH = 32
# What decides how a processor makes pixels.
OF_PICTURES = ("size", "crop_size", "image_mean", "image_std", "resample", "rescale_factor")


class SentenceModel(Engine):
    """A model of sentence_transformers: texts, and pictures where it is a multimodal one.

    It is looked for in the folder that the environment variable `KERAS_XMR_ENCODERS` names; failing
    that, its library fetches it, into its own cache. Only weights in the format
    safetensors are read, and no code of the model's is run.

    Args:
        source: The name of a model, as `"all-MiniLM-L6-v2"` or `"owner/name"`, a folder, or a
            `sentence_transformers.SentenceTransformer`.
        revision: The version, of a model by name.

    Example:
        >>> import sentence_transformers  # doctest: +SKIP
        >>> SentenceModel("all-MiniLM-L6-v2").rows(["a dog"], "text").shape  # doctest: +SKIP
        (1, 384)
        >>> SentenceModel("all-MiniLM-L6-v2").name
        'all-MiniLM-L6-v2'
    """

    def __init__(self, source: Any, revision: str = "") -> None:
        self._dim: int | None = None
        self._reads: tuple[str, ...] | None = None
        self.revision = revision
        if isinstance(source, str | Path):
            self.name = str(source)
        else:
            self.model = source
            self.name = _name_of(source)

    @functools.cached_property
    def model(self) -> Any:
        """The model, loaded.

        Raises:
            ImportError: If sentence_transformers is not installed.
            OSError: If the model is not there, and cannot be fetched.
            ValueError: If it is not the one a preset was made with, or its weights are a pickle.
        """
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise needed("sentence-transformers", "encoders", error) from error
        folder = self._folder()
        _refuse_pickles(folder)
        try:
            return SentenceTransformer(
                str(folder),
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except OSError as error:
            raise OSError(
                "The folder of a model must hold all of its files. "
                f"Received: {str(folder)!r}: {error}."
            ) from error

    def _folder(self) -> Path:
        """The folder of the model; one that is not there is fetched."""
        for folder in _folders(self.name):
            if folder.is_dir():
                return folder
        from huggingface_hub import snapshot_download
        from huggingface_hub.constants import HF_HUB_CACHE

        repository = self.name if "/" in self.name else f"{ORGANIZATION}/{self.name}"
        try:
            folder = snapshot_download(
                repository,
                revision=self.revision or None,
                allow_patterns=list(PATTERNS),
                ignore_patterns=list(OTHERS),
            )
        except (OSError, ValueError) as error:
            version = f", revision {self.revision}" if self.revision else ""
            raise OSError(
                f"An encoder is {FORMS}. Received: {self.name!r}, which is no folder, not in the "
                f"cache {HF_HUB_CACHE!r}, and cannot be fetched "
                f"({str(error).splitlines()[0] if str(error) else type(error).__name__}). "
                f"Bring the files of {repository}{version} (modules.json, config.json, "
                "tokenizer.json, model.safetensors and the other .json files) into a folder and "
                f"give its path; or into a folder {self.name!r} within the one that the "
                f"environment variable {VARIABLE} names; or fetch them where there is a network, "
                f"by `hf download {repository}`, and copy that cache here."
            ) from error
        # A snapshot lies in a folder that has the name of its version.
        self.revision = Path(folder).name
        return Path(folder)

    @functools.cached_property
    def _checked(self) -> Any:
        """The model, when it is known to be the one that is wanted."""
        self.verify()
        return self.model

    def _reloaded(self) -> Collection[str]:
        return ("model", "_checked") if self.name else ()

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """`"text"`, and `"image"` of a multimodal model."""
        if self._reads is None:
            known = self._checked.modalities
            self._reads = tuple(medium for medium in MEDIA if medium in known)
        return self._reads

    @property
    def dim(self) -> int:
        """Width of the rows."""
        if self._dim is None:
            self._dim = int(self._checked.get_embedding_dimension())
        return self._dim

    def measured(self) -> str:
        """SHA-256 of weights, tokenizer, and what is done before and after the network."""
        model = self.model
        about = [*_settings(model), _tokens(model.tokenizer)]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode())
        # Not by their names, which differ between versions of the library.
        for weight in model.parameters():
            array = weight.detach().cpu().float().numpy()
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return digest.hexdigest()

    def rows(self, items: Sequence[Any], medium: str) -> FloatArray:
        """Rows `(n, dim)`, float32; the library sorts texts by their length: see `Engine.rows`."""
        if medium == "image":
            given: list[Any] = [Image.fromarray(np.ascontiguousarray(item)) for item in items]
        elif "image" in self.reads:
            # Where it takes pictures, too, a text such as "dog.jpg" would be opened.
            given = [{"text": text} for text in items]
        else:
            given = list(items)
        found = self._checked.encode(given, batch_size=BATCH, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32)

    def get_config(self) -> Config:
        """Name, revision and fingerprint, and what is then known without loading the model."""
        return {**super().get_config(), "dim": self.dim, "reads": list(self.reads)}

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Nothing: a preset names the model.

        Raises:
            ValueError: If it has no name that it could be found by.
        """
        if not self.name:
            raise ValueError(
                "A preset names a sentence encoder, so that it can be found again. Received: one "
                "made in memory. Save it with its own `save_pretrained`, and give the folder."
            )
        return []

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`; the model is loaded when it is used."""
        engine = cls(config["name"], config["revision"])
        engine._wanted = config["sha256"]
        engine._dim, engine._reads = config["dim"], tuple(config["reads"])
        return engine


FORMS = (
    "a trunk such as 'mobilenet_v2', 'keras_hub:' and the name of a preset of keras-hub, an .onnx "
    "file, or the name or the folder of a model of sentence_transformers"
)


def _folders(name: str) -> Iterator[Path]:
    """Where a model may lie, apart from the cache of its library."""
    yield Path(name)
    if os.environ.get(VARIABLE):
        yield Path(os.environ[VARIABLE]) / name


def _refuse_pickles(folder: Path) -> None:
    """An error where weights are a pickle alone: reading one may run any code."""
    alone = [
        path.relative_to(folder).as_posix()
        for ending in ("*.bin", "*.pt", "*.pkl")
        for path in folder.rglob(ending)
        if path.parent.name not in ("onnx", "openvino")
        and not any(path.parent.glob("*.safetensors"))
    ]
    if alone:
        raise ValueError(
            "Weights are read in the format safetensors alone, since a pickle may run any code. "
            f"Received: {str(folder)!r} with {alone}. Convert them first."
        )


def _settings(model: Any) -> list[Any]:
    """What is done before and after the network, JSON-serialisable."""
    prompt = model.prompts.get(model.default_prompt_name) if model.default_prompt_name else None
    behind = [[type(m).__name__, m.get_config_dict()] for m in list(model)[1:]]
    processor = getattr(getattr(model, "processor", None), "image_processor", None)
    pixels = {name: getattr(processor, name, None) for name in OF_PICTURES} if processor else {}
    return [model.max_seq_length, prompt, behind, {name: str(v) for name, v in pixels.items()}]


def _tokens(tokenizer: Any) -> Any:
    """The tokenizer, without what the last call set."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if fast is None:
        return repr(tokenizer)
    told = json.loads(fast.to_str())
    return {name: value for name, value in told.items() if name not in ("truncation", "padding")}


def _name_of(model: Any) -> str:
    """Where a model came from, if it knows."""
    return str(getattr(model.transformers_model, "name_or_path", "") or "")
