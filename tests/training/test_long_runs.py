"""What long runs use works with CHTN: mixed precision, compilation, several steps at once,
gradient accumulation, moving averages. All through `compile` and `dtype` alone.
"""

import shutil
import warnings

import keras
import numpy as np
import pytest

from keras_xmr.optimizers import SGD
from tests.methods.small import batch, small

STEPS = 4
BACKEND = keras.config.backend()


def batches(steps=STEPS):
    """Inputs and labels of some steps."""
    model = small()
    return [batch(model, seed, seed) for seed in range(steps)]


class Steps(keras.utils.PyDataset):
    """The batches, one after the other."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def __len__(self):
        return len(self.steps)

    def __getitem__(self, index):
        return self.steps[index]


def trained(optimizer=None, *, steps=None, epochs=1, compiled=None, **arguments):
    """The model after some steps, and the history of losses."""
    model = small(**arguments)
    model.compile(optimizer or SGD(0.05, 0.9), **(compiled or {}))
    steps = Steps(steps or batches())
    history = model.fit(steps, epochs=epochs, shuffle=False, verbose=0)
    return model, history.history


def weights(model):
    return [weight.astype("float64") for weight in model.get_weights()]


def assert_close(one, other, tolerance=1e-5):
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


@pytest.fixture(scope="module")
def plain():
    return trained()


@pytest.mark.parametrize(
    ("policy", "tolerance"), [("mixed_float16", 0.01), ("mixed_bfloat16", 0.1)]
)
def test_mixed_precision_learns_the_same_but_for_rounding(plain, policy, tolerance):
    model, history = trained(dtype=policy)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    assert {variable.dtype for variable in model.weights} == {"float32"}
    layer = model.pathways["image"].affine[0]
    assert layer.compute_dtype == policy.removeprefix("mixed_")
    start = weights(small())
    moved = max(np.abs(a - b).max() for a, b in zip(weights(plain[0]), start, strict=True))
    assert moved > 0.1
    assert_close(model, plain[0], tolerance * moved)
    for name, values in history.items():
        np.testing.assert_allclose(values, plain[1][name], rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_encodes_in_float32(policy):
    model, _ = trained(dtype=policy)
    x, _ = batches()[0]
    found, wanted = model.encode(x, "image"), None
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    full = small()
    full.set_weights(model.get_weights())
    wanted = full.encode(x, "image")
    assert 0 < np.abs(found - wanted).max() < 0.05


@pytest.mark.parametrize("jit", [True, False])
def test_compilation_changes_nothing(plain, jit):
    if jit and BACKEND == "torch" and not (shutil.which("g++") or shutil.which("c++")):
        pytest.skip("torch.compile needs a C++ compiler")
    with warnings.catch_warnings():
        if BACKEND == "torch":
            # torch.compile warns of what it does itself, and fails where that is an error.
            warnings.simplefilter("ignore")
        model, history = trained(compiled={"jit_compile": jit})
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


def test_accumulated_gradients_are_the_mean_over_batches():
    # Batch statistics and MMD are of each batch, as in the release: not those of one large batch.
    steps = batches()
    model, _ = trained(SGD(0.05, gradient_accumulation_steps=STEPS), steps=steps)
    start = weights(small())
    changes = []
    for step in steps:
        alone = trained(SGD(0.05), steps=[step])[0]
        changes.append([b.value for b in alone.trainable_variables])
    for i, variable in enumerate(model.trainable_variables):
        found = keras.ops.convert_to_numpy(variable)
        each = [keras.ops.convert_to_numpy(change[i]) for change in changes]
        np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=0, atol=1e-6)
    assert any(np.any(a != b) for a, b in zip(weights(model), start, strict=True))


def test_accumulated_running_statistics_see_every_batch():
    accumulated, _ = trained(SGD(1e-9, gradient_accumulation_steps=STEPS))
    every, _ = trained(SGD(1e-9))
    assert_close(accumulated, every, 1e-6)


def test_accumulation_equals_a_large_batch_where_rows_are_independent():
    # No normalisation and no MMD: the loss is a mean over rows.
    rows = {"source_classes": None, "input_normalization": ()}

    def without_normalisation(**arguments):
        model = small(**rows, **arguments)
        for pathway in model.pathways.values():
            pathway.batch_normalization = False
        return model

    x, y = batch(without_normalisation())
    halves = [
        ({n: a[part] for n, a in x.items()}, {n: a[part] for n, a in y.items()})
        for part in (slice(4), slice(4, 8))
    ]
    results = []
    for steps, accumulation in ((halves, 2), ([(x, y)], None)):
        model = without_normalisation()
        model.compile(SGD(0.05, 0.9, l2=0.1, gradient_accumulation_steps=accumulation))
        model.fit(Steps(steps), shuffle=False, verbose=0)
        results.append(model)
    assert_close(*results, 1e-6)


def test_the_moving_average_is_what_is_left_at_the_end():
    momentum = 0.7
    each, models = [], small()
    models.compile(SGD(0.05, 0.9))
    for x, y in batches():
        models.train_on_batch(x, y)
        each.append([keras.ops.convert_to_numpy(v).copy() for v in models.trainable_variables])
    average = each[0]
    for values in each[1:]:
        average = [momentum * a + (1 - momentum) * v for a, v in zip(average, values, strict=True)]
    model, _ = trained(SGD(0.05, 0.9, use_ema=True, ema_momentum=momentum))
    for variable, wanted in zip(model.trainable_variables, average, strict=True):
        found = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


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
