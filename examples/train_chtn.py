"""Train CHTN on Pascal Sentences with Caltech-101 as source domain, step by step.

Runs on a fresh machine: both data sets come with the package as features.

Usage: python examples/train_chtn.py, or with the argument `toy` for seconds on synthetic data.
"""

import sys

import keras

import keras_xmr

# The settings of the `pascal` preset are in keras_xmr/training/recipes.py; these are simpler ones.
EPOCHS = 20
BATCH_SIZE = 64
WIDTH = 512  # The paper has 4096; 800 pairs do not need as many.
SEED = 0

if sys.argv[1:] == ["toy"]:
    data = keras_xmr.datasets.toy()
    source = keras_xmr.datasets.toy(["image"], num_classes=6)
    EPOCHS, BATCH_SIZE, WIDTH = 2, 16, 16
else:
    data = keras_xmr.datasets.pascal_sentences()
    source = keras_xmr.datasets.caltech101()

# The baseline that any supervised method has to beat.
baseline = keras_xmr.SemanticMatching().fit(data)

# The preprocessing is fitted on the training part and becomes a part of the model.
model = keras_xmr.CHTN.for_data(
    data,
    source,
    pathway_units=(WIDTH, WIDTH),
    shared_units=(WIDTH, WIDTH),
    dropout=0.5,
    seed=SEED,
)
model.compile(keras.optimizers.AdamW(1e-3, weight_decay=1e-2))
model.fit(
    model.batches(data, source, batch_size=BATCH_SIZE, seed=SEED),
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
