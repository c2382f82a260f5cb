"""`Pathway`: fc6 and fc7 of one medium."""

import keras

from keras_xmr.layers.fully_connected import FullyConnected


@keras.saving.register_keras_serializable(package="keras_xmr")
class Pathway(FullyConnected):
    """The layers that a medium has to itself, fc6 and fc7, batch-normalised.

    It returns every activation, after normalisation and ReLU: MMD and pairwise transfer attach
    to all of them, and the last goes on to the shared layers. The arguments are those of
    `FullyConnected`, and so are those of a call.

    Returns:
        A list with `(batch, width)` for each width of `units`.

    Example:
        >>> import numpy as np
        >>> fc6, fc7 = Pathway(units=(8, 4))(np.ones((2, 3)))
        >>> tuple(fc7.shape)
        (2, 4)

    Reference:
        X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 3.1 and figure 2.
    """
