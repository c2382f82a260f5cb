"""Pictures -> feature rows: contents, the cache, and decoding ahead of the engine."""

import hashlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from keras_xmr.encoders.engine import Engine
from keras_xmr.progress import Progress
from keras_xmr.transforms.feature_cache import FeatureCache
from keras_xmr.transforms.images import Picture, picture_bytes
from keras_xmr.transforms.text_features import finite
from keras_xmr.types import Array, FloatArray

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class PictureFeatures:
    """Features of pictures, and how they came about.

    Attributes:
        rows: Feature rows `(n, d)`, float32; zeros for unreadable pictures.
        unreadable: Row number of each unreadable picture to the reason.
        computed: Number of different pictures that went through the engine.
        cached: Number of different pictures whose features came from the cache.
    """

    rows: FloatArray
    unreadable: dict[int, str] = field(default_factory=dict)
    computed: int = 0
    cached: int = 0


def picture_features(
    items: Sequence[Picture],
    engine: Engine,
    cache: FeatureCache | None,
    *,
    batch_size: int,
    views: str = "one",
    progress: Progress | None = None,
) -> PictureFeatures:
    """Features of every picture: equal ones computed once, and none that the cache holds.

    Each file is read once: the bytes that are hashed are those that are decoded, so that features
    belong to the contents they are kept under even if the file changes meanwhile.

    Args:
        items: Picture files, or the bytes of them.
        engine: What computes the rows.
        cache: Where features are read and written, if anywhere.
        batch_size: Pictures per forward pass.
        views: Whose mean the features are: see `keras_xmr.encoders.views.views_of`.
        progress: Told how many pictures are done.

    Raises:
        ValueError: If the engine gives something else than finite rows.
    """
    progress = progress or Progress("pictures", shown=False)
    found = PictureFeatures(np.zeros((len(items), engine.dim), dtype=np.float32))
    rows_of: dict[str, list[int]] = {}
    size = 0
    with progress.over(len(items)):
        missing = _missing(_ahead(_read, items, batch_size), rows_of, found, cache)
        decoded = _ahead(lambda picture: _decoded(*picture, engine, views), missing, batch_size)
        for batch in _batches(decoded, batch_size):
            # All batches but the last are as large as the first.
            size = max(size, len(batch)) if engine.fills_batches else 0
            pixels = {}
            for digest, decoding in batch:
                if isinstance(decoding, OSError):
                    row = rows_of[digest][0]
                    found.unreadable[row] = _reason(items[row], decoding)
                else:
                    pixels[digest] = decoding
            rows = _forward(engine, list(pixels.values()), size)
            computed = dict(zip(pixels, rows, strict=True))
            if cache is not None:
                cache.write(computed)
            for digest, features in computed.items():
                found.rows[rows_of[digest][0]] = features
            found.computed += len(computed)
            progress.move_to(rows_of[batch[-1][0]][0] + 1)
        progress.move_to(len(items))
    for first, *others in rows_of.values():
        found.rows[others] = found.rows[first]
        if first in found.unreadable:
            found.unreadable |= dict.fromkeys(others, found.unreadable[first])
    progress.say(
        f"{found.computed} computed, {found.cached} from the cache, "
        f"{len(found.unreadable)} unreadable"
    )
    return found


def _missing(
    pictures: Iterable[tuple[str, bytes] | OSError],
    rows_of: dict[str, list[int]],
    found: PictureFeatures,
    cache: FeatureCache | None,
) -> Iterator[tuple[str, bytes]]:
    """Digest and bytes of the pictures to compute, each once; of all others the features.

    Fills in `rows_of`, digests to row numbers, as it goes on.
    """
    for row, picture in enumerate(pictures):
        if isinstance(picture, OSError):
            found.unreadable[row] = str(picture)
            continue
        digest, encoded = picture
        rows = rows_of.setdefault(digest, [])
        rows.append(row)
        if len(rows) > 1:
            continue
        known = {} if cache is None else cache.read([digest])
        if known:
            found.rows[row] = known[digest]
            found.cached += 1
        else:
            yield digest, encoded


def _read(item: Picture) -> tuple[str, bytes] | OSError:
    """SHA-256 and bytes, or why there are none. An exception would end all other computation."""
    try:
        encoded = picture_bytes(item)
    except OSError as error:
        return error
    return hashlib.sha256(encoded).hexdigest(), encoded


def _decoded(
    digest: str, encoded: bytes, engine: Engine, views: str
) -> tuple[str, list[Array] | OSError]:
    """Digest and the pixels of each view, or why there are none."""
    try:
        return digest, engine.pictures(encoded, views)
    except OSError as error:
        return digest, error


def _reason(item: Picture, error: OSError) -> str:
    """Why a picture cannot be decoded. The error knows but its bytes, not the name of its file."""
    return str(error) if isinstance(item, bytes) else f"{item}: {error}"


def _forward(engine: Engine, pictures: Sequence[list[Array]], size: int) -> FloatArray:
    """Means over the views, from a batch filled up to `size`: new shapes would be compiled anew."""
    if not pictures:
        return np.zeros((0, engine.dim), dtype=np.float32)
    count = len(pictures)
    filled = [*pictures, *itertools.repeat(pictures[-1], max(0, size - count))]
    rows = engine.rows([view for views in filled for view in views], "image")
    rows = rows.reshape(len(filled), -1, rows.shape[-1])[:count]
    means: FloatArray = rows[:, 0] if rows.shape[1] == 1 else rows.mean(axis=1)
    return finite(means, engine)


def _ahead(
    function: Callable[[Item], Result], items: Iterable[Item], count: int
) -> Iterator[Result]:
    """`function` of every item, in order; threads are up to `count` items ahead."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(itertools.islice(items, size)):
        yield batch
