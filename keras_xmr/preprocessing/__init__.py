"""Raw pictures and texts -> arrays; fitted on training data, saved with the model."""

from keras_xmr.preprocessing.features import FeatureScaler
from keras_xmr.preprocessing.images import load_picture
from keras_xmr.preprocessing.preprocessor import Preprocessor
from keras_xmr.preprocessing.texts import TextVectorizer, count_words, tokenize

__all__ = [
    "FeatureScaler",
    "Preprocessor",
    "TextVectorizer",
    "count_words",
    "load_picture",
    "tokenize",
]
