"""Make the feature packs that come with the package, from the raw data.

Needs KERAS_XMR_DATA with `pascal_sentences/`, `caltech101/` and, in `backbones/`, the ImageNet
weights of MobileNetV2. A pack holds features in float16, word counts, labels and ids: no picture,
no sentence.

Usage: KERAS_XMR_DATA=... python examples/make_feature_packs.py
"""

import hashlib

import keras
import numpy as np
from rich.progress import track

from keras_xmr.datasets import caltech101, pascal_sentences
from keras_xmr.datasets.feature_pack import PACKS
from keras_xmr.datasets.locate import find
from keras_xmr.datasets.word_counts import to_arrays
from keras_xmr.preprocessing import count_words, load_picture

BATCH = 50
WEIGHTS = "backbones/mobilenet_v2_1.0_224_from_tf2_ptq.weights.h5"
WEIGHTS_PAGE = "keras.io/api/applications/mobilenet"


def mobilenet_v2() -> tuple[keras.Model, str]:
    """The network up to its average pooling, and a line that says which network it is."""
    path = find(WEIGHTS, home_page=WEIGHTS_PAGE)
    network = keras.applications.MobileNetV2(weights=None, classes=1000)
    network.load_weights(path)
    trunk = keras.Model(network.input, network.layers[-2].output)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return trunk, (
        "MobileNetV2 1.0, average-pooled, 1280-d; 256x256, centre crop 224, x/127.5-1; "
        f"weights sha256:{digest[:16]}"
    )


def features(trunk: keras.Model, files) -> np.ndarray:
    """Features `(n, d)` of picture files, float16."""
    blocks = []
    for start in track(range(0, len(files), BATCH), description="pictures"):
        pixels = np.stack([load_picture(file) for file in files[start : start + BATCH]])
        blocks.append(trunk.predict_on_batch(pixels.astype(np.float32) / 127.5 - 1))
    return np.concatenate(blocks).astype(np.float16)


def write(name, medium, class_names, rows, extractor, **extra) -> None:
    """Write one pack."""
    PACKS.mkdir(exist_ok=True)
    np.savez_compressed(
        PACKS / f"{name}.npz",
        features_mobilenet_v2=rows,
        extractor_mobilenet_v2=np.array(extractor),
        labels=medium.labels.astype(np.uint8),
        ids=medium.ids,
        class_names=np.array(class_names),
        **extra,
    )
    print(f"{name}: {(PACKS / f'{name}.npz').stat().st_size / 1e6:.2f} MB")


def main() -> None:
    trunk, extractor = mobilenet_v2()
    for data in (pascal_sentences(features=None), caltech101(features=None)):
        pictures = data.media["image"]
        rows = features(trunk, pictures.items)
        texts = data.media.get("text")
        words = {} if texts is None else to_arrays(count_words(texts.items))
        write(data.name, pictures, data.class_names, rows, extractor, **words)


if __name__ == "__main__":
    main()
