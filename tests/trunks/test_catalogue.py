"""Trunks by name: where their weights are looked for."""

import numpy as np
import pytest

from keras_xmr.datasets.locate import DataNotFoundError
from keras_xmr.trunks import alexnet, catalogue, load_trunk, squeezenet


@pytest.fixture
def asked(monkeypatch):
    """What is asked of the functions that make trunks, instead of making them."""
    calls = []

    def remember(*arguments, **options):
        calls.append((*arguments, options))
        return "a trunk"

    monkeypatch.setattr(catalogue, "application", remember)
    monkeypatch.setitem(catalogue.OWN, "squeezenet", remember)
    return calls


@pytest.fixture
def backbones(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_XMR_DATA", str(tmp_path))
    (tmp_path / "backbones").mkdir()
    return tmp_path / "backbones"


@pytest.mark.parametrize("name", ["squeezenet", "mobilenet_v2"])
def test_the_folder_of_the_data_comes_first(asked, backbones, name):
    file = backbones / catalogue.FILES[name]
    file.touch()
    assert load_trunk(name, input_size=64) == "a trunk"
    head = [name] if name == "mobilenet_v2" else []
    assert asked == [(*head, file, {"input_size": 64})]


@pytest.mark.parametrize("name", ["squeezenet", "mobilenet_v2"])
def test_given_weights_come_before_the_folder(asked, backbones, name):
    (backbones / catalogue.FILES[name]).touch()
    load_trunk(name, "mine.npz")
    assert asked[0][-2:] == ("mine.npz", {})


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50"])
def test_keras_downloads_what_is_not_there(asked, backbones, name):
    load_trunk(name)
    assert asked == [(name, "imagenet", {})]


@pytest.mark.usefixtures("no_data")
def test_keras_downloads_where_no_folder_is_set(asked):
    load_trunk("mobilenet_v2")
    assert asked == [("mobilenet_v2", "imagenet", {})]


@pytest.mark.parametrize("make", [alexnet, squeezenet])
def test_own_trunks_are_loaded_from_the_folder(backbones, make):
    name = make.__name__
    with pytest.raises(DataNotFoundError, match=rf"'{name}' as backbones/{name}.*KERAS_XMR_DATA='"):
        load_trunk(name)
    model = make(input_size=64, seed=0)
    model.save_weights(backbones / "mine.weights.h5")
    loaded = load_trunk(name, backbones / "mine.weights.h5", input_size=64)
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("no_data")
def test_an_unset_folder_is_said():
    with pytest.raises(
        DataNotFoundError, match=r"Received: the variable is unset\. Put them there"
    ):
        load_trunk("squeezenet")


def test_an_unknown_name_lists_those_known():
    with pytest.raises(ValueError, match=r"Trunks are \['alexnet', .*'squeezenet', .*name='lenet'"):
        load_trunk("lenet")


@pytest.mark.data
@pytest.mark.parametrize(("name", "width"), [("squeezenet", 512), ("mobilenet_v2", 1280)])
def test_the_real_files_are_found(name, width):
    assert load_trunk(name).output_shape == (None, width)
