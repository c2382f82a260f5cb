"""On real data the adversary makes media harder to tell apart, at no loss of precision."""

from dataclasses import replace

import pytest

from keras_xmr import datasets, evaluate, modality_probe
from keras_xmr.training.recipes import recipe_for
from keras_xmr.training.train import train_model

# The game itself is tested on every backend, on small data.
pytestmark = pytest.mark.every_backend

DATA = datasets.pascal_sentences()


def measured(method, hidden, **changes):
    """Probe of the layer that the adversary sees, and MAP, on the validation part."""
    recipe = recipe_for(DATA, method)
    recipe = replace(recipe, model=recipe.model | changes)
    model = train_model(method, DATA, recipe=recipe, seed=0)
    probe = modality_probe(model.copy_with(readout=hidden), DATA, split="validation")
    return probe, evaluate(model, DATA, split="validation").map


def test_acmr_mixes_media():
    probe, precision = measured("acmr", "embedding")
    alone, precision_alone = measured("acmr", "embedding", modality_weight=0.0)
    assert probe < alone - 0.05
    assert precision > precision_alone - 0.02
