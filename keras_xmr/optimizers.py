"""Optimizers whose learning rate and decay differ from variable to variable, which Keras lacks."""

import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_xmr.types import Config, Tensor

__all__ = ["AdamW", "SGD", "paper_optimizer"]  # noqa: RUF022 (sorted as Python sorts)


def _swapped(kind: Any) -> Any:
    """The class that Keras in truth makes for `kind`.

    On torch it swaps its optimizers for classes that update all variables in one go, ten times
    faster for large matrices, but not the classes built on them: they have to be built on these.
    """
    # Only made, not initialised: a variable made on import would settle the devices to use.
    return type(kind.__new__(kind))


_KerasSGD: Any = _swapped(keras.optimizers.SGD)
_KerasAdamW: Any = _swapped(keras.optimizers.AdamW)
if keras.config.backend() == "torch":
    _FusedAdam: Any = importlib.import_module("keras_xmr.training._torch").FusedAdam
    _KerasAdamW = type("_FusedAdamW", (_FusedAdam, _KerasAdamW), {})


class _PerVariable:
    """What the optimizers below have in common: a mixin for Keras optimizers."""

    multipliers: Mapping[str, float]
    undecayed: Sequence[str]
    weight_decay: float | None

    def _configure(
        self, multipliers: Mapping[str, float] | None, undecayed: Sequence[str] | str
    ) -> None:
        self.multipliers = dict(multipliers or {})
        self.undecayed = (undecayed,) if isinstance(undecayed, str) else tuple(undecayed)
        negative = {pattern: f for pattern, f in self.multipliers.items() if f < 0}
        if negative:
            raise ValueError(f"Multipliers are at least 0. Received: multipliers={negative}.")

    def build(self, variables: Sequence[Any]) -> None:
        """Find the variables that the patterns mean.

        Raises:
            ValueError: If a multiplier's pattern is in no path.
        """
        paths = [variable.path for variable in variables]
        for pattern in self.multipliers:
            if not any(re.search(pattern, path) for path in paths):
                raise ValueError(
                    "Every multiplier must be meant for some variable. "
                    f"Received: multipliers with {pattern!r}, which is in none of these paths: "
                    f"{paths}."
                )
        self._factors = tuple(self._factor(path) for path in paths)
        self._decays = tuple(not any(re.search(u, p) for u in self.undecayed) for p in paths)
        super().build(variables)  # type: ignore[misc]

    def _factor(self, path: str) -> float:
        factor = 1.0
        for pattern, multiplier in self.multipliers.items():
            if re.search(pattern, path):
                factor *= multiplier
        return factor

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Update one variable at its own learning rate."""
        factor = self._factors[self._index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)  # type: ignore[misc]

    def _parallel_update_step(
        self, grads: Sequence[Tensor], variables: Sequence[Any], learning_rate: Tensor
    ) -> None:
        """Update many variables on torch, those of one learning rate together."""
        for factor, members in self._by_factor(variables):
            super()._parallel_update_step(  # type: ignore[misc]
                [grads[i] for i in members], [variables[i] for i in members], learning_rate * factor
            )

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Keras' decoupled decay, `w <- w - factor * learning_rate * weight_decay * w`."""
        if not self.weight_decay:
            return
        decayed = [variable for variable in variables if self._use_weight_decay(variable)]
        for factor, members in self._by_factor(decayed):
            # Not set in `self`: the replicas of `tf.distribute` take turns in here, and the next
            # one would read it. Keras' optimizers cannot be copied otherwise.
            twin = object.__new__(type(self))
            vars(twin).update(vars(self), weight_decay=self.weight_decay * factor)
            super(_PerVariable, twin)._apply_weight_decay(  # type: ignore[misc]
                [decayed[i] for i in members]
            )

    def _by_factor(self, variables: Sequence[Any]) -> Iterable[tuple[float, list[int]]]:
        """Each factor and the positions in `variables` where it holds."""
        groups: dict[float, list[int]] = {}
        for position, variable in enumerate(variables):
            groups.setdefault(self._factors[self._index(variable)], []).append(position)
        return groups.items()

    def _use_weight_decay(self, variable: Any) -> bool:
        keras_says: bool = super()._use_weight_decay(variable)  # type: ignore[misc]
        return keras_says and self._decays[self._index(variable)]

    def _index(self, variable: Any) -> int:
        index: int = self._get_variable_index(variable)  # type: ignore[attr-defined]
        return index

    def get_config(self) -> Config:
        """The constructor's arguments, JSON-serialisable."""
        config: Config = super().get_config()  # type: ignore[misc]
        return {
            **config,
            "multipliers": dict(self.multipliers),
            "undecayed": list(self.undecayed),
        }


@keras.saving.register_keras_serializable(package="keras_xmr")
class SGD(_PerVariable, _KerasSGD):
    """Gradient descent with momentum, L2 decay inside it, and learning rates by variable.

    With gradient `g`, velocity `v`, weight `w` and the `factor` of the variable, as in Caffe:

        g <- g + l2 * w
        v <- momentum * v - factor * learning_rate * g
        w <- w + v

    Keras' own `weight_decay` stays outside the momentum, so it is not the same.

    Args:
        learning_rate: A number or a Keras schedule.
        momentum: Share of the velocity that is kept from step to step.
        multipliers: Pattern to the factor on the learning rate, such as `{"image_trunk": 0.1,
            "bias": 2.0}`. A pattern is a regular expression, often just a word, that is searched
            in the variable's `path`; where several are found their factors multiply.
        l2: Strength of the L2 decay; its penalty is `l2 / 2 * ||w||^2`.
        undecayed: Patterns of the variables without decay, be it L2 or `weight_decay`.
        **kwargs: Further arguments of `keras.optimizers.SGD`.

    Raises:
        ValueError: If a multiplier is negative, or, when training starts, meant for no variable.

    Example:
        >>> weight = keras.Variable([1.0], name="kernel")
        >>> optimizer = SGD(0.1, multipliers={"kernel": 2.0}, l2=0.5)
        >>> optimizer.build([weight])
        >>> optimizer.apply([keras.ops.ones(1)])
        >>> round(float(weight.numpy()[0]), 3)  # 1 - 2 * 0.1 * (1 + 0.5 * 1)
        0.7

    Reference:
        Y. Jia et al.: Caffe: convolutional architecture for fast feature embedding, ACM
        Multimedia 2014; `lr_mult` and `decay_mult` of its layers.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        *,
        multipliers: Mapping[str, float] | None = None,
        l2: float = 0.0,
        undecayed: Sequence[str] = ("bias", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, momentum, **kwargs)
        self._configure(multipliers, undecayed)
        self.l2 = l2

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Update one variable, its decay included."""
        super().update_step(self._with_l2(gradient, variable), variable, learning_rate)

    def _parallel_update_step(
        self, grads: Sequence[Tensor], variables: Sequence[Any], learning_rate: Tensor
    ) -> None:
        decayed = [self._with_l2(g, v) for g, v in zip(grads, variables, strict=True)]
        super()._parallel_update_step(decayed, variables, learning_rate)

    def _with_l2(self, gradient: Tensor, variable: Any) -> Tensor:
        if not self.l2 or not self._use_weight_decay(variable):
            return gradient
        weight = ops.convert_to_tensor(variable)
        return ops.add(ops.cast(gradient, weight.dtype), ops.multiply(weight, self.l2))

    def get_config(self) -> Config:
        """The constructor's arguments, JSON-serialisable."""
        return {**super().get_config(), "l2": self.l2}


@keras.saving.register_keras_serializable(package="keras_xmr")
class AdamW(_PerVariable, _KerasAdamW):
    """Adam with decoupled weight decay, and learning rates by variable.

    A factor scales the whole update of a variable, decay included, as if it had a learning rate
    of its own; scaling its gradient would do nothing in Adam. With factor 0 it stays as it is.

    Args:
        learning_rate: A number or a Keras schedule.
        weight_decay: Share of a weight that is taken off, times the learning rate; 0 is Adam.
        multipliers: As in `SGD`.
        undecayed: Patterns of the variables without decay.
        **kwargs: Further arguments of `keras.optimizers.AdamW`.

    Raises:
        ValueError: If a multiplier is negative, or, when training starts, meant for no variable.

    Example:
        >>> weight = keras.Variable([1.0], name="kernel")
        >>> optimizer = AdamW(0.1, weight_decay=0.5, multipliers={"kernel": 0.1})
        >>> optimizer.build([weight])
        >>> optimizer.apply([keras.ops.ones(1)])
        >>> round(float(weight.numpy()[0]), 3)  # 1 - 0.1 * 0.1 * 0.5 * 1, less 0.1 * 0.1 * 1
        0.985

    Reference:
        I. Loshchilov, F. Hutter: Decoupled weight decay regularization, ICLR 2019.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        *,
        multipliers: Mapping[str, float] | None = None,
        undecayed: Sequence[str] = ("bias", "gamma", "beta"),
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, **kwargs)
        self._configure(multipliers, undecayed)


def paper_optimizer(multipliers: Mapping[str, float] | None = None) -> SGD:
    """The optimizer of the releases of CHTN and MHTN.

    Learning rate 0.01, momentum 0.9, L2 decay 5e-4 on weights and on the scale of normalised
    inputs, none on biases; one step for every 16 batches, on the mean of their gradients. The
    release of CHTN takes 500 steps with batches of 64, that of MHTN 11,000.

    Args:
        multipliers: Learning rates by variable, as in `SGD`; `None` for that of biases, twice the
            others'. `model.rate_multipliers` is what the release of a model has.

    Example:
        >>> paper_optimizer().gradient_accumulation_steps
        16

    Reference:
        X. Huang, Y. Peng, M. Yuan, IJCAI 2017, section 4.2, and the solvers of the releases.
    """
    return SGD(
        0.01,
        0.9,
        multipliers={"bias|beta": 2.0} if multipliers is None else multipliers,
        l2=5e-4,
        gradient_accumulation_steps=16,
    )
