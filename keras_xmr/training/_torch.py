"""What only PyTorch has: gradients on request, and global random state.

Dropout without a seed is drawn from that state. And an Adam in one pass over the weights.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from keras_xmr.types import Array, Tensor

# Untyped: its annotation knows the order of arguments of one version only.
adam: Any = importlib.import_module("torch.optim.adam").adam


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


class FusedAdam:
    """A mixin for Keras' Adam: one pass over the memory of weights and moments instead of ten.

    On processors, where that is most of the time of an update. On a GPU it would have to wait for
    the learning rate, which PyTorch's kernel is given as a number.
    """

    def _parallel_update_step(
        self: Any, grads: Sequence[Tensor], variables: Sequence[Any], learning_rate: Tensor
    ) -> None:
        which = [self._get_variable_index(variable) for variable in variables]
        moments = [[kept[i].value for i in which] for kept in (self._momentums, self._velocities)]
        weights = [variable.value for variable in variables]
        if self.amsgrad or not all(_is_plain(t) for t in (*weights, *moments[0], *moments[1])):
            super()._parallel_update_step(grads, variables, learning_rate)  # type: ignore[misc]
            return
        # In the precision of Keras, whose results these are.
        one, two = (np.float32(beta) for beta in (self.beta_1, self.beta_2))
        number = np.float32(float(self.iterations) + 1.0)
        rate = float(learning_rate) * np.sqrt(1 - two**number) / (1 - one**number)
        # PyTorch corrects the bias of the moments, too: after so many updates there is none.
        endless = list(torch.full((len(weights),), float("inf")).unbind())
        adam(
            weights,
            [g.to(w.dtype).contiguous() for g, w in zip(grads, weights, strict=True)],
            *moments,
            [],
            endless,
            fused=True,
            amsgrad=False,
            beta1=self.beta_1,
            beta2=self.beta_2,
            lr=float(rate),
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )


def _is_plain(tensor: Tensor) -> bool:
    """Whether PyTorch's kernel for processors can take it; it reads memory from end to end."""
    plain = tensor.dtype == torch.float32 and tensor.device.type == "cpu"
    return bool(plain and tensor.is_contiguous())
