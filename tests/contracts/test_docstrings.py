"""Docstrings: an example that runs, every argument, shapes, and the reference."""

import doctest
import inspect
import re

import pytest

from keras_xmr.methods.linear_method import LinearMethod
from tests.contracts.public import CLASSES, KERAS_METHODS, LAYERS, argument_names, exports

THINGS = exports()
ARRAY_METHODS = {name: kind for name, kind in CLASSES.items() if issubclass(kind, LinearMethod)}
FROM_A_PAPER = {**KERAS_METHODS, **ARRAY_METHODS, **exports("keras_xmr.losses")}
OF_ARRAYS = {**LAYERS, **KERAS_METHODS, **exports("keras_xmr.losses")}
SECTION = re.compile(r"^(\w[\w ]*):$", re.M)


def sections(thing):
    """Title to text of the sections of a docstring; the text before them under ""."""
    parts = SECTION.split(inspect.getdoc(thing) or "")
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def described(thing):
    """Names that the sections on arguments explain; also those of the class referred to."""
    found = sections(thing)
    text = "\n".join(found.get(title, "") for title in ("Args", "Call arguments", "Attributes"))
    names = set(re.findall(r"^ {4}\**(\w+):", text, re.M))
    other = re.search(r"arguments are those of `(\w+)`", " ".join(found[""].split()))
    return names | (described(CLASSES[other[1]]) if other else set())


def methods():
    """Public methods that public classes define themselves and that describe arguments."""
    return [
        pytest.param(method, id=f"{name}.{attribute}")
        for name, kind in CLASSES.items()
        for attribute, raw in vars(kind).items()
        if not attribute.startswith("_") and callable(method := getattr(kind, attribute))
        if "Args" in sections(method)
    ]


@pytest.mark.parametrize("name", THINGS)
def test_example_is_a_doctest(name):
    example = sections(THINGS[name]).get("Example", "")
    assert any(e.want for e in doctest.DocTestParser().get_examples(example))


@pytest.mark.parametrize("name", FROM_A_PAPER)
def test_reference_names_a_year(name):
    assert re.search(r"\b(19|20)\d\d\b", sections(FROM_A_PAPER[name]).get("Reference", ""))


@pytest.mark.parametrize("name", THINGS)
def test_every_argument_is_described(name):
    assert set(argument_names(THINGS[name])) <= described(THINGS[name])


@pytest.mark.parametrize("method", methods())
def test_methods_that_describe_arguments_describe_all(method):
    assert set(argument_names(method)) <= described(method)


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_shapes_are_given(name):
    assert re.search(r"`\((\w+(, \w+)+|n_1.*)\)`", inspect.getdoc(OF_ARRAYS[name]))


@pytest.mark.parametrize("name", LAYERS)
def test_call_arguments_of_layers_are_described(name):
    found = sections(LAYERS[name])
    if "Input shape" in found:
        assert "Output shape" in found
        return
    called = set(argument_names(LAYERS[name].call)) - {"training"}
    assert called <= described(LAYERS[name])
    assert "Returns" in found
