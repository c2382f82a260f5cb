"""The two sides of the game of CM-GANs: generators, and discriminators of two kinds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import keras
from keras import ops

from keras_xmr.layers.normalized_dense import NormalizedDense, dense
from keras_xmr.types import Tensor

Layers = dict[str, keras.layers.Layer]
Seeds = Iterator[int | None]


@dataclass(frozen=True)
class Generators:
    """The layers of all generators, by medium; media share those that are the same object.

    Attributes:
        drops: Dropout of the rows of a medium, of its lower activations, and of its code.
        lower: Lower layers of encoders.
        upper: Upper layers of encoders.
        number: Number of each medium among those of its upper layer.
        hidden: Hidden layers of decoders.
        last: Last layers of decoders, without activation.
        classifiers: Classifiers of the code.
    """

    drops: dict[str, list[Callable[..., Tensor]]]
    lower: Layers
    upper: Layers
    number: dict[str, int]
    hidden: Layers
    last: Layers
    classifiers: Layers

    @classmethod
    def make(
        cls,
        media: Mapping[str, int],
        num_classes: int,
        *,
        hidden_units: int,
        common_dim: int,
        decoder_units: int,
        shared_encoder: bool,
        shared_classifier: bool,
        encoder_bn: bool,
        dropout: float,
        input_dropout: Mapping[str, float],
        seeds: Seeds,
        dtype: Any,
    ) -> Self:
        """New layers; see `CMGANs` for the arguments."""

        def block(
            name: str, units: int, served: int = 1, *, normalized: bool = encoder_bn
        ) -> keras.layers.Layer:
            return NormalizedDense(
                units,
                served,
                batch_normalization=normalized,
                seed=next(seeds),
                name=name,
                dtype=dtype,
            )

        def affine(name: str, units: int, inputs: int) -> keras.layers.Layer:
            return dense(units, inputs, next(seeds), name=name, dtype=dtype)

        def drop(share: float) -> Callable[..., Tensor]:
            seed = next(seeds)
            # On PyTorch even layers that do nothing take their time.
            return keras.layers.Dropout(share, seed=seed, dtype=dtype) if share else _keep

        upper = (
            dict.fromkeys(media, block("upper_encoder", common_dim, len(media)))
            if shared_encoder
            else {m: block(f"{m}_upper_encoder", common_dim) for m in media}
        )
        classifiers = (
            dict.fromkeys(media, affine("classifier", num_classes, common_dim))
            if shared_classifier
            else {m: affine(f"{m}_classifier", num_classes, common_dim) for m in media}
        )
        return cls(
            drops={
                m: [drop(input_dropout.get(m, 0.0)), drop(dropout), drop(dropout)] for m in media
            },
            lower={m: block(f"{m}_encoder", hidden_units) for m in media},
            upper=upper,
            number={m: number if shared_encoder else 0 for number, m in enumerate(media)},
            hidden={m: block(f"{m}_decoder", decoder_units, normalized=True) for m in media},
            last={
                m: affine(f"{m}_reconstruction", width, decoder_units) for m, width in media.items()
            },
            classifiers=classifiers,
        )

    def encode(self, medium: str, rows: Tensor, training: bool | None = None) -> Tensor:
        """Codes `(n, common_dim)` of feature rows `(n, d)`."""
        before, between, _ = self.drops[medium]
        hidden = self.lower[medium](before(rows, training=training), training=training)
        return self.upper[medium](
            between(hidden, training=training), medium=self.number[medium], training=training
        )

    def decode(self, medium: str, codes: Tensor, training: bool | None = None) -> Tensor:
        """Reconstructions `(n, d)` of feature rows."""
        return self.last[medium](self.hidden[medium](codes, training=training))

    def classify(self, medium: str, codes: Tensor, training: bool | None = None) -> Tensor:
        """Logits `(n, classes)`."""
        after = self.drops[medium][-1]
        return self.classifiers[medium](after(codes, training=training))

    def layers(self) -> list[keras.layers.Layer]:
        """All layers with weights, each once."""
        parts = (self.lower, self.upper, self.hidden, self.last, self.classifiers)
        return list(dict.fromkeys(layer for part in parts for layer in part.values()))


def _keep(rows: Tensor, training: bool | None = None) -> Tensor:
    """No dropout."""
    return rows


@dataclass(frozen=True)
class Discriminators:
    """The layers of all discriminators, by the medium whose rows they are given.

    Attributes:
        intra: Intra-modality discriminators: one affine map, as in the authors' code.
        hidden: Hidden layers of inter-modality discriminators.
        last: Last layers of inter-modality discriminators.
        stacked: Whether all that an inter-modality discriminator judges is one batch.
    """

    intra: Layers
    hidden: Layers
    last: Layers
    stacked: bool

    @classmethod
    def make(
        cls,
        media: Mapping[str, int],
        common_dim: int,
        units: int,
        *,
        stacked: bool,
        seeds: Seeds,
        dtype: Any,
    ) -> Self:
        """New layers; see `CMGANs` for the arguments."""

        def verdict(name: str, inputs: int) -> keras.layers.Layer:
            return dense(1, inputs, next(seeds), name=name, dtype=dtype)

        return cls(
            intra={m: verdict(f"{m}_intra_discriminator", width) for m, width in media.items()},
            hidden={
                m: NormalizedDense(
                    units, seed=next(seeds), name=f"{m}_inter_discriminator", dtype=dtype
                )
                for m in media
            },
            last={m: verdict(f"{m}_inter_discriminator_verdict", units) for m in media},
            stacked=stacked,
        )

    def judge_rows(self, medium: str, rows: Tensor) -> Tensor:
        """Logits `(n, 1)` that rows are originals."""
        return self.intra[medium](rows)

    def judge_codes(
        self, medium: str, pairs: Mapping[str, tuple[Tensor, Tensor]], training: bool | None
    ) -> dict[str, Tensor]:
        """Logits `(n, 1)` that codes are those of the rows beside them, for each kind of pair."""
        joined = [
            ops.concatenate([codes, ops.cast(rows, codes.dtype)], axis=-1)
            for codes, rows in pairs.values()
        ]
        if self.stacked:
            together = self._judge(medium, ops.concatenate(joined), training)
            return dict(zip(pairs, ops.split(together, len(joined)), strict=True))
        verdicts = [self._judge(medium, pair, training) for pair in joined]
        return dict(zip(pairs, verdicts, strict=True))

    def _judge(self, medium: str, pairs: Tensor, training: bool | None) -> Tensor:
        return self.last[medium](self.hidden[medium](pairs, training=training))

    def layers(self) -> list[keras.layers.Layer]:
        """All layers."""
        return [layer for part in (self.intra, self.hidden, self.last) for layer in part.values()]
