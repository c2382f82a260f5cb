"""CM-GANs beside CHTN and tuned semantic matching: `cm_gans.csv`.

Pascal Sentences: five splits, a seed for each; bundled features of MobileNetV2. Wikipedia (it needs
KERAS_XMR_DATA): five seeds. Settings and penalties were chosen on validation parts. "released" is
what the authors' public code executes, with the same data and epochs as "the paper's settings". A
row without a readout in its name is of the agreement readout. The rows of CHTN are those of
`acmr.csv`, on the same splits. See `games.py` for the columns.

Usage: python examples/paper_tables/cm_gans.py [words in the names of the parts that are to be made]
"""

import sys
from dataclasses import replace

from chtn import SEEDS
from games import Table, baselines, trained
from tuned import tuned

from keras_xmr import datasets
from keras_xmr.methods.cm_gans.cm_gans import RELEASED

JFSE = "table 4 of the JFSE paper's repository, believed MAP@all"
VGG = "VGG-19 fc7; text CNN"
PUBLISHED = [
    ("published, Wikipedia", "CM-GANs", VGG, JFSE, (0.521, 0.466, 0.494)),
    ("published, Pascal Sentences", "CM-GANs", VGG, JFSE, (0.603, 0.604, 0.604)),
    ("published, NUS-WIDE-10k", "CM-GANs", VGG, JFSE, (0.544, 0.562, 0.553)),
    ("published, XMediaNet", "CM-GANs", VGG, JFSE, (0.567, 0.551, 0.559)),
]

ABLATIONS = {
    "CM-GANs without intra-modality discriminators": {"intra_weight": 0.0},
    "CM-GANs without inter-modality discriminators": {"inter_weight": 0.0},
    "CM-GANs without discriminators": {"intra_weight": 0.0, "inter_weight": 0.0},
    "CM-GANs without sharing": {"shared_encoder": False, "shared_classifier": False},
    "CM-GANs with normalised encoders": {"encoder_bn": True},
}


def parts():
    """Name, features and data sets (one for each split) of every part of the table."""
    splits = [datasets.pascal_sentences(split_seed=seed) for seed in SEEDS]
    yield "Pascal Sentences", "MobileNetV2, words", lambda: splits
    yield "Wikipedia", "SIFT-128, LDA-10", lambda: [datasets.wikipedia("lda", split="paper")]


def methods(sets):
    """Name of a method, and for each data set the models to report on."""
    yield from baselines(sets, "cm_gans")
    models = trained("cm_gans", sets, None, SEEDS)
    yield "CM-GANs", models
    yield "CM-GANs, code", read_out(models)
    settings = tuned("cm_gans", sets[0].name)
    for name, changes in ABLATIONS.items():
        changed = replace(settings, arguments=settings.arguments | changes)
        yield name, trained("cm_gans", sets, None, SEEDS, changed)
    # Adam at 1e-3 with a momentum of 0.5, widths and five steps of generators are the paper's.
    paper = replace(
        settings,
        arguments={},
        learning_rate=1e-3,
        beta_1=0.5,
        weight_decay=0.0,
        epochs=PAPER_EPOCHS,
    )
    yield "CM-GANs, the paper's settings, code", trained("cm_gans", sets, None, SEEDS, paper)
    released = replace(paper, arguments=RELEASED)
    yield "CM-GANs, released, code", trained("cm_gans", sets, None, SEEDS, released)


# The authors' code has 2000; the learning rate falls to zero here, too, within fewer.
PAPER_EPOCHS = 10


def read_out(models):
    """The same models with the code as common representation."""
    return [[m.copy_with(readout="embedding") for m in split] for split in models]


def main() -> None:
    table = Table("cm_gans.csv")
    wanted = sys.argv[1:]
    for name, features, load in parts():
        if all(word in name for word in wanted):
            print(name, file=sys.stderr)
            sets = load()
            rows = table.copied(name, "acmr.csv", "CHTN")
            table.add(name, features, methods(sets), sets, rows)
    if not wanted:
        table.publish(PUBLISHED)


if __name__ == "__main__":
    main()
