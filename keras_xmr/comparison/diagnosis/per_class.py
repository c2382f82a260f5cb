"""Average precision class by class."""

import numpy as np

from keras_xmr.comparison.diagnosis.nearest import has_relevant, members
from keras_xmr.datasets.base import CrossModalData
from keras_xmr.types import FloatArray


def per_class(
    part: CrossModalData, query: str, gallery: str, average_precisions: FloatArray
) -> FloatArray:
    """Mean average precision of the queries of each class.

    `Direction.average_precisions` leaves out queries that have no relevant item in the gallery;
    which ones these are is seen from the labels. A query that has several classes counts for each
    of them.

    Args:
        part: The test part, which is both queries and gallery.
        query: Medium of the queries.
        gallery: Medium of the gallery.
        average_precisions: Average precision `(q,)` of the queries that have a relevant item.

    Returns:
        float64 `(classes,)`; NaN for a class without such a query.

    Raises:
        ValueError: If there is not one average precision for each of these queries.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> per_class(part, "image", "text", np.linspace(0.0, 0.95, 20))
        array([0.1 , 0.35, 0.6 , 0.85])
    """
    kept = members(part, query)[has_relevant(part, query, gallery)]
    if np.shape(average_precisions) != (len(kept),):
        raise ValueError(
            f"{len(kept)} {query} queries have a relevant {gallery} in {part.name!r}. Received: "
            f"average_precisions.shape={np.shape(average_precisions)}. Both come from one part."
        )
    sums, counts = average_precisions @ kept, kept.sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
