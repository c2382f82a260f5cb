"""Codes without training: signs of canonical correlation projections, which a sceptic tries first.

| kind | bits |
|---|---|
| `signs` | signs of the canonical components; bits beyond their number are all the same |
| `random` | signs of random projections of them (A. Charikar, STOC 2002) |
| `itq` | signs after the rotation that brings them nearest to signs (Y. Gong et al., CVPR 2011) |
"""

import warnings

import numpy as np

import keras_xmr
from keras_xmr.metrics import pack_bits

ROTATIONS = ("signs", "random", "itq")
ITERATIONS = 50


class CCAHashing:
    """Regularised CCA of paired media, and signs.

    Args:
        bits: Length of the codes.
        kind: One of `ROTATIONS`.
        shrinkage: As in `keras_xmr.CCA`.
        power: Components are multiplied by this power of their correlation.
        preprocessor: Unfitted.
        seed: Seed of the projection, or of the first rotation.
    """

    metric = "hamming"

    def __init__(self, bits, kind, shrinkage, power, preprocessor, seed=0):
        self.bits, self.kind, self.seed = bits, kind, seed
        self.cca = keras_xmr.CCA(bits, shrinkage, power, preprocessor)

    @property
    def media(self):
        """Names of the media."""
        return self.cca.media

    def fit(self, data):
        """Learn from the pairs of the training part; labels are not looked at."""
        with warnings.catch_warnings():
            # There may be fewer components than bits.
            warnings.simplefilter("ignore", UserWarning)
            self.cca.fit(data)
        part = data.part("train")
        rows = np.concatenate([self.unit(part, medium) for medium in self.media])
        rng = np.random.default_rng(self.seed)
        count = rows.shape[1]
        if self.kind == "signs":
            self.rotation = np.eye(count, self.bits)
        elif self.kind == "itq":
            self.rotation = itq(rows, self.bits, rng)
        else:
            self.rotation = rng.normal(size=(count, self.bits))
        return self

    def unit(self, x, medium):
        """Canonical components of items, of unit length."""
        rows = self.cca.encode(x, medium).astype(np.float64)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    def encode(self, x, media):
        """Packed codes of the items of one medium."""
        return pack_bits(self.unit(x, media) @ self.rotation)


def itq(rows, bits, rng):
    """The rotation `(d, bits)`, with orthogonal rows or columns, whose images are nearest signs."""
    rotation, _ = np.linalg.qr(rng.normal(size=(max(bits, rows.shape[1]),) * 2))
    rotation = rotation[: rows.shape[1], :bits]
    for _ in range(ITERATIONS):
        left, _, right = np.linalg.svd(rows.T @ np.sign(rows @ rotation), full_matrices=False)
        rotation = left @ right
    return rotation
