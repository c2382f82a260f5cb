"""MHTN of three real media that nobody paired: pictures, recordings and words of the ten digits."""

from pathlib import Path

import pytest

from keras_xmr import MHTN, datasets, evaluate
from keras_xmr.methods.settings import TrainingSettings

pytestmark = [pytest.mark.data, pytest.mark.once]

# A ranking at random has a tenth. After five epochs the average over directions is about 0.7.
LEAST = 0.5
TABLES = Path(__file__).parents[2] / "examples" / "paper_tables"
SETTINGS = TABLES / "settings" / "digits" / "mhtn.json"


# A few names of digits share nothing with those in training.
@pytest.mark.filterwarnings("ignore::keras_xmr.BlankItemsWarning")
def test_all_six_directions_are_learned_by_class():
    data = datasets.digits()
    settings = TrainingSettings.read(SETTINGS)
    assert settings.pairing == "class"
    report = evaluate(MHTN.train(data, settings=settings, epochs=5), data, split="test")
    found = {direction.name: direction.metrics["MAP@all"] for direction in report.directions}
    assert found.keys() == {
        f"{query}->{gallery}" for query in data.media for gallery in data.media if query != gallery
    }
    assert len(found) == 6
    assert min(found.values()) > LEAST, found
