"""`BatchNormalization` whose statistics leave out rows that are not there."""

from typing import Any

import keras
from keras import ops

from keras_xmr.training.replicas import replica_count
from keras_xmr.types import Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation, for batches in which a medium may lack some rows.

    Without `present` it is Keras' layer. With it, mean and variance are those of the rows that are
    there, and a batch that has fewer than two of them leaves the running statistics as they are.
    Keras' own `mask` would draw them to zero.

    Args:
        momentum: Share of the running statistics that is kept from batch to batch.
        epsilon: What is added to variances.
        center: Whether to add a trained shift.
        scale: Whether to multiply with a trained scale.
        **kwargs: Further arguments of `keras.layers.BatchNormalization`.

    Call arguments:
        inputs: Rows `(n, d)`.
        training: Whether to use, and to remember, the statistics of the batch.
        present: 1 for each row that is there and 0 for the others, `(n,)`; `None` for all.

    Returns:
        Normalised rows `(n, d)`.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> rows = np.array([[1.0], [3.0], [100.0]], "float32")
        >>> layer = BatchNormalization(epsilon=1e-6)
        >>> normalised = layer(rows, training=True, present=np.array([1.0, 1.0, 0.0]))
        >>> print(keras.ops.convert_to_numpy(normalised)[:2, 0].round(2))
        [-1.  1.]

    Reference:
        S. Ioffe, C. Szegedy: Batch normalization, ICML 2015, algorithm 1.
    """

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        # Replicas of one model, each with a part of the batch, have the statistics of all of it.
        kwargs.setdefault("synchronized", replica_count() > 1)
        super().__init__(momentum=momentum, epsilon=epsilon, center=center, scale=scale, **kwargs)

    def call(
        self, inputs: Tensor, training: bool | None = None, present: Tensor | None = None
    ) -> Tensor:
        if present is None or not (training and self.trainable):
            return super().call(inputs, training=training)
        if self.synchronized:
            raise ValueError(
                "Statistics of some rows are not shared by replicas. Received: `present` under a "
                "tf.distribute strategy. Train media that are partial on one device."
            )
        rows = ops.cast(inputs, "float32")
        weights = ops.cast(present, "float32")[:, None]
        count = ops.sum(weights)
        mean = ops.sum(weights * rows, axis=0) / ops.maximum(count, 1.0)
        variance = ops.sum(weights * ops.square(rows - mean), axis=0) / ops.maximum(count, 1.0)
        share = ops.where(count >= 2.0, 1.0 - self.momentum, 0.0)
        for running, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign(running + share * (ops.cast(value, running.dtype) - running))
        normalised = ops.batch_normalization(
            rows, mean, variance, axis=-1, offset=self.beta, scale=self.gamma, epsilon=self.epsilon
        )
        return ops.cast(normalised, self.compute_dtype)
