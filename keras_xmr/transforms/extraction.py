"""A data set with pictures or texts -> the same data set with the rows of a frozen encoder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.encoders.keras_network import KerasNetwork
from keras_xmr.transforms.encoder import BATCH, LISTED, Encoder
from keras_xmr.transforms.pictures import PictureLoader


class UnreadablePicturesError(OSError):
    """Some pictures are missing or damaged.

    Attributes:
        ids: Ids of these pictures.
        readable: The data with the features of all other pictures.
    """

    def __init__(self, reasons: dict[str, str], readable: CrossModalData) -> None:
        listed = [f"{name} ({reason})" for name, reason in reasons.items()][:LISTED]
        more = len(reasons) - len(listed)
        super().__init__(
            "Every picture must be there and readable. "
            f"Received: {len(reasons)} of {readable.name!r} are not: {'; '.join(listed)}"
            f"{f'; and {more} more' if more else ''}. Repair them and run again, or go on without "
            "them: this error's `readable` holds the features of all others."
        )
        self.ids = list(reasons)
        self.readable = readable


def extract_features(
    data: CrossModalData,
    trunk: Any,
    *,
    medium: str = "image",
    loader: PictureLoader | None = None,
    cache: bool | str | Path | None = True,
    batch_size: int = BATCH,
    progress: bool = True,
) -> CrossModalData:
    """Replace the pictures of `data` by their features in a frozen trunk.

    Pictures are known by their contents: equal ones are computed once, and what the cache holds is
    not computed again, wherever the files lie now. Features that another backend put into the
    cache count as the same, though they differ in the last digits.

    Args:
        data: The data set; one of its media holds picture files, or the bytes of them.
        trunk: A `keras.Model` from pixels `(n, height, width, 3)`, 0 to 255, to features `(n, d)`.
        medium: Name of the medium that holds the pictures.
        loader: How pictures become pixels. `None` for centre crops of the size the trunk takes,
            from pictures resized to 8/7 of that size.
        cache: The folder that keeps features from one run to the next. `True` for the folder that
            the environment variable `KERAS_XMR_CACHE` names, or else the user's cache folder;
            `None` or `False` for no cache.
        batch_size: Pictures per forward pass of the trunk.
        progress: Whether to show on standard error how far it is, and how many pictures were
            computed and how many came from the cache.

    Returns:
        The same data, the medium's items being feature rows `(n, d)`, float32.

    Raises:
        ValueError: If the medium holds no pictures, the model is no trunk, or the loader gives
            pictures of another size.
        UnreadablePicturesError: If pictures are missing or damaged, after all others were computed.
        DamagedCacheError: If the cache file is damaged; the message says which to delete.

    Example:
        >>> import io
        >>> import keras
        >>> from PIL import Image
        >>> from keras_xmr.datasets.base import MediumItems
        >>> encoded = io.BytesIO()
        >>> Image.new("RGB", (40, 30), (9, 8, 7)).save(encoded, format="png")
        >>> pictures = MediumItems([encoded.getvalue()], [0], ["a"], ["train"])
        >>> data = CrossModalData("one", {"image": pictures}, ("thing",))
        >>> inputs = keras.Input((4, 4, 3))
        >>> trunk = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
        >>> features = extract_features(data, trunk, cache=None, progress=False)
        >>> features.media["image"].items.tolist()
        [[9.0, 8.0, 7.0]]
    """
    encoder = Encoder(KerasNetwork(trunk, loader), cache=cache, batch_size=batch_size)
    return with_features(data, encoder, medium, progress=progress)


def with_features(
    data: CrossModalData, encoder: Encoder, medium: str, *, progress: bool = True
) -> CrossModalData:
    """Replace the items of a medium by their rows in an encoder: see `extract_features`."""
    pictures = data.medium(medium)
    found = encoder.features(pictures.items, data.name, progress=progress)
    origin = (
        f"{encoder.engine.name}, {encoder.dim}-d, sha256:{encoder.fingerprint[:16]}; "
        + ", ".join(f"{name} {value}" for name, value in encoder.preprocessing().items())
    )
    before = data.provenance.features
    extracted = replace(
        data,
        media={**data.media, medium: replace(pictures, items=found.rows)},
        provenance=replace(
            data.provenance, features=f"{before}; {medium}: {origin}" if before else origin
        ),
    )
    if not found.unreadable:
        return extracted
    rest = np.setdiff1d(np.arange(len(pictures)), list(found.unreadable))
    media = {**extracted.media, medium: extracted.medium(medium).rows(rest)}
    raise UnreadablePicturesError(
        {str(pictures.ids[row]): found.unreadable[row] for row in sorted(found.unreadable)},
        replace(extracted, media=media),
    )
