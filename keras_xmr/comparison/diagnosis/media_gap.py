"""Whether media lie apart in the common space."""

import itertools
from collections.abc import Mapping

import numpy as np

from keras_xmr.comparison.diagnosis.nearest import among_first, score_blocks
from keras_xmr.metrics.cosine import UnitRows
from keras_xmr.types import Array


def media_gap(encoded: Mapping[str, Array], metric: str) -> dict[str, float]:
    """Whether the media lie apart from each other in the common space.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        metric: `"cosine"`, `"euclidean"` or `"hamming"`.

    Returns:
        `"same medium"`, the share of the items, of all media together, whose nearest neighbour is
        of their own medium; `"same medium by chance"`, what it would be if media were mixed; and,
        where rows are compared by cosine, `"gap"`: the distance of the mean unit vectors of two
        media, averaged over pairs of media. It is 0 where media are mixed, and at most 2.

    Example:
        >>> encoded = {"image": np.array([[1.0, 0.0]] * 3), "text": np.array([[0.0, 2.0]] * 3)}
        >>> {name: round(value, 2) for name, value in media_gap(encoded, "cosine").items()}
        {'same medium': 1.0, 'same medium by chance': 0.4, 'gap': 1.41}

    Reference:
        W. Liang, Y. Zhang, Y. Kwon, S. Yeung, J. Zou: Mind the gap: understanding the modality gap
        in multi-modal contrastive representation learning, NeurIPS 2022.
    """
    sizes = np.array([len(rows) for rows in encoded.values()])
    medium = np.repeat(np.arange(len(sizes)), sizes)
    pooled = np.concatenate(list(encoded.values()))
    same = 0.0
    for some, scores in score_blocks(pooled, pooled, metric):
        # An item is no neighbour of itself.
        scores[np.arange(len(scores)), np.arange(some.start, some.stop)] = -np.inf
        same += float((among_first(scores, 1) * (medium[some, None] == medium)).sum())
    total = len(pooled)
    found = {
        "same medium": same / total,
        "same medium by chance": float((sizes * (sizes - 1)).sum() / (total * (total - 1))),
    }
    if metric == "cosine":
        centres = [UnitRows(rows)[:].mean(axis=0) for rows in encoded.values()]
        gaps = [np.linalg.norm(a - b) for a, b in itertools.combinations(centres, 2)]
        found["gap"] = float(np.mean(gaps))
    return found
