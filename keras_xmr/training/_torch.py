"""What only PyTorch has: global random state, from which dropout without a seed is drawn."""

import numpy as np
import torch

from keras_xmr.types import Array


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
