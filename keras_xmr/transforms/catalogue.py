"""The kinds of transforms: which one is usual for what a medium holds, and how one is restored."""

from keras_xmr.transforms.audio_vectorizer import AudioVectorizer
from keras_xmr.transforms.chain import Chain
from keras_xmr.transforms.encoder import Encoder
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.transforms.join import Join
from keras_xmr.transforms.pictures import PictureLoader
from keras_xmr.transforms.pixel_vectorizer import PixelVectorizer
from keras_xmr.transforms.text_vectorizer import TextVectorizer
from keras_xmr.transforms.transform import Transform
from keras_xmr.transforms.word_ids import WordIds
from keras_xmr.types import Config, Items

# The first that takes the items of a medium is the usual one.
TRANSFORMS: tuple[type[Transform], ...] = (
    FeatureScaler,
    PixelVectorizer,
    TextVectorizer,
    AudioVectorizer,
    PictureLoader,
    WordIds,
    Encoder,
    Chain,
    Join,
)


def kind_of(name: str, medium: str) -> type[Transform]:
    """A kind by the name of its class.

    Raises:
        ValueError: If there is none in this version of the library.
    """
    kinds = {kind.__name__: kind for kind in TRANSFORMS}
    if name not in kinds:
        raise ValueError(
            f"Known transforms are {sorted(kinds)}. "
            f"Received: transform={name!r} for medium {medium!r}."
        )
    return kinds[name]


def usual_transform(medium: str, items: Items) -> Transform:
    """A new transform of the usual kind for what a medium holds.

    Raises:
        ValueError: If there is none.
    """
    for kind in TRANSFORMS:
        if kind.takes(items, medium):
            return kind.usual()
    raise ValueError(
        "Without a transform given for it, a medium must hold feature rows (n, d), WordCounts, "
        "picture or sound files, or sentences under a name such as 'text'. "
        f"Received: medium {medium!r} of {type(items).__name__}."
    )


def described(transform: Transform) -> Config:
    """Name, config and state of a fitted transform, JSON-serialisable."""
    return {
        "transform": type(transform).__name__,
        "config": transform.get_config(),
        "state": transform.get_state(),
    }


def restored(entry: Config, medium: str) -> Transform:
    """The counterpart of `described`; a new transform where there is no state."""
    transform = kind_of(entry["transform"], medium).from_config(entry.get("config", {}))
    if "state" in entry:
        transform.set_state(entry["state"])
    return transform
