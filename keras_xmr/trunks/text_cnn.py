"""A convolutional network over word vectors: rows of word numbers -> feature rows."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_xmr.transforms.word_ids import FIRST, PADDING, WordIds
from keras_xmr.types import Array


def text_cnn(
    words: WordIds,
    vectors: Array,
    *,
    widths: Sequence[int] = (3, 4, 5),
    maps: int = 100,
    train_vectors: bool = False,
    seed: int | None = None,
    dtype: Any = None,
    name: str = "text_cnn",
) -> keras.Model:
    """A trunk for texts: convolutions of several widths over word vectors, and their maxima.

    Each convolution has a window at every word, and a ReLU; the greatest activation of each map is
    a feature. Padding takes no part: a text has the same features in rows of any length.

    It is given to a model as the trunk of its texts, with `words` as their transform.

    Args:
        words: What makes the rows of word numbers; fitted.
        vectors: Vectors `(len(words.words), d)` of its vocabulary, such as `train_word_vectors` or
            `given_word_vectors` give. Other words have a vector of zeros.
        widths: Words in a window of each convolution.
        maps: Maps of each convolution.
        train_vectors: Whether vectors are trained further. Few texts are better off without.
        seed: Seed of the initial kernels.
        dtype: Dtype policy of all layers; `None` is the global one.
        name: Name of the trunk.

    Returns:
        A model from word numbers `(n, length)`, int32, to features `(n, len(widths) * maps)`.

    Raises:
        ValueError: If there is not one vector for each word.

    Example:
        >>> import keras_xmr
        >>> from keras_xmr.transforms import Preprocessor, WordIds, train_word_vectors
        >>> data = keras_xmr.datasets.toy()
        >>> texts = data.part("train").media["text"].items
        >>> words = WordIds().fit(texts)
        >>> vectors = train_word_vectors(texts, words.words, dim=8)
        >>> trunk = text_cnn(words, vectors, maps=5)
        >>> model = keras_xmr.ACMR.for_data(
        ...     data, preprocessor=Preprocessor.for_data(data, text=words), trunks={"text": trunk})
        >>> model.media["text"], model.encode_text(["class1 thing0"]).shape
        (15, (1, 200))

    Reference:
        Y. Kim: Convolutional neural networks for sentence classification, EMNLP 2014.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != len(words.words) or not len(vectors):
        raise ValueError(
            f"There is a vector for each of the {len(words.words)} words. "
            f"Received: vectors of shape {vectors.shape}."
        )
    rows, dim = len(vectors) + FIRST, vectors.shape[1]
    embed = keras.layers.Embedding(rows, dim, trainable=train_vectors, name="vectors", dtype=dtype)
    numbers = keras.Input((words.dim,), dtype="int32", name="words")
    embedded = embed(numbers)
    there = ops.expand_dims(ops.cast(ops.not_equal(numbers, PADDING), embedded.dtype), -1)
    embedded = embedded * there
    features = [
        # After the ReLU nothing is below zero, so that what is not there is no maximum.
        ops.max(_convolution(embedded, width, maps, seed, number, dtype) * there, axis=1)
        for number, width in enumerate(widths)
    ]
    trunk = keras.Model(numbers, ops.concatenate(features, axis=-1), name=name)
    embed.set_weights([np.concatenate([np.zeros((FIRST, dim), np.float32), vectors])])
    return trunk


def _convolution(
    embedded: Any, width: int, maps: int, seed: int | None, number: int, dtype: Any
) -> Any:
    initializer = keras.initializers.GlorotUniform(None if seed is None else seed + number)
    convolve = keras.layers.Conv1D(
        maps,
        width,
        padding="same",
        activation="relu",
        kernel_initializer=initializer,
        data_format="channels_last",
        name=f"convolution{number}_width{width}",
        dtype=dtype,
    )
    return convolve(embedded)
