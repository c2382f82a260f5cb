"""UGACH: unsupervised generative adversarial cross-modal hashing of Zhang et al. (AAAI 2018)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import keras
import numpy as np
from keras import ops

from keras_xmr.datasets.base import CrossModalData
from keras_xmr.layers.linear_projection import LinearProjection
from keras_xmr.layers.split_rows import split_rows
from keras_xmr.methods.about import About
from keras_xmr.methods.by_medium import ByMedium, by_medium
from keras_xmr.methods.entrance import make_inputs
from keras_xmr.methods.method import Run
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.space import Range, Tunable
from keras_xmr.methods.ugach.candidates import NEIGHBORS, CandidateBatches, match_of, pool_of
from keras_xmr.methods.ugach.canonical_components import canonical_components
from keras_xmr.methods.ugach.correlation_graph import correlation_graph
from keras_xmr.methods.ugach.game import DISCRIMINATOR, GENERATOR, SelectionGame, by_generator
from keras_xmr.methods.ugach.hash_network import hash_network
from keras_xmr.methods.ugach.variants import check_arguments, settings_of
from keras_xmr.metrics import pack_bits
from keras_xmr.training.alternating import AlternatingModel
from keras_xmr.training.pairing import pairing_of
from keras_xmr.training.phases import Phase
from keras_xmr.transforms.preprocessor import Preprocessor
from keras_xmr.types import Array, FloatArray, Tensor

# Neighbors in the graph: one in so many instances, and the fewest and the most of them.
SHARE = 40
GRAPH = (5, 60)
D_TERMS, G_TERMS = ("margin_loss",), ("reward", "entropy")


@keras.saving.register_keras_serializable(package="keras_xmr")
class UGACH(AlternatingModel):
    """Unsupervised generative adversarial cross-modal hashing.

    Binary codes for media whose items come in pairs, learnt without labels. Two players have the
    same form, for each medium a layer with tanh and one with a sigmoid, whose outputs `h` are
    *relaxed codes* in (0, 1). Both measure `distance(q, x) = |h(q) - h(x)|^2` between a query and
    an item of another medium. What counts as a match is in the *correlation graph* of nearest
    neighbours within media (see `correlation_graph`): it is made once, from feature
    rows, by `batches`.

    The *generator* selects items that look like matches from a pool of candidates; the
    *discriminator* is to tell them from true matches. Two phases take turns at each batch:

    | phase | minimises, as a mean over queries and ordered pairs of media |
    |---|---|
    | `discriminator` | expectation over selected items `x` of `f(q, x)`; matches are not selected |
    | `generator` | minus the expectation of the reward `r(f(q, x))`, by the policy gradient |

    `f(q, x) = max(0, margin + distance(q, match) - distance(q, x))` with the discriminator's codes,
    and `p(x | q) = exp(-distance(q, x) / temperature)` over its sum in the pool with the
    generator's. Codes for retrieval are those of the discriminator: bit 1 where `h >= 0.5`.

    The history has, as terms, `margin_loss`, the mean of `f`, and of the generator `reward` and
    `entropy`: that of `p`, which is 1 where it selects at random.

    Where this departs from the paper and from the authors' code: a variant decides what these
    arguments are where they are `None`, and in the corrected one alone the generator cannot be
    rewarded for selecting matches:

    | argument | corrected | paper | released |
    |---|---|---|---|
    | `estimator` | exact | sampled | drawn |
    | `samples` | 8 | 2 | 2 |
    | `reward` | margin | softplus | sigmoid |
    | `baseline` | yes | no | no |
    | `graph` | joint | union | union |
    | `symmetric` | yes | yes | no |
    | `margin` | bits / 4 | 1 | bits / 8 |
    | `temperature` | bits / 4 | 1 | 1 |

    `"corrected"`, the default, takes the whole expectation over the pool in place of samples: with
    the positive rewards of the others a sample is reinforced whatever it is. Its margin is wide:
    then it is the generator that tells hard candidates from easy ones, and not the hinge.
    `UGACH(media, **PAPER)` is the algorithm as published, so far as it is known. `UGACH(media,
    **RELEASED)` is what the authors' public code executes, for study: **its generator learns
    nothing**. Its soft-max is over the two drawn items alone, and a penalty shrinks its weights to
    zero: it ends up selecting at random. Of that code this one keeps neither batches of single
    triplets nor passes of one player after the other.

    A model with `generator_steps=0` has no generator: its discriminator learns from candidates
    that are drawn uniformly. So it is trained first, and `with_generator` then makes of it a model
    for the game, whose generator starts as the discriminator does.

    Args:
        media: Width `d` of the rows of each medium, such as `{"image": 1280, "text": 1000}`.
        bits: Length of the codes, a multiple of 8.
        variant: `"corrected"`, `"paper"` or `"released"`: see above.
        hub: The medium that the others are paired with in batches.
        trunks: Medium to the network that turns its raw items into feature rows, for encoding:
            `train` keeps them as they are, in front of the model.
        hidden_units: Width of the layer with tanh.
        components: Canonical components of the training pairs that rows are reduced to before they
            enter the networks, and a joint graph; `None` for rows as they are. `for_data` finds
            them.
        shrinkage: As in `keras_xmr.methods.ugach.canonical_components`.
        length: Likewise.
        dropout: Share of the hidden activations that the discriminator drops in training.
        input_dropout: For all media, or medium to, the share of its inputs that the discriminator
            drops.
        initial_deviation: Standard deviation of initial weights, cut off at two of them; `None`
            for Glorot's uniform ones.
        graph: `"union"` for instances that are near in any medium, `"joint"` for those that are
            near in all media together, the name of a medium for those that are near in this one.
        neighbors: Nearest instances, for `"union"` in each medium; the instance itself included.
        near: As many nearest ones are no candidates: past the neighbours there are matches that
            the graph has missed, and a generator finds these first. `None` for `neighbors`.
        symmetric: Whether edges of the graph lead both ways.
        matches: `"graph"`, or `"pair"` for each instance as its only match.
        pool_size: Candidates in a pool.
        margin: The margin, of squared distances, which are `bits` at most.
        temperature: Temperature of the generator's soft-max, likewise of squared distances.
        estimator: `"exact"` for expectations over the pool; `"sampled"` for samples of it;
            `"drawn"` for samples whose probabilities are relative to each other.
        samples: Items drawn for each query.
        reward: `"margin"` for `f / margin`, `"softplus"` for `log(1 + exp(f))`, `"sigmoid"` for
            `1 / (1 + exp(-f))`.
        baseline: Whether samples are rewarded in comparison with the query's other ones.
        weight_penalty: Factor on half the squared weights in the loss of each player.
        discriminator_steps: Updates of the discriminator for each batch.
        generator_steps: Updates of the generator for each batch; 0 for no generator at all.
        preprocessor: Fitted `Preprocessor` that is saved with the model.
        seed: Seed of initial weights, dropout and samples.
        dtype: Dtype policy of all layers; `None` is the global one.
        **kwargs: `name`, as every Keras model takes it.

    Input shape:
        Dict of `(batch, d)` for each medium and `<medium>_match`, `(pool, d)` for `<medium>_pool`.

    Output shape:
        Dict of relaxed codes `(rows, bits)` by input, and the generator's as `<input>_generator`.

    Example:
        >>> import keras_xmr
        >>> data = keras_xmr.datasets.toy()
        >>> alone = UGACH.for_data(data, bits=16, hidden_units=8, generator_steps=0)
        >>> alone.compile(optimizer="adam")
        >>> history = alone.fit(alone.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model = alone.with_generator()
        >>> model.compile(optimizer="adam")
        >>> history = model.fit(model.batches(data, batch_size=20), epochs=2, verbose=0)
        >>> model.encode_text(["class1 thing0"]).shape, model.encode_text(["class1"]).dtype
        ((1, 2), dtype('uint8'))

    Reference:
        J. Zhang, Y. Peng, M. Yuan: Unsupervised generative adversarial cross-modal hashing, AAAI
        2018, pages 539-546. J. Wang et al.: IRGAN, SIGIR 2017 (the game).
    """

    about = About(
        name="ugach",
        title="unsupervised generative adversarial cross-modal hashing",
        year=2018,
        reference="Zhang, Peng, Yuan: AAAI 2018",
        kind="hashing",
        learns_from=("pairs",),
        media="any",
        returns="binary code",
    )
    defaults = TrainingSettings(
        arguments={
            "hidden_units": 512,
            "components": 64,
            "length": 24.0,
            "dropout": 0.3,
            "neighbors": 20,
            "near": 60,
            "pool_size": 200,
        },
        pretraining=30,
        epochs=30,
        batch_size=100,
        learning_rate=3e-3,
        weight_decay=1.0,
        rates={"_generator/": 0.1},
    )

    @classmethod
    def settings_for(cls, data: CrossModalData) -> TrainingSettings:
        """The defaults; the neighbors of an instance are 1 in 40 of them, within bounds."""
        instances = len(data.part("train").medium(next(iter(data.media))))
        neighbors = int(np.clip(round(instances / SHARE), *GRAPH))
        return cls.defaults.changed({"neighbors": neighbors}, cls.settable())

    tunable: ClassVar[Mapping[str, Tunable]] = {
        "learning_rate": Range(3e-4, 1e-2),
        "weight_decay": Range(0.1, 10.0),
        "dropout": Range(0.0, 0.6, log=False),
        "shrinkage": Range(0.5, 0.99, log=False),
        "length": Range(4.0, 60.0),
        "neighbors": Range(5, 80),
    }

    def __init__(
        self,
        media: Mapping[str, int],
        *,
        bits: int = 64,
        variant: str = "corrected",
        hub: str = "image",
        trunks: Mapping[str, keras.Model] | None = None,
        hidden_units: int = 512,
        components: int | None = None,
        shrinkage: float = 0.8,
        length: float = 12.0,
        dropout: float = 0.0,
        input_dropout: ByMedium = None,
        initial_deviation: float | None = None,
        graph: str | None = None,
        neighbors: int = 5,
        near: int | None = None,
        symmetric: bool | None = None,
        matches: str = "graph",
        pool_size: int = 256,
        margin: float | None = None,
        temperature: float | None = None,
        estimator: str | None = None,
        samples: int | None = None,
        reward: str | None = None,
        baseline: bool | None = None,
        weight_penalty: float = 0.0,
        discriminator_steps: int = 1,
        generator_steps: int = 1,
        preprocessor: Preprocessor | None = None,
        seed: int | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        trunks = dict(trunks or {})
        given = {
            "estimator": estimator,
            "samples": samples,
            "reward": reward,
            "baseline": baseline,
            "graph": graph,
            "symmetric": symmetric,
            "margin": margin,
            "temperature": temperature,
        }
        check_arguments(media, hub, bits, {"variant": variant, "matches": matches, **given})
        if near is not None and near < neighbors:
            raise ValueError(
                "Matches are no candidates, so near is at least neighbors. "
                f"Received: {near=}, {neighbors=}."
            )

        # Layers
        reduced = {}
        if components is not None:
            reduced = {
                name: LinearProjection(
                    components,
                    seed=None if seed is None else seed + 1000 + number,
                    name=f"{name}_components",
                    dtype=dtype,
                )
                for number, name in enumerate(media)
            }
        dropped = by_medium(input_dropout, media)
        players: dict[str, dict[str, keras.Sequential]] = {}
        for number, player in enumerate((DISCRIMINATOR, GENERATOR)[: 1 + bool(generator_steps)]):
            drops = player == DISCRIMINATOR
            players[player] = {
                name: hash_network(
                    f"{name}_{player}",
                    (hidden_units, bits),
                    dropout if drops else 0.0,
                    dropped[name] if drops else 0.0,
                    initial_deviation,
                    None if seed is None else seed + 100 * (len(media) * number + of_medium),
                    dtype,
                )
                for of_medium, name in enumerate(media)
            }

        # Functional graph
        inputs = {
            rename(name): keras.Input(tensor.shape[1:], name=rename(name))
            for rename in (str, match_of, pool_of)
            for name, tensor in make_inputs(media, hub, False, trunks).items()
        }
        outputs = {}
        for medium in media:
            for name in (medium, match_of(medium), pool_of(medium)):
                rows = inputs[name]
                for layers in (trunks, reduced):
                    rows = layers[medium](rows) if medium in layers else rows
                outputs[name] = players[DISCRIMINATOR][medium](rows)
                if generator_steps and name != match_of(medium):
                    outputs[by_generator(name)] = players[GENERATOR][medium](rows)
        super().__init__(inputs, outputs, **kwargs)

        # Config
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = dict(media)
        self.bits = bits
        self.variant = variant
        self.hub = hub
        self.trunks = trunks
        self.hidden_units = hidden_units
        self.components = components
        self.shrinkage = shrinkage
        self.length = length
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.initial_deviation = initial_deviation
        self.graph = graph
        self.neighbors = neighbors
        self.near = near
        self.symmetric = symmetric
        self.matches = matches
        self.pool_size = pool_size
        self.margin = margin
        self.temperature = temperature
        self.estimator = estimator
        self.samples = samples
        self.reward = reward
        self.baseline = baseline
        self.weight_penalty = weight_penalty
        self.discriminator_steps = discriminator_steps
        self.generator_steps = generator_steps
        self.preprocessor = preprocessor
        self.seed = seed
        self.settings = {
            **settings_of(variant, bits),
            **{name: value for name, value in given.items() if value is not None},
        }
        self.reduced = reduced
        self.discriminator = players[DISCRIMINATOR]
        self.generator = players.get(GENERATOR, {})
        self.draw = keras.random.SeedGenerator(seed)
        self.game = SelectionGame(
            media=tuple(media),
            settings=self.settings,
            masked_rewards=variant == "corrected",
            plays=bool(generator_steps),
            draw=self.draw,
        )

    @classmethod
    def _trained(
        cls,
        data: CrossModalData,
        source: CrossModalData | None,
        trunks: dict[str, keras.Model],
        settings: TrainingSettings,
        run: Run,
    ) -> Self:
        """The discriminator is trained without a generator first."""
        if not settings.pretraining:
            return super()._trained(data, source, trunks, settings, run)
        alone = replace(
            settings,
            arguments=settings.arguments | {"generator_steps": 0},
            epochs=settings.pretraining,
            pretraining=0,
        )
        # It has a training, and so a checkpoint, of its own.
        folder = run.checkpoint and run.checkpoint / "pretraining"
        first = super()._trained(data, source, trunks, alone, run._replace(checkpoint=folder))
        model = first.with_generator(settings.arguments.get("generator_steps", 1))
        model._train_on(data, source, cls._with_gaps(data, settings), run)
        return model

    @classmethod
    def for_data(
        cls,
        data: CrossModalData,
        source: CrossModalData | None = None,
        *,
        preprocessor: Preprocessor | None = None,
        **kwargs: Any,
    ) -> Self:
        """See `CrossModalModel.for_data`; canonical components are found, too."""
        model = super().for_data(data, source, preprocessor=preprocessor, **kwargs)
        if model.components is not None:
            if model.trunks:
                raise ValueError(
                    "Canonical components are those of features. "
                    f"Received: trunks for {sorted(model.trunks)}. Train on features "
                    "(`train(..., trunks=...)` does)."
                )
            found = canonical_components(
                model._paired_rows(data, "train"),
                model.components,
                shrinkage=model.shrinkage,
                length=model.length,
            )
            for medium, layer in model.reduced.items():
                layer.assign(*found[medium])
        return model

    @property
    def metric(self) -> str:
        """What rankings of its codes are by."""
        return "hamming"

    def phases(self) -> tuple[Phase, ...]:
        """The discriminator's turn, then the generator's if there is one."""
        d = Phase(DISCRIMINATOR, _variables(self.discriminator), self.discriminator_steps, D_TERMS)
        if not self.generator:
            return (d,)
        return d, Phase(GENERATOR, _variables(self.generator), self.generator_steps, G_TERMS)

    def phase_outputs(self, phase: str, x: Mapping[str, Any]) -> dict[str, Tensor]:
        """Relaxed codes of both players; those of the one whose turn it is not are constants."""
        codes: dict[str, Tensor] = {}
        for medium in self.media:
            names = [medium, pool_of(medium), match_of(medium)]
            rows = [ops.convert_to_tensor(x[name], keras.config.floatx()) for name in names]
            # All rows of a medium pass its layers together.
            together = self._entered(medium, ops.concatenate(rows))
            found = self.discriminator[medium](together, training=phase == DISCRIMINATOR)
            if phase == GENERATOR:
                found = ops.stop_gradient(found)
            codes |= dict(zip(names, split_rows(found, rows), strict=True))
            if self.generator:
                chosen = together[: -ops.shape(rows[-1])[0]]
                found = self.generator[medium](chosen, training=True)
                if phase == DISCRIMINATOR:
                    found = ops.stop_gradient(found)
                parts = split_rows(found, rows[:-1])
                codes |= {by_generator(n): p for n, p in zip(names[:-1], parts, strict=True)}
        return codes

    def _entered(self, medium: str, rows: Tensor) -> Tensor:
        """Rows of a medium as the networks take them."""
        for layers in (self.trunks, self.reduced):
            rows = layers[medium](rows, training=False) if medium in layers else rows
        return rows

    def phase_loss(self, phase: str, x: Any, y: Any, y_pred: Any) -> Any:
        """What the phase minimises, and its terms: see the class docstring."""
        if phase == DISCRIMINATOR:
            loss = self.game.margin_loss(y[NEIGHBORS], y_pred)
            found, player = {"margin_loss": loss}, self.discriminator
        else:
            found, objective = self.game.generator_terms(y[NEIGHBORS], y_pred)
            loss, player = -objective, self.generator
        if self.weight_penalty:
            loss = loss + self.weight_penalty * _half_squares(player)
        return loss, found

    def loss_terms(self, y: Mapping[str, Tensor], y_pred: Mapping[str, Tensor]) -> dict[str, Any]:
        """The terms of the class docstring.

        Args:
            y: Which of the pool is no candidate, as `neighbors` `(batch, pool)`.
            y_pred: What the model returns.

        Returns:
            Term name to scalar.
        """
        terms = {"margin_loss": self.game.margin_loss(y[NEIGHBORS], y_pred)}
        return (
            terms | self.game.generator_terms(y[NEIGHBORS], y_pred)[0] if self.generator else terms
        )

    def batches(
        self,
        data: CrossModalData,
        source: CrossModalData | None = None,
        *,
        split: str = "train",
        batch_size: int = 64,
        shuffle: bool = True,
        seed: int = 0,
        **options: Any,
    ) -> CandidateBatches:
        """Batches of queries, matches and candidates; the correlation graph is made here.

        Args:
            data: Data whose media are paired by instance. Labels are not looked at.
            source: None: there is no source domain.
            split: The part to take.
            batch_size: Queries per batch.
            shuffle: Whether to draw a new order each time through.
            seed: Seed of order, matches and pools.
            **options: As in `CrossModalModel.batches`; pairing is by `"instance"`.

        Raises:
            ValueError: If media are not paired by instance, or hold pictures rather than features.
        """
        rows = self._paired_rows(data, split, source, **options)
        graph = self._graph(rows, self.neighbors)
        return CandidateBatches(
            rows,
            graph,
            near=None if self.near is None else self._graph(rows, self.near),
            pool_size=self.pool_size,
            matches=self.matches,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
        )

    def _graph(self, rows: Mapping[str, FloatArray], neighbors: int) -> list[Array]:
        """The correlation graph of that many neighbours. Components enter a joint one alone."""
        kind = self.settings["graph"]
        if kind == "joint":
            rows = self._reduced_rows(rows)
        return correlation_graph(
            {kind: rows[kind]} if kind in rows else rows,
            neighbors,
            symmetric=self.settings["symmetric"],
            joint=kind != "union",
        )

    def _paired_rows(
        self,
        data: CrossModalData,
        split: str,
        source: CrossModalData | None = None,
        **options: Any,
    ) -> dict[str, FloatArray]:
        """Feature rows of the pairs of a part."""
        pairing = options.get("pairing", "instance")
        if set(pairing_of(pairing, list(self.media), self.hub).values()) != {"instance"}:
            raise ValueError(
                "Without labels, instances are known by their names alone. "
                f"Received: {pairing=}. Give every medium `pairs`."
            )
        paired = super().batches(data, source, split=split, **options)
        rows: dict[str, FloatArray] = {}
        for medium, of_medium in paired.streams[0].rows.items():
            if not (isinstance(of_medium, np.ndarray) and of_medium.ndim == 2):
                raise ValueError(
                    "The correlation graph is of feature rows. "
                    f"Received: raw items of {medium!r} in {data.name!r}. Train on features "
                    "(`train(..., trunks=...)` does)."
                )
            rows[medium] = of_medium
        return rows

    def _reduced_rows(self, rows: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Rows past what the networks see them through."""
        return {
            medium: self.reduced[medium].project(of_medium) if self.reduced else of_medium
            for medium, of_medium in rows.items()
        }

    def encode(self, x: Any, media: str, *, batch_size: int = 1024, as_bits: bool = True) -> Array:
        """Codes of the items of one medium.

        Args:
            x: As in `CrossModalModel.encode`.
            media: Name of the medium.
            batch_size: Rows per forward pass.
            as_bits: Whether to give bits. Relaxed codes are for asymmetric search: by their cosine
                with the -1 and +1 of `keras_xmr.metrics.unpack_bits`, queries lose nothing.

        Returns:
            Packed codes uint8 `(n, bits / 8)`; or relaxed ones `2 h - 1`, float32 `(n, bits)`, in
            (-1, 1), whose signs are the bits.

        Raises:
            KeyError: If the model, or `x`, has no such medium.
            ValueError: If raw items are given to a model without a preprocessor.
        """
        relaxed = super().encode(x, media, batch_size=batch_size)
        return pack_bits(relaxed) if as_bits else relaxed

    def build_encoder(self, media: str) -> keras.Model:
        """See `CrossModalModel.build_encoder`: a model to relaxed codes `2 h - 1`."""
        inputs = make_inputs({media: self.media[media]}, media, False, self.trunks)[media]
        layers = [of_media[media] for of_media in (self.trunks, self.reduced) if media in of_media]
        rows = inputs
        for layer in (*layers, self.discriminator[media]):
            rows = layer(rows)
        relaxed = keras.layers.Rescaling(2.0, -1.0, dtype="float32")(rows)
        return keras.Model(inputs, relaxed, name=f"{media}_encoder")

    def with_generator(self, steps: int = 1) -> Self:
        """A copy for the game, whose generator starts as this model's discriminator.

        Args:
            steps: Its `generator_steps`.
        """
        copy = self.copy_with(generator_steps=steps)
        for medium, network in copy.generator.items():
            network.set_weights(self.discriminator[medium].get_weights())
        return copy

    def for_retrieval(self) -> Self:
        """A copy without the generator."""
        return self.copy_with(generator_steps=0)


def _variables(player: Mapping[str, keras.Sequential]) -> list[Any]:
    return [v for network in player.values() for v in network.trainable_variables]


def _half_squares(player: Mapping[str, keras.Sequential]) -> Tensor:
    """Half the sum of the squared weights, biases included."""
    return 0.5 * sum(ops.sum(ops.square(ops.convert_to_tensor(v))) for v in _variables(player))
