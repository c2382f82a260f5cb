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
from keras_xmr.preprocessing.word_ids import WordIds
from keras_xmr.preprocessing.word_vectors import given_word_vectors, train_word_vectors

__all__ = [
    "AudioVectorizer",
    "FeatureScaler",
    "PictureLoader",
    "PictureRows",
    "PixelVectorizer",
    "Preprocessor",
    "TextRows",
    "TextVectorizer",
    "WordIds",
    "count_words",
    "extract_features",
    "given_word_vectors",
    "load_picture",
    "tokenize",
    "train_word_vectors",
]
