"""MHTN beside CHTN and tuned semantic matching: `mhtn.csv`.

Pascal Sentences: five splits, a seed for each, with Caltech-101 as source; bundled features of
MobileNetV2. Wikipedia and the digits (they need KERAS_XMR_DATA): five seeds each. Recipes and
penalties were chosen on validation parts. See `games.py` for the columns.

Usage: python examples/paper_tables/mhtn.py [words in the names of the parts that are to be made]
"""

import sys
from dataclasses import replace

from chtn import SEEDS
from games import Table, baselines, trained

from keras_xmr import datasets
from keras_xmr.training.recipes import recipe_for

# Published figures are of other features and splits: nothing is compared with them. The text of the
# paper could not be had.
UNVERIFIED = "recalled, not verified"
PUBLISHED = [
    ("published, Wikipedia", "MHTN", "AlexNet, 3000 words", UNVERIFIED, (0.514, 0.444, 0.479)),
    ("published, NUS-WIDE-10k", "MHTN", "AlexNet, 1000 words", UNVERIFIED, (0.520, 0.534, 0.527)),
    ("published, Pascal Sentences", "MHTN", "AlexNet, 1000 words", UNVERIFIED, (0.496, 0.5, 0.498)),
]


def parts():
    """Name, features, source and data sets (one for each split) of every part of the table."""
    splits = [datasets.pascal_sentences(split_seed=seed) for seed in SEEDS]
    yield "Pascal Sentences", "MobileNetV2, words", datasets.caltech101, lambda: splits
    yield (
        "Wikipedia, paper split",
        "SIFT-128, LDA-10",
        None,
        lambda: [datasets.wikipedia("lda", split="paper")],
    )
    yield (
        "Wikipedia, tf-idf, paper split",
        "SIFT-128, tf-idf-1000",
        None,
        lambda: [datasets.wikipedia("tfidf", split="paper")],
    )
    yield "digits", "pixels, MFCC, runs of characters", None, lambda: [datasets.digits()]


def methods(sets, source):
    """Name of a method, and for each data set the models to report on."""
    yield from baselines(sets, "mhtn")
    two = len(sets[0].media) == 2
    if two:
        yield "CHTN", trained("chtn", sets, source, SEEDS)
    yield "MHTN", trained("mhtn", sets, source, SEEDS)
    recipe = recipe_for(sets[0], "mhtn")
    recipe = replace(recipe, model=recipe.model | {"modality_weight": 0.0}, rates={})
    yield "MHTN without adversary", trained("mhtn", sets, source, SEEDS, recipe)


def main() -> None:
    table = Table("mhtn.csv")
    wanted = sys.argv[1:]
    for name, features, source, load in parts():
        if all(word in name for word in wanted):
            print(name, file=sys.stderr)
            sets = load()
            table.add(name, features, methods(sets, source and source()), sets)
    if not wanted:
        table.publish(PUBLISHED)


if __name__ == "__main__":
    main()
