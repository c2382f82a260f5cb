"""Rankings -> numbers. NumPy only, exact, in bounded memory, the same bits for any block size."""

from keras_xmr.metrics.average_precision import (
    average_precision,
    mean_average_precision,
    metric_name,
)
from keras_xmr.metrics.cosine import cosine_scores
from keras_xmr.metrics.distance_counts import DistanceCounts, distance_counts
from keras_xmr.metrics.euclidean import comparable
from keras_xmr.metrics.hamming import hamming_distances, pack_bits, unpack_bits
from keras_xmr.metrics.hamming_map import hamming_mean_average_precision
from keras_xmr.metrics.precision_recall import precision_recall_curve
from keras_xmr.metrics.radius import RadiusCurve, precision_within_radius, radius_curve
from keras_xmr.metrics.ranking import ranked_relevance, ranked_relevance_blocks, relevance
from keras_xmr.metrics.recall import recall_at_k, success_at_k
from keras_xmr.metrics.tied_ranking import (
    expected_average_precision,
    expected_precision,
    expected_recall,
    expected_success,
)

__all__ = [
    "DistanceCounts",
    "RadiusCurve",
    "average_precision",
    "comparable",
    "cosine_scores",
    "distance_counts",
    "expected_average_precision",
    "expected_precision",
    "expected_recall",
    "expected_success",
    "hamming_distances",
    "hamming_mean_average_precision",
    "mean_average_precision",
    "metric_name",
    "pack_bits",
    "precision_recall_curve",
    "precision_within_radius",
    "radius_curve",
    "ranked_relevance",
    "ranked_relevance_blocks",
    "recall_at_k",
    "relevance",
    "success_at_k",
    "unpack_bits",
]
