"""From the logits of a model's members to its common representation."""

from keras import ops

from keras_xmr.losses.cross_entropy import by_member
from keras_xmr.types import Tensor

READOUTS = ("probabilities", "centred_probabilities", "logits", "fc9")


def posterior(logits: Tensor, classes: int, temperature: float = 1.0) -> Tensor:
    """Mean over the members of their class probabilities, `(rows, classes)`."""
    return ops.mean(ops.softmax(by_member(logits, classes) / temperature), axis=1)


def read_out(
    logits: Tensor,
    classes: int,
    readout: str,
    temperature: float = 1.0,
    *,
    multi_label: bool = False,
) -> Tensor:
    """The common representation `(rows, classes)` that `readout` names, one of the logits."""
    if readout == "logits":
        return ops.mean(by_member(logits, classes), axis=1)
    probabilities = ops.sigmoid(logits) if multi_label else posterior(logits, classes, temperature)
    return probabilities - 1.0 / classes if readout == "centred_probabilities" else probabilities
