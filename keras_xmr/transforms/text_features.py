"""Texts -> the rows of a frozen encoder: each text once, and none that the cache holds."""

import hashlib
from collections.abc import Sequence

import numpy as np

from keras_xmr.encoders.engine import Engine
from keras_xmr.progress import Progress
from keras_xmr.transforms.feature_cache import FeatureCache
from keras_xmr.transforms.text_rows import split_sentences
from keras_xmr.types import FloatArray

# Texts of one call: enough that sorting them by length pays.
BLOCK = 2048


def text_features(
    texts: Sequence[str],
    engine: Engine,
    cache: FeatureCache | None,
    *,
    views: str = "one",
    progress: Progress | None = None,
) -> FloatArray:
    """Rows `(n, d)` of texts, float32.

    Args:
        texts: The texts.
        engine: What computes the rows.
        cache: Where rows are read and written, if anywhere.
        views: `"one"`, or `"sentences"` for the mean of the rows of each text's sentences.
        progress: Told how many texts are done, unless the cache holds all of them.

    Raises:
        ValueError: If the engine gives something else than finite rows.
    """
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    text_of = dict(zip(digests, texts, strict=True))
    known = {} if cache is None else cache.read(list(text_of))
    cached = len(known)
    missing = [digest for digest in text_of if digest not in known]
    # Where nothing is computed there is nothing to wait for.
    progress = progress if progress and missing else Progress("texts", shown=False)
    with progress.over(len(text_of)):
        progress.move_to(cached)
        for start in range(0, len(missing), BLOCK):
            block = missing[start : start + BLOCK]
            rows = _rows([text_of[digest] for digest in block], engine, views)
            computed = dict(zip(block, rows, strict=True))
            if cache is not None:
                cache.write(computed)
            known |= computed
            progress.move_to(cached + start + len(block))
    progress.say(f"{len(missing)} computed, {cached} from the cache")
    if not digests:
        return np.zeros((0, engine.dim), dtype=np.float32)
    return np.stack([known[digest] for digest in digests])


def _rows(texts: Sequence[str], engine: Engine, views: str) -> FloatArray:
    """Rows of texts, or the means of those of their sentences."""
    if views == "one":
        return finite(engine.rows(texts, "text"), engine)
    parts = [split_sentences(text) for text in texts]
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(part, len(numbers)) for text in parts for part in text]
    rows = finite(engine.rows(list(numbers), "text"), engine)[places]
    counts = np.array([len(text) for text in parts])
    starts = np.cumsum([0, *counts[:-1]])
    means: FloatArray = np.add.reduceat(rows, starts, axis=0) / counts[:, None]
    return means.astype(np.float32)


def finite(rows: FloatArray, engine: Engine) -> FloatArray:
    """The rows, if all numbers of them are some.

    Raises:
        ValueError: If not.
    """
    if not np.isfinite(rows).all():
        kind = "trunk" if engine.network is not None else "encoder"
        raise ValueError(
            f"Features must be finite. Received: nan or inf from the {kind} "
            f"{engine.name!r}. Check its weights."
        )
    return rows
