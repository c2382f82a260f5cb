"""Four media, two of which many instances lack: MHTN trains on what there is.

Pascal Sentences has pictures and sentences. To it come:

- 3D models of chairs and monitors (ModelNet10): the other 18 classes have none. No model belongs to
  a picture, so that any model of the same class goes with it.
- The features of another network (SqueezeNet) for every second picture only, as if an archive had
  changed its software half way. These belong to their picture.

The 3D models are read from the folder that KERAS_XMR_DATA names; all else comes with the package.

Usage: KERAS_BACKEND=jax python examples/missing_media.py, or with the argument `toy` for seconds on
synthetic data.
"""

import sys
from dataclasses import replace

import keras
import numpy as np

import keras_xmr
from keras_xmr.transforms import FeatureScaler, Preprocessor

EPOCHS = 20
BATCH_SIZE = 64
WIDTH = 256  # The release has 4096; 800 instances do not need as many.
MEMBERS = 5  # Independent networks whose posteriors are averaged; the release has one.
SEED = 0

if sys.argv[1:] == ["toy"]:
    data = keras_xmr.datasets.toy()
    further = keras_xmr.datasets.toy(["squeezenet"]).media
    models = keras_xmr.datasets.toy(["3d"], num_classes=2)
    data = keras_xmr.datasets.add_media(data, models)
    EPOCHS, BATCH_SIZE, WIDTH, MEMBERS = 2, 16, 16, 2
else:
    data = keras_xmr.datasets.load("pascal_sentences_3d")
    further = {"squeezenet": keras_xmr.datasets.pascal_sentences("squeezenet").media["image"]}

# Every second instance, in every part, has the further medium.
half = np.arange(len(further["squeezenet"])) % 2 == 0
data = replace(data, media={**data.media, "squeezenet": further["squeezenet"].rows(half)})
for name, medium in data.media.items():
    print(f"{name}: {len(medium)} items of {len(np.unique(medium.labels))} classes")

scalers = {name: FeatureScaler(standardize=False) for name in ("image", "squeezenet")}
preprocessor = Preprocessor.for_data(data, **scalers)
settings = {
    "members": MEMBERS,
    "pathway_units": (WIDTH,),
    "shared_units": (WIDTH,),
    "shared_initializer": "identity",
    # No adversary: with a medium of two classes alone it would have to hide these classes.
    "modality_weight": 0.0,
    # What follows keeps the network from learning 800 instances by heart.
    "input_normalization": (),
    "dropout": 0.5,
    "input_dropout": {"text": 0.3, "3d": 0.3},
    "label_smoothing": 0.3,
    "readout": "centred_probabilities",
    "seed": SEED,
}
model = keras_xmr.MHTN.for_data(
    data, preprocessor=preprocessor, partial=["3d", "squeezenet"], **settings
)

# The hub, `image`, is what every instance has. By its side is what belongs to it, or to its class.
batches = model.batches(
    data,
    pairing={"text": "instance", "squeezenet": "instance", "3d": "class"},
    batch_size=BATCH_SIZE,
    seed=SEED,
)
schedule = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=EPOCHS * len(batches))
model.compile(keras_xmr.optimizers.AdamW(schedule, weight_decay=1e-2))
model.fit(batches, epochs=EPOCHS, verbose=2)

# The baseline, which needs no pairs: one classifier for each medium.
baseline = keras_xmr.SemanticMatching(3.0, "centred_probabilities", preprocessor).fit(data)

# Queries whose class the gallery has nothing of count nowhere: those that are left are told in the
# column `queries`. The test part is looked at once, at the end.
for name, method in (("MHTN", model), ("semantic matching", baseline)):
    print(f"\n{name}\n{keras_xmr.evaluate(method, data).table()}")
