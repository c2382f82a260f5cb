"""`evaluate`: how good retrieval is between every ordered pair of media."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.metrics import (
    DistanceCounts,
    average_precision,
    comparable,
    distance_counts,
    expected_average_precision,
    expected_recall,
    expected_success,
    metric_name,
    precision_recall_curve,
    precision_within_radius,
    radius_curve,
    ranked_relevance_blocks,
    recall_at_k,
    success_at_k,
)
from keras_xmr.metrics.radius import interpolated_precision
from keras_xmr.progress import Progress
from keras_xmr.report import RECALL_LEVELS, Direction, Report
from keras_xmr.types import Array, FloatArray

LOOKUP_RADIUS = 2


class Encoder(Protocol):
    """Anything that maps items of a medium into a common representation."""

    @property
    def media(self) -> Any:
        """Names of the media it knows."""

    def encode(self, x: Any, media: str) -> Array:
        """Common representation `(n, d)`, or packed codes `(n, bits / 8)`, of one medium's items.

        The latter where the model's `metric` is `"hamming"`.
        """


def evaluate(
    model: Encoder,
    data: CrossModalData,
    *,
    split: str = "test",
    gallery: Sequence[str] | None = None,
    map_at: Sequence[int] = (50,),
    recall_at: Sequence[int] = (1, 5, 10),
    progress: bool = False,
) -> Report:
    """Evaluate retrieval between every ordered pair of the media that model and data share.

    The gallery is ranked by the model's metric: by cosine, or by Euclidean distance where the model
    says so. An item is relevant to a query if they have a class in common. The whole part is the
    gallery, or those parts that are given; the item paired with a query is not removed. Ties go to
    the lower row number.

    Packed codes, of models whose `metric` is `"hamming"`, are ranked by Hamming distance. Most of
    them tie, so that every figure is the one expected over all orders of equally distant items
    (`ties` says `"expected"`), and does not depend on the order of the rows. Further MAP figures
    are divided by the items that could be found (`MAP@50/min`), the share of relevant items up to
    distance 2 is added, and the curve is that of growing distances.

    Args:
        model: A model or baseline: anything with `media` and `encode`.
        data: The data set.
        split: The part to evaluate on.
        gallery: The parts that make up the gallery, such as `("train", "validation")` where the
            test part holds queries alone; the same part by default.
        map_at: Ranks of further MAP figures; they are divided by the relevant items found
            (`MAP@50/hits`), as in much of the literature.
        recall_at: Ranks of recall figures: `recall@k` is the share of the relevant items among the
            first k. Where media have pairs there is also `partner@k`, the share of queries with a
            partner (one of them is enough) among the first k: the R@K of image-text retrieval.
        progress: Whether to show on standard error how many queries are done, and the time left.

    Returns:
        A `Report`.

    Raises:
        ValueError: If model and data share fewer than two media.

    Example:
        >>> from keras_xmr import SemanticMatching, datasets
        >>> data = datasets.toy()
        >>> report = evaluate(SemanticMatching().fit(data), data)
        >>> report.map > 0.8
        True

    Reference:
        X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 4.3.
    """
    part = data.part(split)
    media = [name for name in part.media if name in model.media]
    if len(media) < 2:
        raise ValueError(
            "Evaluation needs two media that model and data share. "
            f"Received: model with {sorted(model.media)}, data with {sorted(part.media)}."
        )
    others = part if gallery is None else data.part(*gallery)
    encoded = {name: model.encode(part, media=name) for name in media}
    stored = (
        encoded if gallery is None else {name: model.encode(others, media=name) for name in media}
    )
    metric = getattr(model, "metric", "cosine")
    figures = _by_distance if metric == "hamming" else _by_rank
    directions = []
    for query, target in itertools.permutations(media, 2):
        search = _Search(
            encoded[query],
            stored[target],
            part.media[query].labels,
            others.media[target].labels,
            metric,
            progress,
        )
        found = figures(search, map_at, recall_at)
        paired = search.with_pairs(part.media[query].pairs, others.media[target].pairs)
        partners = _partners(paired, recall_at) if paired else {}
        directions.append(_direction(query, target, found, partners))
    told = split if gallery is None else f"{split} in {', '.join(gallery)}"
    return Report(data.name, told, data.split_hash(), tuple(directions))


class _Search(NamedTuple):
    """What is ranked for what."""

    queries: Array
    gallery: Array
    query_labels: Array
    gallery_labels: Array
    metric: str
    progress: bool

    def with_pairs(self, queries: Array | None, gallery: Array | None) -> "_Search | None":
        """The queries that have partners, whose classes are now the names of their instances."""
        if queries is None or gallery is None:
            return None
        paired = np.isin(queries, gallery)
        _, numbers = np.unique(np.concatenate([queries, gallery]), return_inverse=True)
        of_queries, of_gallery = np.split(numbers, [len(queries)])
        search = self._replace(
            queries=self.queries[paired],
            query_labels=of_queries[paired],
            gallery_labels=of_gallery,
        )
        return search if paired.any() else None

    def ranked(self, told: str) -> Iterator[Array]:
        """`ranked_relevance` by cosine or Euclidean distance, block by block."""
        rows = comparable(self.queries, self.gallery, self.metric)
        progress = Progress(told, shown=self.progress)
        with progress.over(len(self.queries)):
            for part, ranked in ranked_relevance_blocks(
                *rows, self.query_labels, self.gallery_labels
            ):
                yield ranked
                progress.move_to(part.stop)


class _Figures(NamedTuple):
    """Figures `(q,)` and curves `(q, levels)` of the queries that have a relevant item."""

    values: dict[str, FloatArray]
    curves: FloatArray
    ties: str


def _by_rank(search: _Search, map_at: Sequence[int], recall_at: Sequence[int]) -> _Figures:
    collected: dict[str, list[FloatArray]] = {}
    curves: list[FloatArray] = [np.zeros((0, len(RECALL_LEVELS)))]
    for every in search.ranked("ranking"):
        ranked = every[every.any(axis=1)]
        values = {metric_name(): average_precision(ranked)}
        for k in map_at:
            values[metric_name(k, "hits")] = average_precision(ranked, k, "hits")
        for k in recall_at:
            values[f"recall@{k}"] = recall_at_k(ranked, k)
        for name, value in values.items():
            collected.setdefault(name, []).append(value)
        curves.append(precision_recall_curve(ranked, RECALL_LEVELS))
    together = {name: np.concatenate(values) for name, values in collected.items()}
    return _Figures(together, np.concatenate(curves), "order")


def _by_distance(search: _Search, map_at: Sequence[int], recall_at: Sequence[int]) -> _Figures:
    counts = distance_counts(*search[:4], progress=search.progress)
    some = counts.relevant.any(axis=1)
    counts = DistanceCounts(counts.items[some], counts.relevant[some])
    values = {metric_name(): expected_average_precision(counts)}
    for k in map_at:
        values[metric_name(k, "min")] = expected_average_precision(counts, k, "min")
    for k in recall_at:
        values[f"recall@{k}"] = expected_recall(counts, [k])[:, 0]
    values[f"precision@radius{LOOKUP_RADIUS}"] = precision_within_radius(counts, LOOKUP_RADIUS)
    curves = interpolated_precision(radius_curve(counts), RECALL_LEVELS)
    return _Figures(values, curves, "expected")


def _partners(search: _Search, ranks: Sequence[int]) -> dict[str, float]:
    """The share of queries with a partner among the first `ranks`."""
    if not ranks:
        return {}
    if search.metric == "hamming":
        found = expected_success(distance_counts(*search[:4], progress=search.progress), ranks)
    else:
        blocks = search.ranked("ranking for partners")
        found = np.concatenate([[success_at_k(r, k) for k in ranks] for r in blocks], axis=1).T
    return {
        f"partner@{k}": float(share) for k, share in zip(ranks, found.mean(axis=0), strict=True)
    }


def _direction(
    query: str, gallery: str, figures: _Figures, partners: dict[str, float]
) -> Direction:
    if not len(figures.curves):
        raise ValueError(
            f"No query has a relevant item. Received: {query} queries and {gallery} gallery "
            "without a common class."
        )
    return Direction(
        query,
        gallery,
        {name: float(values.mean()) for name, values in figures.values.items()} | partners,
        figures.curves.mean(axis=0).tolist(),
        figures.values[metric_name()],
        figures.ties,
    )


def compare(reports: Mapping[str, Report]) -> list[str]:
    """How the first of several reports on the same queries stands against each other one.

    Returns:
        A line for each other report: the difference of the MAP averages, and the p-value of
        `paired_test` over the queries of all directions.
    """
    (first, report), *others = reports.items()
    lines = []
    for name, other in others:
        if (report.split_hash, report.split) != (other.split_hash, other.split):
            lines.append(f"{first} and {name} were evaluated on different splits")
            continue
        p = paired_test(report.average_precisions(), other.average_precisions())
        lines.append(
            f"{first} against {name}: MAP {report.map:.4f} against {other.map:.4f} "
            f"({report.map - other.map:+.4f}, p = {p:.4f})"
        )
    return lines


def paired_test(first: FloatArray, second: FloatArray, *, seed: int = 0) -> float:
    """Two-sided paired randomisation test of a difference in mean average precision.

    The signs of the differences per query are flipped at random 10,000 times.

    Args:
        first: Average precision of each query `(n,)` by one method.
        second: The same queries `(n,)` by the other.
        seed: Seed of the flips.

    Returns:
        The p-value.

    Raises:
        ValueError: If the two do not have the same number of queries.

    Example:
        >>> paired_test(np.linspace(0.5, 0.9, 50), np.linspace(0.4, 0.8, 50)) < 0.01
        True

    Reference:
        M. Smucker, J. Allan, B. Carterette: A comparison of statistical significance tests for
        information retrieval evaluation, CIKM 2007, section 3.1.
    """
    from scipy.stats import permutation_test

    if np.shape(first) != np.shape(second):
        raise ValueError(
            "A paired test needs both methods on the same queries. "
            f"Received: shapes {np.shape(first)} and {np.shape(second)}."
        )
    result = permutation_test(
        (np.asarray(first) - np.asarray(second),),
        lambda difference, axis: difference.mean(axis=axis),
        permutation_type="samples",
        n_resamples=9_999,
        vectorized=True,
        batch=1_000,
        rng=seed,
    )
    return float(result.pvalue)
