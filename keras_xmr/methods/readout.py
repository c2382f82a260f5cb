"""From the logits of a model's members to its common representation."""

from keras import ops

from keras_xmr.losses.cross_entropy import by_member
from keras_xmr.types import Tensor

READOUTS = ("probabilities", "centred_probabilities", "agreement", "logits", "fc9")


def posterior(logits: Tensor, classes: int, temperature: float = 1.0) -> Tensor:
    """Mean over the members of their class probabilities, `(rows, classes)`."""
    return ops.mean(ops.softmax(by_member(logits, classes) / temperature), axis=1)


def agreement(probabilities: Tensor, medium: int, media: int) -> Tensor:
    """Rows of unit length whose cosine across media is the probability that two classes agree.

    If class probabilities `p` and `q` can be trusted, that of the same class is `sum_c p_c q_c`,
    and no other order of the gallery has a higher expected precision. Their cosine differs from it
    by lengths, which puts doubtful items before others. Here each row is made as long as 1 by a
    further column, one for each medium, so that those of two media do not meet.

    Args:
        probabilities: Class probabilities `(rows, classes)`.
        medium: Number of their medium.
        media: Number of media.

    Returns:
        `(rows, classes + media)`.

    Example:
        >>> p, q = agreement([[0.8, 0.2]], 0, 2), agreement([[0.5, 0.5]], 1, 2)
        >>> round(float(ops.sum(p * q)), 4)  # 0.8 * 0.5 + 0.2 * 0.5
        0.5

    Reference:
        S. Robertson: The probability ranking principle in IR, Journal of Documentation 33 (4),
        1977.
    """
    probabilities = ops.convert_to_tensor(probabilities)
    # What is left of 1 in the length, as products of different classes: 1 - sum p^2 loses digits.
    different = 1.0 - ops.eye(probabilities.shape[-1], dtype=probabilities.dtype)
    products = probabilities * ops.matmul(probabilities, different)
    rest = ops.sqrt(ops.sum(products, axis=1, keepdims=True))
    columns = [rest if number == medium else ops.zeros_like(rest) for number in range(media)]
    return ops.concatenate([probabilities, *columns], axis=1)


def read_out(
    logits: Tensor,
    classes: int,
    readout: str,
    temperature: float = 1.0,
    *,
    multi_label: bool = False,
    place: tuple[int, int] = (0, 1),
) -> Tensor:
    """The common representation that `readout` names, one of the logits.

    `(rows, classes)`, or wider for `agreement`, which needs the `place` of the medium: its number,
    and that of all media.
    """
    if readout == "logits":
        return ops.mean(by_member(logits, classes), axis=1)
    probabilities = (
        ops.sigmoid(logits / temperature)
        if multi_label
        else posterior(logits, classes, temperature)
    )
    if readout == "agreement":
        return agreement(probabilities, *place)
    return probabilities - 1.0 / classes if readout == "centred_probabilities" else probabilities
