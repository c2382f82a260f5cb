"""Make the feature packs that come with the package, from the raw data.

Needs KERAS_XMR_DATA with `pascal_sentences/`, `caltech101/` and, in `backbones/`, the ImageNet
weights of MobileNetV2 and SqueezeNet. A pack holds features in float16, word counts, labels and
ids: no picture, no sentence.

Usage: KERAS_XMR_DATA=... python examples/make_feature_packs.py
"""

import numpy as np

from keras_xmr.datasets import caltech101, pascal_sentences
from keras_xmr.datasets.feature_pack import PACKS
from keras_xmr.datasets.word_counts import to_arrays
from keras_xmr.transforms import count_words, extract_features
from keras_xmr.trunks import load_trunk

TRUNKS = {
    "mobilenet_v2": "MobileNetV2 1.0, average-pooled, 1280-d",
    "squeezenet": "SqueezeNet v1.0, average-pooled fire9, 512-d",
}


def write(data) -> None:
    """Write the pack of one data set."""
    medium = data.media["image"]
    texts = data.media.get("text")
    arrays = {} if texts is None else to_arrays(count_words(texts.items))
    for name, description in TRUNKS.items():
        extracted = extract_features(data, load_trunk(name))
        arrays[f"features_{name}"] = extracted.media["image"].items.astype(np.float16)
        _, loaded = extracted.provenance.features.split("; ", 1)
        fingerprint = extracted.provenance.features.split("sha256:")[1][:16]
        arrays[f"extractor_{name}"] = np.array(f"{description}; {loaded}; sha256:{fingerprint}")
    PACKS.mkdir(exist_ok=True)
    path = PACKS / f"{data.name}.npz"
    np.savez_compressed(
        path,
        labels=medium.labels.astype(np.uint8),
        ids=medium.ids,
        class_names=np.array(data.class_names),
        **arrays,
    )
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    for data in (pascal_sentences(features=None), caltech101(features=None)):
        write(data)


if __name__ == "__main__":
    main()
