"""Recipes: the settings, chosen on validation, with which a model is trained on a data set."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from keras_xmr.baselines.semantic_matching import SemanticMatching
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.models.chtn import CHTN
from keras_xmr.preprocessing.features import FeatureScaler
from keras_xmr.preprocessing.preprocessor import Preprocessor
from keras_xmr.types import Config


@dataclass(frozen=True)
class Recipe:
    """How a CHTN is built and trained.

    Attributes:
        model: Arguments of `CHTN`.
        transforms: Medium name to class and arguments of its transform; others get the usual one.
        epochs: Times through the training pairs.
        batch_size: Pairs per step.
        learning_rate: Highest learning rate of AdamW; it falls to zero as half a cosine.
        weight_decay: Decoupled weight decay of AdamW, on matrices alone.
        pairing: As in `CrossModalModel.batches`.
    """

    model: Config = field(default_factory=dict)
    transforms: dict[str, tuple[type[Any], Config]] = field(default_factory=dict)
    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    pairing: str = "instance"


RECIPES = {
    "wikipedia": Recipe(
        model={
            "input_normalization": (),
            "members": 5,
            "pathway_units": (128, 128),
            "shared_units": (128, 128),
            "shared_initializer": "identity",
            "dropout": 0.5,
            "cross_weight": 1e-4,
            "label_smoothing": 0.1,
            "readout": "centred_probabilities",
        },
        transforms={
            "image": (FeatureScaler, {"norm": "none"}),
            "text": (FeatureScaler, {"norm": "none"}),
        },
        epochs=40,
        batch_size=100,
        weight_decay=1.0,
        pairing="class",
    ),
    "pascal_sentences": Recipe(
        model={
            "input_normalization": (),
            "members": 5,
            "pathway_units": (512, 512),
            "shared_units": (512, 512),
            "shared_initializer": "identity",
            "dropout": 0.5,
            "input_dropout": {"text": 0.3},
            "label_smoothing": 0.3,
            "readout": "centred_probabilities",
        },
        transforms={"image": (FeatureScaler, {"standardize": False})},
        epochs=20,
    ),
}


# Inverse penalties of semantic matching, for the transforms of the same data set's recipe.
PENALTIES = {"pascal_sentences": {"image": 10.0, "text": 3.0}}


def fit_semantic_matching(data: CrossModalData) -> SemanticMatching:
    """The baseline, tuned for a data set where a tuning is known, with the recipe's transforms."""
    preprocessor = _preprocessor(data, recipe_for(data))
    return SemanticMatching(PENALTIES.get(data.name, 1.0), preprocessor=preprocessor).fit(data)


def _preprocessor(data: CrossModalData, recipe: Recipe) -> Preprocessor:
    transforms = {
        medium: kind(**arguments)
        for medium, (kind, arguments) in recipe.transforms.items()
        if medium in data.media
    }
    return Preprocessor.for_data(data, **transforms)


def recipe_for(data: CrossModalData, **changes: Any) -> Recipe:
    """The recipe of a data set, or else that of Pascal Sentences, with some attributes changed."""
    recipe = RECIPES.get(data.name, RECIPES["pascal_sentences"])
    return replace(recipe, **{name: value for name, value in changes.items() if value is not None})


def train_chtn(
    data: CrossModalData,
    source: CrossModalData | None = None,
    *,
    recipe: Recipe | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int = 0,
) -> CHTN:
    """Train a CHTN on the training part of a data set, for the epochs of its recipe.

    Args:
        data: The target data.
        source: The source data, or `None`.
        recipe: The settings; `None` for `recipe_for(data)`.
        seed: Seed of initial weights, dropout and batch order.
        callbacks: Keras callbacks.
        verbose: As in `fit`.

    Returns:
        The trained model, source branch included.
    """
    recipe = recipe or recipe_for(data)
    preprocessor = _preprocessor(data, recipe)
    model = CHTN.for_data(data, source, preprocessor=preprocessor, seed=seed, **recipe.model)
    batches = model.batches(
        data, source, pairing=recipe.pairing, batch_size=recipe.batch_size, seed=seed
    )
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate, decay_steps=recipe.epochs * len(batches)
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer)
    model.fit(batches, epochs=recipe.epochs, callbacks=list(callbacks), verbose=verbose)
    return model
