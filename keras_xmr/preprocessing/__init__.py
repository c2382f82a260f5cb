"""Raw pictures, texts and sounds -> arrays; fitted on training data, saved with the model."""

from keras_xmr.preprocessing.audio import AudioVectorizer
from keras_xmr.preprocessing.extraction import extract_features
from keras_xmr.preprocessing.features import FeatureScaler
from keras_xmr.preprocessing.images import load_picture
from keras_xmr.preprocessing.pictures import PictureLoader, PictureRows
from keras_xmr.preprocessing.pixels import PixelVectorizer
from keras_xmr.preprocessing.preprocessor import Preprocessor
from keras_xmr.preprocessing.text_rows import TextRows
from keras_xmr.preprocessing.texts import TextVectorizer, count_words, tokenize

__all__ = [
    "AudioVectorizer",
    "FeatureScaler",
    "PictureLoader",
    "PictureRows",
    "PixelVectorizer",
    "Preprocessor",
    "TextRows",
    "TextVectorizer",
    "count_words",
    "extract_features",
    "load_picture",
    "tokenize",
]
