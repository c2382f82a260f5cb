"""`SentenceModel`: rows as those of the library, and what is refused."""

import io
import pickle
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from keras_xmr.encoders import SentenceModel
from keras_xmr.encoders.sentence_transformer import VARIABLE
from keras_xmr.transforms import Encoder
from tests.encoders.models import WIDTH, clip_folder, config_of, minilm
from tests.methods.pictures import coloured

pytest.importorskip("sentence_transformers")
pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
TEXTS = ["a dog on a beach", "two planes", "A dog on a beach, and a second sentence of it.", ""]


@pytest.fixture(scope="module")
def library():
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(minilm()))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return clip_folder(tmp_path_factory.mktemp("clip"))


def test_rows_are_those_of_the_library(library):
    encoder = Encoder(str(minilm()), cache=None)
    assert (encoder.reads, encoder.dim) == ("text", 384)
    np.testing.assert_allclose(encoder(TEXTS), library.encode(TEXTS), atol=1e-5)
    assert encoder([]).shape == (0, 384)


def test_a_name_a_folder_and_an_object_are_one_model(library):
    of_folder, of_object = SentenceModel(minilm()), SentenceModel(library)
    before = of_object.fingerprint
    # Calls leave marks in a tokenizer.
    of_object.rows(TEXTS, "text")
    assert SentenceModel(library).measured() == before == of_folder.fingerprint
    assert of_object.name == of_folder.name == str(minilm())


def test_a_name_is_looked_for_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (tmp_path / "mine").symlink_to(minilm(), target_is_directory=True)
    found = SentenceModel("mine")
    assert (found.name, found.fingerprint) == ("mine", SentenceModel(minilm()).fingerprint)


def test_a_preset_names_it_and_it_is_loaded_when_used():
    encoder = Encoder(minilm(), cache=None)
    again = Encoder.from_config(config_of(encoder))
    assert "model" not in vars(again.engine)
    assert (again.dim, again.reads, again.fingerprint) == (384, "text", encoder.fingerprint)
    assert again.get_config() == encoder.get_config()
    again.cache = None
    np.testing.assert_allclose(again(TEXTS[:2]), encoder(TEXTS[:2]), atol=1e-6)
    assert encoder.save_files(minilm()) == []


def test_another_process_loads_it_again():
    encoder = Encoder(minilm(), cache=None)
    encoder(TEXTS[:1])
    sent = pickle.dumps(encoder)
    assert len(sent) < 2000
    np.testing.assert_allclose(pickle.loads(sent)(TEXTS), encoder(TEXTS), atol=1e-6)


def test_another_model_in_its_place_is_refused(clip, tmp_path):
    folder = shutil.copytree(clip, tmp_path / "model")
    config = config_of(Encoder(folder, reads="text"))
    shutil.rmtree(folder)
    clip_folder(folder, seed=1)
    with pytest.raises(ValueError, match=r"must have the fingerprint .*Received: .*changed"):
        Encoder.from_config(config)(["a dog"])


def test_clip_reads_both(clip):
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(clip))
    with pytest.raises(ValueError, match=r"takes pictures and texts\. .*reads='image'"):
        Encoder(str(clip))
    texts = Encoder(str(clip), reads="text", cache=None)
    pictures = Encoder(texts.engine, reads="image", cache=None)
    assert texts.dim == pictures.dim == WIDTH
    np.testing.assert_allclose(texts(["a dog", "cat"]), library.encode(["a dog", "cat"]), atol=1e-5)
    files = list(coloured().media["image"].items[:3])
    opened = [Image.open(io.BytesIO(one)).convert("RGB") for one in files]
    np.testing.assert_allclose(pictures(files), library.encode(opened), atol=1e-5)


def test_a_text_that_looks_like_a_file_is_a_text(clip):
    encoder = Encoder(str(clip), reads="text", cache=None)
    assert encoder(["dog.jpg", "https://example.org/dog.png"]).shape == (2, WIDTH)


def test_offline_and_not_there_the_error_says_what_to_bring(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match=r"(?s)An encoder is a trunk .*no-such-model.*into a folder"):
        Encoder("no-such-model")


def test_a_pickle_is_refused(clip, tmp_path):
    folder = shutil.copytree(clip, tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"safetensors alone.*pytorch_model\.bin"):
        Encoder(str(folder), reads="text")


def test_without_its_library_the_error_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ImportError, match=r'pip install "keras-xmr\[encoders\]"') as caught:
        Encoder("all-MiniLM-L6-v2")
    assert "\n" not in str(caught.value)


def test_one_made_in_memory_cannot_be_saved(clip, tmp_path):
    from sentence_transformers import SentenceTransformer

    library = SentenceTransformer(str(clip))
    library.transformers_model.name_or_path = ""
    encoder = Encoder(library, reads="text")
    with pytest.raises(ValueError, match=r"made in memory\. Save it with its own `save_pre"):
        encoder.save_files(tmp_path)
