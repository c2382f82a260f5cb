"""Reading weights from a file, without drawing those that the file replaces."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def reading_weights() -> Iterator[None]:
    """Build a model inside, and read all of its weights: nothing is drawn and nothing compiled.

    Layers that this thread builds have weights of zeros. To draw them takes most of the time of
    loading a model: JAX compiles a program for the shape of each, and one more to convert what the
    file holds.

    Example:
        >>> with reading_weights():
        ...     layer = keras.layers.Dense(2)
        ...     layer.build((None, 3))
        ...     layer.set_weights([np.ones((3, 2)), np.ones(2)])
        >>> keras.ops.convert_to_numpy(layer.kernel).sum()
        np.float32(6.0)
    """
    thread = threading.get_ident()
    add_weight, assign = keras.layers.Layer.add_weight, keras.Variable.assign

    # Other threads may be making models to train.
    def add(layer: Any, shape: Any = None, initializer: Any = None, **kwargs: Any) -> Any:
        mine = threading.get_ident() == thread
        return add_weight(layer, shape, _zeros if mine else initializer, **kwargs)

    def put(variable: Any, value: Any) -> Any:
        mine = threading.get_ident() == thread
        return assign(variable, _placed(value, variable.dtype) if mine else value)

    with _ONE_AT_A_TIME:
        keras.layers.Layer.add_weight, keras.Variable.assign = add, put
        try:
            yield
        finally:
            keras.layers.Layer.add_weight, keras.Variable.assign = add_weight, assign


def _zeros(shape: tuple[int, ...], dtype: str | None = None) -> Any:
    return _placed(np.zeros(shape, np.float32), dtype or "float32")


def _placed(value: Any, dtype: str) -> Any:
    """Numbers of a file or of NumPy as those of a variable; other values as they are."""
    if keras.config.backend() != "jax" or keras.ops.is_tensor(value) or dtype == "bfloat16":
        return value
    from keras_xmr.training import _jax

    return _jax.placed(np.asarray(value, dtype))
