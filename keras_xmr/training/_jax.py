"""What only JAX needs: state goes through a step by hand, and gradients are of functions."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras

from keras_xmr.types import Tensor

State = tuple[list[Tensor], ...]


def placed(array: Any) -> Tensor:
    """An array of NumPy on the device, without the program that `jnp.asarray` compiles for it."""
    return jax.device_put(array)


def thread(
    step: Callable[[], Any], variables: Sequence[Sequence[Any]], state: State
) -> tuple[Any, State]:
    """Run `step` with the variables at the values of `state`.

    Args:
        step: What reads and assigns the variables.
        variables: Lists of `keras.Variable`s.
        state: Their values.

    Returns:
        What `step` returns, and the values after it. The variables themselves stay as they are.
    """
    pairs = [
        pair
        for some, values in zip(variables, state, strict=True)
        for pair in zip(some, values, strict=True)
    ]
    with keras.StatelessScope(state_mapping=pairs) as scope:
        result = step()
    return result, tuple([scope.get_current_value(v) for v in some] for some in variables)


def minimize(
    model: Any,
    optimizer: Any,
    variables: Sequence[Any],
    compute: Callable[[], tuple[Tensor, Tensor]],
) -> Tensor:
    """One update of `variables`, inside of `thread`.

    Args:
        model: The model; what `compute` assigns among its variables and metrics is kept.
        optimizer: Built for the variables.
        variables: The variables to move.
        compute: Gives the loss, and further values.

    Returns:
        The further values.
    """
    others = [*model.non_trainable_variables, *model.metrics_variables]
    fixed = [(v, v.value) for v in [*model.trainable_variables, *others]]
    scale = optimizer.scale_loss(1.0)

    def loss_at(values: list[Tensor]) -> tuple[Tensor, Any]:
        # Of two values of a variable the scope takes the later one.
        mapping = [*fixed, *zip(variables, values, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            loss, more = compute()
        return loss * scale, (more, [scope.get_current_value(v) for v in others])

    values = [v.value for v in variables]
    gradients, (more, after) = jax.grad(loss_at, has_aux=True)(values)
    moved, optimizer_values = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], gradients, values
    )
    assigned = [*variables, *optimizer.variables, *others]
    for variable, value in zip(assigned, [*moved, *optimizer_values, *after], strict=True):
        variable.assign(value)
    return more
