"""The words used in every signature."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Tensor: TypeAlias = Any
"""A tensor of whichever backend Keras runs on."""

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array of any dtype; its shape is given in the docstring that uses it."""

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
"""A NumPy array of floats."""

Items: TypeAlias = Any
"""The items of one medium: feature rows `(n, d)`, `WordCounts`, or a sequence of raw items."""

Config: TypeAlias = dict[str, Any]
"""What `get_config` returns: JSON-serialisable."""
