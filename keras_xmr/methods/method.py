"""`Method`: what every method says of itself, and what all of them can do."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import MethodType
from typing import Any, ClassVar, NamedTuple, Self

from keras_xmr import presets
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.encoders.keras_network import KerasNetwork
from keras_xmr.methods.about import About
from keras_xmr.methods.blank import warn_of_blank
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Tunable
from keras_xmr.progress import Progress
from keras_xmr.transforms.encoder import Encoder
from keras_xmr.transforms.extraction import with_features
from keras_xmr.transforms.given_encoders import given_encoders, of_features, to_fit
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Array, Config, FloatArray, Items

# Arguments of a class that follow from the data.
FROM_DATA = ("media", "num_classes", "source_classes", "trunks", "preprocessor", "seed")


class Run(NamedTuple):
    """How one training is seeded, kept and watched: see `Method.train`."""

    seed: int
    checkpoint: Path | None
    callbacks: Sequence[Any]
    progress: bool


class Frozen(NamedTuple):
    """Data and what is left to train of their trunks.

    Attributes:
        data: The data; pictures are features where there is an encoder.
        source: The source data, likewise.
        trunks: Medium to the trunk that is trained.
        encoders: Medium to the frozen encoder that its features are of.
    """

    data: CrossModalData
    source: CrossModalData | None
    trunks: dict[str, Any]
    encoders: dict[str, Encoder]


class OfClass:
    """A class method that instances do not have.

    Modules of PyTorch, as Keras models are there, have a `train` of their own.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        if instance is None:
            return MethodType(self.function, owner)
        return getattr(super(Method, instance), self.function.__name__)


class Method:
    """A method of cross-modal retrieval: it learns to map media into one common representation.

    A sub-class says what it is in `about` and what it is trained with in `defaults`, how it learns
    from data in `_trained`, and how rows become common representations in `_represent`.

    Attributes:
        about: What it is.
        defaults: Settings for data it has never seen.
        tunable: What is worth tuning, over which range: settings, or arguments of the class.
        trains_trunks: Whether trunks can be trained further within it.
        learns_from_targets: Whether it learns labels by a loss between distributions, so that
            targets may take their place: see `keras_xmr.methods.distillation`.
        preprocessor: Fitted `Preprocessor`, or `None`.
        media: The media it knows.
    """

    about: ClassVar[About]
    defaults: ClassVar[Settings] = Settings()
    tunable: ClassVar[Mapping[str, Tunable]] = {}
    trains_trunks: ClassVar[bool] = False
    learns_from_targets: ClassVar[bool] = False
    preprocessor: Preprocessor | None
    media: Any

    @OfClass
    def train(
        cls: Any,
        data: CrossModalData,
        source: CrossModalData | None = None,
        *,
        trunks: Mapping[str, Any] | None = None,
        encoders: Mapping[str, Any] | None = None,
        settings: Settings | None = None,
        seed: int = 0,
        checkpoint: str | Path | None = None,
        callbacks: Sequence[Any] = (),
        progress: bool = True,
        **changes: Any,
    ) -> Any:
        """From data to a trained model in one call.

        Args:
            data: The data; the training part is learnt from, the validation part watched.
            source: Labelled data of one of the media, for a method that learns from such.
            trunks: Medium to the network of its pictures. It stays as it is, and the features of
                each picture are computed once, unless `trunk_rate` says that it is trained too.
            encoders: Medium to an encoder that stays as it is, of pictures or texts: a
                `keras_xmr.transforms.Encoder` or what it takes, such as `"all-MiniLM-L6-v2"`; or a
                list of several whose rows stand side by side, in which `"tfidf"` is a
                `TextVectorizer`. Rows of each item are computed once.
            settings: How the method is made and trained; `None` for what `settings_for` says of
                these data.
            seed: Seed of all that is random.
            checkpoint: Folder that keeps the state of the training after each epoch. If it holds
                one of the same settings, training goes on from there.
            callbacks: Keras callbacks, of Keras methods.
            progress: Whether to show the progress and the validation MAP on standard error.
            **changes: Settings, or arguments of the class, that shall be others.

        Returns:
            The trained model; it takes what `data` holds.

        Raises:
            ValueError: If the method does not take what is given, or has no such setting.
            UnreadablePicturesError: If pictures are missing or damaged.

        Example:
            >>> import keras_xmr
            >>> model = keras_xmr.CCA.train(keras_xmr.datasets.toy(), progress=False)
            >>> model.encode_text(["class1 thing0"]).shape
            (1, 4)
        """
        if callbacks and cls.about.kind == "linear":
            raise ValueError(
                f"{cls.__name__} is not trained in epochs. Received: callbacks. Leave them out."
            )
        frozen, chosen = cls.prepared(
            data, source, trunks, settings, changes, encoders=encoders, progress=progress
        )
        run = Run(seed, Path(checkpoint) if checkpoint else None, callbacks, progress)
        model = cls._trained(frozen.data, frozen.source, frozen.trunks, chosen, run)
        model.preprocessor = model.preprocessor.behind(frozen.encoders)
        return model

    @classmethod
    def prepared(
        cls,
        data: CrossModalData,
        source: CrossModalData | None,
        trunks: Mapping[str, Any] | None,
        settings: Settings | None,
        changes: Mapping[str, Any],
        *,
        encoders: Mapping[str, Any] | None = None,
        progress: bool,
    ) -> tuple[Frozen, Settings]:
        """The data, with the rows of encoders in place of what they read; the settings.

        All but `progress` is as in `train`.
        """
        trunks = dict(trunks or {})
        planned = (settings or cls.defaults).changed(changes, cls.settable())
        cls._check(source, trunks, planned)
        given = given_encoders(data, encoders or {})
        front = of_features(given)
        if not planned.trains_trunks:
            front = {m: Encoder(KerasNetwork(t)) for m, t in trunks.items()} | front
            trunks = {}
        for medium, encoder in front.items():
            data = with_features(data, encoder, medium, progress=progress)
            if source is not None and medium in source.media:
                source = with_features(source, encoder, medium, progress=progress)
        chosen = (settings or cls.settings_for(data)).changed(changes, cls.settable())
        fitted = {**chosen.given, **to_fit(given)}
        return Frozen(data, source, trunks, front), replace(chosen, given=fitted)

    @classmethod
    def settings_for(cls, data: CrossModalData) -> Settings:
        """The settings for data that nobody tuned them for; they follow from the data."""
        return cls.defaults

    @classmethod
    def _check(
        cls, source: CrossModalData | None, trunks: Mapping[str, Any], settings: Settings
    ) -> None:
        """See that the method takes what it is given."""
        if source is not None and "source" not in cls.about.learns_from:
            raise ValueError(
                f"{cls.__name__} learns from no source domain. Received: {source.name!r}."
            )
        if trunks and settings.trains_trunks and not cls.trains_trunks:
            raise ValueError(
                f"{cls.__name__} takes a trunk as it is. Received: trunk_rate > 0. Leave it out."
            )

    @classmethod
    def _check_targets(cls, data: CrossModalData) -> None:
        """See that targets are not ignored by what learns from labels."""
        given = sorted(name for name, medium in data.media.items() if medium.targets is not None)
        if given and "labels" in cls.about.learns_from and not cls.learns_from_targets:
            raise ValueError(
                f"{cls.__name__} learns from labels alone. Received: targets of {given} in "
                f"{data.name!r}."
            )

    @classmethod
    def _trained(
        cls,
        data: CrossModalData,
        source: CrossModalData | None,
        trunks: dict[str, Any],
        settings: Any,
        run: Run,
    ) -> Self:
        """A model trained on rows, or on raw items with trunks that are trained too."""
        raise NotImplementedError

    @classmethod
    def argument_names(cls) -> list[str]:
        """Names of the constructor's arguments, and of those that it hands on to its parent's."""
        names: dict[str, None] = {}
        for parent in cls.__mro__[: cls.__mro__.index(Method)]:
            if "__init__" in vars(parent):
                parameters = inspect.signature(parent).parameters.values()
                named = (
                    p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
                )
                names |= dict.fromkeys(named)
        return [name for name in names if not name.startswith("_")]

    @classmethod
    def settable(cls) -> list[str]:
        """Names of the arguments that do not follow from the data."""
        return [name for name in cls.argument_names() if name not in FROM_DATA]

    @property
    def metric(self) -> str:
        """What rankings of its representations are by: a metric of `keras_xmr.metrics`."""
        return "cosine"

    def preprocess(self, data: CrossModalData) -> dict[str, FloatArray]:
        """Rows `(n, d)`, or pixels, of every medium of `data` that the model knows.

        Raises:
            ValueError: If the model has no preprocessor.
            RuntimeError: If it was not fitted.
        """
        preprocessor = self._require_preprocessor()
        return {
            name: preprocessor(medium.items, name)
            for name, medium in data.media.items()
            if name in preprocessor.transforms
        }

    def encode(
        self, x: CrossModalData | dict[str, Array] | Items, media: str, *, batch_size: int = 1024
    ) -> Array:
        """Map items of one medium into the common representation.

        Args:
            x: A data set, or raw items of the medium (sentences, pictures, feature rows), or one
                of them: they are preprocessed first. Pictures are paths, the bytes of files,
                Pillow's, or arrays of levels, uint8. A dict, such as `preprocess` returns, is
                taken as it is.
            media: Name of the medium.
            batch_size: Rows at a time.

        Returns:
            Common representation `(n, common_dim)`, float32. Items that say nothing, such as texts
            without a known word, get rows of zeros, whose cosine to everything is 0.

        Warns:
            BlankItemsWarning: If there are such items.

        Raises:
            KeyError: If the model, or `x`, has no such medium.
            ValueError: If raw items are given to a model without a preprocessor.
            RuntimeError: If the model was not fitted.
        """
        self._check_medium(media)
        if isinstance(x, dict):
            return self._represent(x[media], media, batch_size)
        transform = self._require_preprocessor().of(media)
        items = x.medium(media).items if isinstance(x, CrossModalData) else transform.listed(x)
        rows = self._rows(items, media, batch_size)
        encoded = self._represent(rows, media, batch_size)
        blank = transform.blank(items, rows)
        if blank.any():
            warn_of_blank(items, blank, media, self.metric)
            encoded[blank] = 0
        return encoded

    def encode_image(self, x: Any, *, batch_size: int = 1024) -> Array:
        """`encode(x, media="image")`."""
        return self.encode(x, "image", batch_size=batch_size)

    def encode_text(self, x: Any, *, batch_size: int = 1024) -> Array:
        """`encode(x, media="text")`."""
        return self.encode(x, "text", batch_size=batch_size)

    def _rows(self, items: Items, media: str, batch_size: int) -> Any:
        """What the items of a medium become before they are represented."""
        return self._require_preprocessor()(items, media)

    def _represent(self, rows: Any, media: str, batch_size: int) -> FloatArray:
        """Common representation `(n, common_dim)` of rows `(n, d)`."""
        raise NotImplementedError

    def _tell_transforms(self, run: Run) -> None:
        """Say what was decided from the training items."""
        transforms = self.preprocessor.transforms if self.preprocessor else {}
        for medium, transform in transforms.items():
            if transform.told:
                Progress(self.about.name, shown=run.progress).say(f"{medium}: {transform.told}")

    def _check_medium(self, media: str) -> None:
        if media not in self.media:
            raise KeyError(f"This model has the media {sorted(self.media)}. Received: {media=}.")

    def _require_preprocessor(self) -> Preprocessor:
        if self.preprocessor is None:
            raise ValueError(
                "Raw items need a model with a preprocessor. Received: preprocessor=None. "
                "Pass preprocessor=..., or give encode() a dict of ready arrays."
            )
        return self.preprocessor

    def with_readout(self, readout: str) -> Self:
        """A copy that learnt the same, and whose common representation is another one.

        Args:
            readout: One of the values of the argument `readout`, where the class has it.

        Raises:
            ValueError: If there is no such readout.
        """
        raise ValueError(f"{type(self).__name__} has one readout. Received: {readout=}.")

    def with_frozen_trunks(self) -> Self:
        """A copy whose trunks of pictures stand in front of it, or itself if there are none."""
        return self

    def for_retrieval(self) -> Self:
        """A copy with what retrieval needs alone, or the model itself if that is all it has."""
        return self

    @classmethod
    def reading(cls) -> AbstractContextManager[None]:
        """Around what makes a model by its config and reads its weights."""
        return nullcontext()

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`."""
        raise NotImplementedError

    def save_to_preset(
        self,
        path: str | Path,
        *,
        metadata: Config | None = None,
        card: str = "",
        precision: str = "float16",
    ) -> Path:
        """Write the model, its preprocessor and its card into a directory.

        Half precision makes files half as large, and may change the fourth digit of a MAP: measure
        what `from_preset` gives back, or save all bits.

        Args:
            path: The directory; it appears whole or not at all.
            metadata: What `metadata.json` shall tell: data, split, seed, command, figures.
            card: Text of the directory's `README.md`.
            precision: What matrices are stored in: `"float16"`, or `"float32"` for all their bits.

        Returns:
            The directory.

        Raises:
            FileExistsError: If `path` exists and is no preset.
            ValueError: If `precision` is neither.
        """
        metadata = metadata or {}
        return presets.save(self, Path(path), metadata=metadata, card=card, precision=precision)

    @classmethod
    def from_preset(cls, name: str | Path) -> Self:
        """Load a model by the name of a bundled preset, or from a directory.

        Args:
            name: `"pascal"`, `"wiki"`, ... or the path of a directory.

        Raises:
            ValueError: If there is no such preset, it is of another class, or it is damaged.
        """
        model = presets.load(name, expected=cls)
        assert isinstance(model, cls)
        return model
