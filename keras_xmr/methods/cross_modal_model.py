"""`CrossModalModel`: what every Keras method can do besides what all methods can."""

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.encoders.keras_network import KerasNetwork
from keras_xmr.methods.defaults import hub_of
from keras_xmr.methods.distillation import distilled
from keras_xmr.methods.entrance import SOURCE
from keras_xmr.methods.method import Method, Run
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.optimizers import paper_optimizer
from keras_xmr.training.batches import ItemBatches, PairedBatches, paired_stream, single_stream
from keras_xmr.training.callbacks import PlanReversals, watching
from keras_xmr.training.checkpoint import Checkpoint
from keras_xmr.training.optimizing import optimizers_for
from keras_xmr.training.pairing import media_with_gaps, pairing_by_names, pairing_of
from keras_xmr.training.reading import reading_weights
from keras_xmr.training.replicas import replica_count
from keras_xmr.transforms.encoder import Encoder
from keras_xmr.transforms.pictures import loaders_for, picture_trunks
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.trunks import trunk_from_config
from keras_xmr.trunks.entering import trunks_of_texts, trunks_to_train
from keras_xmr.types import Array, Config, FloatArray, Items

# Through a trunk; rows need less memory.
PICTURES_AT_A_TIME = 256


class CrossModalModel(Method, keras.Model):
    """A functional Keras model that maps every medium into one common representation.

    Sub-classes build their training graph in the constructor, say in `compute_loss` what is
    minimised, and in `build_encoder` how one medium reaches the common representation.

    Attributes:
        preprocessor: Fitted `Preprocessor`, or `None` for a model that takes arrays only.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> model = keras_xmr.CHTN.for_data(data, pathway_units=(8, 8), shared_units=(8, 8))
        >>> isinstance(model, CrossModalModel), model.encode(data, media="text").shape
        (True, (80, 4))
    """

    defaults = TrainingSettings()
    # Layers that watch the others in a game: a decay that is right for few pairs would keep them
    # from learning anything.
    undecayed: ClassVar[tuple[str, ...]] = ()
    media: dict[str, int]
    hub: str
    partial: tuple[str, ...] = ()
    batches_class: type[PairedBatches] = PairedBatches
    trunks: dict[str, keras.Model]
    source_classes: int | None = None
    preprocessor: Preprocessor | None

    @classmethod
    def _trained(
        cls,
        data: CrossModalData,
        source: CrossModalData | None,
        trunks: dict[str, keras.Model],
        settings: TrainingSettings,
        run: Run,
    ) -> Self:
        if settings.pretraining:
            raise ValueError(
                f"{cls.__name__} has no pretraining of its own. "
                f"Received: pretraining={settings.pretraining}."
            )
        if settings.distillation and not cls.learns_from_targets:
            raise ValueError(
                f"{cls.__name__} learns from labels alone. "
                f"Received: distillation={settings.distillation}."
            )
        settings = cls._with_gaps(data, settings)
        model = cls._new(data, source, trunks, settings, run.seed)
        model._train_on(data, source, settings, run)
        return model

    @classmethod
    def _with_gaps(cls, data: CrossModalData, settings: TrainingSettings) -> TrainingSettings:
        """The settings, for media that have no pairs, and media that some instances lack."""
        hub = settings.arguments.get("hub", hub_of(data))
        if hub not in data.media:
            return settings  # The constructor tells.
        pairing = settings.pairing
        if pairing == "instance":
            pairing = pairing_by_names(data, hub)
        settings = replace(settings, pairing=pairing)
        if "partial" in settings.arguments or "partial" not in cls.argument_names():
            return settings
        gaps = media_with_gaps(data.part("train"), pairing_of(pairing, list(data.media), hub), hub)
        return replace(settings, arguments=settings.arguments | {"partial": gaps})

    @classmethod
    def _new(
        cls,
        data: CrossModalData,
        source: CrossModalData | None,
        trunks: dict[str, keras.Model],
        settings: TrainingSettings,
        seed: int,
    ) -> Self:
        """A model with initial weights."""
        preprocessor = settings.preprocessor(data, **loaders_for(trunks))
        texts = trunks_of_texts(data, preprocessor, settings.text_cnn, seed)
        return cls.for_data(
            data,
            source,
            preprocessor=preprocessor,
            trunks=trunks_to_train(trunks, settings) | texts,
            seed=seed,
            **settings.arguments,
        )

    def _train_on(
        self,
        data: CrossModalData,
        source: CrossModalData | None,
        settings: TrainingSettings,
        run: Run,
    ) -> None:
        """Compile and fit, as one would by hand."""
        self._tell_transforms(run)
        if settings.distillation:
            data = distilled(data, self._require_preprocessor(), settings.distillation)
        batches = self.batches(
            data,
            source,
            pairing=settings.pairing,
            batch_size=settings.batch_size,
            sentence_dropout=settings.sentence_dropout,
            seed=run.seed,
        )
        optimizer = optimizers_for(self, settings, batches=settings.epochs * len(batches))
        self.compile(optimizer, **settings.compile)
        shown = watching(data, settings.epochs) if run.progress else []
        self.fit(
            batches,
            epochs=settings.epochs,
            callbacks=[*run.callbacks, *shown],
            checkpoint=run.checkpoint,
            verbose=0,
        )

    @classmethod
    def for_data(
        cls,
        data: CrossModalData,
        source: CrossModalData | None = None,
        *,
        preprocessor: Preprocessor | None = None,
        **kwargs: Any,
    ) -> Self:
        """A new model that fits a data set, with a preprocessor fitted on its training part.

        Args:
            data: The target data.
            source: Labelled data of one of the media; `None` for no transfer from a source.
            preprocessor: What to use instead of what `settings_for(data)` has; it is fitted here.
            **kwargs: Further arguments of the constructor, such as `trunks` where `data` has
                picture files.

        Raises:
            ValueError: If a medium has pictures and there is no trunk for it.
        """
        trunks = kwargs.get("trunks") or {}
        if preprocessor is None:
            preprocessor = cls.settings_for(data).preprocessor(data, **loaders_for(trunks))
        fitted = preprocessor.fit(data.part("train"))
        _check_raw_media_have_trunks(fitted, trunks)
        if source is not None:
            if "source_classes" not in cls.argument_names():
                raise ValueError(
                    f"{cls.__name__} learns from no source domain. Received: {source.name!r}."
                )
            kwargs["source_classes"] = source.num_classes
        if "num_classes" in cls.argument_names():
            kwargs["num_classes"] = data.num_classes
        if "hub" in cls.argument_names():
            kwargs.setdefault("hub", hub_of(data))
        dims = fitted.dims | {name: trunk.output_shape[-1] for name, trunk in trunks.items()}
        return cls(dims, preprocessor=fitted, **kwargs)

    def batches(
        self,
        data: CrossModalData,
        source: CrossModalData | None = None,
        *,
        split: str = "train",
        pairing: str | Mapping[str, str] = "instance",
        batch_size: int = 64,
        shuffle: bool = True,
        augment: bool = True,
        augmentation: Callable[[Array], Array] | None = None,
        sentence_dropout: float = 0.0,
        workers: int = 2,
        seed: int = 0,
    ) -> PairedBatches:
        """Batches of target pairs and source items, for `fit` and `evaluate`.

        Where media have targets, batches have them instead of label distributions.

        Args:
            data: The target data.
            source: The source data; a batch has as many of its items as of pairs.
            split: The part to take of both.
            pairing: What goes with an item of the hub, for all other media or for each by its
                name: `"instance"` for its true partners; `"class"` for a random item of the same
                labels, drawn anew for each batch; `"row"` for the item with the same row number,
                as in the release of MHTN.
            batch_size: Pairs per batch.
            shuffle: Whether to draw a new order each time through.
            augment: Whether pictures are cropped and mirrored at random, rather than cut at the
                centre.
            augmentation: What to do besides with the pictures `(n, height, width, 3)` of a batch,
                such as a keras-cv layer.
            sentence_dropout: Share of the sentences of each text that are left out at random.
            workers: Threads that decode pictures while the model trains; feature rows need none.
            seed: Seed of the order, and of crops and mirroring.

        Raises:
            ValueError: If the model has a source branch and `source` is not given, or the other
                way round; if an instance has no partner in a medium that is not `partial`; if
                there are targets, and the model learns from labels alone.
        """
        if (source is None) != (self.source_classes is None):
            raise ValueError(
                "Source data go with a source branch. "
                f"Received: source={source and source.name!r}, "
                f"model with source_classes={self.source_classes}."
            )
        self._check_targets(data)
        preprocessor = self._require_preprocessor()
        rows = functools.partial(
            preprocessor.drawn,
            augment=augment and shuffle,
            augmentation=augmentation,
            sentence_dropout=sentence_dropout if shuffle else 0.0,
        )
        known = [m for m in self.media if m in data.media or m not in self.partial]
        absent = {m: self.get_layer(m).batch_shape[1:] for m in self.media if m not in known}
        pairings = pairing_of(pairing, list(self.media), self.hub)
        streams = [
            paired_stream(data.part(split), known, self.hub, rows, pairings, self.partial, absent)
        ]
        if source is not None:
            streams.append(single_stream(source.part(split), self.hub, SOURCE, rows))
        return self.batches_class(
            streams, batch_size=batch_size, shuffle=shuffle, workers=workers, seed=seed
        )

    def compile(self, optimizer: Any = "rmsprop", *args: Any, **kwargs: Any) -> None:
        """Keras' `compile`; `optimizer="paper"` is the SGD of the authors' release.

        See `keras_xmr.optimizers.paper_optimizer`.
        """
        if optimizer == "paper":
            optimizer = paper_optimizer(self.rate_multipliers)
        super().compile(optimizer, *args, **kwargs)

    @property
    def passes_per_batch(self) -> int:
        """Forward passes, in training, for each batch."""
        return 1

    @property
    def rate_multipliers(self) -> dict[str, float]:
        """Pattern to factor on the learning rate, as in the release: see `keras_xmr.optimizers`."""
        # "beta" is the shift of normalised inputs. Not every model has one.
        return {"bias|beta": 2.0}

    def compile_from_config(self, config: Config) -> None:
        """The counterpart of Keras' `get_compile_config`: a loaded model can train on."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any = None,
        *args: Any,
        checkpoint: str | Path | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Keras' `fit`; `PairedBatches` come in the order that their seed says.

        Args:
            x: What to train on, such as `batches` returns.
            *args: Further arguments of Keras' `fit`.
            checkpoint: Folder that keeps the whole state of the training after each epoch: with
                the same settings a run that was killed goes on from there. See `Checkpoint`.
            callbacks: Keras callbacks.
            **kwargs: Further arguments of Keras' `fit`.

        Raises:
            ValueError: If batches cannot be shared equally by the devices of a strategy.
        """
        paired = x if isinstance(x, PairedBatches) else None
        if paired is not None:
            devices = replica_count()
            if paired.batch_size % devices:
                raise ValueError(
                    "Devices share a batch equally: its size must be a multiple of their number. "
                    f"Received: batch_size={paired.batch_size}, {devices} devices."
                )
            # By default Keras would take them in an order drawn from Python's global generator.
            kwargs.setdefault("shuffle", False)
        callbacks = list(callbacks or ())
        callbacks.append(PlanReversals())
        if checkpoint is not None:
            callbacks.append(Checkpoint(checkpoint, batches=paired, callbacks=callbacks))
        return super().fit(x, *args, callbacks=callbacks, **kwargs)

    def build_encoder(self, media: str) -> keras.Model:
        """A functional model from the rows of one medium to its common representation."""
        raise NotImplementedError

    def encoder(self, media: str) -> keras.Model:
        """The model from rows `(n, d)` of one medium to their common representation.

        It shares its layers with this model, and needs no other medium. For other programs,
        `encoder("text").export("text.onnx", format="onnx")` writes it as a network that takes rows
        as `preprocess` gives them; see `MediumEncoder`.

        Raises:
            KeyError: If the model has no such medium.
        """
        self._check_medium(media)
        if not hasattr(self, "_encoder"):
            # A function, not a dict: Keras would track the encoders in it and save them too.
            self._encoder = functools.cache(self._exportable_encoder)
        return self._encoder(media)

    def _exportable_encoder(self, media: str) -> "MediumEncoder":
        encoder = self.build_encoder(media)
        return MediumEncoder(encoder.input, encoder.output, name=encoder.name)

    def _rows(self, items: Items, media: str, batch_size: int) -> Any:
        # The pixels of all pictures might not fit into memory.
        if media in self.trunks:
            size = min(batch_size, PICTURES_AT_A_TIME)
            return ItemBatches(items, media, self._require_preprocessor(), size)
        return super()._rows(items, media, batch_size)

    def _represent(self, rows: Any, media: str, batch_size: int) -> FloatArray:
        encoder = self.encoder(media)
        if not len(rows):
            return np.zeros((0, encoder.output_shape[-1]), dtype=np.float32)
        size = None if isinstance(rows, ItemBatches) else batch_size
        encoded: FloatArray = encoder.predict(rows, batch_size=size, verbose=0)
        return encoded.astype(np.float32)

    def with_frozen_trunks(self) -> Self:
        """A copy whose trunks of pictures stand in front of it, as frozen encoders.

        They are then computed once for each picture, and kept in the cache. No weight changes.
        """
        pictured = picture_trunks(self.trunks)
        if not pictured:
            return self
        transforms: dict[str, Any] = self._require_preprocessor().transforms
        encoders = {
            name: Encoder(KerasNetwork(t, transforms[name])) for name, t in pictured.items()
        }
        others = {name: trunk for name, trunk in self.trunks.items() if name not in pictured}
        return self.copy_with(trunks=others, preprocessor=Preprocessor(transforms | encoders))

    def with_readout(self, readout: str) -> Self:
        """See `Method.with_readout`."""
        if "readout" not in self.argument_names():
            return super().with_readout(readout)
        return self.copy_with(readout=readout)

    def copy_with(self, **changes: Any) -> Self:
        """A copy with some arguments of the constructor changed, and the weights of this model."""
        config = self.get_config() | {"preprocessor": self.preprocessor}
        copy = type(self).from_config(config | changes)
        given = changes.get("trunks", {}).values()
        mine = {layer.name: layer for layer in self.layers}
        for layer in copy.layers:
            if layer.weights and layer not in given and layer.name in mine:
                layer.set_weights(mine[layer.name].get_weights())
        return copy

    def save_assets(self, path: str) -> None:
        """Keras' hook: the networks in front of the model go into its `.keras` file, too."""
        if self.preprocessor is not None:
            self.preprocessor.save_files(Path(path))

    def load_assets(self, path: str) -> None:
        """Keras' hook: the counterpart of `save_assets`."""
        if self.preprocessor is not None:
            files = Path(path).iterdir() if Path(path).is_dir() else ()
            self.preprocessor.load_files({file.name: file for file in files})

    def get_config(self) -> Config:
        """The constructor's arguments, JSON-serialisable."""
        return {
            **{
                name: getattr(self, name)
                for name in self.argument_names()
                if name not in ("preprocessor", "dtype")
            },
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "trunks": {
                name: keras.saving.serialize_keras_object(trunk)
                for name, trunk in self.trunks.items()
            },
            "preprocessor": self.preprocessor and self.preprocessor.get_config(),
        }

    @classmethod
    def reading(cls) -> AbstractContextManager[None]:
        """See `Method.reading`: initial weights are not drawn."""
        return reading_weights()

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Self:
        """The counterpart of `get_config`."""
        config = dict(config)
        if isinstance(config.get("preprocessor"), dict):
            config["preprocessor"] = Preprocessor.from_config(config["preprocessor"])
        config["trunks"] = {
            name: trunk_from_config(trunk) if isinstance(trunk, dict) else trunk
            for name, trunk in (config.get("trunks") or {}).items()
        }
        if isinstance(config.get("dtype"), dict):
            config["dtype"] = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**config)


class MediumEncoder(keras.Model):
    """What leads from the rows of one medium to their common representation."""

    def export(self, filepath: str | Path, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """Keras' `export`, also before the first call.

        ONNX needs `onnx` on PyTorch, `tf2onnx` on TensorFlow and `jax2onnx` on JAX; a SavedModel
        needs TensorFlow.

        Args:
            filepath: The file, or the folder of a SavedModel.
            format: Such as `"onnx"`.
            **kwargs: Further arguments of Keras' `export`.

        Raises:
            ValueError: If Keras does not write the format on this backend.
        """
        if format == "tf_saved_model" and keras.config.backend() == "torch":
            raise ValueError(
                "Keras writes a SavedModel on TensorFlow and on JAX. "
                f"Received: {format=} on PyTorch. Use format='onnx', or save the model as a preset "
                "and load it where KERAS_BACKEND=tensorflow."
            )
        # Keras exports no model that was never called.
        self(self.input)
        super().export(str(filepath), format=format, **kwargs)


def _check_raw_media_have_trunks(
    preprocessor: Preprocessor, trunks: Mapping[str, keras.Model]
) -> None:
    raw = {name for name, t in preprocessor.transforms.items() if t.needs_trunk}
    if raw != set(trunks):
        raise ValueError(
            f"Media with pictures or word numbers need a trunk, and no others: {sorted(raw)}. "
            f"Received: trunks for {sorted(trunks)}. Pass trunks={{...}} (--trunk on the command "
            "line), or data with features; `WordIds` are the transform of a trunk of texts."
        )
