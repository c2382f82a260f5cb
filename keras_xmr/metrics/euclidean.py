"""Euclidean distance, for the embeddings that are compared by it."""

import numpy as np

from keras_xmr.metrics.cosine import check_embeddings
from keras_xmr.types import Array, FloatArray

METRICS = ("cosine", "euclidean")


def comparable(
    queries: Array, gallery: Array, metric: str = "euclidean"
) -> tuple[FloatArray, FloatArray]:
    """Rows whose cosines order the gallery as `metric` orders the given rows.

    Whatever ranks by cosine, exactly and in bounded memory, so ranks by Euclidean distance too. For
    a query `q`, `|q - g|^2` falls as `q g - |g|^2 / 2` rises. Both are a product of rows with
    two more features each: `(q, s, 0)` and `(g, -|g|^2 / (2 s), f)`, where `f` makes all gallery
    rows equally long, so that their cosines are in proportion to the product.

    Args:
        queries: Embeddings `(q, d)`.
        gallery: Embeddings `(g, d)`.
        metric: `"euclidean"`, or `"cosine"`: then the rows are as they were.

    Returns:
        Both; for Euclidean distances as float64 with `d + 2` features.

    Raises:
        ValueError: If there is no such metric, an argument is not a finite matrix of real numbers,
            or the widths differ.

    Example:
        >>> queries, gallery = np.array([[1.0]]), np.array([[5.0], [1.5], [-1.0]])
        >>> queries, gallery = comparable(queries, gallery, "euclidean")
        >>> np.argsort(-(queries @ gallery.T)[0]).tolist()
        [1, 2, 0]

    Reference:
        Y. Bachrach et al.: Speeding up the Xbox recommender system using a Euclidean
        transformation for inner-product spaces, RecSys 2014, section 3.
    """
    if metric not in METRICS:
        raise ValueError(f"Metrics are {METRICS}. Received: {metric=}.")
    if metric == "cosine":
        return queries, gallery
    queries, gallery = (rows.astype(np.float64) for rows in check_embeddings(queries, gallery))
    # Distances do not feel a common offset, and without it fewer digits are lost.
    offset = gallery.mean(axis=0) if len(gallery) else 0.0
    queries, gallery = queries - offset, gallery - offset
    squares = np.square(gallery).sum(axis=1)
    step = np.sqrt(squares.max(initial=0.0)) or 1.0
    longer = np.column_stack([gallery, -squares / (2 * step)])
    lengths = np.square(longer).sum(axis=1)
    fill = np.sqrt(lengths.max(initial=0.0) - lengths)
    constants = np.tile([step, 0.0], (len(queries), 1))
    return np.hstack([queries, constants]), np.column_stack([longer, fill])
