"""What is public, discovered: the contract tests list no name."""

import importlib
import inspect
from types import ModuleType

import keras

import keras_xmr
from keras_xmr.methods.cross_modal_model import CrossModalModel

# It exports nothing that `keras_xmr` does not, which is tested.
FOLDERS = ("index",)

MODULES: dict[str, ModuleType] = {
    "keras_xmr": keras_xmr,
    **{
        f"keras_xmr.{name}": importlib.import_module(f"keras_xmr.{name}")
        for name in (
            *(n for n in keras_xmr.__all__ if isinstance(getattr(keras_xmr, n), ModuleType)),
            *FOLDERS,
        )
    },
}


def is_documented_alone(thing):
    """Functions and classes need a docstring with an example; what is raised is its message."""
    if inspect.isclass(thing):
        return not issubclass(thing, BaseException)
    return inspect.isfunction(thing)


def exports(*modules, kind=is_documented_alone):
    """Public name to object, of `modules` or of all."""
    return {
        name: getattr(MODULES[module], name)
        for module in (modules or MODULES)
        for name in MODULES[module].__all__
        if kind(getattr(MODULES[module], name))
    }


CLASSES = exports("keras_xmr", "keras_xmr.layers", kind=inspect.isclass)
LAYERS = exports("keras_xmr.layers", kind=inspect.isclass)
KERAS_METHODS = {
    name: kind
    for name, kind in CLASSES.items()
    if issubclass(kind, keras.Model) and kind is not CrossModalModel
}


def argument_names(function):
    """Names of the parameters that a caller can give by name; those of a class alone have a _."""
    wanted = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return [
        p.name for p in parameters if p.kind in wanted and p.name != "self" and p.name[0] != "_"
    ]
