"""What is compiled trains as what is not; several steps at once as one after the other."""

import contextlib
import functools
import warnings

import keras
import numpy as np
import pytest

from keras_xmr.optimizers import SGD
from tests.training.steps import STEPS, assert_close, batches, trained

BACKEND = keras.config.backend()
# PyTorch traces every one of the first steps anew.
SOME = batches(1 if BACKEND == "torch" else STEPS)


@pytest.fixture(scope="module")
def plain():
    return trained(steps=SOME)


@pytest.mark.parametrize("jit", [True, False])
def test_compilation_changes_nothing(plain, jit, monkeypatch):
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        if BACKEND == "torch":
            import torch

            # All but what is made of the traced graphs: minutes, and not ours.
            traced = functools.partial(torch.compile, backend="eager")
            monkeypatch.setattr(torch, "compile", traced)
            stack.enter_context(torch._dynamo.config.patch(recompile_limit=1))
            # torch.compile warns of what it does itself, and fails where that is an error.
            warnings.simplefilter("ignore")
        model, history = trained(steps=SOME, compiled={"jit_compile": jit})
    assert model.jit_compile is jit
    assert_close(model, plain[0])
    np.testing.assert_allclose(history["loss"], plain[1]["loss"], rtol=1e-5)


def test_several_steps_at_once(plain):
    if BACKEND == "torch":
        with pytest.raises(ValueError, match="must be 1 with the PyTorch backend"):
            trained(compiled={"steps_per_execution": 2})
        return
    model, history = trained(compiled={"steps_per_execution": 2})
    assert_close(model, plain[0])
    np.testing.assert_allclose(history["loss"], plain[1]["loss"], rtol=1e-5)
    assert int(model.optimizer.iterations) == STEPS


def test_all_of_it_together_learns():
    optimizer = SGD(
        0.05,
        0.9,
        multipliers={"bias|beta": 2.0},
        l2=5e-4,
        gradient_accumulation_steps=2,
        use_ema=True,
        ema_momentum=0.5,
    )
    compiled = {"jit_compile": BACKEND == "jax"}
    if BACKEND != "torch":
        compiled["steps_per_execution"] = 2
    _, history = trained(
        optimizer, dtype="mixed_bfloat16", epochs=20, dropout=0.1, members=2, compiled=compiled
    )
    assert np.isfinite(list(history.values())).all()
    assert np.mean(history["loss"][-3:]) < 0.9 * np.mean(history["loss"][:3])
