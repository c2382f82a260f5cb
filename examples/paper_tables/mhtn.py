"""MHTN beside CHTN and tuned semantic matching: `mhtn.csv`.

Pascal Sentences: five splits, a seed for each, with Caltech-101 as source; bundled features of
MobileNetV2. Wikipedia and the digits (they need KERAS_XMR_DATA): five seeds each. Settings and
penalties were chosen on validation parts. See `games.py` for the columns.

Usage: python examples/paper_tables/mhtn.py [words in the names of the parts that are to be made]
"""

from dataclasses import replace

from chtn import SEEDS
from games import baselines, make, trained, two_media
from tuned import tuned

from keras_xmr import datasets

# Published figures are of other features and splits: nothing is compared with them. The text of the
# paper could not be had.
UNVERIFIED = "recalled, not verified"
PUBLISHED = [
    ("published, Wikipedia", "MHTN", "AlexNet, 3000 words", UNVERIFIED, (0.514, 0.444, 0.479)),
    ("published, NUS-WIDE-10k", "MHTN", "AlexNet, 1000 words", UNVERIFIED, (0.520, 0.534, 0.527)),
    ("published, Pascal Sentences", "MHTN", "AlexNet, 1000 words", UNVERIFIED, (0.496, 0.5, 0.498)),
]


def with_digits():
    """The parts of all tables, and three media."""
    yield from two_media()
    yield "digits", "pixels, MFCC, runs of characters", None, lambda: [datasets.digits()]


def methods(sets, source):
    """Name of a method, and for each data set the models to report on."""
    yield from baselines(sets, "mhtn")
    two = len(sets[0].media) == 2
    if two:
        yield "CHTN", trained("chtn", sets, source, SEEDS)
    yield "MHTN", trained("mhtn", sets, source, SEEDS)
    settings = tuned("mhtn", sets[0].name)
    settings = replace(settings, arguments=settings.arguments | {"modality_weight": 0.0}, rates={})
    yield "MHTN without adversary", trained("mhtn", sets, source, SEEDS, settings)


if __name__ == "__main__":
    make("mhtn.csv", with_digits(), methods, PUBLISHED)
