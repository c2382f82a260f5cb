"""Distillation across media: what is ambiguous is told to each medium by all of them.

A picture of a chair that might be a sofa, beside a text that speaks of furniture, teaches more than
its label says. Classifiers of each medium that did not see an instance tell which classes it might
have; what they agree on takes the place of a share of its label.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.special import log_softmax

from keras_xmr.datasets.base import CrossModalData, MediumItems
from keras_xmr.datasets.folds import fold_of, names
from keras_xmr.methods.classifier import (
    chosen_penalty,
    classifier_of,
    learnt_shares,
)
from keras_xmr.methods.linear_method import Rows, hot
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Array, FloatArray

FOLDS = 5
# Logarithm of the largest factor on logits: where no row is wrong, none is large enough.
LARGEST = np.log(10.0)


def distilled(
    data: CrossModalData, preprocessor: Preprocessor, share: float, *, folds: int = FOLDS
) -> CrossModalData:
    """The data, with targets by which the training part of each medium learns from all media.

    Targets of items of other parts are their labels.

    Args:
        data: The data set.
        preprocessor: What makes rows of the items, fitted.
        share: Share of what classifiers agree on; the rest are labels. From 0 to 1.
        folds: See `with_soft_targets`.

    Raises:
        ValueError: If `share` is out of range, a medium has raw items or too few of them.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> preprocessor = Preprocessor.for_data(toy()).fit(toy().part("train"))
        >>> data = distilled(toy(), preprocessor, 0.75)
        >>> data.part("train").medium("text").targets[0].round(1).tolist()
        [1.0, 0.0, 0.0, 0.0]

    Reference:
        D. Lopez-Paz, L. Bottou, B. Schoelkopf, V. Vapnik: Unifying distillation and privileged
        information, ICLR 2016; G. Hinton, O. Vinyals, J. Dean: Distilling the knowledge in a neural
        network, arXiv 1503.02531, 2015.
    """
    media = [name for name in preprocessor.transforms if name in data.media]
    raw = [name for name in media if preprocessor.of(name).needs_trunk]
    if raw:
        raise ValueError(
            f"Distillation takes rows. Received: raw items of {raw} in {data.name!r}, for trunks "
            "that are trained. Keep trunks as they are, or leave distillation out."
        )
    part = data.part("train")
    rows = {name: preprocessor(part.medium(name).items, name) for name in media}
    found = with_soft_targets(part, rows, share, folds=folds)
    changed = {name: _placed(data, found, name) for name in media}
    return replace(data, media={**data.media, **changed})


def with_soft_targets(
    part: CrossModalData,
    rows: Rows,
    share: float,
    *,
    penalties: Mapping[str, float] | None = None,
    folds: int = FOLDS,
    max_iter: int = 1000,
) -> CrossModalData:
    """A training part whose targets are in part the posteriors that media agree on.

    The posterior of an item is that of a logistic regression that learnt its medium without the
    items of its instance's fold, `calibrated`: penalties that rank well make posteriors that are
    far too soft. What media agree on is the geometric mean over those in which the
    instance has items, and within each medium over its items, normalised. Where they agree on
    nothing, it is the label.

    Args:
        part: The training part.
        rows: Rows `(n, d)` of the media that get targets.
        share: Share of that mean; the rest are the labels, or targets that there are already.
        penalties: Medium to `C` of its classifier; `None` to choose it as `SemanticMatching` does,
            once for all folds.
        folds: Number of folds. Instances are drawn by hash, each class spread over all folds.
        max_iter: Most iterations of the solver.

    Raises:
        ValueError: If `share` is out of range, or all items of a medium are in one fold.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy(["image", "audio"]).part("train")
        >>> rows = {name: medium.items for name, medium in part.media.items()}
        >>> targets = with_soft_targets(part, rows, 1.0).medium("image").targets
        >>> (targets.argmax(axis=1) == part.medium("image").labels).tolist().count(True)
        40
    """
    check_share(share)
    fold = fold_of(part, folds)
    logs = {}
    for name, own in rows.items():
        medium = part.medium(name)
        if penalties is None:
            penalty = chosen_penalty(own, hot(medium.labels, part.num_classes), max_iter)
        else:
            penalty = penalties[name]
        folds_of_rows = np.array([fold[instance] for instance in names(medium).tolist()])
        held_out = _held_out(own, medium, folds_of_rows, part.num_classes, penalty, max_iter)
        logs[name] = calibrated(held_out, learnt_shares(medium, part.num_classes))
    media = {
        name: replace(
            part.medium(name),
            targets=_mixed(learnt_shares(part.medium(name), part.num_classes), mean, share),
        )
        for name, mean in _of_instances(part, logs).items()
    }
    return replace(part, media={**part.media, **media})


def calibrated(logs: FloatArray, shares: FloatArray) -> FloatArray:
    """Log posteriors `(n, classes)` at the temperature at which the labels are most likely.

    Args:
        logs: Log posteriors `(n, classes)` of rows that the classifier did not see; minus infinity
            for classes that it does not know.
        shares: Shares of the classes in each row `(n, classes)`.

    Example:
        >>> soft = np.log([[0.6, 0.4], [0.4, 0.6], [0.6, 0.4], [0.6, 0.4]])
        >>> np.exp(calibrated(soft, np.eye(2)[[0, 1, 0, 1]])).round(2)[0].tolist()
        [0.75, 0.25]

    Reference:
        C. Guo et al.: On calibration of modern neural networks, ICML 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    told = (shares > 0) & np.isfinite(logs)

    def loss(log_factor: float) -> float:
        tempered = log_softmax(logs * np.exp(log_factor), axis=1)
        return -float((shares[told] * tempered[told]).sum())

    found = minimize_scalar(loss, bounds=(-LARGEST, LARGEST), method="bounded")
    tempered: FloatArray = log_softmax(logs * np.exp(found.x), axis=1)
    return tempered


def check_share(share: float) -> None:
    """See that a share of distillation is one.

    Raises:
        ValueError: If it is not from 0 to 1.

    Example:
        >>> check_share(0.75)
    """
    if not 0 <= share <= 1:
        raise ValueError(f"Distillation is a share from 0 to 1. Received: distillation={share}.")


def _held_out(
    rows: FloatArray,
    medium: MediumItems,
    fold: Array,
    num_classes: int,
    penalty: float,
    max_iter: int,
) -> FloatArray:
    """Log posteriors `(n, classes)` of each item, by a classifier that did not see its fold."""
    logs = np.empty((len(rows), num_classes))
    for number in np.unique(fold):
        held = fold == number
        if held.all():
            raise ValueError(
                "Distillation holds out one fold after the other. "
                f"Received: a medium with {len(rows)} items, all in one fold."
            )
        kernel, bias = classifier_of(
            rows[~held], [medium.rows(~held)], num_classes, penalty, max_iter
        )
        logs[held] = log_softmax(rows[held].astype(np.float64) @ kernel + bias, axis=1)
    return logs


def _of_instances(part: CrossModalData, logs: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Of each item, the mean log posterior of its instance over media, or its own without pairs."""
    paired = [name for name in logs if part.medium(name).pairs is not None]
    instances = [names(part.medium(name)) for name in paired]
    known = np.unique(np.concatenate(instances)) if paired else np.array([])
    total, media = np.zeros((len(known), part.num_classes)), np.zeros((len(known), 1))
    places = {
        name: np.searchsorted(known, own) for name, own in zip(paired, instances, strict=True)
    }
    for name, place in places.items():
        sums = np.zeros_like(total)
        np.add.at(sums, place, logs[name])
        count = np.bincount(place, minlength=len(known))[:, None]
        total += sums / np.maximum(count, 1)
        media += count > 0
    return {
        name: (total / media)[places[name]] if name in places else own for name, own in logs.items()
    }


def _mixed(labels: FloatArray, logs: FloatArray, share: float) -> FloatArray:
    """Labels, with a share of the distributions whose logarithms are given, up to a constant."""
    none = np.isneginf(logs).all(axis=1, keepdims=True)
    agreed = np.where(none, labels, np.exp(log_softmax(np.where(none, 0.0, logs), axis=1)))
    mixed: FloatArray = (1 - share) * labels + share * agreed
    return mixed


def _placed(data: CrossModalData, part: CrossModalData, name: str) -> MediumItems:
    """A medium with the targets of its training part."""
    medium = data.medium(name)
    targets = learnt_shares(medium, data.num_classes).astype(np.float64)
    targets[medium.split == "train"] = part.medium(name).targets
    return replace(medium, targets=targets)
