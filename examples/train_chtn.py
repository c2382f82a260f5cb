"""Train CHTN on Pascal Sentences with Caltech-101 as source domain, step by step.

Runs on a fresh machine: both data sets come with the package as features.

Usage: KERAS_BACKEND=jax python examples/train_chtn.py, or with the argument `toy` for seconds on
synthetic data.
"""

import sys

import keras

import keras_xmr

EPOCHS = 20
BATCH_SIZE = 64
MEMBERS = 5  # Independent networks whose posteriors are averaged; the paper has one.
WIDTH = 512  # The paper has 4096; 800 pairs do not need as many.
SEED = 0

if sys.argv[1:] == ["toy"]:
    data = keras_xmr.datasets.toy()
    source = keras_xmr.datasets.toy(["image"], num_classes=6)
    EPOCHS, BATCH_SIZE, MEMBERS, WIDTH = 2, 16, 2, 16
else:
    data = keras_xmr.datasets.pascal_sentences()
    source = keras_xmr.datasets.caltech101()

# The baseline that any supervised method has to beat, with penalties tuned on validation.
baseline = keras_xmr.SemanticMatching.train(data, C={"image": 10.0, "text": 3.0})

# The preprocessing is fitted on the training part and becomes a part of the model.
model = keras_xmr.CHTN.for_data(
    data,
    source,
    members=MEMBERS,
    pathway_units=(WIDTH, WIDTH),
    shared_units=(WIDTH, WIDTH),
    # What follows keeps a large network from learning 800 pairs by heart.
    shared_initializer="identity",
    input_normalization=(),
    dropout=0.5,
    input_dropout={"text": 0.3},
    label_smoothing=0.3,
    # Posteriors less 1 / classes: smoothed ones are flat, and their cosines would all be near 1.
    readout="centred_probabilities",
    seed=SEED,
)
batches = model.batches(data, source, batch_size=BATCH_SIZE, seed=SEED)
schedule = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=EPOCHS * len(batches))
model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-2))
model.fit(
    batches,
    epochs=EPOCHS,
    verbose=2,
    callbacks=[
        # Adds `val_map` to the logs, which the next callback watches.
        keras_xmr.RetrievalMAP(data),
        keras.callbacks.EarlyStopping(
            "val_map", mode="max", patience=10, restore_best_weights=True
        ),
    ],
)

# The test part is looked at once, at the end.
for name, method in (("CHTN", model), ("semantic matching", baseline)):
    print(f"\n{name}\n{keras_xmr.evaluate(method, data).table()}")
