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

from keras_xmr.preprocessing.feature_cache import FeatureCache
from keras_xmr.preprocessing.images import Picture, picture_bytes, picture_name
from keras_xmr.preprocessing.pictures import PictureLoader, in_threads
from keras_xmr.preprocessing.progress import PictureProgress
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
    batch_size: int = 32,
    progress: PictureProgress | None = None,
) -> PictureFeatures:
    """Features of every picture: equal ones computed once, and none that the cache holds.

    Args:
        items: Picture files, or the bytes of them.
        trunk: A `keras.Model` from pixels `(n, height, width, 3)` to feature rows `(n, d)`.
        loader: How pictures become pixels.
        cache: Where features are read and written, if anywhere.
        batch_size: Pictures per forward pass.
        progress: Told of every picture that is done.

    Raises:
        ValueError: If the trunk gives something else than finite rows.
    """
    progress = progress or PictureProgress("pictures", shown=False)
    found = PictureFeatures(np.zeros((len(items), trunk.output_shape[-1]), dtype=np.float32))
    rows_of = _rows_by_contents(items, found.unreadable)
    known = {} if cache is None else cache.read(list(rows_of))
    for digest, row in known.items():
        found.rows[rows_of[digest]] = row
    found.cached = len(known)

    def decode(digest: str) -> tuple[str, Array | OSError]:
        return digest, _decode(items[rows_of[digest][0]], digest, loader)

    missing = [digest for digest in rows_of if digest not in known]
    size = min(batch_size, len(missing))
    with progress.over(len(missing)):
        for batch in _batches(_ahead(decode, missing, 2 * size), size):
            for digest, error in batch:
                if isinstance(error, OSError):
                    found.unreadable |= dict.fromkeys(rows_of[digest], str(error))
            pixels = {digest: p for digest, p in batch if not isinstance(p, OSError)}
            rows = _forward(trunk, list(pixels.values()), size)
            computed = dict(zip(pixels, rows, strict=True))
            if cache is not None:
                cache.write(computed)
            for digest, row in computed.items():
                found.rows[rows_of[digest]] = row
            found.computed += len(computed)
            progress.advance(len(batch))
    progress.say(
        f"{found.computed} computed, {found.cached} from the cache, "
        f"{len(found.unreadable)} unreadable"
    )
    return found


def _rows_by_contents(items: Sequence[Picture], unreadable: dict[int, str]) -> dict[str, list[int]]:
    """SHA-256 of each different picture to its row numbers; fills in `unreadable`."""
    rows_of: dict[str, list[int]] = {}
    for row, digest in enumerate(in_threads(_digest, items)):
        if isinstance(digest, OSError):
            unreadable[row] = str(digest)
        else:
            rows_of.setdefault(digest, []).append(row)
    return rows_of


def _digest(item: Picture) -> str | OSError:
    try:
        return hashlib.sha256(picture_bytes(item)).hexdigest()
    except OSError as error:
        return error


def _decode(item: Picture, digest: str, loader: PictureLoader) -> Array | OSError:
    """Pixels, or why there are none. An exception would end the computation of all others."""
    try:
        pixels: Array = loader([item])[0]
    except OSError as error:
        return error
    # Otherwise features of the new contents would be kept under those of the old.
    if _digest(item) != digest:
        return OSError(f"{picture_name(item)} was changed while it was read")
    return pixels


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
