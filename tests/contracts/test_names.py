"""Public names: they resolve, are listed once, and have tiny arguments."""

import importlib
import pkgutil

import pytest

import keras_xmr
from tests.contracts.public import CLASSES, FOLDERS, MODULES, exports
from tests.tiny import TINY


@pytest.mark.parametrize("module", MODULES)
def test_all_is_sorted_unique_and_resolves(module):
    names = MODULES[module].__all__
    assert names == sorted(set(names))
    assert all(getattr(MODULES[module], name) is not None for name in names)


def test_dir_is_all():
    assert dir(keras_xmr) == sorted(keras_xmr.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'keras_xmr' has no attribute 'nothing'"):
        keras_xmr.nothing  # noqa: B018


@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_export_only_what_the_package_does(folder):
    for name, thing in exports(f"keras_xmr.{folder}").items():
        assert getattr(keras_xmr, name) is thing


@pytest.mark.parametrize("name", exports())
def test_public_things_live_where_they_say(name):
    thing = exports()[name]
    assert thing.__module__.startswith("keras_xmr.")
    assert getattr(importlib.import_module(thing.__module__), name) is thing


def test_every_module_imports():
    found = [m.name for m in pkgutil.walk_packages(keras_xmr.__path__, "keras_xmr.")]
    assert len(found) > 30
    for name in found:
        assert importlib.import_module(name).__doc__, f"{name} has no docstring"


def test_the_classes_with_tiny_arguments_are_the_public_ones():
    assert sorted(TINY) == sorted(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_tiny_arguments_construct(name):
    assert isinstance(CLASSES[name](**TINY[name].arguments), CLASSES[name])
