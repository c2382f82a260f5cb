"""The game of UGACH: a generator selects candidates, a discriminator tells them from matches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import keras
from keras import ops

from keras_xmr.losses.margin_ranking import margin_ranking, squared_distances
from keras_xmr.losses.policy_gradient import expected_reward, pool_log_softmax, sampled_reward
from keras_xmr.methods.ugach.candidates import match_of, pool_of
from keras_xmr.types import Config, Tensor

DISCRIMINATOR, GENERATOR = "discriminator", "generator"

Codes = Mapping[str, Tensor]


def by_generator(name: str) -> str:
    """Name of the generator's codes of an input; the discriminator's have that of the input."""
    return f"{name}_{GENERATOR}"


@dataclass(frozen=True)
class SelectionGame:
    """What the players of `UGACH` minimise and maximise, as means over ordered pairs of media.

    Attributes:
        media: Names of the media.
        settings: What the arguments of `UGACH` that a variant decides come to.
        masked_rewards: Whether the generator, too, is kept from selecting matches.
        plays: Whether there is a generator. Without one all candidates are equally likely.
        draw: Seeds of samples.
    """

    media: tuple[str, ...]
    settings: Config
    masked_rewards: bool
    plays: bool
    draw: keras.random.SeedGenerator

    def margin_loss(self, neighbors: Tensor, codes: Codes) -> Tensor:
        """The discriminator's loss on what the generator selects.

        Args:
            neighbors: 1 where an item of the pool is no candidate for a query, `(n, pool)`.
            codes: Relaxed codes of both players, by input: see `by_generator`.

        Returns:
            A scalar tensor.
        """
        masked = ops.cast(neighbors, "float32")
        losses = []
        for query, target in self._directions():
            log_p = ops.stop_gradient(self._log_p(codes, query, target, masked))
            # Where everything is a match, nothing can be selected.
            hinge = self._hinge(codes, query, target) * (1.0 - masked)
            if self.settings["estimator"] == "exact":
                losses.append(ops.mean(ops.sum(ops.exp(log_p) * hinge, axis=-1)))
            else:
                drawn = self._drawn(log_p)
                losses.append(ops.mean(ops.take_along_axis(hinge, drawn, axis=-1)))
        return _mean(losses)

    def generator_terms(self, neighbors: Tensor, codes: Codes) -> tuple[dict[str, Tensor], Tensor]:
        """The generator's terms, and what it maximises.

        Args:
            neighbors: As in `margin_loss`.
            codes: As in `margin_loss`.

        Returns:
            `reward` and `entropy`, scalars; and a scalar whose gradient is the policy gradient.
        """
        masked = ops.cast(neighbors, "float32")
        if not self.masked_rewards:
            masked = ops.zeros_like(masked)
        objectives, rewards, entropies = [], [], []
        for query, target in self._directions():
            reward = ops.stop_gradient(self._reward(self._hinge(codes, query, target)))
            log_p = self._log_p(codes, query, target, masked)
            rewards.append(expected_reward(log_p, reward))
            entropies.append(_entropy(log_p, masked))
            exact = self.settings["estimator"] == "exact"
            objectives.append(rewards[-1] if exact else self._sampled(log_p, reward))
        return {"reward": _mean(rewards), "entropy": _mean(entropies)}, _mean(objectives)

    def _directions(self) -> Iterator[tuple[str, str]]:
        """Query and target."""
        return permutations(self.media, 2)

    def _hinge(self, codes: Codes, query: str, target: str) -> Tensor:
        return margin_ranking(
            codes[query], codes[match_of(target)], codes[pool_of(target)], self.settings["margin"]
        )

    def _reward(self, hinge: Tensor) -> Tensor:
        if self.settings["reward"] == "margin":
            return hinge / self.settings["margin"]
        return {"softplus": ops.softplus, "sigmoid": ops.sigmoid}[self.settings["reward"]](hinge)

    def _log_p(self, codes: Codes, query: str, target: str, masked: Tensor) -> Tensor:
        """Log probabilities of the candidates."""
        if not self.plays:
            return pool_log_softmax(ops.zeros_like(masked), masked=masked)
        queries, pool = (codes[by_generator(n)] for n in (query, pool_of(target)))
        temperature = self.settings["temperature"]
        return pool_log_softmax(squared_distances(queries, pool), temperature, masked)

    def _drawn(self, log_p: Tensor) -> Tensor:
        """Numbers of drawn candidates, `(n, samples)`, with replacement."""
        count = self.settings["samples"]
        return keras.random.categorical(ops.stop_gradient(log_p), count, seed=self.draw)

    def _sampled(self, log_p: Tensor, reward: Tensor) -> Tensor:
        """The policy gradient of drawn candidates, as a scalar that has it."""
        drawn = self._drawn(log_p)
        reward, of_drawn = (ops.take_along_axis(v, drawn, axis=-1) for v in (reward, log_p))
        if self.settings["estimator"] == "drawn":
            of_drawn = ops.log_softmax(of_drawn, axis=-1)
        return sampled_reward(of_drawn, reward, self.settings["baseline"])


def _mean(values: list[Tensor]) -> Tensor:
    return sum(values) / len(values)


def _entropy(log_p: Tensor, masked: Tensor) -> Tensor:
    """Mean entropy of the selection, as a share of that of candidates that are equally likely."""
    entropy = -ops.sum(ops.exp(log_p) * log_p, axis=-1)
    choices = ops.sum(1.0 - masked, axis=-1)
    # Nothing can be told of one candidate.
    return ops.mean(entropy / ops.log(ops.maximum(choices, 2.0)))
