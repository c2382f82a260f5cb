"""Training on several devices at once: statistics and losses see the rows of all of them.

On JAX, `keras.distribution.DataParallel` computes what one device would: nothing is to be done.
TensorFlow's `tf.distribute.MirroredStrategy` instead runs the model on each replica with a part of
the batch. Batch statistics, MMD and means over rows would be of that part. The functions here make
them those of the whole batch; with a single replica they do nothing.

On PyTorch Keras has no `keras.distribution`, and its `fit` trains on one device.
"""

from typing import Any

import keras

from keras_xmr.types import Tensor


def replica_count() -> int:
    """Number of replicas that share a batch: more than 1 on TensorFlow only.

    Example:
        >>> replica_count()
        1
    """
    if keras.config.backend() != "tensorflow":
        return 1
    from keras_xmr.training import _tensorflow

    return _tensorflow.replica_count()


def rows_of_all_replicas(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The rows of the whole batch, on every replica.

    Each replica then computes the same loss. Its gradient is right if every replica takes
    `share_of_loss` of it, since gradients are added up.

    Args:
        tensors: Name to rows `(n, ...)` of this replica.

    Returns:
        Name to rows of all replicas.

    Example:
        >>> rows_of_all_replicas({"image": keras.ops.ones((2, 3))})["image"].shape[0]
        2
    """
    if replica_count() == 1:
        return tensors
    from keras_xmr.training import _tensorflow

    return {name: _tensorflow.gather(rows) for name, rows in tensors.items()}


def share_of_loss(loss: Tensor) -> Tensor:
    """What one replica contributes to a loss that all replicas compute alike.

    Example:
        >>> share_of_loss(3.0)
        3.0
    """
    count = replica_count()
    return loss if count == 1 else loss / count


def normalization_layer(**arguments: Any) -> keras.layers.Layer:
    """`keras.layers.BatchNormalization` with the statistics of all replicas.

    Example:
        >>> normalization_layer(epsilon=1e-5).epsilon
        1e-05
    """
    return keras.layers.BatchNormalization(synchronized=replica_count() > 1, **arguments)
