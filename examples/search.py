"""Search pictures with a sentence, in three lines to the result.

Usage: python examples/search.py "two dogs on a beach"
"""

import sys

import keras_xmr

QUERY = sys.argv[1] if len(sys.argv) > 1 else "two dogs on a beach"

# A trained model, with the preprocessing that belongs to it.
model = keras_xmr.CHTN.from_preset("pascal")

# The items to search: here the pictures that come with the package, as features.
pictures = keras_xmr.datasets.pascal_sentences().media["image"]
index = keras_xmr.ExactIndex().add(model.encode_image(pictures.items), pictures.ids)

ranking = index.search(model.encode_text([QUERY]), k=10)
for name, score in zip(ranking.ids[0], ranking.scores[0], strict=True):
    print(f"{score:.4f}  {name}")
