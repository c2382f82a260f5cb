"""`KerasHubModel`: CLIP, backbones of pictures and of texts, and presets of them."""

import io
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_xmr.encoders import KerasHubModel
from keras_xmr.transforms import Encoder
from tests.encoders.models import SIZE, WIDTH, config_of, hub_clip
from tests.methods.pictures import coloured

keras_hub = pytest.importorskip("keras_hub")
pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore")]
FILES = list(coloured().media["image"].items[:3])


@pytest.fixture(scope="module")
def clip():
    return hub_clip()


def pixels():
    return np.stack([np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in FILES])


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_clip_reads_both(clip):
    backbone, preprocessor = clip
    engine = KerasHubModel(backbone, preprocessor)
    assert engine.reads == ("image", "text")
    found = Encoder(engine, reads="image", cache=None)(FILES)
    wanted = backbone.get_vision_embeddings(preprocessor.image_converter(pixels()))
    np.testing.assert_allclose(found, numbers(wanted), atol=1e-5)
    texts = ["a dog", "two cats"]
    found = Encoder(engine, reads="text", cache=None)(texts)
    tokens = preprocessor({"prompts": texts, "images": None})["token_ids"]
    np.testing.assert_allclose(found, numbers(backbone.get_text_embeddings(tokens)), atol=1e-5)
    assert engine.dim == WIDTH


def test_a_backbone_of_pictures_is_pooled(tmp_path):
    backbone = keras_hub.models.VGGBackbone(
        stackwise_num_repeats=[1], stackwise_num_filters=[4], image_shape=(SIZE, SIZE, 3)
    )
    backbone.save_to_preset(tmp_path)
    converter = keras_hub.layers.VGGImageConverter(image_size=(SIZE, SIZE), scale=1 / 255)
    converter.save_to_preset(tmp_path)
    encoder = Encoder(f"keras_hub:{tmp_path}", cache=None)
    assert (encoder.reads, encoder.dim) == ("image", 4)
    wanted = numbers(backbone(converter(pixels()))).mean(axis=(1, 2))
    np.testing.assert_allclose(encoder(FILES), wanted, atol=1e-5)
    again = Encoder.from_config(config_of(encoder))
    assert "backbone" not in vars(again.engine)
    again.cache = None
    np.testing.assert_allclose(again(FILES), wanted, atol=1e-5)


def test_padding_does_not_count_in_a_backbone_of_texts():
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=8, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
    )

    def preprocess(texts):
        ids = np.array([[1, *(len(word) for word in text.split()), 2] for text in texts])
        ids = np.pad(ids, ((0, 0), (0, 3)))
        return {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": ids > 0}

    preprocess.get_config = dict
    engine = KerasHubModel(backbone, preprocess)
    assert engine.reads == ("text",)
    given = preprocess(["a dog", "two cats"])
    cut = {name: array[:, :4] for name, array in given.items()}
    wanted = numbers(backbone(cut)["sequence_output"]).mean(axis=1)
    np.testing.assert_allclose(engine.rows(["a dog", "two cats"], "text"), wanted, atol=1e-5)


def test_one_in_memory_cannot_be_saved_and_a_preset_must_be_there(clip, tmp_path, monkeypatch):
    encoder = Encoder(KerasHubModel(*clip), reads="text")
    with pytest.raises(ValueError, match=r"made in memory\. Save it with its own `save_to_pre"):
        encoder.save_files(tmp_path)
    with pytest.raises(OSError, match=r"(?s)folder that has config\.json.*nowhere.*bring"):
        Encoder("keras_hub:./nowhere")
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r'pip install "keras-xmr\[hub\]"'):
        Encoder("keras_hub:clip_vit_base_patch32")
