"""Cross-entropy of label distributions, for one network or several side by side."""

from keras import ops

from keras_xmr.losses.row_mean import row_mean
from keras_xmr.types import Tensor


def label_cross_entropy(
    labels: Tensor, logits: Tensor, smoothing: float = 0.0, present: Tensor | None = None
) -> Tensor:
    """Mean softmax cross-entropy over rows and members.

    Args:
        labels: Label distributions `(rows, classes)`.
        logits: `(rows, members * classes)`, the classes of each member together.
        smoothing: Share of each label that is spread over all classes.
        present: Weight of each row, `(rows,)`: 0 where it is missing. `None` is 1 for all.

    Returns:
        A scalar tensor, float32.

    Example:
        >>> import numpy as np
        >>> loss = label_cross_entropy(np.eye(2, dtype="float32"), np.zeros((2, 4), "float32"))
        >>> round(float(loss), 4)  # two members that know nothing of two classes: log 2
        0.6931

    Reference:
        X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 3.2; smoothing: C. Szegedy et al.:
        Rethinking the Inception architecture for computer vision, CVPR 2016, section 7.
    """
    classes = labels.shape[-1]
    labels = ops.cast(labels, "float32") * (1.0 - smoothing) + smoothing / classes
    log_posteriors = ops.log_softmax(by_member(logits, classes))
    of_members = -ops.sum(labels[:, None, :] * log_posteriors, axis=-1)
    return row_mean(ops.mean(of_members, axis=1), present)


def multi_label_cross_entropy(labels: Tensor, logits: Tensor) -> Tensor:
    """Mean over rows of the sum over classes of the binary cross-entropy "does it have this one?".

    Args:
        labels: 0/1 labels or label distributions `(rows, classes)`: above 0 is yes.
        logits: `(rows, classes)`.

    Returns:
        A scalar tensor, float32.

    Example:
        >>> import numpy as np
        >>> labels, nothing = np.array([[0.5, 0.5, 0.0]]), np.zeros((1, 3), "float32")
        >>> round(float(multi_label_cross_entropy(labels, nothing)), 4)  # 3 * log 2
        2.0794

    Reference:
        C. M. Bishop: Pattern Recognition and Machine Learning, Springer 2006, equation (5.21).
    """
    yes = ops.cast(labels > 0, "float32")
    logits = ops.cast(logits, "float32")
    return ops.mean(ops.sum(ops.softplus(logits) - yes * logits, axis=-1))


def by_member(logits: Tensor, classes: int) -> Tensor:
    """Logits `(rows, members, classes)`, float32, of `(rows, members * classes)`."""
    return ops.reshape(ops.cast(logits, "float32"), (-1, logits.shape[-1] // classes, classes))
