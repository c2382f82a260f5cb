"""Train UGACH on Pascal Sentences, step by step: binary codes, learnt without labels.

Runs on a fresh machine: the data set comes with the package as features.

Usage: KERAS_BACKEND=jax python examples/train_ugach.py, or with the argument `toy` for seconds on
synthetic data.
"""

import sys

import keras

import keras_xmr
from keras_xmr.transforms import FeatureScaler, Preprocessor

PRETRAINING, EPOCHS = 30, 30
BATCH_SIZE = 100
BITS = 64
HIDDEN = 512  # The authors have 8192, for 15,000 pairs.
COMPONENTS = 64  # Canonical components of the pairs, without labels, that networks and graph see.
LENGTH = 24.0  # Of an instance's components: the root of their mean square sum.
NEIGHBORS = 20  # Matches of an instance; the authors have 5 nearest in each medium.
NEAR = 60  # So many may be matches that the graph has missed: they are no candidates.
POOL = 200
MARGIN = 0.25  # Of BITS: matches are to be nearer than candidates by so much, in squared distance.
TEMPERATURE = 0.25  # Likewise. Nearer to 0 the generator picks pairs that do belong together.
DROPOUT = 0.3
SEED = 0

if sys.argv[1:] == ["toy"]:
    data = keras_xmr.datasets.toy()
    PRETRAINING, EPOCHS, BATCH_SIZE = 2, 2, 16
    BITS, HIDDEN, COMPONENTS, NEIGHBORS, NEAR, POOL = 16, 16, 4, 3, 6, 20
else:
    data = keras_xmr.datasets.pascal_sentences()


def optimizer(rate, epochs, batches):
    """AdamW whose rate falls to zero."""
    falling = keras.optimizers.schedules.CosineDecay(rate, decay_steps=epochs * len(batches))
    return keras_xmr.optimizers.AdamW(falling, weight_decay=1.0, undecayed="bias")


# First the discriminator alone: it learns to tell matches from candidates that are drawn at random.
# What counts as a match is in a graph of nearest neighbours, which `batches` makes of features.
discriminator = keras_xmr.UGACH.for_data(
    data,
    preprocessor=Preprocessor.for_data(data, image=FeatureScaler(standardize=False)),
    bits=BITS,
    hidden_units=HIDDEN,
    components=COMPONENTS,
    length=LENGTH,
    dropout=DROPOUT,
    neighbors=NEIGHBORS,
    near=NEAR,
    pool_size=POOL,
    margin=MARGIN * BITS,
    temperature=TEMPERATURE * BITS,
    generator_steps=0,
    seed=SEED,
)
batches = discriminator.batches(data, batch_size=BATCH_SIZE, seed=SEED)
discriminator.compile(optimizer(3e-3, PRETRAINING, batches))
discriminator.fit(batches, epochs=PRETRAINING, verbose=2)

# Then the game: a generator, which starts as a copy, picks candidates that are hard to tell from
# matches. Each player has an optimizer.
model = discriminator.with_generator()
model.compile(
    {
        "discriminator": optimizer(3e-3, EPOCHS, batches),
        "generator": optimizer(3e-4, EPOCHS, batches),
    }
)
model.fit(batches, epochs=EPOCHS, verbose=2)

# The test part is looked at once, at the end. Its labels are the first that are looked at.
for name, method in (("UGACH", model), ("its discriminator before the game", discriminator)):
    print(f"\n{name}\n{keras_xmr.evaluate(method, data).table()}")

# Codes are packed: a byte for eight bits. A query need not be: the numbers whose signs are its bits
# tell more than these, and the gallery is as small as before.
test = data.part("test")
codes = model.encode_text(test)
queries = model.encode(test, "image", as_bits=False)
index = keras_xmr.HammingIndex().add(codes, test.medium("text").ids)
print(f"\n{len(codes)} texts in {codes.nbytes} bytes. Nearest to the first pictures:")
print(index.search(queries[:3], k=3).ids)
