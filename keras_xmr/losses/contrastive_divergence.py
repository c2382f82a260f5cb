"""Contrastive divergence: what a restricted Boltzmann machine learns by."""

from typing import TYPE_CHECKING

from keras import ops

from keras_xmr.types import Tensor

if TYPE_CHECKING:
    from keras_xmr.layers.rbm import RBM


def contrastive_divergence(machine: "RBM", visible: Tensor, steps: int = 1) -> Tensor:
    """Mean free energy of data, less that of what the machine makes of them in a few steps.

    `mean F(v_0) - mean F(v_k)`, where `v_k` comes of `k` steps of Gibbs sampling from `v_0` and is
    taken as constant. The value means little; its gradient is the update of contrastive
    divergence, so that any optimizer, and the `fit` of Keras, can train the machine.

    Args:
        machine: The machine, a `keras_xmr.layers.RBM`.
        visible: Data `(n, d)`; no gradient goes back into them.
        steps: Steps `k` of Gibbs sampling.

    Returns:
        A scalar tensor, float32.

    Example:
        >>> import keras
        >>> import numpy as np
        >>> from keras_xmr.layers import RBM
        >>> machine, rows = RBM(2, seed=0), np.eye(4, dtype="float32")
        >>> hidden = machine(rows)
        >>> loss = keras.ops.convert_to_numpy(contrastive_divergence(machine, rows))
        >>> bool(abs(loss) < 5)
        True

    Reference:
        G. Hinton: Training products of experts by minimizing contrastive divergence, Neural
        Computation 14 (8), 2002, section 3.
    """
    visible = ops.stop_gradient(ops.cast(visible, "float32"))
    samples = ops.stop_gradient(machine.gibbs(visible, steps))
    return ops.mean(machine.free_energy(visible)) - ops.mean(machine.free_energy(samples))
