"""`Encoder`: pictures or texts -> the rows of a model that stays as it is."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_xmr.datasets.word_counts import WordCounts
from keras_xmr.encoders.engine import MEDIA, Engine
from keras_xmr.encoders.resolve import engine_config, engine_of, restored_engine
from keras_xmr.encoders.views import OF_PICTURES, OF_TEXTS
from keras_xmr.progress import Progress
from keras_xmr.transforms.feature_cache import FeatureCache
from keras_xmr.transforms.given import as_list, as_pictures
from keras_xmr.transforms.picture_features import PictureFeatures, picture_features
from keras_xmr.transforms.pictures import PictureLoader
from keras_xmr.transforms.text_features import text_features
from keras_xmr.transforms.tokens import check_strings
from keras_xmr.transforms.transform import Transform
from keras_xmr.types import Array, Config, FloatArray, Items

# How many unreadable pictures a message lists.
LISTED = 10
# Pictures per forward pass. Keras keeps what every layer makes of them until the end: MobileNetV2
# at 288 pixels takes 0.3 GB for each.
BATCH = 8


class Encoder(Transform):
    """Picture files or texts to rows, by a model that is not trained any further.

    Every method takes what it gives. Items are known by their contents: equal ones are computed
    once, and what the cache holds is not computed again. Rows that another backend put into the
    cache count as the same, though they differ in the last digits. No more items than one batch
    holds, such as queries, are computed without looking into the cache.

    A preset names a big model, with its revision and a hash that is checked when it is loaded;
    Keras networks and `.onnx` files of up to 32 MB travel inside.

    Args:
        source: The name of a trunk, as `"mobilenet_v2"`; `"keras_hub:"` and the name of a preset of
            keras-hub; an `.onnx` file; the name or folder of a model of sentence_transformers, as
            `"all-MiniLM-L6-v2"`; a Keras model from pixels `(n, height, width, 3)`, 0 to 255, to
            features `(n, d)`, or a model of these libraries; a function with a name and a
            fingerprint; or an engine of `keras_xmr.encoders`.
        loader: How pictures become pixels, for Keras networks and `.onnx` files. `None` for centre
            crops of the size the network takes, from pictures resized to 8/7 of that size.
        reads: `"image"` or `"text"`, for a model that takes both.
        views: Whose rows are averaged. Of pictures `"one"`; `"mirror"`, the picture and its mirror
            image; or `"five_crops"`, its centre and corners. Of texts `"one"` or `"sentences"`.
        cache: The folder that keeps rows from one run to the next. `True` for the folder that the
            environment variable `KERAS_XMR_CACHE` names, or else the user's cache folder; `None`
            or `False` for no cache.
        batch_size: Pictures per forward pass.

    Example:
        >>> class Lengths:
        ...     name, fingerprint, reads, dim = "lengths", "v1", "text", 1
        ...     def __call__(self, texts):
        ...         return np.array([[len(text)] for text in texts])
        >>> Encoder(Lengths())(["a dog", "a bird"]).tolist()
        [[5.0], [6.0]]
        >>> Encoder(Lengths(), views="sentences")(["A dog. A bird."]).tolist()
        [[6.5]]
    """

    def __init__(
        self,
        source: Any,
        loader: PictureLoader | None = None,
        *,
        reads: str | None = None,
        views: str = "one",
        cache: bool | str | Path | None = True,
        batch_size: int = BATCH,
    ) -> None:
        self.engine: Engine = engine_of(source, loader)
        self.reads = _medium(self.engine, reads)
        known = OF_PICTURES if self.of_pictures else OF_TEXTS
        if views not in known:
            raise ValueError(f"Views of {self.reads!r} are {known}. Received: {views=}.")
        self.views = views
        self.cache = cache
        self.batch_size = batch_size

    @property
    def of_pictures(self) -> bool:  # type: ignore[override]
        """Whether it takes picture files."""
        return self.reads == "image"

    @property
    def of_texts(self) -> bool:  # type: ignore[override]
        """Whether it takes texts."""
        return self.reads == "text"

    @property
    def needs_sentences(self) -> bool:  # type: ignore[override]
        """Whether it takes texts."""
        return self.of_texts

    @property
    def network(self) -> Any:
        """The Keras network from pixels to rows, if it is one."""
        return self.engine.network

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the model: see `keras_xmr.encoders`."""
        return self.engine.fingerprint

    @property
    def dim(self) -> int:
        """Width of the rows."""
        return self.engine.dim

    def __call__(self, items: Items) -> FloatArray:
        """Rows `(n, dim)`, float32.

        Args:
            items: Picture files, or the bytes of them; or texts.

        Raises:
            ValueError: If items are of another kind, or a number is not finite.
            OSError: If pictures are missing or damaged, after all others were computed.
            DamagedCacheError: If the cache file is damaged; the message says which to delete.
        """
        many = len(items) > self.batch_size
        title = "pictures" if self.of_pictures else "texts"
        found = self.features(items, title, cached=many, progress=many)
        if found.unreadable:
            listed = "; ".join(list(found.unreadable.values())[:LISTED])
            raise OSError(
                "Every picture must be there and readable. "
                f"Received: {len(found.unreadable)} of {len(items)} are not: {listed}."
            )
        return found.rows

    def listed(self, given: Any) -> Items:
        """Items as they are called with, of one, too; Pillow's pictures and arrays become files."""
        return as_pictures(given) if self.of_pictures else as_list(given)

    def blank(self, items: Items, rows: Any) -> Array:
        """Texts without a character."""
        if self.of_pictures:
            return super().blank(items, rows)
        return np.array([not text.strip() for text in items], dtype=bool)

    def features(
        self, items: Sequence[Any], title: str, *, cached: bool = True, progress: bool = True
    ) -> PictureFeatures:
        """Rows of all items that can be read, and which cannot.

        Args:
            items: Picture files, or the bytes of them; or texts.
            title: What the progress calls them.
            cached: Whether the cache is looked into.
            progress: Whether to show on standard error how far it is, and how many items were
                computed and how many came from the cache.
        """
        (_check_pictures if self.of_pictures else _check_texts)(items)
        shown = Progress(f"features of {title}", shown=progress)
        with self._opened_cache() if cached else nullcontext() as file:
            if self.of_texts:
                rows = text_features(items, self.engine, file, views=self.views, progress=shown)
                return PictureFeatures(rows)
            return picture_features(
                items,
                self.engine,
                file,
                batch_size=self.batch_size,
                views=self.views,
                progress=shown,
            )

    def _opened_cache(self) -> AbstractContextManager[FeatureCache | None]:
        if self.cache is None or self.cache is False:
            return nullcontext()
        folder = None if self.cache is True else self.cache
        # Rows are kept under the fingerprint: it must not be that of another model.
        self.engine.verify()
        return FeatureCache(self.fingerprint, self.preprocessing(), folder)

    def preprocessing(self) -> Config:
        """What is done to items before the model, and with its rows, JSON-serialisable."""
        views = {} if self.views == "one" else {"views": self.views}
        return {**self.engine.preprocessing(self.reads), **views}

    def get_config(self) -> Config:
        """What finds the model again, and what it is given."""
        return {**engine_config(self.engine), "medium": self.reads, "views": self.views}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The counterpart of `get_config`; files of the model come with `load_files`."""
        encoder = cls.__new__(cls)
        encoder.engine = restored_engine(config)
        encoder.reads = config["medium"]
        encoder.views = config["views"]
        encoder.cache = True
        encoder.batch_size = BATCH
        return encoder

    def save_files(self, folder: Path, known: Collection[str] = ()) -> list[str]:
        """Write the model, if it is small."""
        return self.engine.save_files(folder, known)

    def load_files(self, files: Mapping[str, Path]) -> None:
        """Read what `save_files` wrote.

        Raises:
            ValueError: If files are not there.
        """
        self.engine.load_files(files)

    def __deepcopy__(self, memo: Any) -> Self:
        # It does not change, and may be large.
        return self


def _medium(engine: Engine, reads: str | None) -> str:
    """Which of the media of an engine is meant."""
    if reads is not None and reads not in MEDIA:
        raise ValueError(f"An encoder reads one of {MEDIA}. Received: {reads=}.")
    known = engine.reads
    if reads is None and len(known) > 1:
        raise ValueError(
            f"The encoder {engine.name!r} takes pictures and texts. Received: reads=None. "
            "Say which: reads='image' or reads='text'."
        )
    if reads is not None and reads not in known:
        raise ValueError(f"The encoder {engine.name!r} reads {known}. Received: {reads=}.")
    return reads or known[0]


def _check_pictures(items: Any) -> None:
    # Word counts have rows, but no items that one could go through.
    each = [items] if isinstance(items, WordCounts) else items
    wrong = sorted({type(i).__name__ for i in each if not isinstance(i, str | Path | bytes)})
    if wrong:
        raise ValueError(
            "Features are extracted from picture files (str or Path) or the bytes of them. "
            f"Received: items of type {wrong[0]}."
        )


def _check_texts(items: Any) -> None:
    if isinstance(items, WordCounts):
        raise ValueError(
            "A sentence encoder reads the texts themselves. Received: counts of their words."
        )
    check_strings(items)
