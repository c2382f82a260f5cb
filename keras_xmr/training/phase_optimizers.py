"""`PhaseOptimizers`: the optimizers of all phases, which Keras takes for one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import keras

from keras_xmr.optimizers import paper_optimizer
from keras_xmr.training.phases import Phase
from keras_xmr.types import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_xmr")
class PhaseOptimizers(keras.optimizers.Optimizer):
    """An optimizer for each phase of an `AlternatingModel`, in one that `fit` can handle.

    Its `variables` are those of all phases, one after the other: so Keras saves them, carries
    them through the steps of JAX and hands them to callbacks without knowing of phases.

    Each optimizer is named after its phase. `optimizer["generator"]` is the one of a phase.
    Assigning `learning_rate` sets that of every phase; reading it gives that of the first one.
    Keras' `LearningRateScheduler` and `ReduceLROnPlateau` go through `optimizers` and change each
    learning rate from what it is, so that their ratios stay.

    Args:
        optimizers: Phase name to optimizer.
        name: Name of this optimizer.

    Example:
        >>> both = PhaseOptimizers({"generator": "adam", "discriminator": "sgd"})
        >>> both.learning_rate = 0.5
        >>> float(keras.ops.convert_to_numpy(both["discriminator"].learning_rate))
        0.5
    """

    def __init__(self, optimizers: Mapping[str, Any], name: str = "phase_optimizers") -> None:
        super().__init__(learning_rate=0.0, name=name)
        named = {phase: keras.optimizers.get(given) for phase, given in optimizers.items()}
        _check_separate(named)
        self.names = tuple(named)
        self.optimizers = list(named.values())
        for phase, optimizer in named.items():
            optimizer.name = phase
        self.phases: tuple[Phase, ...] = ()

    @classmethod
    def of(cls, given: Any, names: Sequence[str], *, scale_losses: bool) -> Self:
        """What `compile` was given, as one optimizer for each phase.

        Args:
            given: A mapping from phase name to optimizer, or one optimizer that each phase gets a
                copy of, made from its configuration. Optimizers are Keras', or their names, or
                `"paper"`.
            names: Names of the phases.
            scale_losses: Whether to put a dynamic loss scale around each optimizer.

        Raises:
            ValueError: If the mapping has other names, one optimizer twice or one in use.
        """
        if isinstance(given, cls):
            _check_names(given.names, names)
            return cls({name: given[name] for name in names}, name=given.name)
        if isinstance(given, Mapping):
            _check_names(given, names)
            found = {name: _resolve(given[name]) for name in names}
            _check_separate(found)
        else:
            one = _resolve(given)
            found = {name: type(one).from_config(one.get_config()) for name in names}
        if scale_losses:
            found = {name: _scaled(optimizer) for name, optimizer in found.items()}
        return cls(found)

    def build_for(self, phases: Sequence[Phase]) -> None:
        """Make the variables of all optimizers.

        Args:
            phases: The phases, in the order of `names`.

        Raises:
            ValueError: If two phases keep a moving average of one variable.
        """
        self.phases = tuple(phases)
        averaged: set[int] = set()
        for phase, optimizer in self.players:
            if _averages(optimizer):
                both = [v.path for v in phase.variables if id(v) in averaged]
                if both:
                    raise ValueError(
                        "A variable has one moving average. "
                        f"Received: use_ema=True in two phases for {both}. "
                        "Leave it to one of the phases."
                    )
                averaged |= {id(v) for v in phase.variables}
            optimizer.build(list(phase.variables))
        self.built = True

    def build(self, variables: Sequence[Any]) -> None:
        """Nothing: `AlternatingModel.compile` has done it.

        Raises:
            ValueError: If not.
        """
        if not self.built:
            raise ValueError(
                "Optimizers of phases belong to a model with phases. Received: a model that is no "
                "AlternatingModel. Compile it with a single optimizer."
            )

    def apply(self, grads: Sequence[Tensor], trainable_variables: Any = None) -> None:
        """An error: an update is always one of a phase."""
        raise TypeError("Gradients go to the optimizer of one phase: optimizer[name].apply(...).")

    @property
    def players(self) -> Iterable[tuple[Phase, Any]]:
        """Each phase and its optimizer, in the order of their turns."""
        return zip(self.phases, self.optimizers, strict=True)

    def __getitem__(self, name: str) -> Any:
        return self.optimizers[self.names.index(name)]

    @property
    def variables(self) -> list[Any]:
        """The variables of all phases' optimizers, in the order of the phases."""
        return [variable for optimizer in self.optimizers for variable in optimizer.variables]

    @property
    def iterations(self) -> Any:
        """Updates of the first phase."""
        return self.optimizers[0].iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the first phase; when assigned to, that of every phase."""
        return self.optimizers[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        for optimizer in self.optimizers:
            optimizer.learning_rate = learning_rate

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Put moving averages in place of the variables, in the phases that keep them."""
        for phase, optimizer in self.players:
            optimizer.finalize_variable_values(list(phase.variables))
            if _averages(optimizer):
                # On JAX Keras leaves variable and average in one buffer, which the next `fit` may
                # not give away twice.
                for variable in phase.variables:
                    variable.assign(keras.ops.copy(variable))

    def save_own_variables(self, store: Any) -> None:
        """Nothing: Keras finds the optimizers of the phases and saves them one by one."""

    def load_own_variables(self, store: Any) -> None:
        """See `save_own_variables`."""

    def get_config(self) -> Config:
        """The constructor's arguments, JSON-serialisable."""
        return {
            "name": self.name,
            "optimizers": {
                name: keras.saving.serialize_keras_object(optimizer)
                for name, optimizer in zip(self.names, self.optimizers, strict=True)
            },
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Self:
        """The counterpart of `get_config`."""
        optimizers = {
            name: keras.saving.deserialize_keras_object(optimizer, custom_objects)
            for name, optimizer in config["optimizers"].items()
        }
        return cls(**{**config, "optimizers": optimizers})


def _resolve(given: Any) -> Any:
    return paper_optimizer() if given == "paper" else keras.optimizers.get(given)


def _scaled(optimizer: Any) -> Any:
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def _averages(optimizer: Any) -> bool:
    """Whether it keeps moving averages of its variables."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return bool(inner.use_ema)


def _check_names(given: Iterable[str], names: Sequence[str]) -> None:
    if set(given) != set(names):
        raise ValueError(
            f"Each of the phases {list(names)} has an optimizer. "
            f"Received: optimizers for {list(given)}."
        )


def _check_separate(optimizers: Mapping[str, Any]) -> None:
    shared = len({id(optimizer) for optimizer in optimizers.values()}) < len(optimizers)
    used = [name for name, optimizer in optimizers.items() if optimizer.built]
    if shared or used:
        raise ValueError(
            "Every phase has a new optimizer of its own. Received: "
            + (f"optimizers in use for {used}." if used else f"one for several of {[*optimizers]}.")
            + " Make another, or give a single one, of which each phase gets a copy."
        )
