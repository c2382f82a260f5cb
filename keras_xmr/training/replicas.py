"""Training on several replicas that see a part of each batch: `tf.distribute` on TensorFlow.

Batch statistics, MMD and means over rows are still to be those of the whole batch. On JAX
`keras.distribution` sees to it by itself; with one replica there is nothing to do.
"""

import keras

from keras_xmr.types import Tensor


def replica_count() -> int:
    """Number of replicas that share each batch: more than 1 only under a `tf.distribute` strategy.

    Example:
        >>> replica_count()
        1
    """
    if keras.config.backend() != "tensorflow":
        return 1
    from keras_xmr.training import _tensorflow

    return _tensorflow.replica_count()


def whole_batch(parts: dict[str, Tensor]) -> dict[str, Tensor]:
    """The rows of all replicas, on each of them; gradients flow back to where a row came from.

    Args:
        parts: Name to the rows `(n, ...)` of this replica.

    Example:
        >>> whole_batch({"image": keras.ops.ones((2, 3))})["image"].shape[0]
        2
    """
    if replica_count() == 1:
        return parts
    from keras_xmr.training import _tensorflow

    return {name: _tensorflow.gather(rows) for name, rows in parts.items()}
