"""MHTN: the modal-adversarial hybrid transfer network of Huang, Peng and Yuan (TCYB 2018)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import keras
from keras import ops

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.fully_connected import affine, msra
from keras_xmr.layers.gradient_reversal import GradientReversal
from keras_xmr.layers.modality_discriminator import ModalityDiscriminator
from keras_xmr.layers.split_rows import SplitRows
from keras_xmr.losses.cross_entropy import by_member
from keras_xmr.losses.modality import FORMS, modality_loss
from keras_xmr.methods.about import About
from keras_xmr.methods.chtn import CHTN, Branch, Edge
from keras_xmr.methods.edges import edges_of
from keras_xmr.training.batches import presence
from keras_xmr.transforms.pictures import loaders_for
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Tensor

ADVERSARY = "adversary"
MODALITY = "modality"
# Seeds of the adversary lie beyond those of the blocks of CHTN.
SEED_OFFSET = 100_000


@keras.saving.register_keras_serializable(package="keras_xmr")
class MHTN(CHTN):
    """Modal-adversarial hybrid transfer network: any number of media, and an adversary.

    It is `CHTN`, to which it adds:

    - *A star*: the hub, the medium that the source domain has, is drawn to each other medium. No
      other two are, so that a medium can be added later (`with_medium`).
    - *An adversary*: a discriminator learns from fc9 which medium a row comes from. The gradient of
      its loss reaches the rest of the network reversed: that learns to make the media alike.

        fc9, before normalisation and ReLU -> bottleneck -> `GradientReversal`
        -> `ModalityDiscriminator` -> one logit for each medium

    - *Normalised shared layers*, over the mixture of all media.

    To the loss of `CHTN` comes the term

    | term | formula | weight |
    |---|---|---|
    | `modality` | `modality_loss` of the discriminator | `modality_weight` |

    and `cross` is the sum over the edges. Media may differ in size and need not be paired: see the
    `pairing` of `batches`, and `partial`. Learning rates of the adversary are a tenth of the
    others, and those of biases twice as high, in the release; `rate_multipliers` has them for the
    optimizers of `keras_xmr.optimizers`.

    Where this departs from the authors' release (the full text was not at hand):

    - The reversal really reverses. The release's schedule does not: see `GradientReversal`.
    - Each medium has the same say in the modality loss, however many of its rows are there.
    - What `CHTN` says of MMD, width and additions holds here too.

    With two media, `shared_bn=False`, `modality_weight=0` and `cross_weight=1e-3` it is CHTN.

    Args:
        media: As in `CHTN`; so are the next two.
        num_classes: Number of target classes.
        source_classes: Number of source classes; `None` leaves the source branch out.
        edges: Which media are drawn together: `"star"`, `"chain"` (each with the next one),
            `"complete"`, or a list of `(medium, medium, weight)`.
        edge_normalization: `"none"`, as in the release, or `"mean"`: divides by the number of
            edges.
        shared_bn: Whether fc8 and fc9 are batch-normalised.
        cross_weight: Weight of `cross` at width 4096.
        modality_weight: Weight of `modality`; 0 leaves the adversary out.
        modality_form: `"sigmoid"` or `"softmax"`: see `keras_xmr.losses.modality_loss`.
        bottleneck_units: Width of the bottleneck.
        discriminator_units: Widths of the hidden layers of the discriminator.
        reversal: Schedule of the reversal: `"dann"`, `"constant"` or `"caffe"`, see
            `keras_xmr.layers.GradientReversal`.
        reversal_maximum: What its factor is multiplied with.
        reversal_steps: Training batches that it takes; `None` is that of the schedule, which for
            `"dann"` is as long as the first `fit`.
        **kwargs: Further arguments of `CHTN`.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes; `"source"` as the hub; and
        `"<medium>_present"` `(batch,)` for each medium that is partial.

    Output shape:
        Dict of logits `(batch, classes)` by medium, and what the losses need.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy(["image", "text", "audio"])
        >>> model = MHTN.for_data(data, pathway_units=(16, 16), shared_units=(16, 16),
        ...                       bottleneck_units=8, discriminator_units=(16,))
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=16), epochs=2, verbose=0)
        >>> model.encode(data, media="audio").shape
        (80, 4)

    Reference:
        X. Huang, Y. Peng, M. Yuan: MHTN: modal-adversarial hybrid transfer network for cross-modal
        retrieval, IEEE Transactions on Cybernetics 50 (3), 2020, arXiv 1708.04308.
    """

    about = About(
        name="mhtn",
        title="modal-adversarial hybrid transfer network",
        year=2018,
        reference="Huang, Peng, Yuan: IEEE Transactions on Cybernetics 2018, arXiv 1708.04308",
        kind="neural",
        learns_from=("labels", "pairs", "source"),
        media="any",
        returns="class posteriors",
    )
    defaults = replace(
        CHTN.defaults,
        # The discriminator learns faster than the rest, which heeds it a little. The bottleneck
        # lies on the side of the rest: trained with it, it would hide the medium by itself, and fc9
        # would not have to. Shared layers without normalisation are better on few pairs. A member
        # costs more than one of CHTN: three take as long as five there.
        arguments=CHTN.defaults.arguments
        | {"members": 3, "shared_bn": False, "modality_weight": 1.0, "reversal_maximum": 0.2},
        rates={"adversary_bottleneck": 0.0, "adversary_discriminator": 2.0},
    )
    undecayed = ("adversary",)

    def __init__(
        self,
        media: Mapping[str, int],
        num_classes: int,
        source_classes: int | None = None,
        *,
        edges: str | Sequence[Edge] = "star",
        edge_normalization: str = "none",
        shared_bn: bool = True,
        cross_weight: float = 1e-4,
        modality_weight: float = 0.1,
        modality_form: str = "sigmoid",
        bottleneck_units: int = 512,
        discriminator_units: Sequence[int] = (1024, 1024),
        reversal: str = "dann",
        reversal_maximum: float = 1.0,
        reversal_steps: int | None = None,
        **kwargs: Any,
    ) -> None:
        hub = kwargs.get("hub", "image")
        weighted_edges = edges_of(edges, list(media), hub, edge_normalization)
        if modality_form not in FORMS:
            raise ValueError(f"Forms of the modality loss are {FORMS}. Received: {modality_form=}.")

        if modality_weight and not kwargs.get("shared_units", True):
            raise ValueError(
                "The adversary looks at fc9. Received: shared_units=(). Give modality_weight=0."
            )

        # Layers
        branch = None
        if modality_weight:
            branch = _adversary(
                list(media),
                kwargs.get("members", 1),
                bottleneck_units,
                discriminator_units,
                GradientReversal(
                    reversal,
                    reversal_maximum,
                    reversal_steps,
                    name="reversal",
                    dtype=kwargs.get("dtype"),
                ),
                kwargs.get("seed"),
                kwargs.get("dtype"),
            )

        # Functional graph
        super().__init__(
            media,
            num_classes,
            source_classes,
            shared_bn=shared_bn,
            cross_weight=cross_weight,
            _branch=branch,
            **kwargs,
        )

        # Config
        self.edges = (
            edges if isinstance(edges, str) else tuple((a, b, float(w)) for a, b, w in edges)
        )
        self.edge_normalization = edge_normalization
        self.modality_weight = modality_weight
        self.modality_form = modality_form
        self.bottleneck_units = bottleneck_units
        self.discriminator_units = tuple(discriminator_units)
        self.reversal = reversal
        self.reversal_maximum = reversal_maximum
        self.reversal_steps = reversal_steps
        self._weighted_edges = weighted_edges
        if modality_weight:
            for name in (MODALITY, f"{MODALITY}_accuracy"):
                self.trackers[name] = keras.metrics.Mean(name=name)

    @property
    def rate_multipliers(self) -> dict[str, float]:
        """Pattern to factor on the learning rate, as in the release: see `keras_xmr.optimizers`."""
        of_adversary = {f"^{ADVERSARY}": 0.1} if self.modality_weight else {}
        return super().rate_multipliers | of_adversary

    def weighted_edges(self) -> list[Edge]:
        """The edges with their weights, normalised."""
        return self._weighted_edges

    def track_accuracy(self, y: dict[str, Tensor], y_pred: dict[str, Tensor]) -> None:
        """As in `CHTN`; the discriminator's accuracy becomes a metric, too."""
        super().track_accuracy(y, y_pred)
        if self.modality_weight:
            for number, (logits, told) in enumerate(self._modalities(y_pred)):
                guessed = ops.argmax(by_member(logits, len(self.media)), axis=-1)
                hits = ops.mean(ops.cast(guessed == number, "float32"), axis=1)
                self.trackers[f"{MODALITY}_accuracy"].update_state(hits, told)

    def loss_terms(self, y: dict[str, Tensor], y_pred: dict[str, Tensor]) -> dict[str, Tensor]:
        """The terms of the loss, unweighted: those of `CHTN`, and `modality`."""
        terms = super().loss_terms(y, y_pred)
        if self.modality_weight:
            logits, present = zip(*self._modalities(y_pred), strict=True)
            terms[MODALITY] = modality_loss(logits, self.modality_form, present)
        return terms

    def _modalities(self, y_pred: dict[str, Tensor]) -> list[tuple[Tensor, Tensor | None]]:
        """Of each medium what the discriminator says, and which of its rows are there."""
        return [(y_pred[f"{MODALITY}_{m}"], y_pred.get(presence(m))) for m in self.media]

    def _weight(self, term: str) -> float:
        return self.modality_weight if term == MODALITY else super()._weight(term)

    def for_retrieval(self) -> Self:
        """A copy without source branch and adversary: all that retrieval needs."""
        return self.copy_with(source_classes=None, modality_weight=0.0)

    def with_medium(
        self,
        name: str,
        data: CrossModalData,
        *,
        transform: Any = None,
        trunk: keras.Model | None = None,
        **changes: Any,
    ) -> Self:
        """A copy that learns one more medium, while everything it knows stays as it is.

        All layers but those of the new medium are frozen. In training, an edge draws the new
        medium to the hub, and the shared layers and the classifier tell whether its classes are
        right. There is neither source nor adversary.

        Args:
            name: The new medium.
            data: Data that have it and the hub; of the others they may have any.
            transform: What makes rows of its items, such as a `TextVectorizer`; `None` is what
                `Preprocessor.for_data` would take.
            trunk: The trunk of the new medium, where `data` hold its raw items.
            **changes: Further arguments of the constructor that shall be others, such as `partial`,
                which is otherwise what it was and the media that `data` do not have.

        Raises:
            ValueError: If the model has the medium already, or no preprocessor.

        Example:
            >>> from keras_xmr.datasets import toy
            >>> both = MHTN.for_data(toy(), pathway_units=(8, 8), shared_units=(8, 8))
            >>> data = toy(["image", "audio"])
            >>> three = both.with_medium("audio", data)
            >>> three.compile(optimizer="adam")
            >>> history = three.fit(three.batches(data, batch_size=20), verbose=0)
            >>> sorted(three.media)
            ['audio', 'image', 'text']
        """
        if name in self.media:
            raise ValueError(f"The model has the media {sorted(self.media)}. Received: {name=}.")
        known = self._require_preprocessor()
        trunks = {name: trunk} if trunk is not None else {}
        transforms = loaders_for(trunks) if transform is None else {name: transform}
        alone = replace(data, media={name: data.medium(name)})
        added = Preprocessor.for_data(alone, **transforms).fit(alone.part("train"))
        width = trunk.output_shape[-1] if trunk is not None else added.dims[name]
        missing = [m for m in self.media if m not in data.media and m != self.hub]
        settings = {
            "media": self.media | {name: width},
            "trunks": self.trunks | trunks,
            "preprocessor": Preprocessor(known.transforms | added.transforms),
            "partial": tuple(dict.fromkeys([*self.partial, *missing])),
            "edges": self._edges_with(name),
            "source_classes": None,
            "modality_weight": 0.0,
        }
        copy = self.copy_with(**settings | changes)
        mine = {layer.name for layer in self.layers}
        for layer in copy.layers:
            layer.trainable = layer.trainable and layer.name not in mine
        return copy

    def _edges_with(self, name: str) -> str | list[Edge]:
        """The edges, and one from the hub to a new medium."""
        if self.edges == "star":
            return "star"
        unnormalised = edges_of(self.edges, list(self.media), self.hub, "none")
        return [*unnormalised, (self.hub, name, 1.0)]


def _adversary(
    media: Sequence[str],
    members: int,
    bottleneck_units: int,
    discriminator_units: Sequence[int],
    reversal: GradientReversal,
    seed: int | None,
    dtype: Any,
) -> Branch:
    """From raw fc9 of all media to what the discriminator says of each medium's rows."""
    seed = None if seed is None else seed + SEED_OFFSET
    bottleneck = affine(
        bottleneck_units,
        members,
        separate=True,
        kernel_initializer=msra(seed),
        name=f"{ADVERSARY}_bottleneck",
        dtype=dtype,
    )
    discriminator = ModalityDiscriminator(
        len(media),
        discriminator_units,
        members=members,
        seed=None if seed is None else seed + 1,
        name=f"{ADVERSARY}_discriminator",
        dtype=dtype,
    )

    def branch(raw: Tensor, like: Sequence[Tensor]) -> dict[str, Tensor]:
        logits = discriminator(reversal(bottleneck(raw)))
        parts = SplitRows(name="unstack_modality")(logits, like)
        return {f"{MODALITY}_{name}": part for name, part in zip(media, parts, strict=True)}

    return branch
