"""`RBM`: free energies and probabilities by enumeration, sampling, and contrastive divergence."""

from itertools import product

import keras
import numpy as np
import pytest

from keras_xmr.layers import RBM
from keras_xmr.layers.mean_field import MeanField
from keras_xmr.losses import contrastive_divergence
from tests.gradients import loss_and_gradients

D, H, NOISE = 3, 2, 0.7
UNITS = ("bernoulli", "gaussian", "replicated_softmax")
ROWS = {
    "bernoulli": [[0, 1, 1], [1, 0, 0]],
    "gaussian": [[0.5, -1.0, 2.0], [0.0, 0.3, -0.2]],
    "replicated_softmax": [[2, 0, 1], [0, 4, 0]],
}


def machine(kind, seed=0, **more):
    """A machine with weights far from zero, and those as NumPy."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=shape) for shape in ((D, H), D, H)]
    made = RBM(H, kind, noise=NOISE, seed=seed, **more)
    made.build((None, D))
    made.set_weights(weights)
    return made, weights


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor).astype("float64")


def rows_of(kind):
    return np.array(ROWS[kind], "float32")


def energy(kind, visible, hidden, weights):
    """Energy of one state, as the papers write it."""
    kernel, b, c = weights
    pairs = sum(visible[i] * hidden[j] * kernel[i, j] for i in range(D) for j in range(H))
    if kind == "gaussian":
        return sum((visible - b) ** 2) / (2 * NOISE**2) - hidden @ c - pairs / NOISE
    length = visible.sum() if kind == "replicated_softmax" else 1
    return -visible @ b - length * (hidden @ c) - pairs


def states(n):
    return np.array(list(product([0, 1], repeat=n)), "float64")


@pytest.mark.parametrize("kind", UNITS)
def test_free_energy_and_hidden_probabilities_by_enumeration(kind):
    made, weights = machine(kind)
    for row, found, hidden in zip(
        rows_of(kind), numpy(made.free_energy(rows_of(kind))), numpy(made(rows_of(kind))),
        strict=True,
    ):  # fmt: skip
        odds = np.array([np.exp(-energy(kind, row, h, weights)) for h in states(H)])
        assert found == pytest.approx(-np.log(odds.sum()), rel=1e-5)
        np.testing.assert_allclose(hidden, odds @ states(H) / odds.sum(), rtol=1e-5)


@pytest.mark.parametrize("kind", UNITS)
def test_visible_units_are_drawn_by_their_probabilities(kind):
    made, weights = machine(kind)
    hidden = np.array([1.0, 0.0])
    drawn = numpy(
        made.draw_visible(np.tile(hidden, (4000, 1)).astype("float32"), 3 * np.ones((4000, 1)))
    )
    if kind == "gaussian":
        # The energy is a parabola in each unit.
        mean = weights[1] + NOISE * weights[0] @ hidden
        np.testing.assert_allclose(drawn.var(axis=0), NOISE**2, atol=0.05)
    elif kind == "bernoulli":
        odds = np.exp([-energy(kind, v, hidden, weights) for v in states(D)])
        mean = odds @ states(D) / odds.sum()
    else:
        # Three words, whose orders are all sequences of three.
        texts = [np.eye(D)[list(words)].sum(axis=0) for words in product(range(D), repeat=3)]
        odds = np.exp([-energy(kind, text, hidden, weights) for text in texts])
        mean = odds @ texts / odds.sum()
        np.testing.assert_array_equal(drawn.sum(axis=1), 3)
        assert set(np.unique(drawn)) == {0, 1, 2, 3}
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.08)


def test_long_texts_and_parts_of_words_keep_their_length():
    made, _ = machine("replicated_softmax", draws=4)
    rows = np.array([[30.0, 10.0, 0.0], [0.5, 0.2, 0.1], [1.5, 0.0, 1.0]], "float32")
    drawn = numpy(made.gibbs(rows))
    np.testing.assert_allclose(drawn.sum(axis=1), rows.sum(axis=1), rtol=1e-5)
    # Four draws of ten words, one of 0.8, three of 2.5 / 3.
    units = np.array([[10.0], [0.8], [2.5 / 3]])
    np.testing.assert_allclose(drawn / units, np.round(drawn / units), atol=1e-5)


def test_gibbs_sampling_reaches_the_distribution_of_the_machine():
    made, weights = machine("bernoulli")
    drawn = numpy(made.gibbs(np.zeros((4000, D), "float32"), steps=20))
    odds = np.array(
        [sum(np.exp(-energy("bernoulli", v, h, weights)) for h in states(H)) for v in states(D)]
    )
    counted = [(drawn == state).all(axis=1).mean() for state in states(D)]
    np.testing.assert_allclose(counted, odds / odds.sum(), atol=0.03)


@pytest.mark.parametrize("kind", UNITS)
def test_the_gradient_is_the_statistic_of_contrastive_divergence(kind):
    made, weights = machine(kind)
    rows = rows_of(kind)
    twin, _ = machine(kind)
    after = numpy(twin.gibbs(rows, steps=2))
    _, found = loss_and_gradients(
        lambda: contrastive_divergence(made, rows, steps=2), made.trainable_variables
    )
    kernel, b, c = weights

    def statistics(visible):
        """Mean of minus the derivatives of the energy, hidden units by their probability."""
        of_rows = []
        for v in visible:
            n = v.sum() if kind == "replicated_softmax" else 1.0
            of_bias, v = ((v - b) / NOISE**2, v / NOISE) if kind == "gaussian" else (v, v)
            h = 1 / (1 + np.exp(-(v @ kernel + n * c)))
            of_rows.append((np.outer(v, h), of_bias, n * h))
        return [np.mean(part, axis=0) for part in zip(*of_rows, strict=True)]

    data, samples = statistics(rows.astype("float64")), statistics(after)
    names = [variable.name for variable in made.trainable_variables]
    assert names == ["kernel", "visible_bias", "hidden_bias"]
    for gradient, of_data, of_samples in zip(found, data, samples, strict=True):
        np.testing.assert_allclose(gradient, of_samples - of_data, atol=1e-5)


class Alone(keras.Model):
    """A machine and nothing else."""

    def __init__(self, machine):
        super().__init__()
        self.machine = machine

    def call(self, x):
        return self.machine(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return contrastive_divergence(self.machine, x)


def test_plain_fit_learns_a_distribution():
    # Two states of four, as often as each other: what one unit alone cannot tell.
    rows = np.tile([[1, 1, 0], [0, 0, 1]], (40, 1)).astype("float32")
    model = Alone(RBM(2, seed=0))
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(rows, batch_size=40, epochs=60, verbose=0)
    drawn = numpy(model.machine.gibbs(np.full((500, 3), 0.5, "float32"), steps=10))
    shares = [(drawn == state).all(axis=1).mean() for state in ([1, 1, 0], [0, 0, 1])]
    assert min(shares) > 0.25
    assert sum(shares) > 0.8


def test_wrong_arguments_are_errors():
    with pytest.raises(ValueError, match=r"Visible units are .* Received: visible='binary'"):
        RBM(2, "binary")
    with pytest.raises(ValueError, match=r"at least 1\. Received: units=0, draws=50"):
        RBM(0)
    with pytest.raises(ValueError, match=r"deviation above 0\. Received: noise=0"):
        RBM(2, "gaussian", noise=0)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 1), (2, 0)])
def test_mean_field_is_its_fixed_point_with_the_known_units_clamped(before, after):
    made, (kernel, b, c) = machine("bernoulli")
    known = np.array([[0.2, 0.9, 0.4]])[:, before : D - after]
    layer = MeanField(made, before, after, steps=200)
    hidden, visible = (numpy(t)[0] for t in layer(known.astype("float32")))

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    np.testing.assert_allclose(visible[before : D - after], known[0], rtol=1e-6)
    np.testing.assert_allclose(hidden, sigmoid(visible @ kernel + c), rtol=1e-5)
    missing = [i for i in range(D) if not before <= i < D - after]
    np.testing.assert_allclose(visible[missing], sigmoid(kernel @ hidden + b)[missing], rtol=1e-4)


def test_mean_field_begins_at_the_biases():
    made, (kernel, b, c) = machine("bernoulli")
    hidden, visible = (
        numpy(t)[0] for t in MeanField(made, 1, 0, steps=0)(np.array([[1.0, 0.0]], "float32"))
    )
    start = np.array([1 / (1 + np.exp(-b[0])), 1.0, 0.0])
    np.testing.assert_allclose(visible, start, rtol=1e-6)
    np.testing.assert_allclose(hidden, 1 / (1 + np.exp(-(start @ kernel + c))), rtol=1e-5)
