"""Corr-AE: the correspondence autoencoders of Feng, Wang and Li (ACM Multimedia 2014)."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import keras

from keras_xmr.methods.about import About
from keras_xmr.methods.bimodal_coding import reconstruction_loss
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

CORRELATION = "correlation"
# Variant -> the best weight of the correlation that its authors found.
VARIANTS = {"corr": 0.8, "cross": 0.2, "full": 0.8}

PAPER: Config = {
    "pathway_units": (1024, 1024),
    "code_units": 1024,
    "visible": {"text": "replicated_softmax"},
    "noise": 1.0,
}
"""Arguments of `CorrAE` as in its authors' configuration, for counts of words."""


@keras.saving.register_keras_serializable(package="keras_xmr")
class CorrAE(StagedModel):
    """Correspondence autoencoder: an autoencoder for each medium, whose codes are drawn together.

    Each medium has a stack of restricted Boltzmann machines, trained layer by layer, without
    labels. On their last activations `h` each medium gets a code `z`, and decoders:

        (1 - a) * sum over decoders of mean ||decoded - h||^2 + a * sum over pairs mean ||z - z'||^2

    The variants differ in what a code is decoded to; `a` is `correlation_weight`:

    | variant | decoders of each code | name in the paper | best `a` there |
    |---|---|---|---|
    | `"corr"` | the own medium | Corr-AE | 0.8 |
    | `"cross"` | the other medium | Corr-Cross-AE | 0.2 |
    | `"full"` | both | Corr-Full-AE | 0.8 |

    The code is the common representation.

    Stages: `layer_1`, `layer_2`, ... (contrastive divergence of the stacks) and, by `fit`'s own
    optimizer, `code` (the loss above; its terms are `<medium>_to_<medium>` and `correlation`).

    Where this departs from the paper, or what is left open: with `a` near 1 all codes may become
    the same, since nothing but the decoders keeps items apart; watch the validation MAP. Adam takes
    the place of gradient descent with momentum, and there is no sparsity penalty. More than two
    media are an addition: all pairs, and for `"cross"` all other media.

    Args:
        media: Width `d` of the rows of each medium, such as `{"image": 1280, "text": 1000}`.
        num_classes: Number of classes; no label is used.
        variant: `"corr"`, `"cross"` or `"full"`: see above.
        correlation_weight: The weight `a`; `None` is the best of the variant in the paper.
        hub: The medium that the others are paired with in batches.
        trunks: Medium to the network that turns its raw items into feature rows, as in `CHTN`; it
            is not trained.
        visible: Kind of rows of media that are not standardised features, see
            `keras_xmr.layers.RBM`: `"replicated_softmax"` for words, as `for_data` has it.
        noise: Deviation of features of unit variance, given hidden units; 1 in the paper. Features
            that are hardly correlated are noise and nothing else to a machine of 1.
        pathway_units: Widths of the stack of each medium; of all, or by medium.
        code_units: Width of the codes.
        cd_steps: Steps of Gibbs sampling in contrastive divergence.
        pretraining_epochs: Epochs of each stage before the last.
        pretraining_rate: Learning rate of these stages.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of initial weights and sampling.
        dtype: Dtype policy of all layers; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes.

    Output shape:
        Dict of codes `(batch, code_units)` by medium, what they are decoded to, and the
        activations of the stacks.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> model = CorrAE.for_data(data, variant="full", pathway_units=(16, 8), code_units=8)
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 8)

    Reference:
        F. Feng, X. Wang, R. Li: Cross-modal retrieval with correspondence autoencoder, ACM
        Multimedia 2014, sections 3 and 4.
    """

    about = About(
        name="corr_ae",
        title="correspondence autoencoder, cross and full",
        year=2014,
        reference="Feng, Wang, Li: ACM Multimedia 2014",
        kind="neural",
        learns_from=("pairs",),
        media="any",
        returns="codes",
    )
    defaults = TrainingSettings(
        arguments={"pathway_units": (256,), "pretraining_rate": 3e-3},
        learning_rate=3e-3,
        weight_decay=1e-4,
    )

    def __init__(
        self,
        media: Mapping[str, int],
        num_classes: int,
        *,
        variant: str = "corr",
        correlation_weight: float | None = None,
        hub: str = "image",
        trunks: Mapping[str, keras.Model] | None = None,
        visible: Mapping[str, str] | None = None,
        noise: float = 0.5,
        pathway_units: Sequence[int] | Mapping[str, Sequence[int]] = (256, 128),
        code_units: int = 128,
        cd_steps: int = 1,
        pretraining_epochs: int = 20,
        pretraining_rate: float = 1e-3,
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        trunks = dict(trunks or {})
        if variant not in VARIANTS:
            raise ValueError(f"Variants are {tuple(VARIANTS)}. Received: {variant=}.")
        if correlation_weight is not None and not 0 <= correlation_weight <= 1:
            raise ValueError(
                f"The weight of the correlation is 0 to 1. Received: {correlation_weight=}."
            )

        # Layers
        stacks = make_stacks(media, pathway_units, visible, noise, seed, dtype)
        number = 0

        def dense(width: int, name: str) -> keras.layers.Dense:
            nonlocal number
            number += 1
            of_layer = None if seed is None else seed + 100 * len(media) + number
            initializer = keras.initializers.GlorotUniform(of_layer)
            return keras.layers.Dense(
                width, "sigmoid", kernel_initializer=initializer, name=name, dtype=dtype
            )

        coders = {name: dense(code_units, f"{name}_code") for name in media}
        decoders = {
            (one, other): dense(stacks[other][-1].units, f"{one}_to_{other}")
            for one in media
            for other in media
            if variant == "full" or (variant == "corr") == (one == other)
        }

        # Functional graph
        inputs, outputs, last = enter_stacks(stacks, media, hub, trunks)
        codes = {name: coders[name](last[name]) for name in media}
        decoded = {f"{one}_to_{to}": layer(codes[one]) for (one, to), layer in decoders.items()}
        super().__init__(inputs, outputs | codes | decoded, **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.num_classes = num_classes
        self.variant = variant
        self.correlation_weight = correlation_weight
        self.hub = hub
        self.trunks = trunks
        self.visible = visible and dict(visible)
        self.noise = noise
        self.pathway_units = as_tuples(pathway_units)
        self.code_units = code_units
        self.cd_steps = cd_steps
        self.pretraining_epochs = pretraining_epochs
        self.pretraining_rate = pretraining_rate
        self.preprocessor = preprocessor
        self.seed = seed
        self.stacks = stacks
        self.coders = coders
        self._decoders = tuple(decoders.items())
        self._ready()

    def stages(self) -> tuple[Stage, ...]:
        """The layers of the stacks, then the codes."""
        layers = (*self.coders.values(), *(layer for _, layer in self._decoders))
        decoded = tuple(f"{one}_to_{to}" for (one, to), _ in self._decoders)
        last = (f"{name}_{len(stack)}" for name, stack in self.stacks.items())
        reads = (*last, *self.media, *decoded)
        return (*self.stack_stages(), Stage("code", layers, (*decoded, CORRELATION), reads))

    def stage_terms(
        self, stage: str, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """See `StagedModel.stage_terms`."""
        if stage != "code":
            return self.stack_terms(stage, y_pred)
        terms = {
            f"{one}_to_{to}": reconstruction_loss(
                y_pred[f"{to}_{len(self.stacks[to])}"], y_pred[f"{one}_to_{to}"]
            )
            for (one, to), _ in self._decoders
        }
        pairs = combinations(self.media, 2)
        terms[CORRELATION] = sum(reconstruction_loss(y_pred[a], y_pred[b]) for a, b in pairs)
        return terms

    def weight_of(self, term: str) -> float:
        """`a` for the correlation, `1 - a` for all that is decoded."""
        weight = self.correlation_weight
        weight = VARIANTS[self.variant] if weight is None else weight
        return weight if term == CORRELATION else 1.0 - weight

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`."""
        inputs, activations = self.medium_inputs(media)
        return keras.Model(inputs, self.coders[media](activations[-1]))
