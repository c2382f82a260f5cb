"""What only TensorFlow needs: gradients by a tape, and strategies that replicate a model."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf  # type: ignore[import-untyped]

from keras_xmr.types import Tensor


def minimize(
    model: Any,
    optimizer: Any,
    variables: Sequence[Any],
    compute: Callable[[], tuple[Tensor, Tensor]],
) -> Tensor:
    """One update of `variables`; see `keras_xmr.training._jax.minimize`."""
    values = [v.value for v in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, more = compute()
        scaled = optimizer.scale_loss(loss)
    zero = tf.UnconnectedGradients.ZERO
    optimizer.apply(tape.gradient(scaled, values, unconnected_gradients=zero))
    return more


def is_replicated(model: Any) -> bool:
    """Whether the model, or what is made now, belongs to a strategy such as `MirroredStrategy`."""
    with model.distribute_strategy.scope():
        return bool(tf.distribute.has_strategy())
