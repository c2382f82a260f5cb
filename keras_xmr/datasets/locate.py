"""Where data sets lie on this machine: below the folder that `KERAS_XMR_DATA` names."""

import os
from pathlib import Path

VARIABLE = "KERAS_XMR_DATA"


class DataNotFoundError(FileNotFoundError):
    """A data set is not where it was looked for; the message says how to get it."""


def data_root() -> Path | None:
    """The folder of `KERAS_XMR_DATA`, or `None` where the variable is unset."""
    value = os.environ.get(VARIABLE)
    return Path(value).expanduser() if value else None


def find(path: str, *, home_page: str) -> Path:
    """The file or folder `path` below `KERAS_XMR_DATA`.

    Args:
        path: What is looked for, relative to that folder.
        home_page: Where the data can be had, for the error message.

    Raises:
        DataNotFoundError: If the variable is unset or there is no such file.
    """
    root = data_root()
    if root is not None and (root / path).exists():
        return root / path
    place = "the variable is unset" if root is None else f"{VARIABLE}={str(root)!r}"
    raise DataNotFoundError(
        f"Expected {path!r} in the folder that the environment variable {VARIABLE} names: "
        f"the folder that holds one sub-folder per data set. Received: {place}. "
        f"Get the data from {home_page}, lay them out as the loader's docstring says, and set "
        f"{VARIABLE} to the folder above."
    )
