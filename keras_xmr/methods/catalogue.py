"""The methods there are: found among the public names, and read without being imported.

Nothing else knows their names. What a method says of itself stands on its class, as plain values:
they are read from its source, so that a list of methods needs no backend.
"""

import ast
import importlib.util
from collections.abc import Iterator
from typing import Any

import keras_xmr
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.method import Method


def methods() -> dict[str, About]:
    """Name of every method to what it says of itself, in alphabetical order.

    Example:
        >>> methods()["cfa"].title
        'cross-modal factor analysis'
    """
    return {about.name: about for about, _ in sorted(_found())}


def method_class(name: str) -> type[Method]:
    """The class of a method.

    Raises:
        ValueError: If there is no such method.

    Example:
        >>> method_class("jrl").__name__
        'JRL'
    """
    classes = {about.name: class_name for about, class_name in _found()}
    if name not in classes:
        raise ValueError(f"Methods are {sorted(classes)}. Received: {name!r}.")
    found: type[Method] = getattr(keras_xmr, classes[name])
    return found


def train(
    data: CrossModalData, method: str, source: CrossModalData | None = None, **options: Any
) -> Any:
    """From data to a trained model in one call.

    Args:
        data: The data.
        method: Name of the method, such as `"chtn"`: `keras-xmr list` shows all of them.
        source: Labelled data of one of the media, for a method that learns from such.
        **options: As in `Method.train`: `trunks`, `settings`, `seed`, `checkpoint`, `callbacks` and
            `progress`; settings, and arguments of the class, that shall be others.

    Returns:
        The trained model.

    Raises:
        ValueError: If there is no such method, or it does not take what is given.

    Example:
        >>> model = train(keras_xmr.datasets.toy(), "cca", n_components=3, progress=False)
        >>> model.encode_text(["class1 thing0"]).shape
        (1, 3)
    """
    return method_class(method).train(data, source, **options)


def _found() -> Iterator[tuple[About, str]]:
    """What the public classes that are methods say of themselves, and their names."""
    for class_name, module in keras_xmr._HOMES.items():
        source = _source(module)
        if "about = About(" in source:
            about = _about(source, class_name)
            if about is not None:
                yield about, class_name


def _source(module: str) -> str:
    spec: Any = importlib.util.find_spec(module)
    text: bytes = spec.loader.get_data(spec.origin)
    return text.decode()


def _about(source: str, class_name: str) -> About | None:
    """The values of `about = About(...)` in a class."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "about":
                    call = line.value
                    assert isinstance(call, ast.Call)
                    values = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
                    return About(**values)
    return None
