"""On real data the adversary makes media harder to tell apart, at no loss of precision."""

from pathlib import Path

import numpy as np
import pytest

from keras_xmr import datasets, evaluate, modality_probe, train
from keras_xmr.methods.settings import TrainingSettings

# The game itself is tested on every backend, on small data.
pytestmark = pytest.mark.once

TUNED = Path(__file__).parents[2] / "examples/paper_tables/settings/pascal_sentences"


def measured(method, hidden, probed="validation", **arguments):
    """Probe of the layer that the adversary sees, and MAP on the validation part."""
    data = datasets.pascal_sentences(split_seed=0)
    settings = TrainingSettings.read(TUNED / f"{method}.json")
    trained = train(data, method, settings=settings, progress=False, **arguments)
    probe = modality_probe(trained.copy_with(readout=hidden), data, split=probed)
    return np.array([probe, evaluate(trained, data, split="validation").map])


def test_acmr_mixes_media():
    # Half of the epochs show it as well.
    probe, precision = measured("acmr", "embedding", epochs=10)
    alone, precision_alone = measured("acmr", "embedding", epochs=10, modality_weight=0.0)
    assert probe < alone - 0.05
    assert precision > precision_alone - 0.02


def test_mhtn_mixes_media():
    # A single network, whose discriminator is fast: fc9 heeds it most then. What that does is as
    # large as the noise of a probe on the few rows of the validation part; training has eight times
    # as many.
    fast = {"adversary_bottleneck": 0.0, "adversary_discriminator": 6.0}
    common = {"hidden": "fc9", "probed": "train", "members": 1, "beta_1": 0.5}
    probe, precision = measured("mhtn", modality_weight=1.0, rates=fast, **common)
    alone, precision_alone = measured("mhtn", modality_weight=0.0, **common)
    assert probe < alone - 0.01
    assert precision > precision_alone - 0.02
