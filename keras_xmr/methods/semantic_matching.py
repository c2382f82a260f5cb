"""Semantic matching: independent classifiers whose posteriors are the common representation."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from scipy.special import softmax

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.classifier import chosen_penalty, classifier_of
from keras_xmr.methods.distillation import check_share, with_soft_targets
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights, hot
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Choice, Range, Tunable
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import FloatArray

# Soft targets need less of a penalty than labels, which are sure even of what is ambiguous.
WEAKER = 4.0
READOUTS = ("probabilities", "centred_probabilities", "agreement")


class SemanticMatching(LinearMethod):
    """One logistic regression for each medium; items meet in the space of class posteriors.

    No term ties the media to each other, so data need not be paired. It is the baseline that every
    supervised method has to beat.

    Where this departs from the paper: the penalty of each medium is chosen by cross-validation, the
    paper's readout is one of several, and items with several classes count as one item of each
    class, in equal shares. Distillation is an addition, off by default.

    Args:
        C: Inverse strength of the L2 penalty: one number, or medium to number; `None` for the one
            of several by which held-out rows of the medium find each other best (MAP of centred
            posteriors, three folds of the training part).
        readout: `"probabilities"`, `"centred_probabilities"` (less 1 / classes) or `"agreement"`
            (probabilities, with further columns that make cosines across media the probability of
            the same class).
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.
        max_iter: Most iterations of the solver.
        temperature: Divides the logits before the softmax of the readout.
        distillation: Share of what the classifiers learn from that is what classifiers of all media
            agree on, from 0 to 1, and not labels: see `keras_xmr.methods.distillation`. A penalty
            is chosen for labels all the same, and is then taken `1 + 4 distillation` times weaker.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> baseline = SemanticMatching().fit(toy())
        >>> baseline.encode_text(["class2 thing1"]).argmax(axis=1).tolist()
        [2]

    Reference:
        N. Rasiwasia et al.: A new approach to cross-modal multimedia retrieval, ACM Multimedia,
        2010, section 4.2.
    """

    about = About(
        name="semantic_matching",
        title="a logistic regression for each medium",
        year=2010,
        reference="Rasiwasia et al.: ACM Multimedia 2010",
        kind="linear",
        learns_from=("labels",),
        media="any",
        returns="class posteriors",
    )
    defaults = Settings(arguments={"C": None, "readout": "agreement", "temperature": 0.5})
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "readout": Choice(("agreement", "centred_probabilities", "probabilities")),
        "temperature": Range(0.25, 2.0),
        "distillation": Choice((0.0, 0.75)),
    }
    learns_from_targets = True

    def __init__(
        self,
        C: float | Mapping[str, float] | None = 1.0,
        readout: str = "probabilities",
        preprocessor: Preprocessor | None = None,
        max_iter: int = 1000,
        temperature: float = 1.0,
        distillation: float = 0.0,
    ) -> None:
        if readout not in READOUTS:
            raise ValueError(f"Readouts are {READOUTS}. Received: {readout=}.")
        if temperature <= 0:
            raise ValueError(f"The temperature must be positive. Received: {temperature=}.")
        check_share(distillation)
        super().__init__(preprocessor)
        self.C = C
        self.readout = readout
        self.max_iter = max_iter
        self.temperature = temperature
        self.distillation = distillation

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        penalties = {
            name: self._penalty(own, hot(part.medium(name).labels, part.num_classes), name)
            for name, own in rows.items()
        }
        part = self._distilled(rows, part, penalties)
        return {
            name: classifier_of(
                own,
                [part.medium(name)],
                part.num_classes,
                self._weakened(penalties[name], name),
                self.max_iter,
            )
            for name, own in rows.items()
        }

    def _penalty(self, rows: FloatArray, shares: FloatArray, medium: str) -> float:
        """The penalty of a medium: the given one, or the one that its labels speak for."""
        given: float | None = self._of("C", medium)
        return chosen_penalty(rows, shares, self.max_iter) if given is None else given

    def _weakened(self, penalty: float, medium: str) -> float:
        """The penalty for soft targets, of one that was chosen for labels."""
        chosen = self._of("C", medium) is None
        return penalty * (1.0 + WEAKER * self.distillation) if chosen else penalty

    def _distilled(
        self, rows: Rows, part: CrossModalData, penalties: Mapping[str, float]
    ) -> CrossModalData:
        if not self.distillation:
            return part
        return with_soft_targets(
            part, rows, self.distillation, penalties=penalties, max_iter=self.max_iter
        )

    def _map(self, rows: FloatArray, medium: str) -> FloatArray:
        """Class posteriors `(n, classes)`, and what the readout makes of them."""
        logits = super()._map(rows, medium) / self.temperature
        posteriors: FloatArray = softmax(logits, axis=1)
        if self.readout == "centred_probabilities":
            posteriors = posteriors - 1.0 / posteriors.shape[1]
        elif self.readout == "agreement":
            rest = np.zeros((len(rows), len(self.media)), dtype=np.float32)
            # 1 - sum p^2, as products of different classes: it would lose digits.
            products = posteriors * (posteriors @ (1.0 - np.eye(posteriors.shape[1])))
            rest[:, self.media.index(medium)] = np.sqrt(products.sum(axis=1))
            posteriors = np.hstack([posteriors, rest])
        return posteriors
