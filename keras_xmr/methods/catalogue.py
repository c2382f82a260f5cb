"""What methods there are: a row for each, as `keras-xmr list` shows and `train` takes them."""

from typing import NamedTuple


class Method(NamedTuple):
    """A method in a few words.

    Attributes:
        title: What it is called.
        year: Of the paper.
        kind: `"linear"`, `"neural"`, `"game"` (networks that take turns) or `"hashing"`.
        supervision: What it learns from: labels, pairs, or both.
        media: How many it takes: `"2"`, or `"any"` number from two on.
        returns: What its common representation is.
    """

    title: str
    year: int
    kind: str
    supervision: str
    media: str
    returns: str


METHODS = {
    "acmr": Method(
        "adversarial cross-modal retrieval", 2017, "game", "labels, pairs", "any", "embedding"
    ),
    "bimodal_ae": Method("bimodal autoencoder", 2011, "neural", "pairs", "any", "codes"),
    "cca": Method(
        "canonical correlation analysis", 1936, "linear", "pairs", "any", "correlated directions"
    ),
    "cfa": Method(
        "cross-modal factor analysis", 2003, "linear", "pairs", "2", "covarying directions"
    ),
    "chtn": Method(
        "cross-modal hybrid transfer network",
        2017,
        "neural",
        "labels, pairs, source domain",
        "any",
        "class posteriors",
    ),
    "cm_gans": Method(
        "cross-modal generative adversarial networks",
        2019,
        "game",
        "labels, pairs",
        "any",
        "code, or class posteriors",
    ),
    "cmdn": Method(
        "cross-media multiple deep networks", 2016, "neural", "labels, pairs", "any", "codes"
    ),
    "corr_ae": Method(
        "correspondence autoencoder, cross and full", 2014, "neural", "pairs", "any", "codes"
    ),
    "deep_sm": Method(
        "deep semantic matching", 2017, "neural", "labels", "any", "class posteriors"
    ),
    "jrl": Method(
        "joint representation learning", 2014, "linear", "labels, pairs", "any", "class posteriors"
    ),
    "kcca": Method(
        "kernel canonical correlation analysis",
        2004,
        "linear",
        "pairs",
        "any",
        "correlated directions",
    ),
    "lgcfl": Method(
        "consistent features with a local-group prior, reconstructed",
        2015,
        "linear",
        "labels",
        "any",
        "class scores",
    ),
    "mhtn": Method(
        "modal-adversarial hybrid transfer network",
        2018,
        "neural",
        "labels, pairs, source domain",
        "any",
        "class posteriors",
    ),
    "multimodal_dbn": Method(
        "multimodal deep belief network", 2012, "neural", "pairs", "any", "codes"
    ),
    "semantic_matching": Method(
        "a logistic regression for each medium", 2010, "linear", "labels", "any", "class posteriors"
    ),
    "ugach": Method(
        "unsupervised generative adversarial cross-modal hashing",
        2018,
        "hashing",
        "pairs",
        "any",
        "binary code",
    ),
}

# What is fitted with arrays, without a backend.
LINEAR = tuple(name for name, method in METHODS.items() if method.kind == "linear")
# What is trained with Keras.
NETWORKS = tuple(name for name in METHODS if name not in LINEAR)
