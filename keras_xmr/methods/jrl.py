"""JRL: joint representation learning of Zhai, Peng and Xiao (TCSVT 2014)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import ClassVar, Self

import numpy as np
import scipy.linalg
from scipy.sparse import csr_array, diags_array
from scipy.special import expit, log_expit

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.methods.about import About
from keras_xmr.methods.linear_method import LinearMethod, Rows, Weights, centre, hot
from keras_xmr.methods.settings import Settings
from keras_xmr.methods.space import Choice, Range, Tunable
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Array, Config, FloatArray

READOUTS = ("knn", "projections")
GRAPHS = ("masked", "released")

RELEASED: Config = {
    "sparsity_weight": 1000.0,
    "graph_weight": 1000.0,
    "pair_weight": 1.0,
    "label_weight": 1.0,
    "neighbours": 100,
    "iterations": 5,
    "tolerance": 0.02,
    "graph": "released",
    "readout": "knn",
}
"""Arguments of `JRL` as in the authors' public code, which also has the test items in its graph."""

# Fewest and most neighbours that vote, where they follow from the data.
VOTES = (5, 100)
# Keeps the weight of a row of zeros finite.
SMALLEST = 1e-8


def neighbour_laplacian(
    rows: FloatArray, neighbours: int, graph: str = "masked"
) -> csr_array | FloatArray:
    """Normalised Laplacian `(n, n)` of the graph of nearest neighbours, sparse if it is `"masked"`.

    Items one of which is among the nearest of the other are joined, by `sigmoid(-distance)`.

    Args:
        rows: `(n, d)`.
        neighbours: Neighbours of an item.
        graph: `"masked"`, or `"released"`: all items are joined by these weights, but scaled by the
            number of neighbours, which is what the authors' code computes.

    Example:
        >>> rows = np.array([[0.0], [0.1], [5.0], [5.1]])
        >>> neighbour_laplacian(rows, 1).toarray()[:2, :2].round(3).tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import kneighbors_graph

    # Of its own distances to itself scikit-learn says nothing, as it should.
    near = csr_array(kneighbors_graph(rows, min(neighbours, len(rows) - 1), mode="distance"))
    if graph == "released":
        joined = csr_array((np.ones(near.nnz), near.indices, near.indptr), shape=near.shape)
        scale = 1 / np.sqrt(joined.maximum(joined.T).sum(axis=1))
        weights = expit(-pairwise_distances(rows))
        laplacian: FloatArray = np.eye(len(rows)) - scale[:, None] * weights * scale
        return laplacian
    # A factor on all weights changes nothing, and without one far items would all weigh nothing.
    logarithms = log_expit(-near.data)
    near.data = np.exp(logarithms - logarithms.max())
    near = csr_array(near.maximum(near.T))
    degrees = near.sum(axis=1)
    there = degrees > 0
    scale = np.zeros(len(rows))
    scale[there] = 1 / np.sqrt(degrees[there])
    return csr_array(diags_array(there * 1.0) - diags_array(scale) @ near @ diags_array(scale))


def neighbour_posteriors(
    projected: FloatArray, gallery: FloatArray, classes: FloatArray, neighbours: int
) -> FloatArray:
    """Shares of the classes `(n, classes)` among the nearest items of a gallery.

    Each neighbour votes with the weight `sigmoid(-distance)`.

    Args:
        projected: `(n, k)`.
        gallery: `(m, k)`.
        classes: Classes of the gallery `(m, classes)`; rows add up to 1.
        neighbours: How many vote.

    Example:
        >>> gallery = np.array([[0.0], [0.2], [9.0]])
        >>> neighbour_posteriors(np.array([[0.1]]), gallery, np.eye(3), 2).round(2).tolist()
        [[0.5, 0.5, 0.0]]
    """
    from sklearn.metrics.pairwise import euclidean_distances

    distances = euclidean_distances(projected, gallery)
    count = min(neighbours, len(gallery))
    nearest = np.argpartition(distances, count - 1, axis=1)[:, :count]
    votes = log_expit(-np.take_along_axis(distances, nearest, axis=1))
    votes = np.exp(votes - votes.max(axis=1, keepdims=True))
    votes /= votes.sum(axis=1, keepdims=True)
    posteriors: FloatArray = np.einsum("qk,qkc->qc", votes, classes[nearest])
    return posteriors


@dataclass(frozen=True)
class Term:
    """What the objective has of one medium.

    Attributes:
        rows: `(n, d)`, centred.
        inner: `(n, n)`: what is quadratic in its projected rows, positive semi-definite.
        targets: `(n, classes)`: what is linear in them.
        pairs: Other medium to the weights `(n, n_other)` of the pairs of their rows.
        constant: What no projection changes.
    """

    rows: FloatArray
    inner: csr_array | FloatArray
    targets: FloatArray
    pairs: dict[str, csr_array]
    constant: float = 0.0

    @cached_property
    def quadratic(self) -> FloatArray:
        """What is quadratic in the projection, `(d, d)`."""
        inside: FloatArray = self.rows.T @ (self.inner @ self.rows)
        return inside

    def pull(self, projected: Rows) -> Array:
        """Where labels and the other media want the projected rows to be, `(n, classes)`."""
        pulled: Array = self.targets
        for other, weights in self.pairs.items():
            pulled = pulled + weights @ projected[other]
        return pulled

    def solve(self, pulled: Array, row_weights: FloatArray) -> FloatArray:
        """The best projection `(d, classes)`, with a quadratic penalty for each of its rows.

        It solves a system as wide as the rows, or as many as they are, whichever is smaller.
        """
        n, d = self.rows.shape
        if d <= n:
            system = self.quadratic.copy()
            system.flat[:: d + 1] += row_weights
            solved: FloatArray = scipy.linalg.solve(system, self.rows.T @ pulled, assume_a="pos")
            return solved
        lifted = self.rows.T / row_weights[:, None]
        system = self.inner @ (self.rows @ lifted)
        system.flat[:: n + 1] += 1
        solved = lifted @ scipy.linalg.solve(system, pulled)
        return solved


def joint_projections(
    terms: dict[str, Term], sparsity: float, iterations: int, tolerance: float, random_state: int
) -> Rows:
    """Projections `(d, classes)` of each medium, by reweighted least squares.

    All are updated from those of the iteration before, and first from random numbers.

    Args:
        terms: Medium to its term.
        sparsity: Weight of the sum of the lengths of a projection's rows.
        iterations: Most iterations.
        tolerance: Relative decrease of the objective below which it stops.
        random_state: Seed of the random numbers, the same for each medium.
    """
    found: Rows = {
        name: np.random.default_rng(random_state).uniform(
            size=(term.rows.shape[1], term.targets.shape[1])
        )
        for name, term in terms.items()
    }
    before = np.inf
    for _ in range(iterations):
        projected = {name: term.rows @ found[name] for name, term in terms.items()}
        found = {
            name: term.solve(
                term.pull(projected), sparsity / (2 * np.maximum(_lengths(found[name]), SMALLEST))
            )
            for name, term in terms.items()
        }
        value = objective(terms, found, sparsity)
        if before - value < tolerance * abs(before):
            break
        before = value
    return found


def objective(terms: dict[str, Term], found: Rows, sparsity: float) -> float:
    """What `joint_projections` minimises."""
    projected = {name: term.rows @ found[name] for name, term in terms.items()}
    value = sum(sparsity * _lengths(own).sum() for own in found.values())
    for name, term in terms.items():
        own = projected[name]
        pulled = term.targets + term.pull(projected)
        value += np.sum(own * (term.inner @ own)) - np.sum(own * pulled) + term.constant
    return float(value)


def _lengths(matrix: FloatArray) -> FloatArray:
    lengths: FloatArray = np.linalg.norm(matrix, axis=1)
    return lengths


class JRL(LinearMethod):
    """Joint representation learning with sparse and graph regularisation.

    Each medium has a projection `P_m` `(d, classes)`. For rows `X_m` with one-hot labels `L` it
    minimises

        label_weight    * sum over media of ||X_m P_m - L||^2
        + pair_weight     * sum over pairs of media of ||X_i P_i - X_j P_j||^2, for paired rows
        + graph_weight    * sum over media of tr P_m' X_m' G_m X_m P_m
        + sparsity_weight * sum over media of the lengths of the rows of P_m

    where `G_m` is the normalised Laplacian of the graph of nearest neighbours, by reweighted least
    squares. Any number of media; where `pair_weight` is 0 they need no pairs.

    Where this departs from the paper and from the authors' code: the paper's method is
    transductive, for test items are in the graph. So they are here with
    `fit(data, unlabelled="test")`; by default only training items are, since in ordinary use the
    others are not known yet. Ranked are not the projections but, as in the authors' code, class
    posteriors: votes of the nearest projected training items of all media, compared by their dot
    product. Here the posteriors are followed by one more number for each medium, which for rows of
    that medium is what they lack to unit length: the cosine of rows of two media is then that dot
    product. The default weights were better than those of the code (`RELEASED`), which are for
    features of another scale.

    Args:
        label_weight: Weight of the labels.
        pair_weight: Weight of the distance of paired items.
        graph_weight: Weight of the differences of neighbours.
        sparsity_weight: Weight of the lengths of rows.
        neighbours: Neighbours in the graph, and in the vote.
        graph: `"masked"`: neighbours are joined by their similarity; `"released"`: as in the
            authors' code, which scales all similarities by the numbers of neighbours.
        readout: `"knn"`: the posteriors, or `"projections"`.
        iterations: Most iterations.
        tolerance: Relative decrease of the objective below which it stops.
        random_state: Seed of the first projections.
        preprocessor: What to use instead of `Preprocessor.for_data(data)`; fitted by `fit`.

    Raises:
        ValueError: If an argument is outside its range; from `fit`, if there is a `pair_weight` and
            a medium without pairs.

    Example:
        >>> from keras_xmr.datasets import toy
        >>> baseline = JRL(neighbours=10).fit(toy())
        >>> baseline.encode_text(["class2 thing1"]).argmax(axis=1).tolist()
        [2]

    Reference:
        X. Zhai, Y. Peng, J. Xiao: Learning cross-media joint representation with sparse and
        semisupervised regularization, IEEE Transactions on Circuits and Systems for Video
        Technology, 2014. Settings: the authors' public code.
    """

    about = About(
        name="jrl",
        title="joint representation learning",
        year=2014,
        reference="Zhai, Peng, Xiao: IEEE TCSVT 2014",
        kind="linear",
        learns_from=("labels", "pairs"),
        media="any",
        returns="class posteriors",
    )
    defaults = Settings(arguments={"sparsity_weight": 0.3, "graph_weight": 5.0})
    tunable: ClassVar[Mapping[str, Tunable]] = {
        "sparsity_weight": Range(0.05, 1000.0),
        "graph_weight": Range(0.1, 1000.0),
        "graph": Choice(("masked", "released")),
        "readout": Choice(("knn", "projections")),
    }

    ARRAYS = ("kernel", "bias", "projected", "classes")

    @classmethod
    def settings_for(cls, data: CrossModalData) -> Settings:
        """The defaults; as many neighbours vote as a class has training items, and at most 100.

        More would be outvoted by other classes, and less is noise: with 200 pairs of 20 classes 20
        neighbours instead of 100 were worth 0.16 MAP.
        """
        items = sum(len(medium) for medium in data.part("train").media.values())
        neighbours = int(np.clip(round(items / data.num_classes), *VOTES))
        return cls.defaults.changed({"neighbours": neighbours}, cls.settable())

    def __init__(
        self,
        label_weight: float = 1.0,
        pair_weight: float = 1.0,
        graph_weight: float = 1.0,
        sparsity_weight: float = 1.0,
        neighbours: int = 100,
        graph: str = "masked",
        readout: str = "knn",
        iterations: int = 5,
        tolerance: float = 0.02,
        random_state: int = 0,
        preprocessor: Preprocessor | None = None,
    ) -> None:
        if graph not in GRAPHS:
            raise ValueError(f"Graphs are {GRAPHS}. Received: {graph=}.")
        if readout not in READOUTS:
            raise ValueError(f"Readouts are {READOUTS}. Received: {readout=}.")
        if min(neighbours, iterations) < 1:
            raise ValueError(
                f"There is at least one neighbour and one iteration. Received: {neighbours=}, "
                f"{iterations=}."
            )
        weights = (label_weight, pair_weight, graph_weight)
        if min(weights) < 0 or sparsity_weight <= 0:
            raise ValueError(
                "Weights are not negative, and that of sparsity, without which the problem may "
                f"have no one solution, is above 0. Received: {label_weight=}, {pair_weight=}, "
                f"{graph_weight=}, {sparsity_weight=}."
            )
        super().__init__(preprocessor)
        self.label_weight = label_weight
        self.pair_weight = pair_weight
        self.graph_weight = graph_weight
        self.sparsity_weight = sparsity_weight
        self.neighbours = neighbours
        self.graph = graph
        self.readout = readout
        self.iterations = iterations
        self.tolerance = tolerance
        self.random_state = random_state

    def fit(
        self, data: CrossModalData, *, split: str = "train", unlabelled: str | None = None
    ) -> Self:
        """Fit on one part of `data`; returns `self`.

        Args:
            data: The data set.
            split: The part with the labels.
            unlabelled: A part whose items, without labels and pairs, join the graph. Figures of
                that part are then transductive.
        """
        part = data.part(split)
        rows = self._fit_preprocessor(data, part)
        others = data.part(unlabelled).media if unlabelled else {}
        assert self.preprocessor is not None
        more = {name: self.preprocessor(items.items, name) for name, items in others.items()}
        self._set_weights(self._project(rows, part, more))
        return self

    def _project(self, rows: Rows, part: CrossModalData, more: Rows) -> Weights:
        centred = {name: centre(own.astype(np.float64)) for name, own in rows.items()}
        terms = self._terms(centred, part, more)
        found = joint_projections(
            terms, self.sparsity_weight, self.iterations, self.tolerance, self.random_state
        )
        return {
            name: (
                kernel,
                -centred[name][1] @ kernel,
                centred[name][0] @ kernel,
                hot(part.medium(name).labels, part.num_classes),
            )
            for name, kernel in found.items()
        }

    def _terms(
        self, centred: dict[str, tuple[FloatArray, FloatArray]], part: CrossModalData, more: Rows
    ) -> dict[str, Term]:
        everything = {
            name: np.concatenate([own, more[name] - mean]) if name in more else own
            for name, (own, mean) in centred.items()
        }
        pairs = self._pairs({name: len(own) for name, own in everything.items()}, part)
        terms = {}
        for name, own in everything.items():
            labels = hot(part.medium(name).labels, part.num_classes)
            targets = np.zeros((len(own), part.num_classes))
            targets[: len(labels)] = self.label_weight * labels
            tied = self.label_weight * (np.arange(len(own)) < len(labels))
            for weights in pairs[name].values():
                tied = tied + weights.sum(axis=1)
            inner = csr_array(diags_array(tied))
            if self.graph_weight:
                laplacian = neighbour_laplacian(own, self.neighbours, self.graph)
                inner = np.asarray(inner.todense()) if isinstance(laplacian, np.ndarray) else inner
                inner = inner + self.graph_weight * laplacian
            constant = self.label_weight * float(np.square(labels).sum())
            terms[name] = Term(own, inner, targets, pairs[name], constant)
        return terms

    def _pairs(
        self, sizes: dict[str, int], part: CrossModalData
    ) -> dict[str, dict[str, csr_array]]:
        """Medium to other medium to the weights of the pairs of their rows."""
        found: dict[str, dict[str, csr_array]] = {name: {} for name in sizes}
        if not self.pair_weight:
            return found
        for first, second in combinations(sizes, 2):
            index = part.paired_rows([first, second])
            at: tuple[Array, Array] = (index[first], index[second])
            weights = np.full(len(at[0]), self.pair_weight)
            paired = csr_array((weights, at), shape=(sizes[first], sizes[second]))
            found[first][second] = paired
            found[second][first] = csr_array(paired.T)
        return found

    def _map(self, rows: FloatArray, medium: str) -> FloatArray:
        kernel, bias = self.weights[medium][:2]
        projected: FloatArray = rows @ kernel + bias
        if self.readout == "projections":
            return projected
        gallery, classes = (
            np.concatenate([arrays[at] for arrays in self.weights.values()]) for at in (2, 3)
        )
        posteriors = neighbour_posteriors(projected, gallery, classes, self.neighbours)
        # A number for each medium: what rows of that medium lack to unit length.
        rest = np.zeros((len(rows), len(self.weights)))
        own = list(self.weights).index(medium)
        rest[:, own] = np.sqrt(np.maximum(1 - np.square(posteriors).sum(axis=1), 0))
        return np.concatenate([posteriors, rest], axis=1)
