"""Bimodal AE: the bimodal deep autoencoder of Ngiam et al. (ICML 2011)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from keras_xmr.datasets.base import CrossModalData
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

PAPER: Config = {
    "pathway_units": (1024, 1024),
    "code_units": 1024,
    "visible": {"text": "replicated_softmax"},
    "noise": 1.0,
}
"""Arguments of `BimodalAE` as in the configuration of the paper of Corr-AE, for counts of words."""


@keras.saving.register_keras_serializable(package="keras_xmr")
class BimodalAE(StagedModel):
    """Bimodal autoencoder: one code for a pair that a single medium gives, too.

    Each medium has a stack of restricted Boltzmann machines, trained layer by layer, without
    labels. On top of them a joint code is learned: from the last activations `h` of all media, or
    of one of them with zeros for the others, it is to tell those of *all* media:

        sum over media m of the mean over {all, each alone} of ||decoded_m - h_m||^2

    What a medium alone gives is its common representation.

    Stages: `layer_1`, `layer_2`, ... (contrastive divergence of the stacks) and, by `fit`'s own
    optimizer, `code` (the loss above; its terms are the media).

    Where this departs from the paper, and what is left open: Ngiam et al. train on sounds and
    videos of speech and unroll the whole stack; what the retrieval literature compares with, and
    what this is, learns the joint code on fixed activations. Adam takes the place of gradient
    descent with momentum, and there is no sparsity penalty. More than two media are an addition.

    Args:
        media: Width `d` of the rows of each medium, such as `{"image": 1280, "text": 1000}`.
        num_classes: Number of classes; no label is used.
        hub: The medium that the others are paired with in batches.
        trunks: Medium to the network that turns its raw items into feature rows, as in `CHTN`; it
            is not trained.
        visible: Kind of rows of media that are not standardised features, see
            `keras_xmr.layers.RBM`: `"replicated_softmax"` for words, as `for_data` has it.
        noise: Deviation of features of unit variance, given hidden units; 1 in the paper. Features
            that are hardly correlated are noise and nothing else to a machine of 1.
        pathway_units: Widths of the stack of each medium; of all, or by medium.
        code_units: Width of the joint code.
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
        Dict of decoded rows `(3 batch, units)` by medium, and the activations of the stacks.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> model = BimodalAE.for_data(data, pathway_units=(16, 8), code_units=8)
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 8)

    Reference:
        J. Ngiam, A. Khosla, M. Kim, J. Nam, H. Lee, A. Ng: Multimodal deep learning, ICML 2011,
        section 3.
    """

    about = About(
        name="bimodal_ae",
        title="bimodal autoencoder",
        year=2011,
        reference="Ngiam, Khosla, Kim, Nam, Lee, Ng: ICML 2011",
        kind="neural",
        learns_from=("pairs",),
        media="any",
        returns="codes",
    )
    defaults = TrainingSettings(
        arguments={"pathway_units": (256,), "pretraining_rate": 3e-3},
        learning_rate=1e-2,
        weight_decay=1e-4,
    )

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults; shallow rows are learnt by heart unless they are held back."""
        settings = super().settings_for(data)
        if not has_narrow_rows(data):
            return settings
        arguments = settings.arguments | {"pathway_units": (64,), "code_units": 64}
        return replace(
            settings, arguments=arguments, learning_rate=3e-3, weight_decay=0.3, epochs=20
        )

    def __init__(
        self,
        media: Mapping[str, int],
        num_classes: int,
        *,
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

        # Layers
        stacks = make_stacks(media, pathway_units, visible, noise, seed, dtype)
        coding = BimodalCoding(
            {name: stack[-1].units for name, stack in stacks.items()},
            code_units,
            "sigmoid",
            None if seed is None else seed + 100 * len(media),
            "joint",
            dtype,
        )

        # Functional graph
        inputs, outputs, last = enter_stacks(stacks, media, hub, trunks)
        super().__init__(inputs, outputs | coding.decoded(coding.all_codes(last)), **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.num_classes = num_classes
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
        self._coding = coding
        self._ready()

    def stages(self) -> tuple[Stage, ...]:
        """The layers of the stacks, then the joint code."""
        last = (f"{name}_{len(stack)}" for name, stack in self.stacks.items())
        names = tuple(self.media)
        return (*self.stack_stages(), Stage("code", self._coding.layers, names, (*last, *names)))

    def stage_terms(
        self, stage: str, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """See `StagedModel.stage_terms`."""
        if stage != "code":
            return self.stack_terms(stage, y_pred)
        return {
            name: reconstruction_loss(y_pred[f"{name}_{len(self.stacks[name])}"], y_pred[name])
            for name in self.media
        }

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`."""
        inputs, activations = self.medium_inputs(media)
        return keras.Model(inputs, self._coding.code({media: activations[-1]}))
