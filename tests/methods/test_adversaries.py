"""On real data the adversary makes media harder to tell apart, at no loss of precision."""

import numpy as np
import pytest

from keras_xmr import datasets, evaluate, modality_probe, train

# The game itself is tested on every backend, on small data.
pytestmark = pytest.mark.once


def measured(method, hidden, seed=0, **arguments):
    """Probe of the layer that the adversary sees, and MAP, on the validation part of a split."""
    data = datasets.pascal_sentences(split_seed=seed)
    trained = train(data, method, progress=False, **arguments)
    probe = modality_probe(trained.copy_with(readout=hidden), data, split="validation")
    return np.array([probe, evaluate(trained, data, split="validation").map])


def test_acmr_mixes_media():
    # Half of the epochs show it as well.
    probe, precision = measured("acmr", "embedding", epochs=10)
    alone, precision_alone = measured("acmr", "embedding", epochs=10, modality_weight=0.0)
    assert probe < alone - 0.05
    assert precision > precision_alone - 0.02


def test_mhtn_mixes_media():
    # A single network, whose discriminator is fast: fc9 heeds it most then.
    fast = {"adversary_bottleneck": 0.0, "adversary_discriminator": 6.0}
    common = {"hidden": "fc9", "seed": 2, "members": 1, "beta_1": 0.5}
    probe, precision = measured("mhtn", modality_weight=1.0, rates=fast, **common)
    alone, precision_alone = measured("mhtn", modality_weight=0.0, **common)
    assert probe < alone - 0.02
    assert precision > precision_alone - 0.02
