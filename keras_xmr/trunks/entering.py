"""The trunks that a training begins with: new ones of texts, and those of pictures to train on."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.feature_scaling import FeatureScaling
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.transforms.word_ids import WordIds
from keras_xmr.transforms.word_vectors import train_word_vectors
from keras_xmr.trunks.fine_tuning import train_from
from keras_xmr.trunks.text_cnn import text_cnn
from keras_xmr.types import Config


def trunks_of_texts(
    data: CrossModalData, preprocessor: Preprocessor, options: Config, seed: int
) -> dict[str, keras.Model]:
    """A new text CNN for each medium whose texts become word numbers.

    Args:
        data: The data; word vectors are trained on the training texts.
        preprocessor: Says which texts these are; its word numbers are fitted here.
        options: Arguments of `text_cnn`.
        seed: Seed of the initial kernels.
    """
    trunks = {}
    for medium, words in preprocessor.transforms.items():
        if isinstance(words, WordIds):
            texts = data.part("train").medium(medium).items
            vectors = train_word_vectors(texts, words.fit(texts).words)
            trunks[medium] = text_cnn(words, vectors, seed=seed, **options)
    return trunks


def trunks_to_train(trunks: Mapping[str, keras.Model], settings: Any) -> dict[str, keras.Model]:
    """Trunks of pictures, partly frozen, and behind them the scaling of features of the settings.

    Args:
        trunks: Medium to trunk; it is changed in place.
        settings: The `TrainingSettings`.
    """
    return {medium: _to_train(medium, trunk, settings) for medium, trunk in trunks.items()}


def _to_train(medium: str, trunk: keras.Model, settings: Any) -> keras.Model:
    train_from(trunk, settings.trained_from)
    entry = settings.transforms.get(medium, {"transform": FeatureScaler.__name__})
    if entry["transform"] != FeatureScaler.__name__:
        return trunk
    # Means and deviations of features that change cannot be measured once and for all; where
    # they matter, fc6 is normalised.
    config = {**FeatureScaler(**entry.get("config", {})).get_config(), "standardize": False}
    scaling = FeatureScaling(**config, name="feature_scaling")
    return keras.Model(trunk.input, scaling(trunk.output), name=trunk.name)
