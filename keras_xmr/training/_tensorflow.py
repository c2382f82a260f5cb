"""What only TensorFlow has: gradients by a tape, and replicas that see a part of each batch."""

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


def replica_count() -> int:
    """Number of replicas of the strategy in force; 1 without one."""
    count: int = tf.distribute.get_strategy().num_replicas_in_sync
    return count


def gather(rows: Tensor) -> Tensor:
    """The rows of all replicas, in their order, as float32."""
    context = tf.distribute.get_replica_context()
    # Outside of a step, as while a model is built, there are no parts.
    if context is None:
        return rows
    # There is no such collective of half precision, and the losses are float32 anyway.
    whole = context.all_gather(tf.cast(rows, tf.float32), axis=0)
    return tf.ensure_shape(whole, [None, *rows.shape[1:]])
