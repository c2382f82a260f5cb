"""The settings that were tuned on a data set: one file for each method, in `settings/`."""

from pathlib import Path

from keras_xmr.methods.catalogue import method_class

FOLDER = Path(__file__).parent / "settings"


def tuned(method, data_name):
    """The settings of a method for a data set, or else its defaults."""
    defaults = method_class(method).defaults
    path = FOLDER / data_name / f"{method}.json"
    return type(defaults).read(path) if path.is_file() else defaults
