"""CMDN: the cross-media multiple deep networks of Peng, Huang and Qi (IJCAI 2016)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import ops

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.batch_normalization import BatchNormalization
from keras_xmr.layers.mean_field import mean_fields
from keras_xmr.layers.rbm import RBM
from keras_xmr.losses.contrastive_divergence import contrastive_divergence
from keras_xmr.losses.cross_entropy import label_cross_entropy
from keras_xmr.methods.about import About
from keras_xmr.methods.bimodal_coding import BimodalCoding, reconstruction_loss
from keras_xmr.methods.defaults import has_narrow_rows
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.staged_model import (
    Stage,
    StagedModel,
    as_tuples,
    enter_stacks,
    make_stacks,
)
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Config, Tensor

SEPARATE, JOINT, FUSED, LABELS = "separate", "joint", "fused", "labels"

PAPER: Config = {
    "separate_units": (1024, 512),
    "pathway_units": {"image": (2048, 1024), "text": (1024, 1024)},
    "joint_units": 2048,
    "fused_units": 1024,
    "classifier_units": (1024, 1024, 1024),
    "code_units": (512, 256, 128, 64),
    "visible": {"text": "replicated_softmax"},
    "noise": 1.0,
}
"""Arguments of `CMDN` as in the authors' configuration for Wikipedia, for counts of words."""


# Where the rows of some medium are narrow.
NARROW: Config = {
    "pathway_units": (64,),
    "separate_units": (32,),
    "joint_units": 64,
    "fused_units": 64,
    "classifier_units": (64, 64),
    "code_units": (32,),
    "pretraining_epochs": 20,
}


@keras.saving.register_keras_serializable(package="keras_xmr")
class CMDN(StagedModel):
    """Cross-media multiple deep networks.

    What a medium says by itself and what it says of the others is learned by different networks,
    joined, and then drawn into one space in several steps. These are the stages, one after another:

    - `separate`: for each medium an autoencoder of widths `d`, `separate_units`, `d`. Its terms,
      squared distances, have the names of the media.
    - `layer_1`, `layer_2`, ..., `joint`: a multimodal deep belief network, see `MultimodalDBN`.
    - `fused`: for each medium a restricted Boltzmann machine on its code of the autoencoder, beside
      what the joint machine makes of this medium alone. The terms are `<medium>_fused`.
    - `labels`: for each medium a classifier, whose last hidden layer is kept: `<medium>_labels`.
    - `code_1`, `code_2`, ...: bimodal autoencoders, each on the codes of the one before, which also
      tell the class. The terms are the media, and `code_labels`.

    A bimodal autoencoder (see `BimodalAE`) is given all media and each alone, and adds the
    cross-entropy of the labels, from its code, to its squared loss. The last one's code of a medium
    alone, normalised by its running mean and variance, is the common representation. `fit`'s own
    optimizer, epochs and callbacks are for the last autoencoder.

    Where this departs from the authors' release: codes of the first autoencoders are logistic,
    where the release rescales rectified ones to 0..1; layers of an autoencoder are trained
    together; decoders of the bimodal ones are linear; columns are normalised by statistics of the
    training data, not of the test part; Adam takes the place of gradient descent with momentum, and
    there is no sparsity penalty. The paper chooses the number of bimodal autoencoders by validation
    MAP: it is the length of `code_units` here. There is no recurrent network in it.

    Args:
        media: Width `d` of the rows of each medium, such as `{"image": 1280, "text": 1000}`.
        num_classes: Number of classes.
        hub: The medium that the others are paired with in batches.
        trunks: Medium to the network that turns its raw items into feature rows, as in `CHTN`; it
            is not trained.
        visible: Kind of rows of media that are not standardised features, see
            `keras_xmr.layers.RBM`: `"replicated_softmax"` for words, as `for_data` has it.
        noise: Deviation of features of unit variance, given hidden units; 1 in the paper. Features
            that are hardly correlated are noise and nothing else to a machine of 1.
        separate_units: Widths of the encoders of the first autoencoders.
        pathway_units: Widths of the stacks of machines; of all media, or by medium.
        joint_units: Number of hidden units of the joint machine.
        fused_units: Number of hidden units of the machine of each medium.
        classifier_units: Widths of the hidden layers of the classifiers.
        code_units: Width of the code of each bimodal autoencoder.
        label_weight: Weight of `code_labels`.
        cd_steps: Steps of Gibbs sampling in contrastive divergence.
        mean_field_steps: Mean-field updates for what is missing; the release has 10.
        pretraining_epochs: Epochs of each stage before the last.
        pretraining_rate: Learning rate of these stages.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of initial weights and sampling.
        dtype: Dtype policy of all layers; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes.

    Output shape:
        Dict of what the losses need.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> model = CMDN.for_data(
        ...     data, separate_units=(8,), pathway_units=(8,), joint_units=8, fused_units=8,
        ...     classifier_units=(8,), code_units=(6,), pretraining_epochs=1)
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 6)

    Reference:
        Y. Peng, X. Huang, J. Qi: Cross-media shared representation by hierarchical learning with
        multiple deep networks, IJCAI 2016, pages 3846-3853.
    """

    about = About(
        name="cmdn",
        title="cross-media multiple deep networks",
        year=2016,
        reference="Peng, Huang, Qi: IJCAI 2016",
        kind="neural",
        learns_from=("labels", "pairs"),
        media="any",
        returns="codes",
    )
    defaults = TrainingSettings(
        # What the autoencoders do not keep, no later stage can tell: wide ones were better.
        arguments={
            "pathway_units": (256,),
            "pretraining_rate": 3e-3,
            "separate_units": (512,),
            "fused_units": 512,
            "classifier_units": (256,),
            "code_units": (64,),
            "pretraining_epochs": 40,
        },
        learning_rate=3e-3,
        weight_decay=0.1,
    )

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults; shallow rows need no wide layers."""
        settings = super().settings_for(data)
        if not has_narrow_rows(data):
            return settings
        return replace(settings, arguments=settings.arguments | NARROW, epochs=20)

    def __init__(
        self,
        media: Mapping[str, int],
        num_classes: int,
        *,
        hub: str = "image",
        trunks: Mapping[str, keras.Model] | None = None,
        visible: Mapping[str, str] | None = None,
        noise: float = 0.5,
        separate_units: Sequence[int] = (256, 128),
        pathway_units: Sequence[int] | Mapping[str, Sequence[int]] = (256, 128),
        joint_units: int = 128,
        fused_units: int = 128,
        classifier_units: Sequence[int] = (128, 128, 128),
        code_units: Sequence[int] = (64, 32),
        label_weight: float = 1.0,
        cd_steps: int = 1,
        mean_field_steps: int = 10,
        pretraining_epochs: int = 20,
        pretraining_rate: float = 1e-3,
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        trunks = dict(trunks or {})
        _check(num_classes, separate_units, classifier_units, code_units)

        # Layers
        stacks = make_stacks(media, pathway_units, visible, noise, seed, dtype)
        make = _Maker(None if seed is None else seed + 100 * len(media), dtype)
        joint = make.machine(joint_units, "joint_rbm")
        widths = {name: stack[-1].units for name, stack in stacks.items()}
        inferring = mean_fields(joint, widths, mean_field_steps, "mean_field", dtype)
        parts = {
            name: _Part(
                name, width, separate_units, fused_units, classifier_units, num_classes, make
            )
            for name, width in media.items()
        }
        codings, heads = [], []
        widths = dict.fromkeys(media, classifier_units[-1])
        for i, units in enumerate(code_units):
            codings.append(
                BimodalCoding(widths, units, "linear", make.next_seed(), f"joint_{i + 1}", dtype)
            )
            heads.append(make.dense(num_classes, None, f"joint_{i + 1}_classifier"))
            widths = dict.fromkeys(media, units)
        # The running statistics of a normalisation are those of its last stage.
        normalizers = {name: make.normalization(f"{name}_normalization") for name in media}

        # Functional graph
        inputs, outputs, last = enter_stacks(stacks, media, hub, trunks)
        together = keras.layers.Concatenate(name="together")(list(last.values()))
        outputs |= {"together": together, JOINT: joint(together)}
        codes = {}
        for name, part in parts.items():
            inferred, _ = inferring[name](last[name])
            outputs |= part.outputs(outputs[f"{name}_0"], inferred)
            codes[name] = outputs[f"{name}_hidden"]
        for i, (coding, head) in enumerate(zip(codings, heads, strict=True)):
            of_all, *of_each = coding.all_codes(codes)
            decoded = coding.decoded([of_all, *of_each])
            outputs |= {f"{name}_code_{i + 1}": rows for name, rows in codes.items()}
            outputs |= {f"{name}_decoded_{i + 1}": rows for name, rows in decoded.items()}
            outputs[f"class_{i + 1}"] = head(ops.concatenate([of_all, *of_each], axis=0))
            codes = dict(zip(media, of_each, strict=True))
        outputs |= {name: normalizers[name](rows) for name, rows in codes.items()}
        super().__init__(inputs, outputs, **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.num_classes = num_classes
        self.hub = hub
        self.trunks = trunks
        self.visible = visible and dict(visible)
        self.noise = noise
        self.separate_units = tuple(separate_units)
        self.pathway_units = as_tuples(pathway_units)
        self.joint_units = joint_units
        self.fused_units = fused_units
        self.classifier_units = tuple(classifier_units)
        self.code_units = tuple(code_units)
        self.label_weight = label_weight
        self.cd_steps = cd_steps
        self.mean_field_steps = mean_field_steps
        self.pretraining_epochs = pretraining_epochs
        self.pretraining_rate = pretraining_rate
        self.preprocessor = preprocessor
        self.seed = seed
        self.stacks = stacks
        self.joint = joint
        self.normalizers = normalizers
        self._inferring = inferring
        self._parts = parts
        self._codings = codings
        self._heads = heads
        self._ready()

    def stages(self) -> tuple[Stage, ...]:
        """See the class docstring."""
        parts, media = self._parts.values(), tuple(self.media)
        coding_stages = [
            Stage(
                f"code_{i + 1}",
                (*coding.layers, head, *self.normalizers.values()),
                (*media, "code_labels"),
                # The codes themselves, too: their normalisation follows them.
                (*_named(media, f"code_{i + 1}", f"decoded_{i + 1}"), f"class_{i + 1}", *media),
            )
            for i, (coding, head) in enumerate(zip(self._codings, self._heads, strict=True))
        ]
        return (
            Stage(
                SEPARATE,
                tuple(layer for part in parts for layer in part.autoencoder),
                media,
                _named(media, "0", "again"),
            ),
            *self.stack_stages(),
            Stage(JOINT, (self.joint,), (JOINT,), ("together",)),
            Stage(
                FUSED,
                tuple(part.machine for part in parts),
                _named(media, FUSED),
                _named(media, "beside"),
            ),
            Stage(
                LABELS,
                tuple(layer for part in parts for layer in part.classifier),
                _named(media, LABELS),
                _named(media, "class"),
            ),
            *coding_stages,
        )

    def stage_terms(
        self, stage: str, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """See `StagedModel.stage_terms`."""
        if stage == SEPARATE:
            return {
                m: reconstruction_loss(y_pred[f"{m}_0"], y_pred[f"{m}_again"]) for m in self.media
            }
        if stage == JOINT:
            return {JOINT: contrastive_divergence(self.joint, y_pred["together"], self.cd_steps)}
        if stage == FUSED:
            return {
                f"{m}_{FUSED}": contrastive_divergence(
                    part.machine, y_pred[f"{m}_beside"], self.cd_steps
                )
                for m, part in self._parts.items()
            }
        if stage == LABELS:
            return {
                f"{m}_{LABELS}": label_cross_entropy(y[m], y_pred[f"{m}_class"]) for m in self.media
            }
        if stage.startswith("code_"):
            return self._code_terms(stage.removeprefix("code_"), y, y_pred)
        return self.stack_terms(stage, y_pred)

    def _code_terms(
        self, number: str, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        terms = {
            m: reconstruction_loss(y_pred[f"{m}_code_{number}"], y_pred[f"{m}_decoded_{number}"])
            for m in self.media
        }
        # Of all media together, whose labels are the hub's, and of each alone.
        labels = ops.concatenate([y[self.hub], *(y[m] for m in self.media)], axis=0)
        return terms | {"code_labels": label_cross_entropy(labels, y_pred[f"class_{number}"])}

    def weight_of(self, term: str) -> float:
        """1, but for the labels of bimodal autoencoders."""
        return self.label_weight if term == "code_labels" else 1.0

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`."""
        inputs, activations = self.medium_inputs(media)
        inferred, _ = self._inferring[media](activations[-1])
        code = self._parts[media].outputs(activations[0], inferred)[f"{media}_hidden"]
        for coding in self._codings:
            code = coding.code({media: code})
        return keras.Model(inputs, self.normalizers[media](code))


class _Maker:
    """Layers with a seed each."""

    def __init__(self, seed: int | None, dtype: Any) -> None:
        self.seed = seed
        self.dtype = dtype

    def next_seed(self) -> int | None:
        if self.seed is not None:
            self.seed += 10
        return self.seed

    def dense(self, units: int, activation: str | None, name: str) -> keras.layers.Dense:
        initializer = keras.initializers.GlorotUniform(self.next_seed())
        return keras.layers.Dense(
            units, activation, kernel_initializer=initializer, name=name, dtype=self.dtype
        )

    def machine(self, units: int, name: str) -> RBM:
        return RBM(units, seed=self.next_seed(), name=name, dtype=self.dtype)

    def normalization(self, name: str) -> BatchNormalization:
        return BatchNormalization(
            momentum=0.9, epsilon=1e-5, center=False, scale=False, name=name, dtype=self.dtype
        )


class _Part:
    """What one medium has to itself besides its stack: autoencoder, machine, classifier."""

    def __init__(
        self,
        medium: str,
        width: int,
        separate_units: Sequence[int],
        fused_units: int,
        classifier_units: Sequence[int],
        num_classes: int,
        make: _Maker,
    ) -> None:
        *inner, code = separate_units
        self.medium = medium
        self.encoder = [
            *(make.dense(u, "relu", f"{medium}_encoder_{i + 1}") for i, u in enumerate(inner)),
            make.dense(code, "sigmoid", f"{medium}_encoder_{len(inner) + 1}"),
        ]
        self.decoder = [
            *(
                make.dense(units, "relu", f"{medium}_decoder_{i + 1}")
                for i, units in enumerate(reversed(inner))
            ),
            make.dense(width, None, f"{medium}_decoder_{len(inner) + 1}"),
        ]
        self.beside = keras.layers.Concatenate(name=f"{medium}_beside", dtype=make.dtype)
        self.machine = make.machine(fused_units, f"{medium}_fused_rbm")
        self.scale = make.normalization(f"{medium}_fused_normalization")
        self.hidden = [
            make.dense(units, "relu", f"{medium}_hidden_{i + 1}")
            for i, units in enumerate(classifier_units)
        ]
        self.head = make.dense(num_classes, None, f"{medium}_classifier")

    @property
    def autoencoder(self) -> list[keras.layers.Layer]:
        return [*self.encoder, *self.decoder]

    @property
    def classifier(self) -> list[keras.layers.Layer]:
        return [self.scale, *self.hidden, self.head]

    def outputs(self, rows: Tensor, inferred: Tensor) -> dict[str, Tensor]:
        """From rows, and what the joint machine makes of them, to all that losses need."""
        code = _through(self.encoder, rows)
        beside = self.beside([code, inferred])
        hidden = _through([self.machine, self.scale, *self.hidden], beside)
        found = {
            "again": _through(self.decoder, code),
            "beside": beside,
            "hidden": hidden,
            "class": self.head(hidden),
        }
        return {f"{self.medium}_{name}": tensor for name, tensor in found.items()}


def _through(layers: Sequence[keras.layers.Layer], rows: Tensor) -> Tensor:
    for layer in layers:
        rows = layer(rows)
    return rows


def _named(media: Sequence[str], *endings: str) -> tuple[str, ...]:
    return tuple(f"{medium}_{ending}" for ending in endings for medium in media)


def _check(num_classes: int, *units: Sequence[int]) -> None:
    if num_classes < 2:
        raise ValueError(f"A classifier needs at least two classes. Received: {num_classes=}.")
    if not all(units):
        raise ValueError(
            "Autoencoders, classifiers and codes have at least one layer. "
            f"Received: separate_units, classifier_units, code_units={units}."
        )
