"""The modality loss: how well a discriminator tells from which medium a row comes."""

from collections.abc import Sequence

from keras import ops

from keras_xmr.losses.cross_entropy import by_member
from keras_xmr.losses.row_mean import row_mean
from keras_xmr.types import Tensor

FORMS = ("sigmoid", "softmax")


def modality_loss(
    logits: Sequence[Tensor],
    form: str = "sigmoid",
    present: Sequence[Tensor | None] | None = None,
) -> Tensor:
    """Mean cross-entropy of the medium of each row, each medium having the same say.

    | form | loss of a row |
    |---|---|
    | `"sigmoid"` | sum over the media of the binary cross-entropy "is it this one?" |
    | `"softmax"` | cross-entropy of the medium among all media |

    A discriminator that knows nothing (logits 0) of `M` media has `M * log 2` and `log M`.

    Args:
        logits: For each of the `M` media the logits of its rows, `(rows, outputs)`: `M` of each
            member.
        form: `"sigmoid"`, as in the release of MHTN, or `"softmax"`.
        present: For each medium the weights `(rows,)` of its rows: 0 for those that are missing.
            `None` is 1 for all.

    Returns:
        A scalar tensor, float32.

    Raises:
        ValueError: If `form` is none of these.

    Example:
        >>> import numpy as np
        >>> nothing = np.zeros((4, 3), "float32")
        >>> round(float(modality_loss([nothing, nothing, nothing])), 4)  # 3 * log 2
        2.0794

    Reference:
        X. Huang, Y. Peng, M. Yuan: MHTN: modal-adversarial hybrid transfer network for
        cross-modal retrieval, IEEE Transactions on Cybernetics 50 (3), 2020; the sigmoid form is
        that of its release.
    """
    if form not in FORMS:
        raise ValueError(f"Forms of the modality loss are {FORMS}. Received: {form=}.")
    media = len(logits)
    of_media = []
    for number, rows in enumerate(logits):
        rows = by_member(rows, media)
        if form == "softmax":
            losses = -ops.log_softmax(rows)[..., number]
        else:
            # softplus(z) - z is the cross-entropy of "yes", softplus(z) that of "no".
            losses = ops.sum(ops.softplus(rows), axis=-1) - rows[..., number]
        of_rows = ops.mean(losses, axis=1)
        of_media.append(row_mean(of_rows, present[number] if present else None))
    return sum(of_media) / media
