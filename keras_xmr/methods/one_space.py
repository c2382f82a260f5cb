"""What methods share whose rows lie in one space already, as those of CLIP's encoders do."""

from collections.abc import Mapping

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.defaults import row_widths
from keras_xmr.methods.space import scaler
from keras_xmr.types import Config, FloatArray


def may_share_a_space(data: CrossModalData) -> bool:
    """Whether all media are feature rows of one width.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> may_share_a_space(toy()), may_share_a_space(toy(["audio", "video"]))
        (False, True)
    """
    widths = row_widths(data)
    return set(widths) == set(data.media) and len(set(widths.values())) == 1


def check_one_space(widths: Mapping[str, int], method: str) -> None:
    """Raise a `ValueError` unless all media have rows of one width.

    Args:
        widths: Medium to the width of its rows.
        method: Name of the method, for the message.
    """
    if len(set(widths.values())) > 1:
        raise ValueError(
            f"{method} takes media whose rows lie in one space, and so have one width. Received: "
            f"rows of the widths {dict(widths)}. Give every medium an encoder that puts it into "
            "one space with the others, such as those of CLIP, or take another method."
        )


def left_as_they_are(data: CrossModalData) -> dict[str, Config]:
    """Transforms that leave feature rows alone: scaled each in its way, media would drift apart.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> left_as_they_are(toy())["image"]["config"]
        {'square_root': False, 'norm': 'none', 'standardize': False}
    """
    plain = scaler(square_root=False, norm="none", standardize=False)
    return dict.fromkeys(row_widths(data), plain)


def unit_rows(rows: FloatArray) -> FloatArray:
    """Rows `(n, d)` scaled to unit length; those of zeros stay.

    Example:
        >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6, 0.8], [0.0, 0.0]]
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: FloatArray = rows / np.where(lengths > 0, lengths, 1.0)
    return scaled
