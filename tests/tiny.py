"""The smallest valid arguments, and inputs, of every public class.

Contract tests run on them. A new public class needs an entry here, and nothing else, to be tested.
Arguments differ from the defaults where they can: a config that loses one is noticed.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from keras_xmr.comparison.plan import Plan
from keras_xmr.datasets import toy
from keras_xmr.report import Direction
from keras_xmr.training.batches import Stream


@dataclass(frozen=True)
class Tiny:
    """Arguments of the constructor, and of one call where instances are called."""

    arguments: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[Any, ...] = ()


def rows(*shape, seed=0):
    """Standard normal numbers, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def toy_for(method, media=("image", "text"), *, width=12, **options):
    """The toy data, or rows of one space for methods that need them: a basis for all media."""
    if not method.about.one_space:
        return toy(media, **options)
    # Of sentences there would be no rows; each medium is noisier than the one before.
    made = toy(["image"], **options)
    noise = np.random.default_rng(1)
    (image,) = made.media.values()
    items = {
        name: image.items[:, :width]
        + 0.3 * number
        + 0.1 * number * noise.normal(size=(len(image), width))
        for number, name in enumerate(media)
    }
    media = {
        n: replace(image, items=rows.astype("float32"), pairs=image.ids)
        for n, rows in items.items()
    }
    return replace(made, media=media)


IDENTITY = keras.Input((2,))
FULLY_CONNECTED = {
    "units": (4, 3),
    "members": 2,
    "initializer": "identity",
    "dropout": 0.5,
    "input_dropout": 0.25,
    "seed": 3,
}

CHTN = {
    "media": {"image": 5, "text": 4},
    "num_classes": 3,
    "source_classes": 2,
    "hub": "image",
    "input_normalization": ("image", "text"),
    "members": 2,
    "pathway_units": (6, 4),
    "shared_units": (5, 4),
    "shared_initializer": "identity",
    "shared_bn": True,
    "dropout": 0.1,
    "classifier_dropout": 0.2,
    "input_dropout": {"text": 0.2},
    "num_kernels": 3,
    "kernel_multiplier": 3.0,
    "mmd_estimator": "quadratic_biased",
    "mmd_weight": 0.5,
    "source_weight": 0.25,
    "cross_weight": 1e-4,
    "correlation_weight": 2.0,
    "label_smoothing": 0.1,
    "readout": "centred_probabilities",
    "temperature": 2.0,
    "seed": 3,
}
PAIRS = {"image": rows(6, 5), "text": rows(6, 4, seed=1), "source": rows(6, 5, seed=2)}

STACKED = {
    "media": {"image": 5, "text": 4},
    "num_classes": 3,
    "hub": "text",
    "visible": {"text": "replicated_softmax"},
    "noise": 0.7,
    "pathway_units": {"image": (6, 5), "text": (5,)},
    "cd_steps": 2,
    "pretraining_epochs": 1,
    "pretraining_rate": 1e-2,
    "seed": 3,
}
# Sums of words, which are not negative.
COUNTS = {"image": rows(6, 5), "text": np.abs(rows(6, 4, seed=1))}

TINY = {
    "ACMR": Tiny(
        {
            "media": {"image": 5, "text": 4},
            "num_classes": 3,
            "variant": "paper",
            "hub": "text",
            "hidden_units": {"image": (6, 5), "text": (4,)},
            "common_dim": 3,
            "discriminator_units": (4, 2),
            "projector_steps": 2,
            "discriminator_steps": 3,
            "dropout": 0.1,
            "input_dropout": {"text": 0.2},
            "distance": "cosine",
            "margin": 0.5,
            "push_weight": 2.0,
            "mining": "embedding",
            "invariance_weight": 0.5,
            "label_weight": 2.0,
            "regularization_weight": 1e-3,
            "modality_weight": 0.5,
            "label_smoothing": 0.1,
            "multi_label": True,
            "reversal": "constant",
            "reversal_by_epoch": False,
            "readout": "centred_probabilities",
            "seed": 3,
        },
        ({"image": rows(6, 5), "text": rows(6, 4, seed=1)},),
    ),
    "BatchNormalization": Tiny({"momentum": 0.5, "epsilon": 0.1, "scale": False}, (rows(4, 3),)),
    "CCA": Tiny({"n_components": 2, "shrinkage": 0.1, "correlation_power": 1.0}),
    "CFA": Tiny({"n_components": 2}),
    "CHTN": Tiny(CHTN, (PAIRS,)),
    "CMGANs": Tiny(
        {
            "media": {"image": 5, "text": 4},
            "num_classes": 3,
            "variant": "released",
            "hub": "text",
            "hidden_units": 6,
            "common_dim": 5,
            "decoder_units": 4,
            "discriminator_units": 3,
            "shared_encoder": True,
            "shared_classifier": False,
            "encoder_bn": False,
            "stacked_passes": True,
            "generator_steps": 2,
            "discriminator_steps": 3,
            "dropout": 0.1,
            "input_dropout": {"text": 0.2},
            "inter_weight": 0.5,
            "intra_weight": 0.25,
            "label_weight": 2.0,
            "reconstruction_weight": 0.125,
            "label_smoothing": 0.1,
            "multi_label": True,
            "readout": "centred_probabilities",
            "temperature": 2.0,
            "seed": 3,
        },
        ({**PAIRS, "wrong": np.array([1, 2, 3, 4, 5, 0])},),
    ),
    "BlankItemsWarning": Tiny(),
    "BimodalAE": Tiny({**STACKED, "code_units": 4}, (COUNTS,)),
    "CMDN": Tiny(
        {
            **STACKED,
            "separate_units": (6, 5),
            "joint_units": 5,
            "fused_units": 6,
            "classifier_units": (7, 6),
            "code_units": (5, 4),
            "label_weight": 0.5,
            "mean_field_steps": 3,
        },
        (COUNTS,),
    ),
    "Checkpoint": Tiny({"folder": "run", "every": 2}),
    "Comparison": Tiny({"data": [toy()], "plan": Plan(("cca",)), "records": []}),
    "ContrastiveAdapter": Tiny(
        {
            "media": {"image": 5, "text": 5},
            "hub": "text",
            "shared": True,
            "positives": "pair",
            "dropout": 0.1,
            "temperature": 0.1,
            "seed": 3,
        },
        ({"image": rows(6, 5), "text": rows(6, 5, seed=1)},),
    ),
    "CorrAE": Tiny(
        {**STACKED, "variant": "full", "correlation_weight": 0.3, "code_units": 4}, (COUNTS,)
    ),
    "CrossModalModel": Tiny({"inputs": IDENTITY, "outputs": IDENTITY}),
    "DeepSM": Tiny(
        {
            "media": {"image": 5, "text": 4},
            "num_classes": 3,
            "hub": "text",
            "partial": ("image",),
            "input_normalization": ("image",),
            "members": 2,
            "pathway_units": (6, 4),
            "dropout": 0.1,
            "input_dropout": {"text": 0.2},
            "label_smoothing": 0.1,
            "multi_label": True,
            "readout": "centred_probabilities",
            "temperature": 2.0,
            "seed": 3,
        },
        ({"image": rows(6, 5), "text": rows(6, 4, seed=1)},),
    ),
    "ExactIndex": Tiny({"metric": "euclidean"}),
    "FeatureScaling": Tiny(
        {"square_root": False, "norm": "none", "standardize": False}, (rows(4, 3),)
    ),
    "FullyConnected": Tiny({**FULLY_CONNECTED, "batch_normalization": False}, (rows(6, 5),)),
    "GradientReversal": Tiny(
        {"schedule": "constant", "maximum": 0.5, "steps": 7, "by_epoch": True}, (rows(4, 3),)
    ),
    "HammingIndex": Tiny(),
    "JRL": Tiny(
        {
            "label_weight": 2.0,
            "pair_weight": 0.5,
            "graph_weight": 0.1,
            "sparsity_weight": 0.2,
            "neighbours": 5,
            "graph": "released",
            "readout": "projections",
            "iterations": 3,
            "tolerance": 0.01,
            "random_state": 3,
        }
    ),
    "KCCA": Tiny(
        {
            "kernel": {"image": "poly", "text": "rbf"},
            "gamma": {"image": 0.1, "text": None},
            "degree": 2,
            "coef0": 0.5,
            "n_components": 2,
            "regularization": 0.5,
            "landmarks": 20,
            "random_state": 3,
        }
    ),
    "LGCFL": Tiny(
        {
            "penalty": {"image": 2.0, "text": 1.0},
            "groups": {"image": 3, "text": 1},
            "iterations": 50,
            "tolerance": 1e-3,
        }
    ),
    "LearnedTemperature": Tiny({"initial": 0.5}, (rows(4, 3),)),
    "LinearAdapter": Tiny(
        {
            "C": 0.5,
            "readout": "centred_probabilities",
            "zero_shot_weight": 0.5,
            "max_iter": 50,
            "temperature": 0.5,
        }
    ),
    "LinearProjection": Tiny({"units": 2, "seed": 3}, (rows(6, 5),)),
    "MHTN": Tiny(
        {
            **CHTN,
            "edges": (("image", "text", 0.5),),
            "edge_normalization": "mean",
            "shared_bn": False,
            "cross_weight": 1e-2,
            "modality_weight": 0.2,
            "modality_form": "softmax",
            "bottleneck_units": 3,
            "discriminator_units": (4, 2),
            "reversal": "constant",
            "reversal_maximum": 0.5,
            "reversal_steps": 7,
        },
        (PAIRS,),
    ),
    "MMDLoss": Tiny(
        {"num_kernels": 2, "multiplier": 3.0, "estimator": "linear_random", "seed": 3},
        (rows(4, 3), rows(4, 3, seed=1)),
    ),
    "ModalityDiscriminator": Tiny(
        {"media": 3, "units": (4, 2), "activation": "tanh", "members": 2, "seed": 3}, (rows(6, 8),)
    ),
    "NormalizedDense": Tiny({"units": 3, "media": 2, "slope": 0.1, "seed": 3}, (rows(6, 5),)),
    "MultimodalDBN": Tiny(
        {**STACKED, "joint_units": 4, "mean_field_steps": 3, "readout": "joint"}, (COUNTS,)
    ),
    "PairedBatches": Tiny(
        {"streams": [Stream({"image": rows(4, 3)}, {"image": np.eye(4)})], "batch_size": 2}
    ),
    "Pathway": Tiny(FULLY_CONNECTED, (rows(6, 5),)),
    "RBM": Tiny(
        {"units": 4, "visible": "gaussian", "draws": 7, "noise": 0.5, "seed": 3}, (rows(5, 3),)
    ),
    "Ranking": Tiny({"ids": np.array([["a", "b"]]), "scores": np.array([[1.0, 0.5]])}),
    "Report": Tiny(
        {
            "data": "toy",
            "split": "test",
            "split_hash": "0" * 64,
            "directions": (
                Direction("image", "text", {"MAP@all": 0.5}, [1.0] * 11, np.array([0.5])),
            ),
        }
    ),
    "RetrievalMAP": Tiny({"data": toy()}),
    "SemanticMatching": Tiny(
        {"C": 0.5, "readout": "centred_probabilities", "max_iter": 50, "temperature": 0.5}
    ),
    "SharedLayers": Tiny(
        {**FULLY_CONNECTED, "batch_normalization": True, "with_raw": True}, (rows(6, 10),)
    ),
    "SplitRows": Tiny({}, (rows(5, 3), [rows(2, 1), rows(3, 1)])),
    "UnitLength": Tiny({}, (rows(4, 3),)),
    "UGACH": Tiny(
        {
            "media": {"image": 5, "text": 4},
            "bits": 16,
            "variant": "paper",
            "hub": "text",
            "hidden_units": 6,
            "components": 3,
            "shrinkage": 0.5,
            "length": 4.0,
            "dropout": 0.1,
            "input_dropout": {"text": 0.2},
            "initial_deviation": 0.3,
            "graph": "joint",
            "neighbors": 3,
            "near": 4,
            "symmetric": False,
            "matches": "pair",
            "pool_size": 12,
            "margin": 3.0,
            "temperature": 0.5,
            "estimator": "drawn",
            "samples": 4,
            "reward": "sigmoid",
            "baseline": True,
            "weight_penalty": 1e-3,
            "discriminator_steps": 2,
            "generator_steps": 3,
            "seed": 3,
        },
        (
            {
                name: rows(9 if name.endswith("pool") else 6, width, seed=seed)
                for seed, (name, width) in enumerate(
                    (f"{medium}{part}", width)
                    for medium, width in (("image", 5), ("text", 4))
                    for part in ("", "_match", "_pool")
                )
            },
        ),
    ),
    "ZeroShot": Tiny(),
}
