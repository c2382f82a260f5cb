"""A trained MHTN of handwritten and written digits learns spoken ones; all it knew stays as it was.

What was encoded and indexed before need not be encoded again: pictures and texts have the same
representations as before, to the last bit, and sounds come to them.

The digits are read from the folder that KERAS_XMR_DATA names; their recordings need the extra
`audio`.

Usage: KERAS_BACKEND=jax python examples/add_medium.py, or with the argument `toy` for seconds on
synthetic data.
"""

import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

import keras_xmr
from keras_xmr.methods.settings import TrainingSettings

EPOCHS = 15
BATCH_SIZE = 64
SEED = 0

if sys.argv[1:] == ["toy"]:
    data = keras_xmr.datasets.toy(["image", "text", "audio"])
    EPOCHS, BATCH_SIZE = 2, 16
    options = {"batch_size": BATCH_SIZE, "pathway_units": (16,), "shared_units": (16,)}
    options |= {"members": 1, "bottleneck_units": 8, "discriminator_units": (8,)}
else:
    data = keras_xmr.datasets.digits()
    # What was tuned on the digits: see the file.
    tuned = Path(__file__).parent / "paper_tables/settings/digits/mhtn.json"
    options = {"settings": TrainingSettings.read(tuned)}

# Pictures and texts alone.
known = replace(data, media={name: data.media[name] for name in ("image", "text")})
model = keras_xmr.MHTN.train(known, pairing="class", epochs=EPOCHS, seed=SEED, **options)
before = {name: model.encode(known, name) for name in known.media}

# Sounds, with pictures to be drawn to. Texts are not even needed.
sounds = replace(data, media={name: data.media[name] for name in ("image", "audio")})
wider = model.with_medium("audio", sounds)
frozen = [layer.name for layer in wider.layers if layer.weights and not layer.trainable]
print(f"frozen: {', '.join(frozen)}")

batches = wider.batches(sounds, pairing="class", batch_size=BATCH_SIZE, seed=SEED)
schedule = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=EPOCHS * len(batches))
wider.compile(keras_xmr.optimizers.AdamW(schedule, weight_decay=1.0))
wider.fit(batches, epochs=EPOCHS, verbose=2)

for name, encoded in before.items():
    # A readout may have a column for each medium; that of sounds is zero in all others.
    now, added = np.split(wider.encode(known, name), [encoded.shape[1]], axis=1)
    same = np.array_equal(encoded, now) and not added.any()
    print(f"{name}: encoded {'as before, to the last bit' if same else 'otherwise'}")

# The test part is looked at once, at the end.
print(keras_xmr.evaluate(wider, data).table())
sounds = data.part("test").media["audio"]
index = keras_xmr.ExactIndex().add(wider.encode(sounds.items, "audio"), sounds.ids)
text = data.part("test").media["text"].items[0]
found = index.search(wider.encode([text], "text"), k=5).ids[0]
print(f"sounds that go with {text!r}: {', '.join(found)}")
