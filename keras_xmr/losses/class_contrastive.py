"""The contrastive loss of two media in which items of one class are no negatives."""

from keras import ops

from keras_xmr.types import Tensor

POSITIVES = ("class", "pair")
# Instead of minus infinity, whose gradient would be no number.
ABSENT = -1e9


def class_contrastive_loss(
    logits: Tensor, labels: Tensor, others: Tensor, positives: str = "class"
) -> Tensor:
    """Mean over both directions of the cross-entropy of a positive among the negatives.

    For an item `i`, its positives `P` and the items `N` of the other medium that share no class
    with it, the loss is

        mean over p in P of  -log(e^l_ip / (e^l_ip + sum_{n in N} e^l_in))

    Items that share a class push each other nowhere: in batches of a few classes CLIP's loss takes
    most of them for negatives. If each pair has a class of its own, both kinds of positives give
    CLIP's loss. An item without positives does not count.

    Args:
        logits: Similarities over temperature `(n, m)` of items of two media.
        labels: Labels `(n, classes)` of the first medium, 0/1 or distributions.
        others: Those of the second, `(m, classes)`.
        positives: `"class"`: all items that share a class (supervised contrastive learning);
            `"pair"`: the item of the same row, so that `n` is `m`.

    Returns:
        A scalar tensor, float32.

    Raises:
        ValueError: If `positives` is neither.

    Example:
        >>> import numpy as np
        >>> alike, labels = np.zeros((3, 3), "float32"), np.eye(2, dtype="float32")[[0, 0, 1]]
        >>> # Two items have one negative, the third has two: (2 log 2 + log 3) / 3.
        >>> round(float(class_contrastive_loss(alike, labels, labels)), 4)
        0.8283

    Reference:
        A. Radford et al.: Learning transferable visual models from natural language supervision,
        ICML 2021, figure 3; P. Khosla et al.: Supervised contrastive learning, NeurIPS 2020,
        equation (2), whose sum in the denominator has the other positives, too.
    """
    if positives not in POSITIVES:
        raise ValueError(f"Positives are one of {POSITIVES}. Received: {positives=}.")
    logits, labels, others = (ops.cast(rows, "float32") for rows in (logits, labels, others))
    same = ops.cast(ops.matmul(labels, ops.transpose(others)) > 0, "float32")
    # TensorFlow's `eye` needs a number of rows that is known beforehand.
    place = ops.arange(ops.shape(logits)[0])
    of_pair = ops.cast(place[:, None] == place[None, :], "float32")
    wanted = same if positives == "class" else of_pair
    negative = (1.0 - same) * (1.0 - wanted)
    there = _one_way(logits, wanted, negative)
    back = _one_way(*(ops.transpose(matrix) for matrix in (logits, wanted, negative)))
    return (there + back) / 2.0


def _one_way(logits: Tensor, wanted: Tensor, negative: Tensor) -> Tensor:
    """The mean over those rows of `(n, m)` that have a positive."""
    against = ops.logsumexp(ops.where(negative > 0, logits, ABSENT), axis=1, keepdims=True)
    losses = ops.softplus(against - logits) * wanted
    count = ops.sum(wanted, axis=1)
    of_rows = ops.sum(losses, axis=1) / ops.maximum(count, 1.0)
    anchors = ops.sum(ops.cast(count > 0, "float32"))
    return ops.sum(of_rows) / ops.maximum(anchors, 1.0)
