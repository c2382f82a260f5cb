"""ACMR: adversarial cross-modal retrieval of Wang, Yang, Xu, Hanjalic and Shen (MM 2017)."""

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any, ClassVar

import keras
from keras import ops

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.gradient_reversal import GradientReversal
from keras_xmr.layers.modality_discriminator import ModalityDiscriminator
from keras_xmr.layers.split_rows import SplitRows, split_rows
from keras_xmr.losses.cross_entropy import label_cross_entropy, multi_label_cross_entropy
from keras_xmr.losses.invariance import METRICS, MININGS, invariance_loss
from keras_xmr.losses.modality import modality_loss
from keras_xmr.losses.released_triplet import released_triplet_loss
from keras_xmr.methods.about import About
from keras_xmr.methods.by_medium import ByMedium, by_medium
from keras_xmr.methods.defaults import for_data
from keras_xmr.methods.entrance import enter, make_inputs, rows_to_train
from keras_xmr.methods.readout import READOUTS as OF_LOGITS
from keras_xmr.methods.readout import read_out
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.space import Choice, Range, Tunable
from keras_xmr.training.alternating import AlternatingModel
from keras_xmr.training.phases import Phase
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Config, Tensor

VARIANTS = ("paper", "released")
READOUTS = ("embedding", "probabilities", "centred_probabilities", "logits")
PROJECTORS, DISCRIMINATOR = "projectors", "discriminator"
TERMS = ("invariance", "labels", "regularization", "modality")

# Of the paper; a medium that it does not have gets those of texts.
HIDDEN_UNITS = {"image": (2000,), "text": (500,)}

# Width of the one hidden layer of a projector where nobody has tuned it.
PROJECTOR_UNITS = 512
RELEASED: Config = {
    "variant": "released",
    "hidden_units": {"image": (512, 100), "text": (40, 100)},
    "common_dim": 40,
    "discriminator_units": (20, 10),
    "projector_steps": 1,
    "label_weight": 100.0,
    "regularization_weight": 0.0,
    "modality_weight": 0.0,
}
"""Arguments of `ACMR` with which it is what the authors' public code executes for Wikipedia."""


@keras.saving.register_keras_serializable(package="keras_xmr")
class ACMR(AlternatingModel):
    """Adversarial cross-modal retrieval.

    Each medium has a *projector* into one common space. A *label predictor*, the same for all
    media, keeps classes apart there; an *invariance loss* pulls items of one class together across
    media and pushes others away; a *modality classifier* tells media apart, and the projectors
    learn to deceive it. The embedding is the common representation.

    Two phases take turns at each batch. `projectors` makes `projector_steps` updates of projectors
    and label predictor; it minimises

        invariance_weight * invariance + label_weight * labels
        + regularization_weight * regularization - factor * modality_weight * modality

    and then `discriminator` makes one update of the modality classifier; it minimises `modality`.
    The factor is that of `GradientReversal`, which turns the gradient round: the loss in the
    history has the term with its own sign.

    | term | formula |
    |---|---|
    | `invariance` | sum over media, as anchors, of `invariance_loss`, its mean over other media |
    | `labels` | sum over media of the mean cross-entropy of the labels |
    | `regularization` | sum over the projectors' matrices of their Frobenius norm, not squared |
    | `modality` | sum over media of the mean cross-entropy of the medium |

    Where this departs from the paper:

    - The invariance loss is a mean over triplets, not a sum, and has the expectation over positives
      in place of a random one.
    - The regularisation's weight is 1e-4, not 1: the norm of a matrix with thousands of rows would
      outweigh all else.
    - More than two media, multiple labels, dropout and other readouts are additions.

    `ACMR(media, num_classes, **RELEASED)` is what the authors' public code executes (its triplet
    script for the Wikipedia data), for study: **it has no adversary**. The modality loss does not
    reach the projectors; the label predictor keeps its random initial weights; `invariance` is
    `released_triplet_loss`; the modality classifier is linear in all of its layers.

    Args:
        media: Width `d` of the rows of each medium, such as `{"image": 1280, "text": 1000}`.
        num_classes: Number of classes.
        variant: `"paper"`, or `"released"`: see above.
        hub: The medium that the others are paired with in batches.
        trunks: Medium to the network that turns its raw items into feature rows, as in `CHTN`.
        hidden_units: Medium to the widths of its projector's hidden layers; `None` is the paper's:
            2000 for images and 500 for texts, and for any other medium too.
        common_dim: Width of the common space.
        discriminator_units: Widths of the modality classifier's hidden layers.
        projector_steps: Updates of projectors and label predictor for each batch.
        discriminator_steps: Updates of the modality classifier for each batch; the paper has one.
        dropout: Share of the hidden activations of projectors that are dropped.
        input_dropout: For all media, or medium to, the share of its inputs that are dropped.
        distance: `"euclidean"` or `"cosine"`: the distance in the invariance loss and, where the
            embedding is the readout, in rankings.
        margin: Margin of the invariance loss.
        push_weight: Weight of its push.
        mining: Its choice of hard negatives, `"input"` or `"embedding"`.
        invariance_weight: Weight of `invariance`.
        label_weight: Weight of `labels`.
        regularization_weight: Weight of `regularization`.
        modality_weight: Weight of `modality` for the projectors.
        label_smoothing: Share of single labels that is spread over all classes.
        multi_label: Whether items may have several labels: each is then a question of its own.
        reversal: Schedule of the reversal, see `keras_xmr.layers.GradientReversal`.
        reversal_by_epoch: Whether its factor changes after epochs, as in the authors' code.
        readout: The common representation: `"embedding"`, or what the label predictor makes of it:
            `"probabilities"`, `"centred_probabilities"` or `"logits"`.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of initial weights and dropout.
        dtype: Dtype policy of all layers; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes.

    Output shape:
        Dict of logits `(batch, classes)` by medium, and what the losses need.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> model = ACMR.for_data(data, hidden_units={"image": (16,), "text": (16,)}, common_dim=8)
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 8)

    Reference:
        B. Wang, Y. Yang, X. Xu, A. Hanjalic, H. Shen: Adversarial cross-modal retrieval, ACM
        Multimedia 2017, pages 154-162.
    """

    about = About(
        name="acmr",
        title="adversarial cross-modal retrieval",
        year=2017,
        reference="Wang, Yang, Xu, Hanjalic, Shen: ACM Multimedia 2017",
        kind="game",
        learns_from=("labels", "pairs"),
        media="any",
        returns="embedding",
    )
    defaults = TrainingSettings(
        arguments={
            # The modality classifier learns fast and the projectors heed it a little: with a larger
            # weight they run ahead of it, and media end up farther apart than without any
            # adversary. So they do with more momentum than the paper's 0.5.
            "projector_steps": 1,
            "discriminator_steps": 10,
            "modality_weight": 0.01,
            "invariance_weight": 0.1,
            "label_smoothing": 0.3,
            "readout": "centred_probabilities",
            "dropout": 0.5,
        },
        epochs=20,
        beta_1=0.5,
        weight_decay=2.0,
        discriminator_rate=3e-3,
    )
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "learning_rate": Range(3e-4, 1e-2),
        "weight_decay": Range(0.05, 20.0),
        "dropout": Range(0.1, 0.7, log=False),
        "label_smoothing": Range(0.0, 0.4, log=False),
        "invariance_weight": Range(0.01, 1.0),
        "modality_weight": Range(1e-3, 0.1),
        "readout": Choice(("centred_probabilities", "probabilities", "embedding")),
    }
    trains_trunks = True
    undecayed = ("modality_classifier",)

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults, with a number of epochs that follows from the data."""
        units = dict.fromkeys(data.media, (PROJECTOR_UNITS,))
        return for_data(cls.defaults, data, hidden_units=units)

    def __init__(
        self,
        media: Mapping[str, int],
        num_classes: int,
        *,
        variant: str = "paper",
        hub: str = "image",
        trunks: Mapping[str, keras.Model] | None = None,
        hidden_units: Mapping[str, Sequence[int]] | None = None,
        common_dim: int = 200,
        discriminator_units: Sequence[int] = (50,),
        projector_steps: int = 5,
        discriminator_steps: int = 1,
        dropout: float = 0.0,
        input_dropout: ByMedium = None,
        distance: str = "euclidean",
        margin: float = 1.0,
        push_weight: float = 1.0,
        mining: str = "input",
        invariance_weight: float = 1.0,
        label_weight: float = 1.0,
        regularization_weight: float = 1e-4,
        modality_weight: float = 1.0,
        label_smoothing: float = 0.0,
        multi_label: bool = False,
        reversal: str = "dann",
        reversal_by_epoch: bool = True,
        readout: str = "embedding",
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        trunks = dict(trunks or {})
        _check(media, hub, num_classes, variant, distance, mining, readout)
        dropped = by_medium(input_dropout, media)

        # Layers
        projectors = {
            name: _projector(
                name,
                (*(hidden_units or HIDDEN_UNITS).get(name, HIDDEN_UNITS["text"]), common_dim),
                dropout,
                dropped[name],
                None if seed is None else seed + 100 * number,
                dtype,
            )
            for number, name in enumerate(media)
        }
        last = None if seed is None else seed + 100 * len(media)
        label_predictor = keras.layers.Dense(
            num_classes, kernel_initializer=_glorot(last), name="label_predictor", dtype=dtype
        )
        # In the authors' code it is in no optimizer's list of variables.
        label_predictor.trainable = variant == "paper"
        reverse = GradientReversal(
            reversal, by_epoch=reversal_by_epoch, name="reversal", dtype=dtype
        )
        discriminator = ModalityDiscriminator(
            len(media),
            discriminator_units,
            activation="relu" if variant == "paper" else "linear",
            seed=None if last is None else last + 100,
            name="modality_classifier",
            dtype=dtype,
        )

        # Functional graph
        inputs = make_inputs(media, hub, False, trunks)
        rows = enter(inputs, {name: [trunk] for name, trunk in trunks.items()}, hub)
        embeddings = [projectors[name](rows[name]) for name in media]
        stack = keras.layers.Concatenate(axis=0, name="stack")(embeddings)
        labels = SplitRows(name="unstack")(label_predictor(stack), embeddings)
        modalities = SplitRows(name="unstack_modality")(discriminator(reverse(stack)), embeddings)
        outputs = dict(zip(media, labels, strict=True))
        for name, embedding, modality in zip(media, embeddings, modalities, strict=True):
            outputs[f"{name}_rows"] = rows[name]
            outputs[f"{name}_embedding"] = embedding
            outputs[f"{name}_modality"] = modality
        super().__init__(inputs, outputs, **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.num_classes = num_classes
        self.variant = variant
        self.hub = hub
        self.trunks = trunks
        self.hidden_units = hidden_units and {m: tuple(units) for m, units in hidden_units.items()}
        self.common_dim = common_dim
        self.discriminator_units = tuple(discriminator_units)
        self.projector_steps = projector_steps
        self.discriminator_steps = discriminator_steps
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.distance = distance
        self.margin = margin
        self.push_weight = push_weight
        self.mining = mining
        self.invariance_weight = invariance_weight
        self.label_weight = label_weight
        self.regularization_weight = regularization_weight
        self.modality_weight = modality_weight
        self.label_smoothing = label_smoothing
        self.multi_label = multi_label
        self.reversal = reversal
        self.reversal_by_epoch = reversal_by_epoch
        self.readout = readout
        self.preprocessor = preprocessor
        self.seed = seed
        self.projectors = projectors
        self.label_predictor = label_predictor
        self.reverse = reverse
        self.modality_classifier = discriminator

    @property
    def metric(self) -> str:
        """The distance that rankings are by."""
        return self.distance if self.readout == "embedding" else "cosine"

    def phases(self) -> tuple[Phase, ...]:
        """The projectors' turn, then the modality classifier's."""
        projectors = [*self.projectors.values(), self.label_predictor, *self.trunks.values()]
        variables = [v for layer in projectors for v in layer.trainable_variables]
        return (
            Phase(PROJECTORS, variables, self.projector_steps, TERMS),
            Phase(
                DISCRIMINATOR,
                self.modality_classifier.trainable_variables,
                self.discriminator_steps,
            ),
        )

    def phase_outputs(self, phase: str, x: Mapping[str, Any]) -> dict[str, Tensor]:
        """What the loss of the phase is computed from; the discriminator's looks at no labels."""
        rows = {name: rows_to_train(self.trunks.get(name), x[name]) for name in self.media}
        embeddings = [self.projectors[name](rows[name], training=True) for name in self.media]
        stack = ops.concatenate(embeddings)
        if phase == DISCRIMINATOR:
            stack = ops.stop_gradient(stack)
        # The reversal counts the passes of both phases.
        logits = self.modality_classifier(self.reverse(stack, training=True))
        parts = split_rows(logits, embeddings)
        outputs = {f"{m}_modality": part for m, part in zip(self.media, parts, strict=True)}
        if phase == PROJECTORS:
            parts = split_rows(self.label_predictor(stack), embeddings)
            for name, embedding, labels in zip(self.media, embeddings, parts, strict=True):
                outputs |= {name: labels, f"{name}_embedding": embedding}
                outputs[f"{name}_rows"] = rows[name]
        return outputs

    def phase_loss(self, phase: str, x: Any, y: Any, y_pred: Any) -> Any:
        """What the phase minimises, and the terms of it: see the class docstring."""
        if phase == DISCRIMINATOR:
            return self._modality(y_pred)
        terms = self.loss_terms(y, y_pred)
        weights = (
            self.invariance_weight,
            self.label_weight,
            self.regularization_weight,
            self.modality_weight,
        )
        loss = sum(weight * terms[name] for name, weight in zip(TERMS, weights, strict=True))
        return loss, terms

    def loss_terms(self, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]) -> dict[str, Any]:
        """The terms of the class docstring, unweighted.

        Args:
            y: Label distributions `(batch, classes)` of each medium.
            y_pred: What the model returns.

        Returns:
            Term name to scalar.
        """
        return {
            "invariance": self._invariance(y, y_pred),
            "labels": sum(self._labels(y[name], y_pred[name]) for name in self.media),
            "regularization": self._regularization(),
            "modality": self._modality(y_pred),
        }

    def _invariance(self, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]) -> Tensor:
        losses = []
        for anchor, other in permutations(self.media, 2):
            near, far = (y_pred[f"{name}_embedding"] for name in (anchor, other))
            rows = y_pred[f"{anchor}_rows"]
            if self.variant == "released":
                losses.append(released_triplet_loss(near, far, y[anchor], rows))
                continue
            losses.append(
                invariance_loss(
                    near,
                    far,
                    y[anchor],
                    inputs=rows,
                    push_weight=self.push_weight,
                    margin=self.margin,
                    metric=self.distance,
                    mining=self.mining,
                )
            )
        return sum(losses) / (len(self.media) - 1)

    def _labels(self, labels: Tensor, logits: Tensor) -> Tensor:
        if self.multi_label:
            return multi_label_cross_entropy(labels, logits)
        return label_cross_entropy(labels, logits, self.label_smoothing)

    def _regularization(self) -> Tensor:
        kernels = [
            variable
            for projector in self.projectors.values()
            for variable in projector.trainable_variables
            if len(variable.shape) == 2
        ]
        return sum(ops.norm(ops.convert_to_tensor(kernel)) for kernel in kernels)

    def _modality(self, y_pred: Mapping[str, Tensor]) -> Tensor:
        logits = [y_pred[f"{name}_modality"] for name in self.media]
        return len(logits) * modality_loss(logits, "softmax")

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`."""
        inputs = make_inputs({media: self.media[media]}, media, False, self.trunks)
        trunks = [self.trunks[media]] if media in self.trunks else []
        common = self.projectors[media](enter(inputs, {media: trunks}, media)[media])
        if self.readout in OF_LOGITS:
            logits = self.label_predictor(common)
            common = read_out(logits, self.num_classes, self.readout, multi_label=self.multi_label)
        return keras.Model(inputs[media], common, name=f"{media}_encoder")


def _check(
    media: Mapping[str, int],
    hub: str,
    num_classes: int,
    variant: str,
    distance: str,
    mining: str,
    readout: str,
) -> None:
    if hub not in media or len(media) < 2:
        raise ValueError(
            "There are at least two media, and the hub is one of them. "
            f"Received: {hub=}, media={dict(media)}."
        )
    if num_classes < 2:
        raise ValueError(f"A classifier needs at least two classes. Received: {num_classes=}.")
    known = {
        "variant": (variant, VARIANTS),
        "distance": (distance, METRICS),
        "mining": (mining, MININGS),
        "readout": (readout, READOUTS),
    }
    for name, (given, choices) in known.items():
        if given not in choices:
            raise ValueError(f"The {name} is one of {choices}. Received: {name}={given!r}.")


def _projector(
    medium: str,
    units: Sequence[int],
    dropout: float,
    input_dropout: float,
    seed: int | None,
    dtype: Any,
) -> keras.Sequential:
    """Layers with tanh, the last one too; nothing is normalised."""
    layers: list[keras.layers.Layer] = []
    for i, width in enumerate(units):
        of_layer = None if seed is None else seed + i
        share = dropout if i else input_dropout
        if share:
            layers.append(keras.layers.Dropout(share, seed=of_layer, dtype=dtype))
        layers.append(
            keras.layers.Dense(
                width, activation="tanh", kernel_initializer=_glorot(of_layer), dtype=dtype
            )
        )
    projector = keras.Sequential(layers, name=f"{medium}_projector")
    projector.dtype_policy = keras.dtype_policies.get(dtype)
    return projector


def _glorot(seed: int | None) -> keras.initializers.Initializer:
    return keras.initializers.GlorotUniform(seed=seed)
