"""Deep-SM: deep semantic matching of Wei et al. (IEEE Transactions on Cybernetics 2017)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.losses.row_mean import row_mean
from keras_xmr.methods.about import About
from keras_xmr.methods.by_medium import ByMedium
from keras_xmr.methods.chtn import CHTN
from keras_xmr.methods.defaults import for_data, hidden_width
from keras_xmr.methods.readout import posterior
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.space import Tunable
from keras_xmr.training.batches import presence
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Config, Tensor

PAPER: Config = {"pathway_units": (4096, 4096), "dropout": 0.5}
"""Arguments of `DeepSM`: those of AlexNet's own fc6 and fc7; for texts the paper's are unknown."""

ARGUMENTS = (
    *("media", "num_classes", "hub", "partial", "trunks", "input_normalization", "members"),
    *("pathway_units", "dropout", "input_dropout", "label_smoothing", "multi_label", "readout"),
    *("temperature", "preprocessor", "seed", "dtype"),
)


@keras.saving.register_keras_serializable(package="keras_xmr")
class DeepSM(CHTN):
    """Deep semantic matching: a deep classifier for each medium, which meet in their posteriors.

    Pictures have a network of convolutions, a *trunk*, that is trained further from its ImageNet
    weights, or are given as its features; texts have fully connected layers on their bags of words.
    No term ties the media to each other, so data need not be paired. The loss is the sum over media
    of the mean cross-entropy of the labels (each a term with the name of its medium) or, for items
    with several labels, of

        mean ||softmax - labels / number of labels||^2

    It is CHTN without source, cross-modal transfer and shared layers, and is made of its parts.

    Where this departs from the paper, or what is left open: the layers of the text network and its
    dropout are not known; here they are those of CHTN's pathways, batch-normalised, in front of one
    linear layer for each medium.

    Args:
        media: Width `d` of the rows of each medium, such as `{"image": 1280, "text": 1000}`.
        num_classes: Number of classes.
        hub: The medium that the others are paired with in batches.
        partial: Media, apart from the hub, that some instances lack, as in `CHTN`.
        trunks: Medium to the network that turns its raw items into feature rows; it is trained
            too, unless it is frozen (`trunk.trainable = False`).
        input_normalization: Media whose rows are batch-normalised on entering, as in `CHTN`.
        members: Number of independent networks side by side, as in `CHTN`.
        pathway_units: Widths of the hidden layers of each medium.
        dropout: Share of the hidden activations that are dropped on their way on.
        input_dropout: For all media, or medium to, the share of its inputs that are dropped.
        label_smoothing: Share of single labels that is spread over all classes.
        multi_label: Whether items may have several labels: see above.
        readout: `"probabilities"` (the paper's), `"centred_probabilities"`, `"agreement"` or
            `"logits"`: see `CHTN`.
        temperature: Divides the logits before the softmax of the readout.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of initial weights and dropout.
        dtype: Dtype policy of all layers; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes.

    Output shape:
        Dict of logits `(batch, classes)` by medium, and the activations of the hidden layers.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> model = DeepSM.for_data(data, pathway_units=(16,))
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 4)

    Reference:
        Y. Wei et al.: Cross-modal retrieval with CNN visual features: a new baseline, IEEE
        Transactions on Cybernetics 47 (2), 2017, section III.
    """

    about = About(
        name="deep_sm",
        title="deep semantic matching",
        year=2017,
        reference="Wei et al.: IEEE Transactions on Cybernetics 2017",
        kind="neural",
        learns_from=("labels",),
        media="any",
        returns="class posteriors",
    )
    defaults = TrainingSettings(
        arguments={
            "input_normalization": (),
            "members": 5,
            "label_smoothing": 0.1,
            "readout": "agreement",
            "temperature": 0.5,
        },
        epochs=20,
        learning_rate=3e-3,
        weight_decay=1.0,
    )
    tunable: ClassVar[Mapping[str, Tunable]] = {
        name: CHTN.tunable[name]
        for name in ("learning_rate", "weight_decay", "dropout", "label_smoothing", "readout")
    }

    draws_together = False

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults, with a width and a number of epochs that follow from the data."""
        return for_data(cls.defaults, data, pathway_units=(hidden_width(data),))

    def __init__(
        self,
        media: Mapping[str, int],
        num_classes: int,
        *,
        hub: str = "image",
        partial: Sequence[str] = (),
        trunks: Mapping[str, keras.Model] | None = None,
        input_normalization: Sequence[str] | None = None,
        members: int = 1,
        pathway_units: Sequence[int] = (512,),
        dropout: float = 0.5,
        input_dropout: ByMedium = None,
        label_smoothing: float = 0.0,
        multi_label: bool = False,
        readout: str = "probabilities",
        temperature: float = 1.0,
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            media,
            num_classes,
            hub=hub,
            partial=partial,
            trunks=trunks,
            input_normalization=input_normalization,
            members=members,
            pathway_units=pathway_units,
            shared_units=(),
            shared_classifier=False,
            dropout=dropout,
            input_dropout=input_dropout,
            label_smoothing=label_smoothing,
            readout=readout,
            temperature=temperature,
            preprocessor=preprocessor,
            seed=seed,
            dtype=dtype,
            **kwargs,
        )
        self.multi_label = multi_label

    @classmethod
    def argument_names(cls) -> list[str]:
        """Names of the constructor's arguments; those of CHTN that are not among them are fixed."""
        return list(ARGUMENTS)

    def loss_terms(self, y: dict[str, Tensor], y_pred: dict[str, Tensor]) -> dict[str, Tensor]:
        """The terms of the loss, unweighted.

        Args:
            y: Label distributions `(batch, classes)` of each medium.
            y_pred: What the model returns.

        Returns:
            Medium to scalar.
        """
        if not self.multi_label:
            return super().loss_terms(y, y_pred)
        return {
            name: row_mean(self._error(y[name], y_pred[name]), y_pred.get(presence(name)))
            for name in self.media
        }

    def _error(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Squared distance `(rows,)` of the posterior to the labels, which sum to 1."""
        difference = posterior(logits, self.num_classes) - ops.cast(labels, "float32")
        return ops.sum(ops.square(difference), axis=-1)
