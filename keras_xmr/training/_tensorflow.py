"""What only TensorFlow has: replicas that each see a part of a batch."""

import tensorflow as tf  # type: ignore[import-untyped]

from keras_xmr.types import Tensor


def replica_count() -> int:
    """Number of replicas of the strategy in force; 1 without one."""
    count: int = tf.distribute.get_strategy().num_replicas_in_sync
    return count


def gather(rows: Tensor) -> Tensor:
    """The rows of all replicas, in their order; gradients flow back to where a row came from."""
    context = tf.distribute.get_replica_context()
    if context is None:
        # Outside of a step, say while a model is built, there is one part: all of it.
        return rows
    return tf.ensure_shape(context.all_gather(rows, axis=0), [None, *rows.shape[1:]])
