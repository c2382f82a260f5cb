"""`BimodalCoding`: one code for all media together, that each of them alone should give too."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_xmr.types import Tensor


class BimodalCoding:
    """The layers of a bimodal autoencoder: a joint code of all media, and its decoders.

    It learns to tell all media from all of them and from each alone, the others being zeros.

    Args:
        widths: Width of what it gets of each medium.
        units: Width of the code.
        activation: Activation of the decoders.
        seed: Seed of the initial weights.
        name: What names of layers begin with.
        dtype: Dtype policy.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        units: int,
        activation: str,
        seed: int | None,
        name: str,
        dtype: Any,
    ) -> None:
        def dense(width: int, number: int, **kwargs: Any) -> keras.layers.Dense:
            initializer = keras.initializers.GlorotUniform(None if seed is None else seed + number)
            return keras.layers.Dense(width, kernel_initializer=initializer, dtype=dtype, **kwargs)

        self.widths = dict(widths)
        self.encoder = dense(units, 0, activation="sigmoid", name=f"{name}_code")
        self.decoders = {
            medium: dense(width, 1 + i, activation=activation, name=f"{name}_{medium}_decoder")
            for i, (medium, width) in enumerate(widths.items())
        }

    @property
    def layers(self) -> tuple[keras.layers.Layer, ...]:
        """All of its layers."""
        return (self.encoder, *self.decoders.values())

    def code(self, rows: Mapping[str, Tensor]) -> Tensor:
        """The code `(n, units)` of rows of some media; the others are taken as zeros."""
        # Repeated: a tensor of ones would be taken for an input by an exporter.
        zero = ops.zeros_like(next(iter(rows.values()))[:, :1])
        parts = [
            rows[medium] if medium in rows else ops.repeat(zero, width, axis=1)
            for medium, width in self.widths.items()
        ]
        return self.encoder(ops.concatenate(parts, axis=1))

    def all_codes(self, rows: Mapping[str, Tensor]) -> list[Tensor]:
        """The code of all media together, and then that of each alone."""
        return [self.code(rows), *(self.code({m: rows[m]}) for m in self.widths)]

    def decoded(self, codes: list[Tensor]) -> dict[str, Tensor]:
        """Rows of each medium `(codes * n, width)`, from every one of the codes."""
        together = ops.concatenate(codes, axis=0)
        return {medium: decoder(together) for medium, decoder in self.decoders.items()}


def reconstruction_loss(rows: Tensor, decoded: Tensor) -> Tensor:
    """Mean squared Euclidean distance of decoded rows `(k n, d)` to `(n, d)`, repeated k times."""
    rows, decoded = ops.cast(rows, "float32"), ops.cast(decoded, "float32")
    repeated = ops.reshape(decoded, (-1, ops.shape(rows)[0], rows.shape[1]))
    return ops.mean(ops.sum(ops.square(repeated - rows[None]), axis=-1))
