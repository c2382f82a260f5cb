"""CHTN: the cross-modal hybrid transfer network of Huang, Peng and Yuan (IJCAI 2017)."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import keras
from keras import ops

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.batch_normalization import BatchNormalization
from keras_xmr.layers.fully_connected import affine, msra
from keras_xmr.layers.mmd_loss import MMDLoss
from keras_xmr.layers.pathway import Pathway
from keras_xmr.layers.shared_layers import SharedLayers
from keras_xmr.layers.split_rows import SplitRows
from keras_xmr.losses.cross_entropy import label_cross_entropy
from keras_xmr.losses.pairwise import pairwise_transfer
from keras_xmr.methods.about import About
from keras_xmr.methods.by_medium import ByMedium, by_medium
from keras_xmr.methods.cross_modal_model import CrossModalModel
from keras_xmr.methods.defaults import for_data, hidden_width
from keras_xmr.methods.entrance import SOURCE, enter, make_inputs
from keras_xmr.methods.readout import READOUTS, posterior, read_out
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.space import Choice, Range, Tunable
from keras_xmr.training.batches import presence
from keras_xmr.training.replicas import replica_count, whole_batch
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Tensor

PAPER_WIDTH = 4096
# Widths of layers that are worth trying, of a few hundred or thousand pairs.
LAYERS = ((128,), (256,), (512,), (256, 256))

# Medium, medium and the weight of what draws their activations together.
Edge = tuple[str, str, float]
Branch = Callable[[Tensor, Sequence[Tensor]], dict[str, Tensor]]


@keras.saving.register_keras_serializable(package="keras_xmr")
class CHTN(CrossModalModel):
    """Cross-modal hybrid transfer network.

    Knowledge from a large labelled data set of one medium (the source: pictures with labels) is
    transferred to a small paired data set of two media (the target: pictures with texts):

    - *Single-modal transfer*: source and target pictures have their own fc6 and fc7; the maximum
      mean discrepancy draws their activations together, while a classifier fc8 keeps the source
      pathway good at its own classes.
    - *Cross-modal transfer*: fc6 and fc7 of the text of a pair are drawn to those of its picture.
    - *Layer sharing*: pictures and texts pass through the same fc8 and fc9 and the same
      classifier. The classifier's posterior is the common representation.

    The loss is the sum of these terms, each a metric of its own in `fit`:

    | term | formula | weight |
    |---|---|---|
    | `mmd` | sum over fc6, fc7 of MMD^2(source, hub) | `mmd_weight` |
    | `source` | mean cross-entropy of the source labels | `source_weight` |
    | `cross` | sum over fc6, fc7 of `pairwise_transfer` * 4096 / width | `cross_weight` |
    | `<medium>` | mean cross-entropy of the target labels, for each medium | `correlation_weight` |

    Where this departs from the paper and from the authors' release:

    - MMD: the unbiased estimate over all pairs of a batch. The release draws random quadruples
      (`mmd_estimator="linear_random"`).
    - fc6 and fc7 are normalised without scale and shift, fc8 and fc9 are not normalised, as in the
      release; the paper says nothing of it.
    - The cross-modal term is weighted by 4096 / width, so that its share does not depend on the
      width. At width 4096 this is the release.
    - Members, identity initialisation, dropout, label smoothing and all readouts but the
      probabilities are additions, off by default. The settings for small data use them.
    - Targets in place of labels (`distillation=0.75`) are an addition that no default uses.

    The paper's ablations are arguments: `source_weight=0` is NoSrcSp; `shared_units=()` with
    `shared_classifier=False` is NoShare, and OnlyCross if there is no source either.

    Args:
        media: Width `d` of the rows of each medium, such as `{"image": 1280, "text": 1000}`.
        num_classes: Number of target classes.
        source_classes: Number of source classes; `None` leaves the source branch out.
        hub: The medium that the source data have.
        partial: Media, apart from the hub, that some instances lack. Each has a further input
            `<medium>_present` of ones and zeros; rows that are not there count nowhere.
        trunks: Medium to the network that turns its raw items into feature rows: see
            `keras_xmr.trunks`. Its weights are trained too, unless it is frozen
            (`trunk.trainable = False`). Media without one are given as feature rows.
        input_normalization: Media whose rows are batch-normalised, with a trained scale and shift,
            on entering. Where the hub is among them, source rows are normalised together with its
            own. `None` means every medium but the hub, as in the release.
        members: Number of independent networks side by side, trained on the same batches; their
            posteriors are averaged. Widths are those of one member. The paper has one.
        pathway_units: Widths of fc6 and fc7.
        shared_units: Widths of fc8 and fc9; `()` leaves them out.
        shared_classifier: Whether all media have the same classifier, rather than one each.
        shared_bn: Whether fc8 and fc9 are batch-normalised.
        shared_initializer: `"msra"`, or `"identity"`: see `keras_xmr.layers.FullyConnected`.
        dropout: Share of the activations of fc6 and fc7 that are dropped on their way on.
        classifier_dropout: Share of the activations of fc9 that are dropped before the classifier.
        input_dropout: For all media, or medium to, the share of its inputs dropped before fc6.
        num_kernels: Number of Gaussians of the MMD kernel.
        kernel_multiplier: Ratio of their neighbouring bandwidths.
        mmd_estimator: See `keras_xmr.losses.maximum_mean_discrepancy`.
        mmd_weight: Weight of `mmd`.
        source_weight: Weight of `source`.
        cross_weight: Weight of `cross` at width 4096.
        correlation_weight: Weight of the cross-entropy of each medium.
        label_smoothing: Share of the target labels spread over all classes.
        readout: The common representation: `"probabilities"` (the paper's),
            `"centred_probabilities"` (less 1 / classes), `"agreement"` (cosines are the probability
            of the same class), `"logits"` or `"fc9"`.
        temperature: Divides the logits before the softmax of the readout.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of initial weights, dropout and the random MMD estimator.
        dtype: Dtype policy of all layers, such as `"mixed_float16"`; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes, and `"source"` as the hub.

    Output shape:
        Dict of logits `(batch, classes)` by medium, and the activations that the losses need.

    Example:
        >>> import keras_xmr
        >>> data, source = keras_xmr.datasets.toy(), keras_xmr.datasets.toy(["image"])
        >>> model = CHTN.for_data(data, source, pathway_units=(16, 16), shared_units=(16, 16))
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, source, batch_size=16), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 4)

    Reference:
        X. Huang, Y. Peng, M. Yuan: Cross-modal common representation learning by hybrid transfer
        network, IJCAI 2017, pages 1893-1900, arXiv 1706.00153.
    """

    about = About(
        name="chtn",
        title="cross-modal hybrid transfer network",
        year=2017,
        reference="Huang, Peng, Yuan: IJCAI 2017, arXiv 1706.00153",
        kind="neural",
        learns_from=("labels", "pairs", "source"),
        media="any",
        returns="class posteriors",
    )
    defaults = TrainingSettings(
        arguments={
            "input_normalization": (),
            "members": 5,
            "shared_initializer": "identity",
            "dropout": 0.5,
            "input_dropout": 0.2,
            "label_smoothing": 0.1,
            "readout": "agreement",
            "temperature": 0.5,
        },
        epochs=20,
        learning_rate=3e-3,
        weight_decay=1.0,
    )
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "learning_rate": Range(5e-4, 1e-2),
        "weight_decay": Range(0.01, 10.0),
        "pathway_units": Choice(LAYERS),
        "shared_units": Choice(LAYERS),
        "dropout": Range(0.1, 0.7, log=False),
        "input_dropout": Range(0.0, 0.5, log=False),
        "label_smoothing": Range(0.0, 0.4, log=False),
        "cross_weight": Range(1e-5, 1e-2),
        "readout": Choice(("agreement", "centred_probabilities")),
        "temperature": Range(0.25, 1.0),
        "distillation": Choice((0.0, 0.75)),
    }
    trains_trunks = True
    learns_from_targets = True

    # Whether activations of media are drawn together: the term `cross`.
    draws_together = True

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults, with widths and a number of epochs that follow from the data."""
        units = (hidden_width(data),)
        return for_data(cls.defaults, data, pathway_units=units, shared_units=units)

    def __init__(
        self,
        media: Mapping[str, int],
        num_classes: int,
        source_classes: int | None = None,
        *,
        hub: str = "image",
        partial: Sequence[str] = (),
        trunks: Mapping[str, keras.Model] | None = None,
        input_normalization: Sequence[str] | None = None,
        members: int = 1,
        pathway_units: Sequence[int] = (PAPER_WIDTH, PAPER_WIDTH),
        shared_units: Sequence[int] = (PAPER_WIDTH, PAPER_WIDTH),
        shared_classifier: bool = True,
        shared_bn: bool = False,
        shared_initializer: str = "msra",
        dropout: float = 0.0,
        classifier_dropout: float = 0.0,
        input_dropout: ByMedium = None,
        num_kernels: int = 1,
        kernel_multiplier: float = 2.0,
        mmd_estimator: str = "quadratic_unbiased",
        mmd_weight: float = 1.0,
        source_weight: float = 1.0,
        cross_weight: float = 1e-3,
        correlation_weight: float = 1.0,
        label_smoothing: float = 0.0,
        readout: str = "probabilities",
        temperature: float = 1.0,
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        _branch: Branch | None = None,
        **kwargs: Any,
    ) -> None:
        trunks = dict(trunks or {})
        _check(media, num_classes, members, hub, partial, readout, temperature, shared_units)
        _check_trunks(trunks, media)
        normalized = (
            [m for m in media if m != hub] if input_normalization is None else input_normalization
        )
        dropped = by_medium(input_dropout, media)
        has_source = source_classes is not None
        # One seed for each block, far enough apart for the layers inside it.
        seeds = itertools.repeat(None) if seed is None else itertools.count(seed, 100)

        # Layers
        normalizers = {
            # A long memory: with the release's short one (0.9) the running variance of a rare word
            # falls to zero between two of its occurrences, and its next one is amplified 300 times.
            name: BatchNormalization(momentum=0.99, epsilon=1e-5, name=f"{name}_input", dtype=dtype)
            for name in media
            if name in normalized
        }
        pathways = {
            name: Pathway(
                pathway_units,
                members=members,
                dropout=dropout,
                input_dropout=dropped[hub if name == SOURCE else name],
                seed=next(seeds),
                name=f"{name}_pathway",
                dtype=dtype,
            )
            for name in ([*media, SOURCE] if has_source else media)
        }
        shared_layers = (
            SharedLayers(
                shared_units,
                shared_bn,
                members=members,
                input_dropout=dropout,
                initializer=shared_initializer,
                with_raw=_branch is not None,
                seed=next(seeds),
                name="shared_layers",
                dtype=dtype,
            )
            if shared_units
            else keras.layers.Dropout(dropout, seed=next(seeds), name="shared_layers", dtype=dtype)
        )
        classifiers = _classifiers(media, num_classes, shared_classifier, members, seeds, dtype)

        # Functional graph
        inputs = make_inputs(media, hub, has_source, trunks, partial)
        entrances = {
            name: [layers[name] for layers in (trunks, normalizers) if name in layers]
            for name in media
        }
        rows = enter(inputs, entrances, hub)
        present = {name: inputs.get(presence(name)) for name in rows}
        activations = {name: pathways[name](x, present=present[name]) for name, x in rows.items()}
        fc7 = [activations[name][-1] for name in media]
        stack = keras.layers.Concatenate(axis=0, name="stack")(fc7)
        stack_present = _stack_present([present[name] for name in media], fc7)
        fc9 = share(shared_layers, stack, stack_present)
        further = {}
        if _branch is not None:
            fc9, raw = fc9
            further = _branch(raw, fc7)
        fc9 = keras.layers.Dropout(
            classifier_dropout, seed=next(seeds), name="classifier_dropout", dtype=dtype
        )(fc9)
        if shared_classifier:
            logits = SplitRows(name="unstack")(classifiers[hub](fc9), fc7)
        else:
            parts = SplitRows(name="unstack")(fc9, fc7)
            logits = [classifiers[m](part) for m, part in zip(media, parts, strict=True)]
        outputs = dict(zip(media, logits, strict=True)) | further
        if source_classes is not None:
            head = _classifier(source_classes, members, next(seeds), "source_classifier", dtype)
            outputs[SOURCE] = head(activations[SOURCE][-1])
        for name, layers in activations.items():
            for i, layer in enumerate(layers):
                outputs[f"{name}_fc{6 + i}"] = layer
        outputs |= {presence(name): inputs[presence(name)] for name in partial}
        super().__init__(inputs, outputs, **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.num_classes = num_classes
        self.source_classes = source_classes
        self.hub = hub
        self.partial = tuple(partial)
        self.trunks = trunks
        self.input_normalization = (
            None if input_normalization is None else tuple(input_normalization)
        )
        self.members = members
        self.pathway_units = tuple(pathway_units)
        self.shared_units = tuple(shared_units)
        self.shared_classifier = shared_classifier
        self.shared_bn = shared_bn
        self.shared_initializer = shared_initializer
        self.dropout = dropout
        self.classifier_dropout = classifier_dropout
        self.input_dropout = input_dropout
        self.num_kernels = num_kernels
        self.kernel_multiplier = kernel_multiplier
        self.mmd_estimator = mmd_estimator
        self.mmd_weight = mmd_weight
        self.source_weight = source_weight
        self.cross_weight = cross_weight
        self.correlation_weight = correlation_weight
        self.label_smoothing = label_smoothing
        self.readout = readout
        self.temperature = temperature
        self.preprocessor = preprocessor
        self.seed = seed
        self.normalizers = normalizers
        self.pathways = pathways
        self.shared_layers = shared_layers
        self.classifiers = classifiers
        self.mmd_loss = MMDLoss(num_kernels, kernel_multiplier, mmd_estimator, seed)
        self.trackers = {
            name: keras.metrics.Mean(name=name)
            for name in (
                *(("mmd", "source") if has_source else ()),
                *(("cross",) if self.draws_together else ()),
                *media,
                *(f"{name}_accuracy" for name in media),
            )
        }

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Sum of the weighted terms of the class docstring; each also becomes a metric."""
        y, y_pred = whole_batch(y), whole_batch(y_pred)
        terms = self.loss_terms(y, y_pred)
        for name, value in terms.items():
            self.trackers[name].update_state(value)
        self.track_accuracy(y, y_pred)
        total = sum(self._weight(name) * value for name, value in terms.items())
        # Each replica has the whole loss, and their gradients are added up.
        return total / replica_count()

    def track_accuracy(self, y: dict[str, Tensor], y_pred: dict[str, Tensor]) -> None:
        """Make the share of right classes of each medium a metric."""
        for name in self.media:
            probabilities = posterior(y_pred[name], self.num_classes)
            hits = keras.metrics.categorical_accuracy(y[name], probabilities)
            self.trackers[f"{name}_accuracy"].update_state(hits, y_pred.get(presence(name)))

    def loss_terms(self, y: dict[str, Tensor], y_pred: dict[str, Tensor]) -> dict[str, Tensor]:
        """The terms of the loss, unweighted.

        Args:
            y: Label distributions `(batch, classes)` of each medium, and of `"source"`.
            y_pred: What the model returns.

        Returns:
            Term name to scalar.
        """
        terms = {}
        layers = range(6, 6 + len(self.pathway_units))
        if self.source_classes is not None:
            terms["mmd"] = sum(
                self.mmd_loss(y_pred[f"{SOURCE}_fc{i}"], y_pred[f"{self.hub}_fc{i}"])
                for i in layers
            )
            terms[SOURCE] = label_cross_entropy(y[SOURCE], y_pred[SOURCE])
        if self.draws_together:
            terms["cross"] = sum(
                weight
                * (PAPER_WIDTH / (width * self.members))
                * pairwise_transfer(
                    y_pred[f"{one}_fc{i}"], y_pred[f"{other}_fc{i}"], _both(y_pred, one, other)
                )
                for one, other, weight in self.weighted_edges()
                for i, width in zip(layers, self.pathway_units, strict=True)
            )
        for name in self.media:
            terms[name] = label_cross_entropy(
                y[name], y_pred[name], self.label_smoothing, y_pred.get(presence(name))
            )
        return terms

    def weighted_edges(self) -> list[Edge]:
        """The pairs of media whose activations `cross` draws together: the hub with each other."""
        return [(self.hub, name, 1.0) for name in self.media if name != self.hub]

    def _weight(self, term: str) -> float:
        weights = {
            "mmd": self.mmd_weight,
            SOURCE: self.source_weight,
            "cross": self.cross_weight,
        }
        return weights.get(term, self.correlation_weight)

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`."""
        inputs = make_inputs({media: self.media[media]}, media, False, self.trunks)
        layers = [part[media] for part in (self.trunks, self.normalizers) if media in part]
        rows = enter(inputs, {media: layers}, media)[media]
        common = share(self.shared_layers, self.pathways[media](rows)[-1])
        if isinstance(common, list):
            common, _ = common
        if self.readout != "fc9":
            logits = self.classifiers[media](common)
            place = (list(self.media).index(media), len(self.media))
            common = read_out(logits, self.num_classes, self.readout, self.temperature, place=place)
        return keras.Model(inputs[media], common, name=f"{media}_encoder")

    def for_retrieval(self) -> Self:
        """A copy without the source branch: all that retrieval needs, and much smaller."""
        return self.copy_with(source_classes=None)


def _check(
    media: Mapping[str, int],
    num_classes: int,
    members: int,
    hub: str,
    partial: Sequence[str],
    readout: str,
    temperature: float,
    shared_units: Sequence[int],
) -> None:
    if hub not in media or SOURCE in media:
        raise ValueError(
            f"The hub must be one of the media, and no medium may be called {SOURCE!r}. "
            f"Received: hub={hub!r}, media={dict(media)}."
        )
    if not set(partial) <= set(media) - {hub}:
        raise ValueError(
            "Media that some instances lack are among the media, and none is the hub. "
            f"Received: partial={tuple(partial)}, hub={hub!r}, media={dict(media)}."
        )
    if members < 1:
        raise ValueError(f"A model has at least one member. Received: {members=}.")
    if num_classes < 2:
        raise ValueError(f"A classifier needs at least two classes. Received: {num_classes=}.")
    if readout not in READOUTS:
        raise ValueError(f"Readouts are {READOUTS}. Received: {readout=}.")
    if readout == "fc9" and not shared_units:
        raise ValueError("Without shared layers there is no fc9. Received: shared_units=().")
    if temperature <= 0:
        raise ValueError(f"The temperature must be positive. Received: {temperature=}.")


def _check_trunks(trunks: Mapping[str, keras.Model], media: Mapping[str, int]) -> None:
    for name, trunk in trunks.items():
        if name not in media or trunk.output_shape != (None, media[name]):
            raise ValueError(
                f"A trunk gives feature rows of the width that its medium has in {dict(media)}. "
                f"Received: a trunk for {name!r} with output_shape={trunk.output_shape}."
            )


def share(layers: keras.layers.Layer, rows: Tensor, present: Tensor | None = None) -> Any:
    """Rows of all media past the shared layers, or past what is there in their place."""
    return layers(rows, present=present) if isinstance(layers, SharedLayers) else layers(rows)


def _stack_present(present: Sequence[Tensor | None], rows: Sequence[Tensor]) -> Tensor | None:
    """Which of the stacked rows of all media are there; `None` for all."""
    if all(told is None for told in present):
        return None
    return ops.concatenate(
        [
            ops.ones_like(of_medium[:, 0]) if told is None else ops.cast(told, of_medium.dtype)
            for told, of_medium in zip(present, rows, strict=True)
        ]
    )


def _both(y_pred: Mapping[str, Tensor], one: str, other: str) -> Tensor | None:
    """Weight of each pair of rows: 1 where both are there; `None` for all."""
    told = [y_pred[presence(name)] for name in (one, other) if presence(name) in y_pred]
    return math.prod(told) if told else None


def _classifiers(
    media: Mapping[str, int],
    classes: int,
    shared: bool,
    members: int,
    seeds: Iterator[int | None],
    dtype: Any,
) -> dict[str, keras.layers.Layer]:
    """The classifier of each medium: the same one for all, or one each."""
    if shared:
        return dict.fromkeys(media, _classifier(classes, members, next(seeds), "classifier", dtype))
    return {
        name: _classifier(classes, members, next(seeds), f"{name}_classifier", dtype)
        for name in media
    }


def _classifier(
    classes: int, members: int, seed: int | None, name: str, dtype: Any
) -> keras.layers.Layer:
    """Logits of each member from its own features."""
    initializer = msra(seed)
    return affine(
        classes, members, separate=True, kernel_initializer=initializer, name=name, dtype=dtype
    )
