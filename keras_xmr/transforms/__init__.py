"""From raw items to rows: fitted on training data, saved with the model.

Vectorizers of texts, sounds and small pictures, scalers of features, and encoders: models that look
at pictures or texts and are not trained any further. They chain, and join side by side.
"""

from keras_xmr.transforms.audio_vectorizer import AudioVectorizer
from keras_xmr.transforms.chain import Chain
from keras_xmr.transforms.encoder import Encoder
from keras_xmr.transforms.extraction import extract_features
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.transforms.images import load_picture
from keras_xmr.transforms.join import Join
from keras_xmr.transforms.pictures import PictureLoader, PictureRows
from keras_xmr.transforms.pixel_vectorizer import PixelVectorizer
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.transforms.text_rows import TextRows
from keras_xmr.transforms.text_vectorizer import TextVectorizer
from keras_xmr.transforms.tokens import count_words, tokenize
from keras_xmr.transforms.transform import Transform
from keras_xmr.transforms.word_ids import WordIds
from keras_xmr.transforms.word_vectors import given_word_vectors, train_word_vectors

__all__ = [
    "AudioVectorizer",
    "Chain",
    "Encoder",
    "FeatureScaler",
    "Join",
    "PictureLoader",
    "PictureRows",
    "PixelVectorizer",
    "Preprocessor",
    "TextRows",
    "TextVectorizer",
    "Transform",
    "WordIds",
    "count_words",
    "extract_features",
    "given_word_vectors",
    "load_picture",
    "tokenize",
    "train_word_vectors",
]
