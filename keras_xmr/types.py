"""The words used in every signature."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Tensor: TypeAlias = Any
"""A tensor of whichever backend Keras runs on."""

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array of any dtype; its shape is given in the docstring that uses it."""

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
"""A NumPy array of floats."""

Items: TypeAlias = Array | Sequence[Any]
"""The items of one medium: feature rows, or raw items such as sentences and picture paths."""

Config: TypeAlias = dict[str, Any]
"""What `get_config` returns: JSON-serialisable."""
