"""`modality_probe`: how well the medium of an item can be told from its common representation."""

from collections.abc import Iterable

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.evaluation import Encoder
from keras_xmr.metrics import unpack_bits
from keras_xmr.types import Array, FloatArray

FOLDS = 5


def modality_probe(
    model: Encoder,
    data: CrossModalData,
    *,
    split: str = "test",
    media: Iterable[str] | None = None,
    penalty: float = 1.0,
    seed: int = 0,
) -> float:
    """Accuracy of a fresh linear classifier of the medium, on items that it was not trained on.

    Where media lie apart in the common space, it is near 1; where they are mixed, near chance,
    1 / media. Each medium has the same say, however many items it has. Items of one instance are
    in the same fold of the cross-validation.

    Args:
        model: A model or baseline: anything with `media` and `encode`.
        data: The data set.
        split: The part to take.
        media: The media to tell apart; by default those that model and data share.
        penalty: Strength of the penalty on the weights, for representations of unit variance.
        seed: Seed of the folds.

    Returns:
        Mean over the media of the share of their items that are recognised.

    Raises:
        ValueError: If there are fewer than two media.

    Example:
        >>> from keras_xmr import SemanticMatching, datasets
        >>> data = datasets.toy()
        >>> 0.3 < modality_probe(SemanticMatching().fit(data), data) < 0.9
        True

    Reference:
        S. Ben-David et al.: Analysis of representations for domain adaptation, NIPS 2006: the
        error of a classifier of the domain measures the distance of domains.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    part = data.part(split)
    names = [m for m in part.media if m in (model.media if media is None else set(media))]
    if len(names) < 2:
        raise ValueError(
            f"Media are told apart where there are at least two. Received: {names} of "
            f"{sorted(part.media)} in {data.name!r}."
        )
    rows: FloatArray = np.concatenate([model.encode(part, media=name) for name in names])
    if getattr(model, "metric", "") == "hamming":
        rows = unpack_bits(rows)
    medium = np.repeat(np.arange(len(names)), [len(part.media[name]) for name in names])
    probe = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=1.0 / penalty, class_weight="balanced", max_iter=2000),
    )
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    guessed = cross_val_predict(probe, rows, medium, groups=_instances(part, names), cv=folds)
    return float(balanced_accuracy_score(medium, guessed))


def _instances(part: CrossModalData, names: list[str]) -> Array:
    """Number of the instance of each item; items without pairs are instances of their own."""
    keys: list[str] = []
    for name in names:
        items = part.media[name]
        own = [f"{name}/{item}" for item in items.ids.tolist()]
        keys += own if items.pairs is None else items.pairs.astype(str).tolist()
    _, numbers = np.unique(np.array(keys), return_inverse=True)
    return np.asarray(numbers)
