"""A linear adapter: one classifier of the rows of all media, which lie in one space."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.classifier import classifier_of
from keras_xmr.methods.linear_method import Rows, Weights, centre, hot
from keras_xmr.methods.one_space import check_one_space, left_as_they_are, unit_rows
from keras_xmr.methods.semantic_matching import SemanticMatching
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Range, Tunable
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import FloatArray


class LinearAdapter(SemanticMatching):
    """One logistic regression for all media, beside the similarity of the rows as they are.

    It is semantic matching where the rows of all media lie in one space: each medium's items teach
    the classifier of the others, too. Rows are scaled to unit length, and the mean of each medium
    is subtracted for the classifier, because encoders that were trained together still put each
    medium into a region of its own (the modality gap). The similarity of two items is

        (1 - zero_shot_weight) cos(readouts) + zero_shot_weight cos(rows)

    as in Tip-Adapter, which adds what a few labels teach to what the encoders know.

    Args:
        C: Inverse strength of the L2 penalty; `None` to choose it as `SemanticMatching` does. The
            rows less their mean are scaled to unit length on average.
        readout: As in `SemanticMatching`.
        zero_shot_weight: See above, from 0 to below 1.
        preprocessor: What makes rows of the items; `None` leaves feature rows as they are.
        max_iter: Most iterations of the solver.
        temperature: Divides the logits before the softmax of the readout.
        distillation: As in `SemanticMatching`.

    Raises:
        ValueError: If an argument is outside its range; from `fit`, if the rows of the media differ
            in width.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> data = toy(["image", "video"])
        >>> LinearAdapter(zero_shot_weight=0.0).fit(data).encode(data, "video").shape
        (80, 4)

    Reference:
        R. Zhang et al.: Tip-Adapter: training-free adaption of CLIP for few-shot classification,
        ECCV 2022, section 3.1; for the gap W. Liang et al.: Mind the gap, NeurIPS 2022.
    """

    about = About(
        name="linear_adapter",
        title="one classifier for the rows of all media",
        year=2022,
        reference="Zhang et al.: ECCV 2022",
        kind="linear",
        learns_from=("labels",),
        media="any",
        returns="class posteriors, rows",
        one_space=True,
    )
    defaults = Settings(arguments=SemanticMatching.defaults.arguments | {"zero_shot_weight": 0.2})
    tunable: ClassVar[Mapping[str, Tunable]] = {
        **SemanticMatching.tunable,
        "zero_shot_weight": Range(0.0, 0.9, log=False),
    }

    def __init__(
        self,
        C: float | None = 1.0,
        readout: str = "probabilities",
        zero_shot_weight: float = 0.0,
        preprocessor: Preprocessor | None = None,
        max_iter: int = 1000,
        temperature: float = 1.0,
        distillation: float = 0.0,
    ) -> None:
        if not 0 <= zero_shot_weight < 1:
            raise ValueError(
                f"The weight is a number from 0 to below 1. Received: {zero_shot_weight=}."
            )
        super().__init__(C, readout, preprocessor, max_iter, temperature, distillation)
        self.zero_shot_weight = zero_shot_weight

    @classmethod
    def settings_for(cls, data: CrossModalData) -> Settings:
        """The defaults, with feature rows as they are."""
        return replace(cls.defaults, transforms=left_as_they_are(data))

    def _fit(self, rows: Rows, part: CrossModalData) -> Weights:
        check_one_space({name: own.shape[1] for name, own in rows.items()}, "LinearAdapter")
        centred = {name: centre(unit_rows(own)) for name, own in rows.items()}
        stacked = np.concatenate([own for own, _ in centred.values()])
        # The penalties that are tried suit rows of unit length.
        scale = float(np.sqrt(np.square(stacked).sum(axis=1).mean())) or 1.0
        shares = [hot(part.medium(name).labels, part.num_classes) for name in rows]
        penalty = self._penalty(stacked / scale, np.concatenate(shares), "")
        scaled = {name: own / scale for name, (own, _) in centred.items()}
        part = self._distilled(scaled, part, dict.fromkeys(rows, penalty))
        kernel, bias = classifier_of(
            stacked / scale,
            [part.medium(name) for name in rows],
            part.num_classes,
            self._weakened(penalty, ""),
            self.max_iter,
        )
        kernel = kernel / scale
        return {name: (kernel, bias - mean @ kernel) for name, (_, mean) in centred.items()}

    def _map(self, rows: FloatArray, medium: str) -> FloatArray:
        """The readout `(n, k)`, and beside it the rows, if they count."""
        rows = unit_rows(rows)
        posteriors = super()._map(rows, medium)
        if not self.zero_shot_weight:
            return posteriors
        learnt, known = np.sqrt([1.0 - self.zero_shot_weight, self.zero_shot_weight])
        return np.hstack([learnt * unit_rows(posteriors), known * rows])
