"""What only PyTorch has: gradients on request, and global random state.

Dropout without a seed is drawn from that state.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from keras_xmr.types import Array, Tensor


def random_state() -> dict[str, Array]:
    """The state of the generator of each device in use."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda:{i}": s for i, s in enumerate(torch.cuda.get_rng_state_all())}
    return {device: state.numpy() for device, state in states.items()}


def set_random_state(states: dict[str, Array]) -> None:
    """Go on from what `random_state` returned."""
    for device, state in states.items():
        tensor = torch.from_numpy(np.array(state))
        if device == "cpu":
            torch.set_rng_state(tensor)
        else:
            torch.cuda.set_rng_state(tensor, device)


def minimize(
    model: Any,
    optimizer: Any,
    variables: Sequence[Any],
    compute: Callable[[], tuple[Tensor, Tensor]],
) -> Tensor:
    """One update of `variables`; see `keras_xmr.training._jax.minimize`.

    No tensor's `grad` is touched, so nothing is left for the next player.
    """
    loss, more = compute()
    gradients = torch.autograd.grad(
        optimizer.scale_loss(loss), [v.value for v in variables], materialize_grads=True
    )
    with torch.no_grad():
        optimizer.apply(gradients)
    return more.detach()
