"""Train a model by its recipe: on features, on pictures with a frozen trunk, or trunk and all."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import keras

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.feature_scaling import FeatureScaling
from keras_xmr.methods.acmr import ACMR
from keras_xmr.methods.bimodal_ae import BimodalAE
from keras_xmr.methods.chtn import CHTN
from keras_xmr.methods.cm_gans.cm_gans import CMGANs
from keras_xmr.methods.cmdn import CMDN
from keras_xmr.methods.corr_ae import CorrAE
from keras_xmr.methods.cross_modal_model import CrossModalModel
from keras_xmr.methods.deep_sm import DeepSM
from keras_xmr.methods.entrance import append
from keras_xmr.methods.mhtn import MHTN
from keras_xmr.methods.multimodal_dbn import MultimodalDBN
from keras_xmr.methods.semantic_matching import SemanticMatching
from keras_xmr.methods.staged_model import StagedModel
from keras_xmr.methods.ugach.ugach import UGACH
from keras_xmr.optimizers import AdamW, paper_optimizer
from keras_xmr.training.alternating import AlternatingModel
from keras_xmr.training.callbacks import RetrievalMAP
from keras_xmr.training.pairing import media_with_gaps, pairing_by_names, pairing_of
from keras_xmr.training.progress import TrainingProgress
from keras_xmr.training.recipes import PENALTIES, Recipe, preprocessor_for, recipe_for
from keras_xmr.transforms.extraction import extract_features
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.transforms.pictures import PictureLoader, loaders_for, picture_trunks
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.transforms.word_ids import WordIds
from keras_xmr.transforms.word_vectors import train_word_vectors
from keras_xmr.trunks.fine_tuning import train_from
from keras_xmr.trunks.text_cnn import text_cnn

Trunks = Mapping[str, keras.Model]

UNDECAYED = ("bias", "gamma", "beta")
# A decay that is right for few pairs keeps those who watch the others from learning anything. The
# discriminator of UGACH does not only watch: codes are its own.
WATCHING = ("modality_classifier", "adversary", "discriminator")

MODELS: dict[str, type[CrossModalModel]] = {
    "acmr": ACMR,
    "chtn": CHTN,
    "cm_gans": CMGANs,
    "mhtn": MHTN,
    "ugach": UGACH,
    "bimodal_ae": BimodalAE,
    "cmdn": CMDN,
    "corr_ae": CorrAE,
    "deep_sm": DeepSM,
    "multimodal_dbn": MultimodalDBN,
}


def fit_semantic_matching(data: CrossModalData) -> SemanticMatching:
    """The baseline, tuned for a data set where a tuning is known, with the recipe's transforms.

    Raises:
        ValueError: If a medium of the data holds pictures.
    """
    preprocessor = preprocessor_for(data, recipe_for(data))
    pictures = [n for n, t in preprocessor.transforms.items() if isinstance(t, PictureLoader)]
    if pictures:
        raise ValueError(
            f"Semantic matching takes features. Received: pictures as {pictures} of {data.name!r}. "
            "Turn them into features first, with keras_xmr.transforms.extract_features."
        )
    return SemanticMatching(PENALTIES.get(data.name, 1.0), preprocessor=preprocessor).fit(data)


def train_model(
    method: str,
    data: CrossModalData,
    source: CrossModalData | None = None,
    *,
    trunks: Trunks | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    progress: bool = False,
) -> CrossModalModel:
    """Train a model on the training part of a data set, for the epochs of its recipe.

    Args:
        method: `"acmr"`, `"chtn"`, `"cm_gans"`, `"mhtn"` or `"ugach"`, or a baseline:
            `"bimodal_ae"`, `"cmdn"`, `"corr_ae"`, `"deep_sm"` or `"multimodal_dbn"`.
        data: The target data.
        source: The source data, or `None`.
        trunks: Medium to the trunk of its pictures, where `data` holds pictures.
        recipe: The settings; `None` for `recipe_for(data, method)`.
        seed: Seed of initial weights, dropout and batch order.
        checkpoint: Folder that keeps the state of the training after each epoch. If it holds one
            of the same settings, training goes on from there.
        callbacks: Further Keras callbacks.
        progress: Whether to show the progress, and the validation MAP ten times.

    Returns:
        The trained model, source branch included; it takes what `data` holds.

    Raises:
        ValueError: If the trunk is to be trained by a method that is trained in stages.
    """
    recipe = recipe or recipe_for(data, method)
    if trunks and recipe.trunk_rate and issubclass(MODELS[method], StagedModel):
        raise ValueError(
            "Models that are trained in stages take a trunk as it is. "
            f"Received: {method=}, trunk_rate={recipe.trunk_rate}. Give trunk_rate=0."
        )
    run = _Run(seed, checkpoint, callbacks, progress)
    train = functools.partial(_train, MODELS[method], recipe=recipe, run=run)
    if not trunks:
        return train(data, source, {})
    if recipe.trunk_rate:
        return train(data, source, trunks)
    for medium, trunk in trunks.items():
        data = extract_features(data, trunk, medium=medium, progress=progress)
        if source is not None and medium in source.media:
            source = extract_features(source, trunk, medium=medium, progress=progress)
    return train(data, source, {}).with_trunks(trunks)


class _Run(NamedTuple):
    """How one training is seeded, kept and watched: see `train_model`."""

    seed: int
    checkpoint: Path | None
    callbacks: Sequence[keras.callbacks.Callback]
    progress: bool


def _train(
    kind: type[CrossModalModel],
    data: CrossModalData,
    source: CrossModalData | None,
    trunks: Trunks,
    *,
    recipe: Recipe,
    run: _Run,
) -> CrossModalModel:
    recipe = _with_gaps(kind, data, recipe)
    make = _pretrained if recipe.pretraining else _new
    model = make(kind, data, source, trunks, recipe, run)
    batches = model.batches(
        data,
        source,
        pairing=recipe.pairing,
        batch_size=recipe.batch_size,
        sentence_dropout=recipe.sentence_dropout,
        seed=run.seed,
    )
    optimizer = _optimizers(model, recipe, batches=recipe.epochs * len(batches))
    model.compile(optimizer, **recipe.compile)
    watching: list[keras.callbacks.Callback] = list(run.callbacks)
    if run.progress:
        every = max(1, recipe.epochs // 10)
        watching += [RetrievalMAP(data, every=every), TrainingProgress()]
    model.fit(
        batches, epochs=recipe.epochs, callbacks=watching, checkpoint=run.checkpoint, verbose=0
    )
    return model


def _new(
    kind: type[CrossModalModel],
    data: CrossModalData,
    source: CrossModalData | None,
    trunks: Trunks,
    recipe: Recipe,
    run: _Run,
) -> CrossModalModel:
    """A model with initial weights."""
    preprocessor = preprocessor_for(data, recipe, **loaders_for(trunks))
    of_pictures = {name: _to_train(name, trunk, recipe) for name, trunk in trunks.items()}
    return kind.for_data(
        data,
        source,
        preprocessor=preprocessor,
        trunks=of_pictures | _of_texts(data, preprocessor, recipe, run.seed),
        seed=run.seed,
        **recipe.model,
    )


def _pretrained(
    kind: type[CrossModalModel],
    data: CrossModalData,
    source: CrossModalData | None,
    trunks: Trunks,
    recipe: Recipe,
    run: _Run,
) -> CrossModalModel:
    """A model for the game, whose discriminator was trained without a generator."""
    alone = replace(
        recipe,
        model=recipe.model | {"generator_steps": 0},
        epochs=recipe.pretraining,
        pretraining=0,
    )
    # It has a training, and so a checkpoint, of its own.
    folder = run.checkpoint and run.checkpoint / "pretraining"
    model = _train(kind, data, source, trunks, recipe=alone, run=run._replace(checkpoint=folder))
    assert isinstance(model, UGACH)
    return model.with_generator(recipe.model.get("generator_steps", 1))


def _with_gaps(kind: type[CrossModalModel], data: CrossModalData, recipe: Recipe) -> Recipe:
    """The recipe, for media that have no pairs, and media that some instances lack."""
    hub = recipe.model.get("hub", "image")
    if hub not in data.media:
        return recipe  # The constructor tells.
    pairing = recipe.pairing
    if pairing == "instance":
        pairing = pairing_by_names(data, hub)
    if "partial" in recipe.model or not issubclass(kind, CHTN):
        return replace(recipe, pairing=pairing)
    gaps = media_with_gaps(data.part("train"), pairing_of(pairing, list(data.media), hub), hub)
    return replace(recipe, pairing=pairing, model=recipe.model | {"partial": gaps})


def _of_texts(
    data: CrossModalData, preprocessor: Preprocessor, recipe: Recipe, seed: int
) -> dict[str, keras.Model]:
    """A new trunk for each medium whose texts become word numbers."""
    trunks = {}
    for medium, words in preprocessor.transforms.items():
        if isinstance(words, WordIds):
            texts = data.part("train").medium(medium).items
            vectors = train_word_vectors(texts, words.fit(texts).words)
            trunks[medium] = text_cnn(words, vectors, seed=seed, **recipe.text_cnn)
    return trunks


def _to_train(medium: str, trunk: keras.Model, recipe: Recipe) -> keras.Model:
    """The trunk, partly frozen, and behind it the recipe's scaling of features."""
    train_from(trunk, recipe.trained_from)
    kind, arguments = recipe.transforms.get(medium, (FeatureScaler, {}))
    if kind is not FeatureScaler:
        return trunk
    # Means and deviations of features that change cannot be measured once and for all; where
    # they matter, fc6 is normalised.
    config = {**FeatureScaler(**arguments).get_config(), "standardize": False}
    return append(trunk, FeatureScaling(**config, name="feature_scaling"))


def _optimizers(model: CrossModalModel, recipe: Recipe, batches: int) -> Any:
    """An optimizer, or one for each phase of a game."""
    if not isinstance(model, AlternatingModel):
        return _optimizer(model, recipe, batches, model.trainable_variables)
    optimizers = {
        phase.name: _optimizer(model, recipe, batches * phase.steps, phase.variables)
        for phase in model.phases()
    }
    for name in optimizers if recipe.discriminator_rate else ():
        if not name.startswith("discriminator"):
            continue
        # At a constant rate: it must keep up with the others to the end, and they come to rest.
        optimizers[name] = keras.optimizers.Adam(recipe.discriminator_rate, beta_1=0.5)
    return optimizers


def _optimizer(
    model: CrossModalModel, recipe: Recipe, updates: int, variables: Sequence[keras.Variable]
) -> keras.optimizers.Optimizer:
    if recipe.optimizer == "paper":
        return paper_optimizer(model.rate_multipliers)
    if recipe.optimizer != "adamw":
        raise ValueError(
            f"Recipes know the optimizers 'adamw' and 'paper'. Received: {recipe.optimizer!r}."
        )
    steps = max(1, updates // (recipe.accumulate or 1))
    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, decay_steps=steps)
    # Trunks of texts are new, and learn as fast as the rest.
    pictured = picture_trunks(model.trunks).values()
    of_trunks = [v.path for trunk in pictured for v in trunk.trainable_variables]
    rates = dict(recipe.rates)
    if of_trunks:
        rates[f"^({'|'.join(map(re.escape, of_trunks))})$"] = recipe.trunk_rate
    paths = [variable.path for variable in variables]
    rates = {k: rate for k, rate in rates.items() if any(re.search(k, path) for path in paths)}
    return AdamW(
        schedule,
        weight_decay=recipe.weight_decay,
        beta_1=recipe.beta_1,
        multipliers=rates,
        undecayed=UNDECAYED if isinstance(model, UGACH) else (*UNDECAYED, *WATCHING),
        gradient_accumulation_steps=recipe.accumulate,
        use_ema=recipe.averaging is not None,
        ema_momentum=recipe.averaging or 0.99,
    )
