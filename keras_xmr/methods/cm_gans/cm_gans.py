"""CM-GANs: cross-modal generative adversarial networks of Peng and Qi (TOMM 2019)."""

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import ops

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.losses.cross_entropy import label_cross_entropy, multi_label_cross_entropy
from keras_xmr.losses.verdict import verdict_loss
from keras_xmr.methods.about import About
from keras_xmr.methods.by_medium import ByMedium, by_medium
from keras_xmr.methods.cm_gans.players import Discriminators, Generators
from keras_xmr.methods.cm_gans.wrong_rows import WRONG, WrongBatches
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
READOUTS = ("embedding", *(readout for readout in OF_LOGITS if readout != "fc9"))
DISCRIMINATORS, GENERATORS = "discriminators", "generators"
OF_DISCRIMINATORS = ("intra", "inter")
OF_GENERATORS = ("inter_deception", "intra_deception", "labels", "reconstruction")

RELEASED: Config = {"variant": "released"}
"""Arguments of `CMGANs` with which it is what the authors' public code executes."""


@keras.saving.register_keras_serializable(package="keras_xmr")
class CMGANs(AlternatingModel):
    """Cross-modal generative adversarial networks.

    Each medium has a *generator*: an encoder from its feature rows h to the common code s, a
    decoder from s to a reconstruction r of h, and a classifier of s. The upper layer of the
    encoders and the classifier are the same for all media. Two kinds of *discriminators* watch:

    - *Intra-modality*, one for each medium: tells h from r.
    - *Inter-modality*, one for each medium a: is given h of a and a code, and tells whether the
      code is that of this item and medium (real), of another medium, or of an item of a different
      class (both fake, each with a weight of one half).

    Two phases take turns at each batch. First `discriminators` make one update; they minimise
    `intra + inter`. Then `generators` make `generator_steps` updates of the same batch; they
    minimise

        inter_weight * inter_deception + intra_weight * intra_deception
        + label_weight * labels + reconstruction_weight * reconstruction

    | term | formula, a sum over media a |
    |---|---|
    | `intra` | BCE(D_a(h), 1) + BCE(D_a(r), 0) |
    | `inter` | BCE(D_Ca(s_a, h_a), 1) + 1/2 BCE(D_Ca(s_b, h_a), 0) + 1/2 BCE(D_Ca(s'_a, h_a), 0) |
    | `inter_deception` | BCE(D_Cb(s_a, h_b), 1) |
    | `intra_deception` | BCE(D_a(r), 1) |
    | `labels` | mean cross-entropy of the labels |
    | `reconstruction` | mean absolute difference of h and r |

    Here b is the other medium (with more than two: the mean over all others), s' the code of an
    item of a different class, drawn within the batch, and BCE the mean binary cross-entropy,
    `keras_xmr.losses.verdict_loss`. The code s is the common representation.

    Where this departs from the paper and from the authors' code:

    - All discriminators together have one optimizer, and so have all generators. For
      discriminators this changes nothing; generators of two media move at once, not in turns.
    - Batches go through the training pairs. The code draws two classes and a file of each for every
      row; here items of a different class come from the same batch: `WrongBatches`.
    - The term `reconstruction` is an addition, of weight 0: in the code the linear discriminators
      alone ask for r to be like h. So are dropout, label smoothing, other readouts than the code,
      several labels, more than two media, and trunks.

    `CMGANs(media, num_classes, **RELEASED)` is what the authors' public code executes, for study:
    **its encoders share nothing**, since moving each network to the GPU unties them; each medium
    has a classifier of its own; and the third part of `inter` has the code of the other item beside
    that item's own h', a pair like those that are real, so that `inter` cannot fall below 0.955 for
    each medium.

    Args:
        media: Width `d` of the rows of each medium, such as `{"image": 1280, "text": 1000}`.
        num_classes: Number of classes.
        variant: `"paper"`, or `"released"`: see above.
        hub: The medium that the others are paired with in batches.
        trunks: Medium to the network that turns its raw items into feature rows h, as in `CHTN`:
            pictures, or texts as `keras_xmr.trunks.text_cnn` takes them.
        hidden_units: Width of the lower layer of encoders.
        common_dim: Width of the code.
        decoder_units: Width of the hidden layer of decoders.
        discriminator_units: Width of the hidden layer of inter-modality discriminators.
        shared_encoder: Whether media share the upper layer of encoders; `None` is as the variant.
        shared_classifier: Whether media share the classifier; `None` is as the variant.
        encoder_bn: Whether encoders normalise batches, as in the authors' code. Without it weight
            decay can hold them back, which few pairs need.
        stacked_passes: Whether real and fake rows pass each inter-modality discriminator together,
            so that it cannot tell them by the statistics of their batches. The code has them apart.
        generator_steps: Updates of generators for each batch.
        discriminator_steps: Updates of discriminators for each batch.
        dropout: Share of the activations of encoders that are dropped: those of the lower layer,
            and those of the code before the classifier.
        input_dropout: For all media, or medium to, the share of its rows that is dropped on
            entering the encoder.
        inter_weight: Weight of `inter_deception`; with 0 inter-modality discriminators watch only.
        intra_weight: Weight of `intra_deception`.
        label_weight: Weight of `labels`.
        reconstruction_weight: Weight of `reconstruction`.
        label_smoothing: Share of single labels that is spread over all classes.
        multi_label: Whether items may have several labels: each is then a question of its own.
        readout: The common representation: `"embedding"` (the code), or what the classifier makes
            of it: `"probabilities"`, `"centred_probabilities"`, `"agreement"` or `"logits"`, as in
            `CHTN`.
        temperature: Divides the logits before the softmax, or sigmoid, of the readout.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of initial weights and dropout.
        dtype: Dtype policy of all layers; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes, and `"wrong"` `(batch,)`: the
        number of an item of a different class in the batch, or -1. `batches` adds it.

    Output shape:
        Dict of logits `(batch, classes)` by medium, and what the losses need.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> model = CMGANs.for_data(data, hidden_units=16, common_dim=8, decoder_units=16)
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 8)

    Reference:
        Y. Peng, J. Qi: CM-GANs: cross-modal generative adversarial networks for common
        representation learning, ACM TOMM 15 (1), 2019, arXiv 1710.05106.
    """

    about = About(
        name="cm_gans",
        title="cross-modal generative adversarial networks",
        year=2019,
        reference="Peng, Qi: ACM TOMM 15 (1), 2019, arXiv 1710.05106",
        kind="game",
        learns_from=("labels", "pairs"),
        media="any",
        returns="code, or class posteriors",
    )
    defaults = TrainingSettings(
        arguments={
            "hidden_units": 512,
            "common_dim": 512,
            "decoder_units": 512,
            "discriminator_units": 256,
            "encoder_bn": False,
            "generator_steps": 1,
            "inter_weight": 0.1,
            "intra_weight": 0.1,
            "dropout": 0.5,
            "label_smoothing": 0.5,
            "readout": "agreement",
            "temperature": 0.25,
        },
        epochs=20,
        beta_1=0.5,
        weight_decay=0.2,
    )
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "learning_rate": Range(3e-4, 1e-2),
        "weight_decay": Range(0.02, 5.0),
        "dropout": Range(0.1, 0.7, log=False),
        "label_smoothing": Range(0.0, 0.6, log=False),
        "temperature": Range(0.15, 1.0),
        "readout": Choice(("agreement", "centred_probabilities")),
    }
    trains_trunks = True
    undecayed = ("discriminator",)

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults, with a number of epochs that follows from the data."""
        return for_data(cls.defaults, data)

    batches_class = WrongBatches

    def __init__(
        self,
        media: Mapping[str, int],
        num_classes: int,
        *,
        variant: str = "paper",
        hub: str = "image",
        trunks: Mapping[str, keras.Model] | None = None,
        hidden_units: int = 1024,
        common_dim: int = 1024,
        decoder_units: int = 1024,
        discriminator_units: int = 512,
        shared_encoder: bool | None = None,
        shared_classifier: bool | None = None,
        encoder_bn: bool = True,
        stacked_passes: bool = False,
        generator_steps: int = 5,
        discriminator_steps: int = 1,
        dropout: float = 0.0,
        input_dropout: ByMedium = None,
        inter_weight: float = 1.0,
        intra_weight: float = 1.0,
        label_weight: float = 1.0,
        reconstruction_weight: float = 0.0,
        label_smoothing: float = 0.0,
        multi_label: bool = False,
        readout: str = "embedding",
        temperature: float = 1.0,
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        trunks = dict(trunks or {})
        _check(media, hub, num_classes, variant, readout)
        _check_readout(readout, temperature, multi_label)
        seeds = itertools.repeat(None) if seed is None else itertools.count(seed, 10)

        # Layers
        generators = Generators.make(
            media,
            num_classes,
            hidden_units=hidden_units,
            common_dim=common_dim,
            decoder_units=decoder_units,
            shared_encoder=variant == "paper" if shared_encoder is None else shared_encoder,
            shared_classifier=(
                variant == "paper" if shared_classifier is None else shared_classifier
            ),
            encoder_bn=encoder_bn,
            dropout=dropout,
            input_dropout=by_medium(input_dropout, media),
            seeds=seeds,
            dtype=dtype,
        )
        discriminators = Discriminators.make(
            media, common_dim, discriminator_units, stacked=stacked_passes, seeds=seeds, dtype=dtype
        )

        # Functional graph
        inputs = make_inputs(media, hub, False, trunks)
        rows = enter(inputs, {name: [trunk] for name, trunk in trunks.items()}, hub)
        inputs[WRONG] = keras.Input((), name=WRONG, dtype="int32")
        outputs = _play(generators, discriminators, variant, rows, inputs[WRONG])
        super().__init__(inputs, outputs, **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.num_classes = num_classes
        self.variant = variant
        self.hub = hub
        self.trunks = trunks
        self.hidden_units = hidden_units
        self.common_dim = common_dim
        self.decoder_units = decoder_units
        self.discriminator_units = discriminator_units
        self.shared_encoder = shared_encoder
        self.shared_classifier = shared_classifier
        self.encoder_bn = encoder_bn
        self.stacked_passes = stacked_passes
        self.generator_steps = generator_steps
        self.discriminator_steps = discriminator_steps
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.inter_weight = inter_weight
        self.intra_weight = intra_weight
        self.label_weight = label_weight
        self.reconstruction_weight = reconstruction_weight
        self.label_smoothing = label_smoothing
        self.multi_label = multi_label
        self.readout = readout
        self.temperature = temperature
        self.preprocessor = preprocessor
        self.seed = seed
        self.generators = generators
        self.discriminators = discriminators

    def phases(self) -> tuple[Phase, ...]:
        """The discriminators' turn, then that of generators and trunks."""
        of_generators = [*self.generators.layers(), *self.trunks.values()]
        return (
            Phase(
                DISCRIMINATORS,
                [v for layer in self.discriminators.layers() for v in layer.trainable_variables],
                self.discriminator_steps,
                OF_DISCRIMINATORS,
            ),
            Phase(
                GENERATORS,
                [v for layer in of_generators for v in layer.trainable_variables],
                self.generator_steps,
                OF_GENERATORS,
            ),
        )

    def phase_outputs(self, phase: str, x: Mapping[str, Any]) -> dict[str, Tensor]:
        """What the loss of the phase is computed from; the discriminators' looks at no labels."""
        rows = {name: rows_to_train(self.trunks.get(name), x[name]) for name in self.media}
        wrong = ops.convert_to_tensor(x[WRONG], "int32")
        return _play(
            self.generators, self.discriminators, self.variant, rows, wrong, phase, training=True
        )

    def phase_loss(self, phase: str, x: Any, y: Any, y_pred: Any) -> Any:
        """What the phase minimises, and the terms of it: see the class docstring."""
        if phase == DISCRIMINATORS:
            terms = self._judgements(y_pred)
            return terms["intra"] + terms["inter"], terms
        terms = self._achievements(y, y_pred)
        weights = (
            self.inter_weight,
            self.intra_weight,
            self.label_weight,
            self.reconstruction_weight,
        )
        loss = sum(w * terms[name] for name, w in zip(OF_GENERATORS, weights, strict=True))
        return loss, terms

    def loss_terms(self, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]) -> dict[str, Any]:
        """The terms of the class docstring, unweighted, of both phases.

        Args:
            y: Label distributions `(batch, classes)` of each medium.
            y_pred: What the model returns.

        Returns:
            Term name to scalar.
        """
        return self._judgements(y_pred) | self._achievements(y, y_pred)

    def _judgements(self, y_pred: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The terms of discriminators."""
        intra, inter = [], []
        # A batch may have one class only.
        present = ops.cast(y_pred[WRONG] >= 0, "float32")
        for name in self.media:
            intra += [
                verdict_loss(y_pred[f"{name}_verdict"], True),
                verdict_loss(y_pred[f"{name}_verdict_of_reconstruction"], False),
            ]
            inter += [
                verdict_loss(y_pred[f"{name}_verdict_of_{name}"], True),
                self._of_others(name, y_pred, False) / 2,
                verdict_loss(y_pred[f"{name}_verdict_of_wrong"], False, present) / 2,
            ]
        return {"intra": sum(intra), "inter": sum(inter)}

    def _achievements(
        self, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The terms of generators."""
        terms: dict[str, list[Tensor]] = {name: [] for name in OF_GENERATORS}
        for name in self.media:
            terms["inter_deception"].append(self._of_others(name, y_pred, True))
            verdict = y_pred[f"{name}_verdict_of_reconstruction"]
            terms["intra_deception"].append(verdict_loss(verdict, True))
            terms["labels"].append(self._labels(y[name], y_pred[name]))
            one, other = (
                ops.cast(y_pred[f"{name}_{kind}"], "float32") for kind in ("rows", "reconstruction")
            )
            terms["reconstruction"].append(ops.mean(ops.abs(one - other)))
        return {name: sum(values) for name, values in terms.items()}

    def _of_others(self, name: str, y_pred: Mapping[str, Tensor], real: bool) -> Tensor:
        """Mean loss of one inter-modality discriminator, of the codes of all other media."""
        others = [other for other in self.media if other != name]
        losses = [verdict_loss(y_pred[f"{name}_verdict_of_{other}"], real) for other in others]
        return sum(losses) / len(losses)

    def _labels(self, labels: Tensor, logits: Tensor) -> Tensor:
        if self.multi_label:
            return multi_label_cross_entropy(labels, logits)
        return label_cross_entropy(labels, logits, self.label_smoothing)

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`."""
        inputs = make_inputs({media: self.media[media]}, media, False, self.trunks)
        trunks = [self.trunks[media]] if media in self.trunks else []
        common = self.generators.encode(media, enter(inputs, {media: trunks}, media)[media])
        if self.readout in OF_LOGITS:
            logits = self.generators.classify(media, common)
            common = read_out(
                logits,
                self.num_classes,
                self.readout,
                self.temperature,
                multi_label=self.multi_label,
                place=(list(self.media).index(media), len(self.media)),
            )
        return keras.Model(inputs[media], common, name=f"{media}_encoder")


def _play(
    generators: Generators,
    discriminators: Discriminators,
    variant: str,
    rows: Mapping[str, Tensor],
    wrong: Tensor,
    phase: str | None = None,
    training: bool | None = None,
) -> dict[str, Tensor]:
    """What the losses of a phase, or of both, are computed from."""
    codes = {name: generators.encode(name, x, training) for name, x in rows.items()}
    made = {name: generators.decode(name, code, training) for name, code in codes.items()}
    # As what reconstructions are held against, and as a condition, rows are given.
    given = {name: ops.stop_gradient(x) for name, x in rows.items()}
    if phase == DISCRIMINATORS:
        codes, made = (
            {name: ops.stop_gradient(x) for name, x in some.items()} for some in (codes, made)
        )
    taken = ops.maximum(wrong, 0)
    outputs = {WRONG: wrong}
    for name in rows:
        pairs = {
            f"{name}_verdict_of_{other}": (codes[other], given[name])
            for other in rows
            if other != name
        }
        # Generators are judged by their fakes alone, unless all kinds are normalised together.
        if phase != GENERATORS or discriminators.stacked:
            condition = given[name]
            if variant == "released":
                condition = ops.take(condition, taken, axis=0)
            pairs[f"{name}_verdict_of_{name}"] = (codes[name], given[name])
            pairs[f"{name}_verdict_of_wrong"] = (ops.take(codes[name], taken, axis=0), condition)
        outputs |= discriminators.judge_codes(name, pairs, training)
        outputs[f"{name}_verdict_of_reconstruction"] = discriminators.judge_rows(name, made[name])
        if phase != GENERATORS:
            outputs[f"{name}_verdict"] = discriminators.judge_rows(name, given[name])
        if phase != DISCRIMINATORS:
            outputs[name] = generators.classify(name, codes[name], training)
            outputs |= {f"{name}_rows": given[name], f"{name}_reconstruction": made[name]}
            outputs[f"{name}_embedding"] = codes[name]
    return outputs


def _check(
    media: Mapping[str, int], hub: str, num_classes: int, variant: str, readout: str
) -> None:
    if hub not in media or len(media) < 2 or WRONG in media:
        raise ValueError(
            f"There are at least two media, none is called {WRONG!r}, and the hub is one of them. "
            f"Received: {hub=}, media={dict(media)}."
        )
    if num_classes < 2:
        raise ValueError(f"A classifier needs at least two classes. Received: {num_classes=}.")
    known = {"variant": (variant, VARIANTS), "readout": (readout, READOUTS)}
    for name, (given, choices) in known.items():
        if given not in choices:
            raise ValueError(f"The {name} is one of {choices}. Received: {name}={given!r}.")


def _check_readout(readout: str, temperature: float, multi_label: bool) -> None:
    if temperature <= 0:
        raise ValueError(f"The temperature must be positive. Received: {temperature=}.")
    if multi_label and readout == "agreement":
        raise ValueError(
            "With several labels an item has no one class that could agree. "
            f"Received: {readout=}, {multi_label=}."
        )
