"""Encoders that people give for the media of a data set: which of them make features once."""

from collections.abc import Mapping
from typing import Any

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.encoders.engine import Engine
from keras_xmr.encoders.resolve import engine_of
from keras_xmr.transforms.encoder import Encoder
from keras_xmr.transforms.join import Join
from keras_xmr.transforms.text_vectorizer import TextVectorizer
from keras_xmr.transforms.transform import Transform, holds_texts

# The name of this library's own vectorizer, beside those of encoders.
TFIDF = "tfidf"


def given_encoders(data: CrossModalData, given: Mapping[str, Any]) -> dict[str, Transform]:
    """Medium to the transform that is given for it.

    Args:
        data: The data set; what a medium holds tells what an encoder of both reads.
        given: Medium to a transform; to what `keras_xmr.transforms.Encoder` takes; to `"tfidf"`,
            the usual `TextVectorizer`; or to a list of these, whose rows stand side by side.

    Raises:
        ValueError: If there is no such medium or encoder, or it reads something else.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> given_encoders(toy(), {"text": "tfidf"})["text"].of_texts
        True
    """
    unknown = sorted(set(given) - set(data.media))
    if unknown:
        raise ValueError(
            f"Encoders go with the media {sorted(data.media)} of {data.name!r}. "
            f"Received: encoders for {unknown}."
        )
    # A model of two media is loaded once.
    engines: dict[str, Engine] = {}
    return {medium: _transform(source, data, medium, engines) for medium, source in given.items()}


def _transform(
    source: Any, data: CrossModalData, medium: str, engines: dict[str, Engine]
) -> Transform:
    if isinstance(source, Transform):
        return source
    if isinstance(source, list | tuple):
        return Join([_transform(one, data, medium, engines) for one in source])
    if source == TFIDF:
        return TextVectorizer.usual()
    engine = engines.get(source) if isinstance(source, str) else None
    engine = engine or engine_of(source)
    if isinstance(source, str):
        engines[source] = engine
    texts = holds_texts(data.medium(medium).items, medium)
    return Encoder(engine, reads="text" if texts else "image")


def of_features(transforms: Mapping[str, Transform]) -> dict[str, Encoder]:
    """Those whose rows are features: what nothing is fitted in, computed once for all items."""
    return {name: t for name, t in transforms.items() if isinstance(t, Encoder)}


def to_fit(transforms: Mapping[str, Transform]) -> dict[str, Transform]:
    """Those that each training fits anew, on its own training items."""
    return {name: t for name, t in transforms.items() if not isinstance(t, Encoder)}
