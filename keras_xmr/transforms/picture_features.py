"""Pictures -> feature rows: contents, the cache, and decoding ahead of the trunk."""

import hashlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from keras_xmr.progress import Progress
from keras_xmr.transforms.feature_cache import FeatureCache
from keras_xmr.transforms.images import Picture, picture_bytes
from keras_xmr.transforms.pictures import PictureLoader
from keras_xmr.types import Array, FloatArray

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class PictureFeatures:
    """Features of pictures, and how they came about.

    Attributes:
        rows: Feature rows `(n, d)`, float32; zeros for unreadable pictures.
        unreadable: Row number of each unreadable picture to the reason.
        computed: Number of different pictures that went through the trunk.
        cached: Number of different pictures whose features came from the cache.
    """

    rows: FloatArray
    unreadable: dict[int, str] = field(default_factory=dict)
    computed: int = 0
    cached: int = 0


def picture_features(
    items: Sequence[Picture],
    trunk: Any,
    loader: PictureLoader,
    cache: FeatureCache | None,
    *,
    batch_size: int,
    progress: Progress | None = None,
) -> PictureFeatures:
    """Features of every picture: equal ones computed once, and none that the cache holds.

    Each file is read once: the bytes that are hashed are those that are decoded, so that features
    belong to the contents they are kept under even if the file changes meanwhile.

    Args:
        items: Picture files, or the bytes of them.
        trunk: A `keras.Model` from pixels `(n, height, width, 3)` to feature rows `(n, d)`.
        loader: How pictures become pixels.
        cache: Where features are read and written, if anywhere.
        batch_size: Pictures per forward pass.
        progress: Told how many pictures are done.

    Raises:
        ValueError: If the trunk gives something else than finite rows.
    """
    progress = progress or Progress("pictures", shown=False)
    found = PictureFeatures(np.zeros((len(items), trunk.output_shape[-1]), dtype=np.float32))
    rows_of: dict[str, list[int]] = {}
    size = 0
    with progress.over(len(items)):
        missing = _missing(_ahead(_read, items, batch_size), rows_of, found, cache)
        decoded = _ahead(lambda picture: _decoded(*picture, loader), missing, batch_size)
        for batch in _batches(decoded, batch_size):
            # All batches but the last are as large as the first.
            size = max(size, len(batch))
            pixels = {}
            for digest, decoding in batch:
                if isinstance(decoding, OSError):
                    row = rows_of[digest][0]
                    found.unreadable[row] = _reason(items[row], decoding)
                else:
                    pixels[digest] = decoding
            rows = _forward(trunk, list(pixels.values()), size)
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


def _decoded(digest: str, encoded: bytes, loader: PictureLoader) -> tuple[str, Array | OSError]:
    """Digest and pixels, or why there are none."""
    try:
        return digest, loader([encoded])[0]
    except OSError as error:
        return digest, error


def _reason(item: Picture, error: OSError) -> str:
    """Why a picture cannot be decoded. The error knows but its bytes, not the name of its file."""
    return str(error) if isinstance(item, bytes) else f"{item}: {error}"


def _forward(trunk: Any, pixels: Sequence[Array], size: int) -> FloatArray:
    """Feature rows, from a batch filled up to `size`: every new shape would be compiled anew."""
    if not pixels:
        return np.zeros((0, trunk.output_shape[-1]), dtype=np.float32)
    filled = itertools.islice(itertools.chain(pixels, itertools.repeat(pixels[-1])), size)
    rows = np.asarray(trunk.predict_on_batch(np.stack(list(filled)))).astype(np.float32)
    rows = rows[: len(pixels)]
    if not np.isfinite(rows).all():
        raise ValueError(
            "Features must be finite. Received: nan or inf from the trunk "
            f"{trunk.name!r}. Check its weights."
        )
    return rows


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
