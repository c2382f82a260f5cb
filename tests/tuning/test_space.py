"""Spaces: what parameters stand for, and that every method's start is among them."""

import pytest

from keras_xmr.datasets import toy
from keras_xmr.methods.catalogue import method_class, methods
from keras_xmr.methods.semantic_matching import SemanticMatching
from keras_xmr.methods.settings import Settings, TrainingSettings
from keras_xmr.methods.space import Choice, Range, Space

DATA = toy()


class Some(SemanticMatching):
    tunable = {  # noqa: RUF012
        "C": Range(0.1, 10.0),
        "readout": Choice(("probabilities", "agreement")),
        "max_iter": Range(100, 2000),
    }


def test_parameters_become_settings_and_back():
    space = Space(Some, Settings(), DATA)
    parameters = {"C": 0.5, "readout": 1, "max_iter": 500}
    rest = {name: drawn for name, drawn in space.parameters().items() if name not in parameters}
    settings = space.settings(parameters | rest)
    assert settings.arguments == {
        "C": 0.5,
        "readout": "agreement",
        "max_iter": 500,
    }
    assert Space(Some, settings, DATA).parameters() == parameters | rest


def test_the_start_is_what_the_class_has_where_nothing_is_said():
    found = Space(Some, Settings(), DATA).parameters()
    assert (found["C"], found["readout"], found["max_iter"]) == (1.0, 0, 1000)


def test_a_start_out_of_range_stands_for_nothing():
    assert Space(Some, Settings(arguments={"C": 100.0}), DATA).parameters() is None


def test_rows_may_be_scaled_otherwise():
    space = Space(Some, Settings(), DATA, fixed=Some.tunable)
    assert set(space.distributions()) == {"transforms.image"}
    scalings = {
        str(space.settings({"transforms.image": drawn}).transforms["image"]["config"])
        for drawn in space.distributions()["transforms.image"].choices
    }
    assert len(scalings) == len(space.distributions()["transforms.image"].choices)


def test_distributions_are_those_of_the_ranges():
    found = Space(Some, Settings(), DATA).distributions()
    assert (found["C"].low, found["C"].high, found["C"].log) == (0.1, 10.0, True)
    assert found["max_iter"].high == 2000
    assert list(found["readout"].choices) == [0, 1]


@pytest.mark.parametrize("name", [n for n, about in methods().items() if about.kind == "linear"])
def test_defaults_of_linear_methods_are_within_their_ranges(name):
    method = method_class(name)
    space = Space(method, method.settings_for(DATA), DATA)
    assert space.parameters() is not None
    assert set(method.tunable) <= {*method.settable()}


def test_rows_with_a_transform_of_another_kind_are_left_as_they_are():
    other = Settings(transforms={"image": {"transform": "WordIds"}})
    assert not Space(Some, other, DATA, fixed=Some.tunable).distributions()


def test_what_is_not_named_of_nested_settings_stays():
    settings = TrainingSettings(compile={"jit_compile": False, "steps_per_execution": 2})
    changed = settings.changed({"compile": {"jit_compile": True}}, [])
    assert changed.compile == {"jit_compile": True, "steps_per_execution": 2}
