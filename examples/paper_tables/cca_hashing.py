"""Codes without training: signs of canonical correlation projections, which a sceptic tries first.

| kind | bits |
|---|---|
| `signs` | signs of the canonical components |
| `random` | signs of random projections of them (A. Charikar, STOC 2002) |
| `itq` | signs after the rotation that brings them nearest to signs (Y. Gong et al., CVPR 2011) |
"""

import numpy as np

from keras_xmr.metrics import pack_bits

KINDS = ("signs", "random", "itq")
ITERATIONS = 50


class CCAHashing:
    """Regularised CCA of two paired media, and signs.

    Args:
        bits: Length of the codes.
        kind: One of `KINDS`.
        ridge: Of the variances of each medium, as a multiple of their mean.
        power: Components are multiplied by this power of their correlation.
        preprocessor: Unfitted.
        seed: Seed of the projection, or of the first rotation.
    """

    metric = "hamming"

    def __init__(self, bits, kind, ridge, power, preprocessor, seed=0):
        self.bits, self.kind, self.ridge, self.power = bits, kind, ridge, power
        self.preprocessor, self.seed = preprocessor, seed

    def fit(self, data):
        """Learn from the pairs of the training part; labels are not looked at."""
        part = data.part("train")
        self.preprocessor.fit(part)
        self.media = list(part.media)
        index = part.paired_rows(self.media)
        rows = {m: self.preprocessor(part.media[m].items[index[m]], m) for m in self.media}
        (one, first), (other, second), correlations = cca(*rows.values(), self.bits, self.ridge)
        weights = correlations**self.power
        self.maps = {
            m: (mean, projection * weights)
            for m, mean, projection in zip(self.media, (one, other), (first, second), strict=True)
        }
        rng = np.random.default_rng(self.seed)
        count = len(correlations)
        if self.kind == "signs" and count == self.bits:
            self.rotation = np.eye(count)
        elif self.kind == "itq":
            self.rotation = itq(np.concatenate([self.unit(rows[m], m) for m in self.media]),
                                self.bits, rng)  # fmt: skip
        else:
            # Of fewer components than bits there is nothing else to take.
            self.rotation = rng.normal(size=(count, self.bits))
        return self

    def unit(self, rows, medium):
        """Canonical components of rows, of unit length."""
        mean, projection = self.maps[medium]
        projected = (rows - mean) @ projection
        return projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-12)

    def encode(self, x, media):
        """Packed codes of the items of one medium."""
        items = x.media[media].items
        return pack_bits(self.unit(self.preprocessor(items, media), media) @ self.rotation)


def cca(first, second, count, ridge):
    """Mean and projection of each of two sets of paired rows, and the correlations."""
    means, lefts, maps = [], [], []
    for rows in (first, second):
        mean = rows.mean(axis=0, dtype=np.float64)
        left, singular, right = np.linalg.svd(rows - mean, full_matrices=False)
        variances = singular**2 / len(rows)
        real = variances > 1e-9 * variances.max()
        scales = 1 / np.sqrt(variances + ridge * variances.mean())
        means.append(mean)
        lefts.append((left * np.sqrt(variances) * scales)[:, real])
        maps.append((right.T * scales)[:, real])
    left, correlations, right = np.linalg.svd(lefts[0].T @ lefts[1])
    correlations = correlations[:count]
    return (
        (means[0], maps[0] @ left[:, : len(correlations)]),
        (means[1], maps[1] @ right[: len(correlations)].T),
        correlations,
    )


def itq(rows, bits, rng):
    """The rotation `(d, bits)`, with orthogonal rows or columns, whose images are nearest signs."""
    rotation, _ = np.linalg.qr(rng.normal(size=(max(bits, rows.shape[1]),) * 2))
    rotation = rotation[: rows.shape[1], :bits]
    for _ in range(ITERATIONS):
        left, _, right = np.linalg.svd(rows.T @ np.sign(rows @ rotation), full_matrices=False)
        rotation = left @ right
    return rotation
