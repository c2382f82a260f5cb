"""The frozen encoders of pictures and sentences that tables and the preset from pixels share."""

from keras_xmr.datasets.locate import find
from keras_xmr.transforms import Encoder, PictureLoader

SENTENCES = "all-MiniLM-L6-v2"
NETWORK = "backbones/efficientnet_lite2_384.onnx"
SIZE = 384


def encoders(words_alone=False):
    """Medium to its encoders, as `keras_xmr.train` takes them."""
    path = find(NETWORK, home_page="github.com/tensorflow/tpu")
    # The whole picture, not its centre.
    pictures = Encoder(str(path), PictureLoader(SIZE, SIZE), views="mirror")
    sentences = Encoder(SENTENCES, views="sentences")
    return {"image": pictures, "text": "tfidf" if words_alone else ["tfidf", sentences]}
