"""Train MHTN on handwritten, spoken and written digits: three media, paired by their class alone.

The digits are read from the folder that KERAS_XMR_DATA names; their recordings need the extra
`audio`. A minute for features of sounds, and some for each of the two models, on a CPU.

Usage: KERAS_BACKEND=jax python examples/train_mhtn.py, or with the argument `toy` for seconds on
synthetic data.
"""

import sys

import keras

import keras_xmr
from keras_xmr.transforms import Preprocessor, TextVectorizer

EPOCHS = 15
BATCH_SIZE = 64
WIDTHS = (512, 256)  # Of pathways and shared layers; the release has 4096 of each.
ADVERSARY = (64, (64, 64))  # The bottleneck of the adversary and its hidden layers.
SEED = 0

if sys.argv[1:] == ["toy"]:
    data = keras_xmr.datasets.toy(["image", "audio", "text"])
    EPOCHS, BATCH_SIZE, WIDTHS, ADVERSARY = 2, 16, (16, 16), (8, (8,))
else:
    data = keras_xmr.datasets.digits()

# Names of a digit in related languages share runs of characters rather than words.
texts = TextVectorizer(4000, analyzer="characters")
preprocessor = Preprocessor.for_data(data, text=texts).fit(data.part("train"))

# The baseline that any supervised method has to beat, with the same preprocessing; penalties were
# tuned on validation.
penalties = {"image": 0.1, "audio": 0.1, "text": 30.0}
baseline = keras_xmr.SemanticMatching(penalties, preprocessor=preprocessor).fit(data)
trained = {"semantic matching": baseline}

# Without its adversary MHTN is CHTN on any number of media.
for name, modality_weight in (("MHTN", 0.1), ("MHTN without adversary", 0.0)):
    model = keras_xmr.MHTN.for_data(
        data,
        preprocessor=preprocessor,
        pathway_units=(WIDTHS[0],),
        shared_units=(WIDTHS[1],),
        bottleneck_units=ADVERSARY[0],
        discriminator_units=ADVERSARY[1],
        modality_weight=modality_weight,
        # What follows keeps the network from learning its few recordings and words by heart.
        input_normalization=(),
        shared_bn=False,
        # Ten times the release's, as validation has it.
        cross_weight=1e-3,
        dropout=0.5,
        input_dropout={"image": 0.2, "audio": 0.2, "text": 0.3},
        label_smoothing=0.1,
        # Posteriors less 1 / classes: the cosines of smoothed ones would all be near 1.
        readout="centred_probabilities",
        seed=SEED,
    )
    # Nothing is paired: with each picture go a random recording and a random text of its digit,
    # other ones each time.
    batches = model.batches(data, pairing="class", batch_size=BATCH_SIZE, seed=SEED)
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=EPOCHS * len(batches))
    # A decay that is right for the rest would keep the adversary from learning anything.
    undecayed = ("bias", "gamma", "beta", "adversary")
    model.compile(keras_xmr.optimizers.AdamW(schedule, weight_decay=1.0, undecayed=undecayed))
    model.fit(batches, epochs=EPOCHS, verbose=2, callbacks=[keras_xmr.RetrievalMAP(data)])
    trained[name] = model

# The test part is looked at once, at the end. The probe is the accuracy with which a new linear
# classifier tells the medium of an item: a third is chance, that is, media that are mixed.
for name, method in trained.items():
    print(f"\n{name}\n{keras_xmr.evaluate(method, data).table()}")
    print(f"modality probe {keras_xmr.modality_probe(method, data):.3f}")
    # Posteriors hide the media anyway. The adversary sees fc9, before normalisation and ReLU.
    if isinstance(method, keras_xmr.MHTN):
        fc9 = method.copy_with(readout="fc9")
        print(f"modality probe of fc9 {keras_xmr.modality_probe(fc9, data):.3f}")
