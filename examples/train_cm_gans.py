"""Train CM-GANs on Pascal Sentences, step by step.

Runs on a fresh machine: the data set comes with the package as features.

Usage: KERAS_BACKEND=jax python examples/train_cm_gans.py, or with the argument `toy` for seconds on
synthetic data, whose texts are then read word by word.
"""

import sys

import keras

import keras_xmr
from keras_xmr.transforms import FeatureScaler, Preprocessor, WordIds, train_word_vectors

EPOCHS = 20
BATCH_SIZE = 64
WIDTH = 512  # Of encoders, code and decoders. The paper has 1024.
GENERATOR_STEPS = 1  # The paper has 5; with as few pairs more of them only overfit sooner.
WEIGHT_DECAY = 1.0  # Decoupled, so that it goes with a learning rate of 1e-3.
SEED = 0

toy = sys.argv[1:] == ["toy"]
if toy:
    data = keras_xmr.datasets.toy()
    EPOCHS, BATCH_SIZE, WIDTH = 2, 16, 16
else:
    data = keras_xmr.datasets.pascal_sentences()

# The baseline that any supervised method has to beat, with penalties tuned on validation.
baseline = keras_xmr.SemanticMatching.train(data, C={"image": 10.0, "text": 3.0})

# The preprocessing is fitted on the training part and becomes a part of the model. Word counts are
# what the package has of the texts of Pascal Sentences; with the texts themselves a convolutional
# network over word vectors can read them, and is trained within the game.
transforms, trunks = {"image": FeatureScaler(standardize=False)}, {}
if toy:
    texts = data.part("train").media["text"].items
    transforms["text"] = WordIds().fit(texts)
    vectors = train_word_vectors(texts, transforms["text"].words, dim=16)
    trunks["text"] = keras_xmr.trunks.text_cnn(transforms["text"], vectors, maps=8, seed=SEED)

model = keras_xmr.CMGANs.for_data(
    data,
    preprocessor=Preprocessor.for_data(data, **transforms),
    trunks=trunks,
    hidden_units=WIDTH,
    common_dim=WIDTH,
    decoder_units=WIDTH,
    discriminator_units=WIDTH // 2,
    generator_steps=GENERATOR_STEPS,
    # At weights of 1 discriminators of both kinds hold classification back.
    inter_weight=0.1,
    intra_weight=0.1,
    # What follows keeps a large network from learning 800 pairs by heart. Without normalisation of
    # batches in the encoders the decay of weights makes them smoother.
    encoder_bn=False,
    dropout=0.5,
    input_dropout={"text": 0.3},
    label_smoothing=0.3,
    readout="embedding",
    seed=SEED,
)
# Batches tell, for each pair, another one of a different class: a code of that one beside this
# one's rows is a fake, too.
batches = model.batches(data, batch_size=BATCH_SIZE, seed=SEED)

# Discriminators and generators take turns, each side with an optimizer of its own. Schedules count
# the updates of their side.
updates = EPOCHS * len(batches)
falling = keras.optimizers.schedules.CosineDecay
model.compile(
    {
        "discriminators": keras.optimizers.Adam(falling(1e-3, decay_steps=updates), beta_1=0.5),
        "generators": keras_xmr.optimizers.AdamW(
            falling(1e-3, decay_steps=updates * GENERATOR_STEPS),
            weight_decay=WEIGHT_DECAY,
            beta_1=0.5,
        ),
    }
)
model.fit(batches, epochs=EPOCHS, verbose=2, callbacks=[keras_xmr.RetrievalMAP(data)])

# The paper ranks by the code. The same network's classifier gives posteriors, too.
posteriors = model.copy_with(readout="centred_probabilities")

# The test part is looked at once, at the end.
for name, method in (
    ("CM-GANs, code", model),
    ("CM-GANs, centred posteriors", posteriors),
    ("semantic matching", baseline),
):
    print(f"\n{name}\n{keras_xmr.evaluate(method, data).table()}")
