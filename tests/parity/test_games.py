"""A game between players comes out the same on the three backends."""

import itertools

import numpy as np
import pytest

from tests.parity.game_worker import GAMES
from tests.parity.test_parity import BACKENDS, PAIRS, start

pytestmark = pytest.mark.once

TOLERANCE = 2e-6


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("games")
    for name, (make, _) in GAMES.items():
        weights = enumerate(make().get_weights())
        np.savez(folder / f"{name}.npz", **{f"{i}": weight for i, weight in weights})
    for backend in BACKENDS:
        start(folder, backend, worker="game_worker.py")
    return {backend: dict(np.load(folder / f"{backend}.npz")) for backend in BACKENDS}


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_backends_agree(results, one, other):
    assert results[one].keys() == results[other].keys()
    for name, wanted in results[one].items():
        scale = max(1.0, np.abs(wanted).max())
        distance = np.abs(results[other][name] - wanted).max()
        assert distance <= TOLERANCE * scale, f"{name}: {distance:.2e} of {scale:.2e}"


def test_the_game_went_on(results):
    for found in results.values():
        for losses in (value for name, value in found.items() if name.endswith("losses")):
            assert all(np.abs(a - b).max() > 0.01 for a, b in itertools.pairwise(losses))
