"""What long runs use works with CHTN: mixed precision, gradient accumulation, moving averages.

All through `compile` and `dtype` alone.
"""

import keras
import numpy as np
import pytest

from keras_xmr.optimizers import SGD
from tests.methods.small import batch, small
from tests.training.steps import STEPS, Steps, assert_close, batches, trained, weights

pytestmark = pytest.mark.usefixtures("eager_on_tensorflow")


@pytest.fixture(scope="module")
def plain():
    return trained()


# With Keras' first scale, 2 ** 15, the largest gradients here are 0.64 of what float16 holds: the
# order of a sum can decide whether a step is left out. 1024 leaves room.
ROOM = 1024.0


def with_scale(scale):
    return keras.optimizers.LossScaleOptimizer(SGD(0.05, 0.9), initial_scale=scale)


@pytest.mark.parametrize(
    ("policy", "tolerance"), [("mixed_float16", 0.01), ("mixed_bfloat16", 0.1)]
)
def test_mixed_precision_learns_the_same_but_for_rounding(plain, policy, tolerance):
    model, history = trained(with_scale(ROOM) if policy == "mixed_float16" else None, dtype=policy)
    assert {variable.dtype for variable in model.weights} == {"float32"}
    layer = model.pathways["image"].affine[0]
    assert layer.compute_dtype == policy.removeprefix("mixed_")
    start = weights(small())
    moved = max(np.abs(a - b).max() for a, b in zip(weights(plain[0]), start, strict=True))
    assert moved > 0.1
    assert_close(model, plain[0], tolerance * moved)
    for name, values in history.items():
        np.testing.assert_allclose(values, plain[1][name], rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_gradients_of_float16_alone_are_scaled(policy):
    model, _ = trained(dtype=policy, steps=batches(1))
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


def test_a_step_whose_gradients_overflow_is_left_out_and_the_scale_halved():
    one = batches(1)
    large = 2.0**24
    model, _ = trained(with_scale(large), dtype="mixed_float16", steps=one)
    start = small()
    for found, wanted in zip(model.trainable_variables, start.trainable_variables, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(wanted)
        )
    assert float(model.optimizer.dynamic_scale) == large / 2


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
