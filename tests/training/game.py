"""Small games: a cross-modal one as ACMR plays it, and one of two numbers."""

import keras
import numpy as np
from keras import ops

from keras_xmr.losses.cross_entropy import label_cross_entropy
from keras_xmr.methods.entrance import make_inputs
from keras_xmr.training.alternating import AlternatingModel
from keras_xmr.training.phases import Phase


@keras.saving.register_keras_serializable(package="tests")
class Game(AlternatingModel):
    """Projectors and a classifier, against a discriminator that tells the media apart."""

    def __init__(
        self,
        media,
        num_classes,
        source_classes=None,
        *,
        hub="image",
        trunks=None,
        steps=1,
        dropout=0.0,
        normalize=False,
        preprocessor=None,
        seed=0,
        dtype=None,
        **kwargs,
    ):
        def dense(units, number, **arguments):
            initializer = keras.initializers.GlorotUniform(seed + number)
            return keras.layers.Dense(
                units, kernel_initializer=initializer, dtype=dtype, **arguments
            )

        media = dict(media)
        inputs = make_inputs(media, hub, False, {})
        normalizers = {
            name: keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_input", dtype=dtype)
            for name in (media if normalize else ())
        }
        projectors = {
            name: dense(6, i, activation="tanh", name=f"{name}_projector")
            for i, name in enumerate(media)
        }
        drop = keras.layers.Dropout(dropout, seed=seed, name="drop", dtype=dtype)
        classifier = dense(num_classes, 7, name="classifier")
        hidden = dense(5, 8, activation="relu", name="hidden")
        discriminator = dense(len(media), 9, name="discriminator")
        rows = {name: normalizers.get(name, lambda x: x)(x) for name, x in inputs.items()}
        common = {name: drop(projectors[name](rows[name])) for name in media}
        outputs = {name: classifier(z) for name, z in common.items()}
        outputs |= {f"{name}_medium": discriminator(hidden(z)) for name, z in common.items()}
        super().__init__(inputs, outputs, **kwargs)
        self.dtype_policy = keras.dtype_policies.get(dtype)
        self.media = media
        self.num_classes = num_classes
        self.source_classes = source_classes
        self.hub = hub
        self.trunks = {}
        self.steps = steps
        self.dropout = dropout
        self.normalize = normalize
        self.preprocessor = preprocessor
        self.seed = seed
        self.normalizers = normalizers
        self.projectors = projectors
        self.players = {
            "generator": [*normalizers.values(), *projectors.values(), classifier],
            "discriminator": [hidden, discriminator],
        }

    def phases(self):
        return tuple(
            Phase(
                name,
                [v for layer in layers for v in layer.trainable_variables],
                steps=self.steps if name == "generator" else 1,
                terms=("labels",) if name == "generator" else (),
            )
            for name, layers in self.players.items()
        )

    def phase_loss(self, phase, x, y, y_pred):
        adversarial = sum(
            label_cross_entropy(self._medium(i, y[name]), y_pred[f"{name}_medium"])
            for i, name in enumerate(self.media)
        )
        if phase == "discriminator":
            return adversarial
        labels = sum(label_cross_entropy(y[name], y_pred[name]) for name in self.media)
        return labels - 0.5 * adversarial, {"labels": labels}

    def _medium(self, index, labels):
        return ops.one_hot(ops.full(ops.shape(labels)[:1], index, dtype="int32"), len(self.media))

    def build_encoder(self, media):
        inputs = make_inputs({media: self.media[media]}, media, False, {})
        rows = self.normalizers.get(media, lambda x: x)(inputs[media])
        return keras.Model(inputs[media], self.projectors[media](rows))


ROWS = 8


def game(**arguments):
    return Game(**{"media": {"image": 5, "text": 4}, "num_classes": 3, **arguments})


def batch(model, seed=0, rows=ROWS):
    """Random rows and labels."""
    rng = np.random.default_rng(seed)
    labels = np.eye(model.num_classes, dtype="float32")[rng.integers(model.num_classes, size=rows)]
    x = {n: rng.normal(size=(rows, width)).astype("float32") for n, width in model.media.items()}
    return x, dict.fromkeys(model.media, labels)


class Duel(AlternatingModel):
    """`a` minimises `a * b * x`, with two steps; `b` minimises `-a * b * x + b^2`, with one."""

    def __init__(self, a=1.0, b=0.5):
        x = keras.Input((1,))
        layers = {
            name: keras.layers.Dense(
                1, use_bias=False, kernel_initializer=keras.initializers.Constant(v), name=name
            )
            for name, v in {"a": a, "b": b}.items()
        }
        super().__init__(x, layers["b"](layers["a"](x)))
        self.of = layers

    def number(self, name):
        return self.of[name].kernel

    def phases(self):
        return (
            Phase("first", [self.number("a")], steps=2),
            Phase("second", [self.number("b")]),
        )

    def phase_loss(self, phase, x, y, y_pred):
        product = ops.mean(y_pred)
        square = ops.square(ops.convert_to_tensor(self.number("b"))[0, 0])
        return product if phase == "first" else square - product

    def values(self):
        return [float(ops.convert_to_numpy(self.number(name))[0, 0]) for name in "ab"]
