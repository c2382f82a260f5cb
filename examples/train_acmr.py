"""Train ACMR on Pascal Sentences, step by step.

Runs on a fresh machine: the data set comes with the package as features.

Usage: KERAS_BACKEND=jax python examples/train_acmr.py, or with the argument `toy` for seconds on
synthetic data.
"""

import sys

import keras

import keras_xmr
from keras_xmr.transforms import FeatureScaler, Preprocessor

EPOCHS = 20
BATCH_SIZE = 64
HIDDEN = 512  # The paper has 2000 for pictures and 500 for texts.
COMMON = 200
# The paper has 5 steps and 1. With as few pairs more steps of projectors only overfit sooner, and
# more of the discriminator are what keeps it ahead of them: else media end up farther apart.
PROJECTOR_STEPS, DISCRIMINATOR_STEPS = 1, 10
WEIGHT_DECAY = 2.0  # Decoupled, so that it goes with a learning rate of 1e-3.
MOMENTUM = 0.5
SEED = 0

if sys.argv[1:] == ["toy"]:
    data = keras_xmr.datasets.toy()
    EPOCHS, BATCH_SIZE, HIDDEN, COMMON = 2, 16, 16, 8
else:
    data = keras_xmr.datasets.pascal_sentences()

# The baseline that any supervised method has to beat, with penalties tuned on validation.
baseline = keras_xmr.SemanticMatching.train(data, C={"image": 10.0, "text": 3.0})

# The preprocessing is fitted on the training part and becomes a part of the model.
model = keras_xmr.ACMR.for_data(
    data,
    preprocessor=Preprocessor.for_data(data, image=FeatureScaler(standardize=False)),
    hidden_units={"image": (HIDDEN,), "text": (HIDDEN,)},
    common_dim=COMMON,
    projector_steps=PROJECTOR_STEPS,
    discriminator_steps=DISCRIMINATOR_STEPS,
    # At their weights of 1 the triplets and the adversary hold classification back.
    invariance_weight=0.1,
    modality_weight=0.01,
    # What follows keeps a large network from learning 800 pairs by heart.
    dropout=0.5,
    input_dropout={"text": 0.3},
    label_smoothing=0.3,
    readout="embedding",
    seed=SEED,
)
batches = model.batches(data, batch_size=BATCH_SIZE, seed=SEED)

# ACMR is a game of two players, and each has an optimizer. Schedules count the updates of their
# player. The discriminator stays fast to the end.
updates = EPOCHS * len(batches) * PROJECTOR_STEPS
falling = keras.optimizers.schedules.CosineDecay
model.compile(
    {
        "projectors": keras_xmr.optimizers.AdamW(
            falling(1e-3, decay_steps=updates), weight_decay=WEIGHT_DECAY, beta_1=MOMENTUM
        ),
        "discriminator": keras.optimizers.Adam(3e-3, beta_1=MOMENTUM),
    }
)
model.fit(batches, epochs=EPOCHS, verbose=2, callbacks=[keras_xmr.RetrievalMAP(data)])

# The paper ranks by the embedding. The same network's label predictor gives posteriors, too.
posteriors = model.copy_with(readout="centred_probabilities")

# The test part is looked at once, at the end.
for name, method in (
    ("ACMR, embedding", model),
    ("ACMR, centred posteriors", posteriors),
    ("semantic matching", baseline),
):
    print(f"\n{name}\n{keras_xmr.evaluate(method, data).table()}")
