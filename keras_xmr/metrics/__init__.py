"""Rankings -> numbers. NumPy only, exact, in bounded memory, the same bits for any block size."""

from keras_xmr.metrics.average_precision import (
    average_precision,
    mean_average_precision,
    metric_name,
)
from keras_xmr.metrics.cosine import cosine_scores
from keras_xmr.metrics.euclidean import comparable
from keras_xmr.metrics.precision_recall import precision_recall_curve
from keras_xmr.metrics.ranking import ranked_relevance, ranked_relevance_blocks, relevance
from keras_xmr.metrics.recall import recall_at_k

__all__ = [
    "average_precision",
    "comparable",
    "cosine_scores",
    "mean_average_precision",
    "metric_name",
    "precision_recall_curve",
    "ranked_relevance",
    "ranked_relevance_blocks",
    "recall_at_k",
    "relevance",
]
