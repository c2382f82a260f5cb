"""MHTN of three real media that nobody paired: pictures, recordings and words of the ten digits."""

from dataclasses import replace

import pytest

from keras_xmr import datasets, evaluate
from keras_xmr.training.recipes import recipe_for
from keras_xmr.training.train import train_model

pytestmark = [pytest.mark.data, pytest.mark.every_backend]

# A ranking at random has a tenth. After five epochs the average over directions is about 0.7.
LEAST = 0.5


def test_all_six_directions_are_learned_by_class():
    data = datasets.digits()
    recipe = replace(recipe_for(data, "mhtn"), epochs=5)
    assert recipe.pairing == "class"
    report = evaluate(train_model("mhtn", data, recipe=recipe, seed=0), data, split="test")
    found = {direction.name: direction.metrics["MAP@all"] for direction in report.directions}
    assert found.keys() == {
        f"{query}->{gallery}" for query in data.media for gallery in data.media if query != gallery
    }
    assert len(found) == 6
    assert min(found.values()) > LEAST, found
