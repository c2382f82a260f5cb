"""`StagedModel`: models on stacks of restricted Boltzmann machines, trained stage after stage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import keras

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.rbm import RBM, UNITS
from keras_xmr.losses.contrastive_divergence import contrastive_divergence
from keras_xmr.methods.cross_modal_model import CrossModalModel
from keras_xmr.methods.entrance import enter, make_inputs
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.space import Range, Tunable
from keras_xmr.optimizers import AdamW
from keras_xmr.training.batches import PairedBatches
from keras_xmr.training.progress import TrainingProgress
from keras_xmr.training.replicas import replica_count, whole_batch
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.transforms.pictures import loaders_for
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.transforms.text_vectorizer import TextVectorizer
from keras_xmr.transforms.tokens import without_stop_words
from keras_xmr.types import Config, Tensor

Stacks = Mapping[str, Sequence[RBM]]


class Stage(NamedTuple):
    """A part of the training.

    Attributes:
        name: Name of the stage.
        layers: What is trained; all other layers stay as they are.
        terms: Names of the terms of the loss.
        reads: Names of the outputs of the model that the terms are made of.
    """

    name: str
    layers: tuple[keras.layers.Layer, ...]
    terms: tuple[str, ...]
    reads: tuple[str, ...]


class StagedModel(CrossModalModel):
    """A model whose layers are trained one after another, each on what those before it give.

    Its first stages are the stacks of restricted Boltzmann machines of the media, layer by layer.
    `fit` goes through the early stages first, `pretraining_epochs` each, by AdamW at the constant
    `pretraining_rate`; its own optimizer, epochs and callbacks are for the last stage. A model
    whose early stages are done, a saved one for instance, goes on with the last stage.

    Sub-classes call `_ready` at the end of their constructor, and say what the stages are and what
    their losses are made of.
    """

    stacks: dict[str, list[RBM]]
    cd_steps: int
    pretraining_epochs: int
    pretraining_rate: float
    pretraining_decay: float = 1e-2

    tunable: ClassVar[Mapping[str, Tunable]] = {
        "learning_rate": Range(1e-3, 3e-2),
        "weight_decay": Range(1e-5, 1.0),
        "pretraining_rate": Range(5e-4, 1e-2),
        "noise": Range(0.1, 1.0),
    }

    @classmethod
    def for_data(
        cls,
        data: CrossModalData,
        source: CrossModalData | None = None,
        *,
        preprocessor: Preprocessor | None = None,
        **kwargs: Any,
    ) -> Self:
        """As in `CrossModalModel`; where texts become words, these are a replicated softmax.

        Args:
            data: The data.
            source: Nothing: there is no source branch.
            preprocessor: What to use instead of `Preprocessor.for_data(data)`; it is fitted here.
            **kwargs: Further arguments of the constructor.
        """
        if preprocessor is None:
            trunks = kwargs.get("trunks") or {}
            preprocessor = cls.settings_for(data).preprocessor(data, **loaders_for(trunks))
        transforms = preprocessor.transforms.items()
        words = [name for name, transform in transforms if transform.counts_words]
        kwargs.setdefault("visible", dict.fromkeys(words, "replicated_softmax"))
        return super().for_data(data, source, preprocessor=preprocessor, **kwargs)

    def stages(self) -> tuple[Stage, ...]:
        """The stages, in their order: at least the last one."""
        raise NotImplementedError

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults, with the units that machines expect.

        Rows have unit variance, and texts are counts of words without those that are in most texts,
        which would be all that a machine sees.
        """
        transforms: dict[str, Config] = {}
        for name, medium in data.part("train").media.items():
            if FeatureScaler.takes(medium.items, name):
                transforms[name] = {"transform": "FeatureScaler", "config": {}}
            elif TextVectorizer.takes(medium.items, name):
                config = {"weighting": "counts", **without_stop_words(medium.items)}
                transforms[name] = {"transform": "TextVectorizer", "config": config}
        return cls.defaults.changed({"transforms": transforms}, cls.settable())

    def stage_terms(
        self, stage: str, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The terms of the loss of a stage, unweighted: as `loss_terms`."""
        raise NotImplementedError

    def weight_of(self, term: str) -> float:
        """Weight of a term of the loss."""
        return 1.0

    def loss_terms(
        self, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The terms of the loss of the present stage, unweighted.

        Args:
            y: Label distributions `(batch, classes)` of each medium.
            y_pred: What the model returns.

        Returns:
            Term name to scalar.
        """
        return self.stage_terms(self.stage.name, y, y_pred)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Sum of the weighted terms of the present stage; each also becomes a metric."""
        terms = self.loss_terms(whole_batch(y), whole_batch(y_pred))
        for name, value in terms.items():
            self.trackers[name].update_state(value)
        total = sum(self.weight_of(name) * value for name, value in terms.items())
        return total / replica_count()

    @property
    def metrics(self) -> list[Any]:
        """The loss, and the terms of the present stage."""
        others = {id(tracker) for tracker in self.trackers.values()}
        others -= {id(self.trackers[name]) for name in self.stage.terms}
        return [metric for metric in super().metrics if id(metric) not in others]

    def compile(self, optimizer: Any = "rmsprop", *args: Any, **kwargs: Any) -> None:
        """Keras' `compile`; the optimizer is that of the last stage."""
        super().compile(optimizer, *args, **kwargs)
        self._compiled_with = (self.optimizer, args, kwargs)

    def fit(
        self,
        x: Any = None,
        *args: Any,
        checkpoint: str | Path | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        **kwargs: Any,
    ) -> Any:
        """As in `CrossModalModel`, for the last stage, after the early ones.

        Args:
            x: What to train on, such as `batches` returns.
            *args: Further arguments of Keras' `fit`.
            checkpoint: Folder that keeps the state of the training, with one for each stage in it.
            callbacks: Keras callbacks of the last stage.
            **kwargs: Further arguments of Keras' `fit`.
        """
        *early, last = self.stages()
        shown = [c for c in callbacks or () if isinstance(c, TrainingProgress)]
        if float(self.pretrained.value):
            early = []
        first = x.epoch if isinstance(x, PairedBatches) else 0
        for number, stage in enumerate(early):
            self._prepare(stage)
            if isinstance(x, PairedBatches):
                # Told, not counted: a resumed run leaves out the epochs that are done.
                x.epoch = first + number * self.pretraining_epochs
            super().fit(
                x,
                *args,
                checkpoint=checkpoint and Path(checkpoint) / stage.name,
                callbacks=shown,
                **{**kwargs, "epochs": self.pretraining_epochs, "verbose": 0},
            )
        if early:
            self._finish_early_stages(last)
            if isinstance(x, PairedBatches):
                x.epoch = first + len(early) * self.pretraining_epochs
        folder = checkpoint and Path(checkpoint) / last.name
        return super().fit(x, *args, checkpoint=folder, callbacks=callbacks, **kwargs)

    def _prepare(self, stage: Stage) -> None:
        self._enter(stage)
        _, args, kwargs = self._compiled_with
        decay = self.pretraining_decay
        optimizer = AdamW(self.pretraining_rate, weight_decay=decay, undecayed=("bias",))
        super().compile(optimizer, *args, **kwargs)

    def _finish_early_stages(self, last: Stage) -> None:
        self._enter(last)
        optimizer, args, kwargs = self._compiled_with
        super().compile(optimizer, *args, **kwargs)
        self.pretrained.assign(1.0)

    def copy_with(self, **changes: Any) -> Self:
        """See `CrossModalModel.copy_with`; stages that are done need not be done again."""
        copy = super().copy_with(**changes)
        copy.pretrained.assign(self.pretrained)
        return copy

    def _ready(self) -> None:
        """Make what training needs; the last thing a constructor does."""
        self.pretrained = self.add_weight(
            name="pretrained", shape=(), initializer="zeros", trainable=False, dtype="float32"
        )
        self.trackers = {
            term: keras.metrics.Mean(name=term) for stage in self.stages() for term in stage.terms
        }
        self._enter(self.stages()[-1])

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """All outputs, or in training those that the present stage reads: it costs no more."""
        if training:
            return self._staged_call(inputs, training=True)
        return super().call(inputs, training=training, mask=mask)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        # The bound method: as an attribute, the graph would be saved as a layer of this model.
        outputs = {name: self.output[name] for name in stage.reads}
        self._staged_call = keras.Model(self.input, outputs).call
        for layer in self.layers:
            layer.trainable = False
        for layer in stage.layers:
            layer.trainable = True

    def stack_stages(self) -> list[Stage]:
        """A stage for each layer of the stacks."""
        depth = max(len(stack) for stack in self.stacks.values())
        return [
            Stage(
                f"layer_{i + 1}",
                tuple(stack[i] for stack in self.stacks.values() if i < len(stack)),
                tuple(f"{m}_layer_{i + 1}" for m, stack in self.stacks.items() if i < len(stack)),
                tuple(f"{m}_{i}" for m, stack in self.stacks.items() if i < len(stack)),
            )
            for i in range(depth)
        ]

    def stack_terms(self, stage: str, y_pred: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Contrastive divergence of the machines of one layer; none for other stages."""
        terms = {}
        for medium, stack in self.stacks.items():
            for i, machine in enumerate(stack):
                if stage == f"layer_{i + 1}":
                    rows = y_pred[f"{medium}_{i}"]
                    divergence = contrastive_divergence(machine, rows, self.cd_steps)
                    terms[f"{medium}_{stage}"] = divergence
        return terms

    def medium_inputs(self, media: str) -> tuple[Tensor, list[Tensor]]:
        """Input of one medium, and its activations in its stack, the rows themselves first."""
        inputs = make_inputs({media: self.media[media]}, media, False, self.trunks)
        trunks = [self.trunks[media]] if media in self.trunks else []
        rows = enter(inputs, {media: trunks}, media)[media]
        return inputs[media], climb(self.stacks[media], rows)


def make_stacks(
    media: Mapping[str, int],
    units: Sequence[int] | Mapping[str, Sequence[int]],
    visible: Mapping[str, str] | None,
    noise: float,
    seed: int | None,
    dtype: Any,
) -> dict[str, list[RBM]]:
    """Machines of each medium, one on the other; only the first has visible units of its kind.

    Args:
        media: Width of the rows of each medium.
        units: Widths of the machines, of all media or by medium.
        visible: Kind of the rows of media that are not Gaussian.
        noise: Deviation of Gaussian visible units, given hidden ones.
        seed: Seed of the first machine; `None` for no seeds.
        dtype: Dtype policy.

    Raises:
        ValueError: If there is no such kind or medium, or a medium has no machine.
    """
    visible = dict(visible or {})
    if not set(visible) <= set(media) or not set(visible.values()) <= set(UNITS):
        raise ValueError(
            f"Visible units are {UNITS}, of the media {sorted(media)}. Received: {visible=}."
        )
    if len(media) < 2:
        raise ValueError(f"There are at least two media. Received: media={dict(media)}.")
    stacks = {}
    for number, medium in enumerate(media):
        widths = units[medium] if isinstance(units, Mapping) else units
        if not widths:
            raise ValueError(f"A stack has at least one machine. Received: {units=}.")
        stacks[medium] = [
            RBM(
                width,
                "bernoulli" if i else visible.get(medium, "gaussian"),
                noise=noise,
                seed=None if seed is None else seed + 100 * number + i,
                name=f"{medium}_rbm_{i + 1}",
                dtype=dtype,
            )
            for i, width in enumerate(widths)
        ]
    return stacks


def as_tuples(units: Sequence[int] | Mapping[str, Sequence[int]]) -> Any:
    """Widths of all media, or by medium, as they are given and as they are read again."""
    if isinstance(units, Mapping):
        return {medium: tuple(widths) for medium, widths in units.items()}
    return tuple(units)


def climb(stack: Sequence[RBM], rows: Tensor) -> list[Tensor]:
    """The rows, and what each machine of the stack makes of what it gets."""
    activations = [rows]
    for machine in stack:
        activations.append(machine(activations[-1]))
    return activations


def enter_stacks(
    stacks: Stacks, media: Mapping[str, int], hub: str, trunks: Mapping[str, keras.Model]
) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """Inputs of all media, activations `<medium>_<depth>` in their stacks, and the last of each.

    Raises:
        ValueError: If the hub is none of the media.
    """
    if hub not in media:
        raise ValueError(f"The hub is one of the media. Received: {hub=}, media={dict(media)}.")
    inputs = make_inputs(media, hub, False, trunks)
    rows = enter(inputs, {name: [trunk] for name, trunk in trunks.items()}, hub)
    activations = {name: climb(stacks[name], rows[name]) for name in media}
    outputs = {
        f"{m}_{i}": a for m, of_medium in activations.items() for i, a in enumerate(of_medium)
    }
    return inputs, outputs, {m: of_medium[-1] for m, of_medium in activations.items()}
