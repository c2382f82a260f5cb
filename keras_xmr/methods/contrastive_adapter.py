"""A contrastive adapter: a residual layer for each medium, trained by a class-aware InfoNCE."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any, ClassVar

import keras
from keras import ops

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.learned_temperature import LearnedTemperature
from keras_xmr.layers.unit_length import UnitLength
from keras_xmr.losses.class_contrastive import POSITIVES, class_contrastive_loss
from keras_xmr.methods.about import About
from keras_xmr.methods.cross_modal_model import CrossModalModel
from keras_xmr.methods.defaults import for_data
from keras_xmr.methods.entrance import enter, make_inputs
from keras_xmr.methods.one_space import check_one_space, left_as_they_are
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.space import Choice, Range, Tunable
from keras_xmr.training.replicas import replica_count, whole_batch
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class ContrastiveAdapter(CrossModalModel):
    """One residual layer for each medium, on top of encoders that share a space.

    A row `x` of unit length becomes `x + W x + b`, scaled to unit length again. `W` and `b` are
    zero at the start, so that what is learnt begins with zero-shot retrieval, and weight decay
    draws it back there. The loss, the mean over all pairs of media of `class_contrastive_loss`, is
    that of CLIP without pushing items of one class apart; its temperature is trained.

    By default all items of a batch that share a class are positives, and pairs are not needed:
    without instance names the rows of a batch go together by class. With `positives="pair"` an
    item's own partner alone is one, or without instance names a random item of its class.

    Args:
        media: Width `d` of the rows of each medium, the same for all.
        hub: The medium that the others are paired with in batches.
        trunks: Medium to the network that turns its raw items into feature rows, as in `CHTN`.
        shared: Whether all media have one layer together.
        positives: `"class"` or `"pair"`: see above.
        dropout: Share of a row's features that the layer, not the way past it, does not see.
        temperature: The temperature at the start.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of dropout.
        dtype: Dtype policy of all layers; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Raises:
        ValueError: If the rows of the media differ in width, or an argument is out of its range.

    Input shape:
        Dict of `(batch, d)` for each medium, or what its trunk takes.

    Output shape:
        Dict of rows of unit length `(batch, d)` by medium, and the same over the temperature.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy(["image", "video"])
        >>> model = ContrastiveAdapter.for_data(data)
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode(data, "video").shape
        (80, 12)

    Reference:
        P. Gao et al.: CLIP-Adapter: better vision-language models with feature adapters,
        International Journal of Computer Vision 132, 2024 (the residual layer); for the loss see
        `class_contrastive_loss`.
    """

    about = About(
        name="contrastive_adapter",
        title="a residual layer, trained contrastively",
        year=2024,
        reference="Gao et al.: International Journal of Computer Vision 2024",
        kind="neural",
        learns_from=("labels", "pairs"),
        media="any",
        returns="rows of unit length",
        one_space=True,
    )
    # Classes want a higher temperature than the pairs that CLIP is trained on.
    defaults = TrainingSettings(
        arguments={"shared": True, "temperature": 0.2, "dropout": 0.5},
        epochs=20,
        learning_rate=3e-3,
        weight_decay=1.0,
    )
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "learning_rate": Range(3e-4, 3e-2),
        "weight_decay": Range(1e-3, 10.0),
        "dropout": Range(0.0, 0.7, log=False),
        "positives": Choice(POSITIVES),
        "shared": Choice((False, True)),
    }
    trains_trunks = True

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults, with feature rows as they are, and enough epochs for the data."""
        return replace(for_data(cls.defaults, data), transforms=left_as_they_are(data))

    def __init__(
        self,
        media: Mapping[str, int],
        *,
        hub: str = "image",
        trunks: Mapping[str, keras.Model] | None = None,
        shared: bool = False,
        positives: str = "class",
        dropout: float = 0.0,
        temperature: float = 0.07,
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        trunks = dict(trunks or {})
        _check(media, hub, positives)

        # Layers
        adapters = _adapters(media, shared, dropout, seed, dtype)
        divide = LearnedTemperature(temperature, name="temperature", dtype=dtype)

        # Functional graph
        inputs = make_inputs(media, hub, False, trunks)
        rows = enter(inputs, {name: [trunk] for name, trunk in trunks.items()}, hub)
        outputs = {name: adapters[name](rows[name]) for name in media}
        outputs |= {f"{name}_scaled": divide(outputs[name]) for name in media}
        super().__init__(inputs, outputs, **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.hub = hub
        self.trunks = trunks
        self.shared = shared
        self.positives = positives
        self.dropout = dropout
        self.temperature = temperature
        self.preprocessor = preprocessor
        self.seed = seed
        self.adapters = adapters
        self.tracker = keras.metrics.Mean(name="contrastive")

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The term of `loss_terms`, which also becomes a metric."""
        (value,) = self.loss_terms(whole_batch(y), whole_batch(y_pred)).values()
        self.tracker.update_state(value)
        # Each replica has the whole loss, and their gradients are added up.
        return value / replica_count()

    def loss_terms(self, y: dict[str, Tensor], y_pred: dict[str, Tensor]) -> dict[str, Tensor]:
        """The term `contrastive` of the loss.

        Args:
            y: Label distributions `(batch, classes)` of each medium.
            y_pred: What the model returns.

        Returns:
            Term name to scalar.
        """
        losses = [
            class_contrastive_loss(
                ops.matmul(y_pred[f"{one}_scaled"], ops.transpose(y_pred[other])),
                y[one],
                y[other],
                self.positives,
            )
            for one, other in combinations(self.media, 2)
        ]
        return {"contrastive": sum(losses) / len(losses)}

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`."""
        inputs = make_inputs({media: self.media[media]}, media, False, self.trunks)
        trunks = [self.trunks[media]] if media in self.trunks else []
        rows = enter(inputs, {media: trunks}, media)[media]
        return keras.Model(inputs[media], self.adapters[media](rows), name=f"{media}_encoder")


def _check(media: Mapping[str, int], hub: str, positives: str) -> None:
    if hub not in media or len(media) < 2:
        raise ValueError(
            "There are at least two media, and the hub is one of them. "
            f"Received: {hub=}, media={dict(media)}."
        )
    check_one_space(media, "ContrastiveAdapter")
    if positives not in POSITIVES:
        raise ValueError(f"Positives are one of {POSITIVES}. Received: {positives=}.")


def _adapters(
    media: Mapping[str, int], shared: bool, dropout: float, seed: int | None, dtype: Any
) -> dict[str, keras.Model]:
    """The residual layer of each medium: the same one for all, or one each."""
    if shared:
        width = next(iter(media.values()))
        return dict.fromkeys(media, _adapter(width, dropout, seed, "adapter", dtype))
    return {
        name: _adapter(width, dropout, None if seed is None else seed + i, f"{name}_adapter", dtype)
        for i, (name, width) in enumerate(media.items())
    }


def _adapter(width: int, dropout: float, seed: int | None, name: str, dtype: Any) -> keras.Model:
    """Rows `(n, width)` past a layer and beside it, of unit length before and after."""
    rows = keras.Input((width,), name=f"{name}_rows")
    known = UnitLength(dtype=dtype)(rows)
    seen = keras.layers.Dropout(dropout, seed=seed, dtype=dtype)(known)
    learnt = keras.layers.Dense(width, kernel_initializer="zeros", dtype=dtype)(seen)
    added = keras.layers.Add(dtype=dtype)([known, learnt])
    adapter = keras.Model(rows, UnitLength(dtype=dtype)(added), name=name)
    adapter.dtype_policy = keras.dtype_policies.get(dtype)
    return adapter
