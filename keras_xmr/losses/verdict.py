"""The verdict loss: how far a discriminator is from taking rows for real, or for fake."""

from keras import ops

from keras_xmr.losses.row_mean import row_mean
from keras_xmr.types import Tensor


def verdict_loss(logits: Tensor, real: bool, present: Tensor | None = None) -> Tensor:
    """Mean binary cross-entropy of the verdict "these rows are real".

    Discriminators minimise it with what the rows are; generators minimise it for their own rows
    with `real=True`, which is the form of the game that does not saturate.

    Args:
        logits: Verdicts `(rows, 1)`; above 0 is real.
        real: What they should be.
        present: Weight of each row, `(rows,)`: 0 where it is missing. `None` is 1 for all.

    Returns:
        A scalar tensor, float32.

    Example:
        >>> import numpy as np
        >>> undecided, sure = np.zeros((2, 1), "float32"), np.full((2, 1), 9.0, "float32")
        >>> [round(float(verdict_loss(rows, real=True)), 3) for rows in (undecided, sure)]
        [0.693, 0.0]
        >>> round(float(verdict_loss(sure, real=False)), 3)
        9.0

    Reference:
        I. Goodfellow et al.: Generative adversarial nets, NIPS 2014, section 3.
    """
    logits = ops.cast(logits, "float32")[:, 0]
    return row_mean(ops.softplus(-logits if real else logits), present)
