"""Raw pictures, texts and sounds -> arrays; fitted on training data, saved with the model."""

from keras_xmr.transforms.audio_vectorizer import AudioVectorizer
from keras_xmr.transforms.extraction import extract_features
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.transforms.images import load_picture
from keras_xmr.transforms.pictures import PictureLoader, PictureRows
from keras_xmr.transforms.pixel_vectorizer import PixelVectorizer
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.transforms.text_rows import TextRows
from keras_xmr.transforms.text_vectorizer import TextVectorizer, count_words, tokenize
from keras_xmr.transforms.word_ids import WordIds
from keras_xmr.transforms.word_vectors import given_word_vectors, train_word_vectors

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
