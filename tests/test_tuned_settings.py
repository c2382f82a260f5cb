"""The settings that were tuned on a data set: readable, and about arguments that there are."""

import json
from pathlib import Path

import pytest

from keras_xmr.methods.catalogue import method_class, methods

pytestmark = pytest.mark.once

FOLDER = Path(__file__).parents[1] / "examples" / "paper_tables" / "settings"
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.json"))
# Names of data sets, and what the tables and presets call their variants.
DATA = (
    *("digits", "pascal_sentences", "pascal_sentences_pixels", "pascal_sentences_squeezenet"),
    *("pascal_sentences_encoders", "pascal_sentences_mobilenet", "pascal_sentences_trunk"),
    "wikipedia",
)


def test_every_method_has_settings_of_two_data_sets():
    for data in ("pascal_sentences", "wikipedia"):
        # The features of neither set lie in one space.
        names = {name for name, about in methods().items() if not about.one_space}
        assert {Path(file).stem for file in FILES if Path(file).parent.name == data} == names


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_of_its_method_and_says_how_it_was_chosen(file):
    data, name = file.removesuffix(".json").split("/")
    kind = method_class(name)
    settings = type(kind.defaults).read(FOLDER / file)
    assert data in DATA
    assert set(settings.arguments) <= set(kind.settable())
    assert settings.chosen.endswith(".")
    # It has nothing that is usual anyway, so that a difference of files is one of settings.
    assert json.loads(json.dumps(settings.to_dict())) == json.loads((FOLDER / file).read_text())
