"""Multimodal DBN: the multimodal deep belief network of Srivastava and Salakhutdinov (2012)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.mean_field import mean_fields
from keras_xmr.layers.rbm import RBM
from keras_xmr.losses.contrastive_divergence import contrastive_divergence
from keras_xmr.methods.about import About
from keras_xmr.methods.defaults import hidden_width
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

READOUTS = ("joint", "generated")
JOINT = "joint"

PAPER: Config = {
    "pathway_units": {"image": (2048, 1024), "text": (1024, 1024)},
    "joint_units": 2048,
    "visible": {"text": "replicated_softmax"},
    "noise": 1.0,
}
"""Arguments of `MultimodalDBN` as in the authors' configuration, for counts of words."""


@keras.saving.register_keras_serializable(package="keras_xmr")
class MultimodalDBN(StagedModel):
    """Multimodal deep belief network: one machine on top of a stack for each medium.

    Each medium has a stack of restricted Boltzmann machines, trained layer by layer. A joint
    machine has their last activations, side by side, as its visible units. All machines learn by
    contrastive divergence; there are no labels and no backpropagation.

    From one medium the others are inferred: the known activations are clamped, and hidden and
    missing units take turns at their mean-field updates. Readouts:

    - `"joint"`: the joint machine's hidden units, given one medium;
    - `"generated"`: the last activations of all media, the medium's own and those inferred from it,
      side by side. A picture and a text then meet in both spaces: that of texts, where the
      literature ranks texts for a picture, and that of pictures for the other direction.

    Stages: `layer_1`, `layer_2`, ... and, by `fit`'s own optimizer, `joint`: contrastive divergence
    of each machine.

    Where this departs from the paper, or what is left open: Adam takes the place of gradient
    descent with momentum, there is no sparsity penalty, and the number of steps of contrastive
    divergence does not grow. Missing units begin at what their biases say. More than two media are
    an addition.

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
        joint_units: Number of hidden units of the joint machine.
        cd_steps: Steps of Gibbs sampling in contrastive divergence.
        mean_field_steps: Mean-field updates for what is missing; the paper has 10.
        readout: The common representation: `"joint"` or `"generated"`.
        pretraining_epochs: Epochs of each stage before the last.
        pretraining_rate: Learning rate of these stages.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of initial weights and sampling.
        dtype: Dtype policy of all layers; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes.

    Output shape:
        Dict of the activations of the stacks, and `"joint"`, those of the joint machine
        `(batch, joint_units)`.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> model = MultimodalDBN.for_data(data, pathway_units=(16, 8), joint_units=8)
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 8)

    Reference:
        N. Srivastava, R. Salakhutdinov: Learning representations for multimodal data with deep
        belief nets, ICML 2012 workshop on representation learning.
    """

    about = About(
        name="multimodal_dbn",
        title="multimodal deep belief network",
        year=2012,
        reference="Srivastava, Salakhutdinov: ICML workshop 2012",
        kind="neural",
        learns_from=("pairs",),
        media="any",
        returns="codes",
    )
    defaults = TrainingSettings(
        arguments={"pretraining_rate": 3e-3, "readout": "generated"},
        learning_rate=3e-3,
    )

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults, with a width that follows from the data."""
        settings = super().settings_for(data)
        arguments = settings.arguments | {"pathway_units": (hidden_width(data),)}
        return replace(settings, arguments=arguments)

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
        joint_units: int = 128,
        cd_steps: int = 1,
        mean_field_steps: int = 10,
        readout: str = "joint",
        pretraining_epochs: int = 20,
        pretraining_rate: float = 1e-3,
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        trunks = dict(trunks or {})
        if readout not in READOUTS:
            raise ValueError(f"Readouts are {READOUTS}. Received: {readout=}.")

        # Layers
        stacks = make_stacks(media, pathway_units, visible, noise, seed, dtype)
        joint = RBM(
            joint_units,
            seed=None if seed is None else seed + 100 * len(media),
            name="joint_rbm",
            dtype=dtype,
        )
        widths = {name: stack[-1].units for name, stack in stacks.items()}
        inferring = mean_fields(joint, widths, mean_field_steps, "mean_field", dtype)

        # Functional graph
        inputs, outputs, last = enter_stacks(stacks, media, hub, trunks)
        together = keras.layers.Concatenate(name="together")(list(last.values()))
        super().__init__(inputs, outputs | {"together": together, JOINT: joint(together)}, **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.num_classes = num_classes
        self.hub = hub
        self.trunks = trunks
        self.visible = visible and dict(visible)
        self.noise = noise
        self.pathway_units = as_tuples(pathway_units)
        self.joint_units = joint_units
        self.cd_steps = cd_steps
        self.mean_field_steps = mean_field_steps
        self.readout = readout
        self.pretraining_epochs = pretraining_epochs
        self.pretraining_rate = pretraining_rate
        self.preprocessor = preprocessor
        self.seed = seed
        self.stacks = stacks
        self.joint = joint
        self._ready()
        self._inferring = inferring

    def stages(self) -> tuple[Stage, ...]:
        """The layers of the stacks, then the joint machine."""
        return (*self.stack_stages(), Stage(JOINT, (self.joint,), (JOINT,), ("together",)))

    def stage_terms(
        self, stage: str, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """See `StagedModel.stage_terms`."""
        if stage != JOINT:
            return self.stack_terms(stage, y_pred)
        return {JOINT: contrastive_divergence(self.joint, y_pred["together"], self.cd_steps)}

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`."""
        inputs, activations = self.medium_inputs(media)
        hidden, visible = self._inferring[media](activations[-1])
        return keras.Model(inputs, hidden if self.readout == JOINT else visible)
