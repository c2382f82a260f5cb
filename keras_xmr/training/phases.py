"""`Phase`: one player's turn in a game between parts of a model."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True, eq=False)
class Phase:
    """One player's turn: the variables that it moves, and how many updates it makes of a batch.

    Args:
        name: Name of the player, such as `"generator"`; its loss is `"generator_loss"` in the
            history. It has the form of a Python name.
        variables: The `keras.Variable`s that it moves, such as `layer.trainable_variables`.
            Frozen ones are left out.
        steps: Updates of one batch.
        terms: Names of what `AlternatingModel.phase_loss` returns beside the loss, to be logged.

    Raises:
        ValueError: If the name is no name, there is no variable or less than one step.

    Example:
        >>> import keras
        >>> discriminator = keras.layers.Dense(2)
        >>> discriminator.build((None, 8))
        >>> len(Phase("discriminator", discriminator.trainable_variables, steps=5).variables)
        2
    """

    name: str
    variables: Sequence[Any]
    steps: int = 1
    terms: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"A phase has a name like Python's. Received: name={self.name!r}.")
        if self.steps < 1:
            raise ValueError(
                f"A phase makes at least one step. Received: steps={self.steps} for {self.name!r}. "
                "Leave out phases that make none."
            )
        if not self.variables:
            raise ValueError(
                f"A phase moves at least one variable. Received: variables=[] for {self.name!r}. "
                "Leave the phase out where all of its layers are frozen."
            )


def check_phases(phases: Sequence[Phase], trainable: Sequence[Any]) -> None:
    """See that the phases together move what is trainable, and nothing else.

    A variable may be in several phases: each of their optimizers then moves it in its turn.

    Args:
        phases: All phases of a model.
        trainable: Its `trainable_variables`.

    Raises:
        ValueError: If not, or two names are the same.
    """
    logged = ["loss", *(name for p in phases for name in (f"{p.name}_loss", *p.terms))]
    twice = [name for name, count in Counter(logged).items() if count > 1]
    if twice:
        raise ValueError(
            "Phases and terms have names of their own, and none is 'loss'. "
            f"Received: {twice} more than once."
        )
    known = {id(variable) for variable in trainable}
    for phase in phases:
        count = Counter(map(id, phase.variables))
        repeated = [v.path for v in phase.variables if count[id(v)] > 1]
        if repeated:
            raise ValueError(
                f"A phase has each variable once. Received: phase {phase.name!r} with {repeated}."
            )
        frozen = [v.path for v in phase.variables if id(v) not in known]
        if frozen:
            raise ValueError(
                "A phase moves variables that the model has and that are trainable. "
                f"Received: phase {phase.name!r} with {frozen}. Give it `trainable_variables` of "
                "layers, and compile again after a change of `trainable`."
            )
    moved = {id(variable) for phase in phases for variable in phase.variables}
    idle = [variable.path for variable in trainable if id(variable) not in moved]
    if idle:
        raise ValueError(
            f"Every trainable variable is in some phase. Received: {idle} in none of "
            f"{[phase.name for phase in phases]}. Freeze its layer (`trainable = False`) or add it "
            "to a phase, and compile again."
        )
