"""Where other libraries' average precision is the same, and why it is another one elsewhere."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from keras_xmr.metrics import average_precision, mean_average_precision, ranked_relevance


def ours(scores, relevant):
    return average_precision(ranked_relevance(np.array([scores]), np.array([relevant])))[0]


def torchmetrics_ap(scores, relevant):
    pytest.importorskip("torchmetrics")
    import torch
    from torchmetrics.functional.retrieval import retrieval_average_precision

    return float(retrieval_average_precision(torch.tensor(scores), torch.tensor(relevant)))


def test_all_agree_on_different_positive_scores():
    scores, relevant = [0.9, 0.2, 0.7, 0.4], [True, True, False, True]
    # Ranks 1, 3 and 4 of four.
    expected = (1 + 2 / 3 + 3 / 4) / 3
    assert ours(scores, relevant) == expected
    assert average_precision_score(relevant, scores) == pytest.approx(expected)
    assert torchmetrics_ap(scores, relevant) == pytest.approx(expected)


def test_scikit_learn_gives_equal_scores_one_rank():
    # Two items tie for the second place, the relevant one comes later in the gallery.
    scores, relevant = [0.9, 0.5, 0.5], [True, False, True]
    # Ours: ranks 1 and 3. scikit-learn: both tied items at once, two of three are relevant. Where
    # the relevant item comes first, ours finds it at rank 2, and scikit-learn sees no difference.
    assert ours(scores, relevant) == (1 + 2 / 3) / 2
    assert average_precision_score(relevant, scores) == pytest.approx((1 + 2 / 3) / 2)
    assert ours(scores, [True, True, False]) == 1.0
    assert average_precision_score([True, True, False], scores) == pytest.approx((1 + 2 / 3) / 2)


def test_torchmetrics_drops_relevant_items_with_scores_up_to_zero():
    # It takes scores for probabilities: what has none cannot have been found. Cosines are negative
    # for half of all random pairs.
    scores, relevant = [0.9, 0.5, -0.1], [True, False, True]
    assert ours(scores, relevant) == (1 + 2 / 3) / 2
    assert torchmetrics_ap(scores, relevant) == 1.0


@pytest.mark.filterwarnings("ignore:1 of 2 queries have no relevant item")
def test_torchmetrics_counts_queries_without_relevant_items_as_zero():
    pytest.importorskip("torchmetrics")
    import torch
    from torchmetrics.retrieval import RetrievalMAP

    scores = torch.tensor([[0.9, 0.8], [0.9, 0.8]])
    metric = RetrievalMAP()
    metric.update(
        scores, torch.tensor([[True, False], [False, False]]), torch.tensor([[0, 0], [1, 1]])
    )
    assert float(metric.compute()) == 0.5
    gallery = np.array([[1.0, 0.1], [1.0, 0.5]])
    queries, query_labels = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 9])
    assert mean_average_precision(queries, gallery, query_labels, np.array([0, 1])) == 1.0
