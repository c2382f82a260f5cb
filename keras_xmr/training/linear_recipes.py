"""Settings of the linear baselines, chosen on validation, and fitting with them."""

import inspect
from typing import Any

import keras_xmr
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.linear_method import LinearMethod
from keras_xmr.training.recipes import Recipe, preprocessor_for
from keras_xmr.transforms.feature_scaler import FeatureScaler
from keras_xmr.types import Config

KINDS: dict[str, type[LinearMethod]] = {
    "cca": keras_xmr.CCA,
    "cfa": keras_xmr.CFA,
    "jrl": keras_xmr.JRL,
    "kcca": keras_xmr.KCCA,
    "lgcfl": keras_xmr.LGCFL,
}

# Each feature with unit variance: nothing else.
SCALED = (FeatureScaler, {"square_root": False, "norm": "none"})
# Data set -> medium -> class and arguments of its transform, where it is not the usual one.
TRANSFORMS: dict[str, dict[str, tuple[type[Any], Config]]] = {
    "wikipedia": {"image": SCALED, "text": SCALED},
}
# The graph of neighbours is better without standardising.
OWN_TRANSFORMS: dict[tuple[str, str], dict[str, tuple[type[Any], Config]]] = {
    ("jrl", "pascal_sentences"): {"image": (FeatureScaler, {"standardize": False})},
}

POLYNOMIAL: Config = {"kernel": "poly", "regularization": 10.0}
# Method -> data set -> arguments, chosen on validation by `examples/paper_tables/baselines.py`; for
# Wikipedia with tf-idf, for Pascal Sentences with MobileNetV2. Other data have the defaults.
ARGUMENTS: dict[str, dict[str, Config]] = {
    "cca": {
        "wikipedia": {"shrinkage": 0.99},
        "pascal_sentences": {"shrinkage": 0.9},
    },
    "cfa": {"pascal_sentences": {"n_components": 40}},
    "jrl": {
        "wikipedia": {"sparsity_weight": 100.0, "graph_weight": 30.0, "graph": "released"},
        "pascal_sentences": {"graph": "released", "readout": "projections"},
    },
    "kcca": {"wikipedia": POLYNOMIAL, "pascal_sentences": POLYNOMIAL},
    "lgcfl": {
        "wikipedia": {"penalty": 0.03, "groups": {"image": 16, "text": 1}},
        "pascal_sentences": {"penalty": 0.003},
    },
}


def baseline_recipe(method: str, data: CrossModalData) -> Recipe:
    """Arguments and transforms of a linear baseline for a data set; the defaults for others."""
    usual = TRANSFORMS.get(data.name, {})
    return Recipe(
        model=ARGUMENTS[method].get(data.name, {}),
        transforms=OWN_TRANSFORMS.get((method, data.name), usual),
    )


def fit_baseline(
    method: str, data: CrossModalData, *, seed: int = 0, **changes: Any
) -> LinearMethod:
    """Fit a linear baseline on the training part by its recipe.

    Args:
        method: `"cca"`, `"cfa"`, `"jrl"`, `"kcca"` or `"lgcfl"`.
        data: The data set.
        seed: Its `random_state`, where it has one.
        **changes: Arguments of its class, instead of the recipe's.

    Raises:
        ValueError: If its class has no such argument.
    """
    kind = KINDS[method]
    known = set(inspect.signature(kind).parameters) - {"preprocessor"}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise ValueError(f"{kind.__name__} takes {sorted(known)}. Received: {unknown}.")
    recipe = baseline_recipe(method, data)
    arguments = {"random_state": seed} if "random_state" in known else {}
    made = kind(**(arguments | recipe.model | changes), preprocessor=preprocessor_for(data, recipe))
    return made.fit(data)
