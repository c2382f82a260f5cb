"""Why does a method rank as it does? Looks at its representations of the test part.

Everything takes representations, not a model: `encoded` holds those of each medium `(n, d)`, whose
rows are those of `part`. Media that only one of the two has are left out. `means` holds, for each
medium, the mean representation of the training items of each class `(classes, d)`, rows of NaN
where a class has none there.

Media are looked at in ordered pairs, as in `evaluate`: queries of one in the gallery of another.
Unlike there, items that are equally near share their ranks: half a rank each, where two are level.
Otherwise those with low row numbers would look like hubs, above all where codes are binary.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.index import ExactIndex
from keras_xmr.index.for_metric import index_for
from keras_xmr.metrics import (
    average_precision,
    comparable,
    cosine_scores,
    distance_counts,
    expected_average_precision,
    hamming_distances,
    ranked_relevance_blocks,
    relevance,
)
from keras_xmr.metrics._checks import check_cut
from keras_xmr.metrics._threads import chunks
from keras_xmr.metrics.cosine import UnitRows
from keras_xmr.types import Array, FloatArray

# Scores of a block of queries; what is made of them takes a few times as much.
_BLOCK_BYTES = 32 * 2**20


class Query(NamedTuple):
    """A query and what was found for it.

    Attributes:
        medium: Medium of the query.
        gallery: Medium of what was found.
        row: Row of the query in its medium.
        average_precision: Average precision of its ranking.
        found: Rows of the first results in theirs `(k,)`, best first.
        relevant: Whether each of them is relevant, booleans `(k,)`.
    """

    medium: str
    gallery: str
    row: int
    average_precision: float
    found: Array
    relevant: Array


class Confusion(NamedTuple):
    """How much of what is found for queries of one class is of another one.

    Attributes:
        queries: Name of the class of the queries.
        found: Name of the other class.
        share: Share of items of the other class among the first results.
    """

    queries: str
    found: str
    share: float


class Hub(NamedTuple):
    """An item that is found for many queries.

    Attributes:
        medium: Its medium.
        row: Its row in that medium.
        queries: Number of queries, of all other media, that have it among the first results.
    """

    medium: str
    row: int
    queries: float


class Hubs(NamedTuple):
    """How evenly the items of a gallery are found.

    Attributes:
        occurrences: Medium to the number of queries, of all other media, that have each item among
            the first results `(n,)`; no whole numbers where items are equally near.
        skewness: Medium to the skewness of these numbers: 0 where they are spread evenly, well
            above 1 where few items are found by many queries.
        never: Medium to the share of items that no query finds.
        largest: The items of each medium that are found most often.
    """

    occurrences: dict[str, FloatArray]
    skewness: dict[str, float]
    never: dict[str, float]
    largest: list[Hub]


class Suspect(NamedTuple):
    """An instance that may be labelled wrongly.

    Attributes:
        rows: Medium to the rows of its items.
        label: Name of the class that it is said to be of.
        nearest: Name of the class that all of its items are nearest to.
        margin: How much more similar, or less distant, the mean of that class is than that of its
            own; of the item where this is least.
    """

    rows: dict[str, list[int]]
    label: str
    nearest: str
    margin: float


def worst_queries(
    encoded: Mapping[str, Array],
    part: CrossModalData,
    metric: str,
    count: int = 5,
    k: int = 5,
) -> list[Query]:
    """The queries of each ordered pair of media that have the lowest average precision.

    For variety only the worst one of each class is taken; where items have several classes, of each
    set of classes. Queries that have no relevant item in the gallery are left out.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        part: The test part.
        metric: `"cosine"`, `"euclidean"` or `"hamming"`.
        count: Number of queries for each ordered pair of media, at most.
        k: Number of results for each query.

    Returns:
        `Query` for each, the worst first within an ordered pair of media.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {name: np.eye(4)[medium.labels] for name, medium in part.media.items()}
        >>> encoded["image"][7] = np.eye(4)[3]  # A picture of class 1 looks like one of class 3.
        >>> worst = worst_queries(encoded, part, "cosine")[0]
        >>> worst.medium, worst.gallery, worst.row, worst.relevant.any()
        ('image', 'text', 7, np.False_)
    """
    queries = []
    for medium, gallery in itertools.permutations(_media(encoded, part), 2):
        precisions = _average_precisions(encoded, part, medium, gallery, metric)
        order = np.argsort(precisions, kind="stable")
        order = order[~np.isnan(precisions[order])]
        labels, stored = part.media[medium].labels, part.media[gallery].labels
        _, first = np.unique(labels[order], axis=0, return_index=True)
        rows = order[np.sort(first)[:count]]
        index = index_for(metric).add(encoded[gallery], np.arange(len(stored)).astype(str))
        found = index.search(encoded[medium][rows], k).ids.astype(int)
        queries += [
            Query(
                medium,
                gallery,
                int(row),
                float(precisions[row]),
                results,
                relevance(labels[[row]], stored[results])[0],
            )
            for row, results in zip(rows, found, strict=True)
        ]
    return queries


def confusions(
    encoded: Mapping[str, Array],
    part: CrossModalData,
    metric: str,
    k: int = 10,
    count: int = 10,
) -> list[Confusion]:
    """The ordered pairs of classes that are confused most.

    The share of a class among the first results is calculated for each ordered pair of media, and
    averaged over those that have queries of the class.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        part: The test part.
        metric: `"cosine"`, `"euclidean"` or `"hamming"`.
        k: Number of first results that count.
        count: Number of pairs, at most.

    Returns:
        `Confusion` for each, the largest share first; none where items have several classes.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {name: np.eye(4)[medium.labels] for name, medium in part.media.items()}
        >>> encoded["image"][part.media["image"].labels == 1] = np.eye(4)[3]
        >>> confusions(encoded, part, "cosine", k=5)[0]
        Confusion(queries='class1', found='class3', share=0.625)
    """
    media = _media(encoded, part)
    if not _one_class_each(part, media):
        return []
    total = np.zeros((part.num_classes, part.num_classes))
    seen = np.zeros((part.num_classes, 1))
    for query, gallery in itertools.permutations(media, 2):
        askers, stored = (_members(part, name).astype(float) for name in (query, gallery))
        found = np.zeros_like(total)
        for some, scores in _scores(encoded[query], encoded[gallery], metric):
            found += askers[some].T @ (_among_first(scores, k) @ stored)
        results = askers.sum(axis=0)[:, None] * min(k, len(stored))
        total += found / np.maximum(results, 1)
        seen += results > 0
    shares = total / np.maximum(seen, 1)
    np.fill_diagonal(shares, 0.0)
    names = part.class_names
    most = zip(*np.unravel_index(_largest(shares.ravel(), count), shares.shape), strict=True)
    return [Confusion(names[a], names[b], float(shares[a, b])) for a, b in most if shares[a, b] > 0]


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
    askers, stored = _members(part, query), _members(part, gallery)
    kept = askers[askers[:, stored.any(axis=0)].any(axis=1)]
    if np.shape(average_precisions) != (len(kept),):
        raise ValueError(
            f"{len(kept)} {query} queries have a relevant {gallery} in {part.name!r}. Received: "
            f"average_precisions.shape={np.shape(average_precisions)}. Both come from one part."
        )
    sums, counts = average_precisions @ kept, kept.sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def hubs(
    encoded: Mapping[str, Array],
    part: CrossModalData,
    metric: str,
    k: int = 10,
    count: int = 5,
) -> Hubs:
    """How often each item is among the first results of the queries of other media.

    In spaces of many dimensions some items become neighbours of very many others, whatever these
    are, and many of none.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        part: The test part.
        metric: `"cosine"`, `"euclidean"` or `"hamming"`.
        k: Number of first results that count.
        count: Number of hubs to name for each medium.

    Returns:
        `Hubs`.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {"image": np.eye(20), "text": np.eye(20)}
        >>> encoded["text"][7] = 2.0  # Longer than others, but near to all.
        >>> hubs(encoded, part, "euclidean", k=1).never
        {'image': 0.0, 'text': 0.05}
        >>> hubs(encoded, part, "cosine", k=2).largest[5]
        Hub(medium='text', row=7, queries=20.0)

    Reference:
        M. Radovanović, A. Nanopoulos, M. Ivanović: Hubs in space: popular nearest neighbors in
        high-dimensional data, JMLR 11, 2010.
    """
    media = _media(encoded, part)
    occurrences: dict[str, FloatArray] = {name: np.zeros(len(encoded[name])) for name in media}
    for query, gallery in itertools.permutations(media, 2):
        for _, scores in _scores(encoded[query], encoded[gallery], metric):
            occurrences[gallery] += _among_first(scores, k).sum(axis=0)
    return Hubs(
        occurrences,
        {name: _skewness(counts) for name, counts in occurrences.items()},
        {name: float((counts == 0).mean()) for name, counts in occurrences.items()},
        [
            Hub(name, int(row), float(counts[row]))
            for name, counts in occurrences.items()
            for row in _largest(counts, count)
        ],
    )


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
    for some, scores in _scores(pooled, pooled, metric):
        # An item is no neighbour of itself.
        scores[np.arange(len(scores)), np.arange(some.start, some.stop)] = -np.inf
        same += float((_among_first(scores, 1) * (medium[some, None] == medium)).sum())
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


def sides(
    encoded: Mapping[str, Array],
    means: Mapping[str, FloatArray],
    part: CrossModalData,
    metric: str,
) -> dict[str, float]:
    """Which medium the errors are of: what if one were always encoded as what it shows?

    All items of a medium are replaced by the mean of the training items, of that medium, of their
    class; where a class has none they stay as they are. The more MAP this gains, the more of the
    error is that medium's.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        means: Medium to the mean representations of its training items of each class
            `(classes, d)`.
        part: The test part.
        metric: `"cosine"` or `"euclidean"`; there are no means of codes for `"hamming"`.

    Returns:
        `"as it is"`, and `"image replaced by the truth"` for each medium, to the MAP averaged over
        ordered pairs of media. Empty for `"hamming"`, or where items have several classes.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {name: np.eye(4)[medium.labels] for name, medium in part.media.items()}
        >>> encoded["image"][:, 2:] = 0.5  # Pictures tell little of the last two classes.
        >>> found = sides(encoded, dict.fromkeys(encoded, np.eye(4)), part, "cosine")
        >>> [(name, round(value, 2)) for name, value in found.items()]
        [('as it is', 0.84),
         ('image replaced by the truth', 1.0),
         ('text replaced by the truth', 0.84)]
    """
    media = _media(encoded, part)
    if metric == "hamming" or not _one_class_each(part, media):
        return {}
    found = {"as it is": _average_map(encoded, part, media, metric)}
    for name in media:
        truth = means[name][part.media[name].labels]
        kept = np.where(np.isnan(truth), encoded[name], truth)
        replaced = {**encoded, name: kept}
        found[f"{name} replaced by the truth"] = _average_map(replaced, part, media, metric)
    return found


def label_suspects(
    encoded: Mapping[str, Array],
    means: Mapping[str, FloatArray],
    part: CrossModalData,
    metric: str,
    count: int = 10,
) -> list[Suspect]:
    """Paired test instances that may be labelled wrongly: all their items speak for another class.

    All items of an instance, in every medium, are nearest to the mean of the same class, which is
    not theirs. Instances that some medium lacks are left out, and so are those whose class has no
    training items.

    Args:
        encoded: Medium to the representations of its test items `(n, d)`.
        means: Medium to the mean representations of its training items of each class
            `(classes, d)`.
        part: The test part.
        metric: `"cosine"` or `"euclidean"`; there are no means of codes for `"hamming"`.
        count: Number of instances, at most.

    Returns:
        `Suspect` for each, the largest margin first. None for `"hamming"`, where items have several
        classes, or where media are not paired.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> part = toy().part("test")
        >>> encoded = {name: np.eye(4)[medium.labels] for name, medium in part.media.items()}
        >>> for rows in encoded.values():
        ...     rows[7] = np.eye(4)[3]
        >>> label_suspects(encoded, dict.fromkeys(encoded, np.eye(4)), part, "cosine")
        [Suspect(rows={'image': [7], 'text': [7]}, label='class1', nearest='class3', margin=1.0)]
    """
    media = _media(encoded, part)
    if metric == "hamming" or not _one_class_each(part, media):
        return []
    nearest, margin = {}, {}
    for name in media:
        labels = part.media[name].labels
        nearest[name], margin[name] = _nearest_class(encoded[name], means[name], labels, metric)
    suspects = []
    for rows in _instances(part, media):
        named = {int(c) for name in media for c in nearest[name][rows[name]]}
        least = min(float(margin[name][rows[name]].min()) for name in media)
        # A margin of an item that is nearest to its own class is 0, of one that has no class NaN.
        if len(named) == 1 and least > 0:
            label = part.media[media[0]].labels[rows[media[0]][0]]
            names = part.class_names
            suspects.append(Suspect(rows, names[label], names[named.pop()], least))
    return sorted(suspects, key=lambda suspect: -suspect.margin)[:count]


def _media(encoded: Mapping[str, Array], part: CrossModalData) -> list[str]:
    return [name for name in part.media if name in encoded]


def _one_class_each(part: CrossModalData, media: Sequence[str]) -> bool:
    return all(part.media[name].labels.ndim == 1 for name in media)


def _members(part: CrossModalData, medium: str) -> Array:
    """Which items are of which classes, booleans `(n, classes)`."""
    labels = part.medium(medium).labels
    if labels.ndim == 2:
        return np.asarray(labels == 1)
    return np.asarray(labels[:, None] == np.arange(part.num_classes))


def _scores(queries: Array, gallery: Array, metric: str) -> Iterator[tuple[slice, FloatArray]]:
    """Scores `(block, g)` that rank the gallery, higher first, for one block of queries at a time.

    Equally near items have the same score, to the bit.
    """
    if metric != "hamming":
        queries, gallery = comparable(queries, gallery, metric)
    for some in chunks(len(queries), 8 * len(gallery), _BLOCK_BYTES):
        if metric == "hamming":
            yield some, -hamming_distances(queries[some], gallery).astype(float)
        else:
            yield some, cosine_scores(queries[some], gallery)


def _among_first(scores: FloatArray, k: int) -> FloatArray:
    """How much of each item is among the first `k`: 1 or 0, between if level with the k-th one."""
    k = min(check_cut(k), scores.shape[1])
    last = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    above, level = scores > last, scores == last
    left = k - above.sum(axis=1, keepdims=True)
    return np.asarray(above + level * (left / level.sum(axis=1, keepdims=True)))


def _largest(values: FloatArray, count: int) -> Array:
    """Rows of the largest values, the largest first."""
    return np.argsort(-values, kind="stable")[:count]


def _skewness(counts: FloatArray) -> float:
    from scipy.stats import skew

    # The skewness of equal numbers is 0 / 0, but nothing is spread more evenly.
    return float(skew(counts)) if np.ptp(counts) > 1e-9 * counts.max() else 0.0


def _average_precisions(
    encoded: Mapping[str, Array], part: CrossModalData, query: str, gallery: str, metric: str
) -> FloatArray:
    """Of each query `(q,)`, as in `evaluate`; NaN where nothing is relevant to it."""
    rows = encoded[query], encoded[gallery]
    labels = part.media[query].labels, part.media[gallery].labels
    if metric == "hamming":
        return expected_average_precision(distance_counts(*rows, *labels))
    blocks = ranked_relevance_blocks(*comparable(*rows, metric), *labels)
    return np.concatenate([average_precision(ranked) for _, ranked in blocks])


def _average_map(
    encoded: Mapping[str, Array], part: CrossModalData, media: Sequence[str], metric: str
) -> float:
    pairs = itertools.permutations(media, 2)
    precisions = [_average_precisions(encoded, part, *pair, metric) for pair in pairs]
    return float(np.mean([values[~np.isnan(values)].mean() for values in precisions]))


def _nearest_class(
    rows: Array, means: FloatArray, labels: Array, metric: str
) -> tuple[Array, FloatArray]:
    """The class of the nearest mean `(n,)`, and its lead over that of the label `(n,)`."""
    known = np.flatnonzero(~np.isnan(means).any(axis=1))
    found = ExactIndex(metric).add(means[known], known.astype(str)).search(rows, len(known))
    classes = found.ids.astype(int)
    # NaN stays where the class of the label is not known.
    own = np.full(len(rows), np.nan)
    own_row, own_rank = np.nonzero(classes == labels[:, None])
    own[own_row] = found.scores[own_row, own_rank]
    return classes[:, 0], found.scores[:, 0] - own


def _instances(part: CrossModalData, media: Sequence[str]) -> Iterator[dict[str, list[int]]]:
    """Rows of each instance that all media have; none where a medium has no pairs."""
    members: dict[str, dict[str, list[int]]] = {}
    for name in media:
        pairs = part.media[name].pairs
        if pairs is None:
            return
        for row, instance in enumerate(pairs.tolist()):
            members.setdefault(instance, {}).setdefault(name, []).append(row)
    yield from (rows for rows in members.values() if len(rows) == len(media))
