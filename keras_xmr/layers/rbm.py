"""`RBM`: a restricted Boltzmann machine, with visible units of three kinds."""

from typing import Any

import keras
from keras import ops

from keras_xmr.types import Config, Tensor

UNITS = ("bernoulli", "gaussian", "replicated_softmax")


@keras.saving.register_keras_serializable(package="keras_xmr")
class RBM(keras.layers.Layer):
    """A restricted Boltzmann machine; its output are the probabilities of its hidden units.

    Hidden units are binary: `p(h = 1 | v) = sigmoid(v W + c)`. There are three kinds of visible
    units. `p(v)` is in proportion to `exp(-F(v))`, and the free energy `F` is a sum of what stands
    here and `-sum softplus(v W + c)`; in products Gaussian units of deviation `s` stand as `v / s`:

    | kind | rows | visible units given `h` | `F` |
    |---|---|---|---|
    | `"bernoulli"` | 0 to 1 | 1 with probability `sigmoid(h W' + b)` | `-v.b` |
    | `"gaussian"` | mean 0, variance 1 | normal, mean `s h W' + b` | `(v - b)^2 / 2s^2` |
    | `"replicated_softmax"` | counts | `N` words by `softmax(h W' + b)` | `-v.b` |

    The replicated softmax is a model of bags of words: `N`, the sum of a row, is the length of the
    text, the hidden bias is `N c`, and `exp(-F)` is the weight of one order of its words. Rows need
    not be whole numbers: weights such as tf-idf are taken as parts of words.

    A *joint* machine, of several groups of visible units under the same hidden ones, is this layer
    on the groups side by side.

    It is trained by `keras_xmr.losses.contrastive_divergence`.

    Args:
        units: Number of hidden units.
        visible: Kind of the visible units, see above.
        draws: Most words that are drawn for a text; longer texts are made of as many draws, each
            of which counts for more than a word.
        noise: Deviation `s` of Gaussian visible units, given hidden ones. What of the variance of
            a feature is below its square is noise to the machine, and not learned.
        seed: Seed of the initial weights and of sampling.
        **kwargs: What every Keras layer takes.

    Call arguments:
        visible: Rows `(n, d)`.

    Returns:
        Probabilities of the hidden units, `(n, units)`.

    Raises:
        ValueError: If there is no such kind, or a number is not positive.

    Example:
        >>> import numpy as np
        >>> machine = RBM(3, "replicated_softmax", seed=0)
        >>> tuple(machine(np.array([[2.0, 0.0, 1.0, 1.0]])).shape)
        (1, 3)
        >>> drawn = machine.gibbs(np.array([[2.0, 0.0, 1.0, 1.0]]))  # four words again
        >>> float(keras.ops.sum(drawn))
        4.0

    Reference:
        G. Hinton: Training products of experts by minimizing contrastive divergence, Neural
        Computation 14 (8), 2002; R. Salakhutdinov, G. Hinton: Replicated softmax: an undirected
        topic model, NIPS 2009, section 2.
    """

    def __init__(
        self,
        units: int,
        visible: str = "bernoulli",
        draws: int = 50,
        noise: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if visible not in UNITS:
            raise ValueError(f"Visible units are {UNITS}. Received: {visible=}.")
        if units < 1 or draws < 1:
            raise ValueError(f"Units and draws are at least 1. Received: {units=}, {draws=}.")
        if noise <= 0:
            raise ValueError(f"Noise is a deviation above 0. Received: {noise=}.")
        super().__init__(**kwargs)
        self.units = units
        self.visible = visible
        self.draws = draws
        self.noise = noise
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(width, self.units),
            initializer=keras.initializers.GlorotUniform(seed=self.seed),
        )
        self.visible_bias = self.add_weight(
            name="visible_bias", shape=(width,), initializer="zeros"
        )
        self.hidden_bias = self.add_weight(
            name="hidden_bias", shape=(self.units,), initializer="zeros"
        )
        super().build(input_shape)

    def call(self, visible: Tensor) -> Tensor:
        return ops.sigmoid(self.hidden_logits(visible))

    def hidden_logits(self, visible: Tensor) -> Tensor:
        """Logits `(n, units)` of the hidden units, given visible ones `(n, d)`."""
        bias = ops.convert_to_tensor(self.hidden_bias)
        if self.visible == "replicated_softmax":
            bias = ops.sum(visible, axis=-1, keepdims=True) * bias
        return ops.matmul(visible / self._scale, self.kernel) + bias

    def visible_input(self, hidden: Tensor) -> Tensor:
        """What visible units `(n, d)` get from hidden ones `(n, units)`: logits, or a mean."""
        return self._scale * ops.matmul(hidden, ops.transpose(self.kernel)) + self.visible_bias

    @property
    def _scale(self) -> float:
        return self.noise if self.visible == "gaussian" else 1.0

    def free_energy(self, visible: Tensor) -> Tensor:
        """Free energy `(n,)` of visible rows `(n, d)`, float32."""
        visible = ops.cast(visible, "float32")
        of_hidden = ops.sum(ops.softplus(self.hidden_logits(visible)), axis=-1)
        if self.visible == "gaussian":
            square = ops.sum(ops.square((visible - self.visible_bias) / self.noise), axis=-1)
            return 0.5 * square - of_hidden
        return -ops.sum(visible * self.visible_bias, axis=-1) - of_hidden

    def gibbs(self, visible: Tensor, steps: int = 1) -> Tensor:
        """Visible rows `(n, d)` after steps of Gibbs sampling that begin at some, float32.

        Args:
            visible: Rows `(n, d)` to begin at.
            steps: How often hidden units are drawn, and visible ones given them.
        """
        visible = ops.cast(visible, "float32")
        length = ops.sum(visible, axis=-1, keepdims=True)
        for _ in range(steps):
            hidden = self._coins(ops.sigmoid(self.hidden_logits(visible)))
            visible = self.draw_visible(hidden, length)
        return visible

    def draw_visible(self, hidden: Tensor, length: Tensor | None = None) -> Tensor:
        """Visible rows `(n, d)` drawn given hidden ones `(n, units)`.

        Args:
            hidden: Hidden units.
            length: Lengths `(n, 1)` of the texts, for the replicated softmax.
        """
        given = self.visible_input(hidden)
        if self.visible == "bernoulli":
            return self._coins(ops.sigmoid(given))
        if self.visible == "gaussian":
            drawn = keras.random.normal(ops.shape(given), seed=self.seed_generator)
            return given + self.noise * drawn
        return self._texts(given, length)

    def _coins(self, probabilities: Tensor) -> Tensor:
        thrown = keras.random.uniform(ops.shape(probabilities), seed=self.seed_generator)
        return ops.cast(thrown < probabilities, "float32")

    def _texts(self, logits: Tensor, length: Tensor) -> Tensor:
        """Counts of words, whose sum is the length; a part of a word is a draw that counts less."""
        length = ops.cast(length, "float32")
        drawn = ops.clip(ops.ceil(length), 1, self.draws)
        counted = ops.cast(ops.arange(self.draws)[None, :] < ops.cast(drawn, "int32"), "float32")
        thrown = keras.random.uniform(ops.shape(counted), seed=self.seed_generator)
        # How many of the draws are of a word or of one before it: far cheaper than
        # `keras.random.categorical`, which needs a random number for each word and draw.
        up_to = ops.cumsum(ops.softmax(logits), axis=-1)[:, None, :]
        below = ops.cast(thrown[:, :, None] <= up_to, "float32")
        counts = ops.sum(counted[:, :, None] * below, axis=1)
        counts = ops.concatenate([counts[:, :-1], drawn], axis=1)
        before = ops.pad(counts[:, :-1], [[0, 0], [1, 0]])
        return (counts - before) * (length / drawn)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "units": self.units,
            "visible": self.visible,
            "draws": self.draws,
            "noise": self.noise,
            "seed": self.seed,
        }
