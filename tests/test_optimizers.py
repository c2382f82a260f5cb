"""Optimizers with learning rates by variable, against the formulas written out in NumPy."""

import keras
import numpy as np
import pytest

from keras_xmr.methods.chtn import CHTN
from keras_xmr.optimizers import SGD, AdamW, paper_optimizer

STEPS = 9
ROWS, WIDTH = 4, 3
PATHS = ("image_trunk/kernel", "image_trunk/bias", "head/kernel", "head/bias")
MULTIPLIERS = {"image_trunk": 0.5, "bias": 2.0, "head/k": 0.25}
FACTORS = (0.5, 1.0, 0.25, 2.0)
KERNELS = (True, False, True, False)


def batches(steps=STEPS):
    """Inputs whose means float16 holds exactly."""
    drawn = np.random.default_rng(0).integers(-8, 9, size=(steps, ROWS, WIDTH))
    return (drawn / 8).astype("float32")


def two_branches(optimizer, dtype="float32", **compiled):
    """A model whose loss has known gradients: the mean input row in kernels, 1 in biases."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((WIDTH,))
    branches = [keras.layers.Dense(1, name=name, dtype=dtype) for name in ("image_trunk", "head")]
    outputs = [branch(inputs) for branch in branches]
    model = keras.Model(inputs, keras.layers.Add(dtype="float32")(outputs))
    for weight in model.trainable_variables:
        weight.assign(np.linspace(-1, 1, weight.shape[0] + 1)[1:].reshape(weight.shape))
    assert [weight.path for weight in model.trainable_variables] == list(PATHS)
    model.compile(optimizer, loss=lambda _, outputs: keras.ops.mean(outputs), **compiled)
    return model


def trained(optimizer, inputs=None, **compiled):
    model = two_branches(optimizer, **compiled)
    before = [weight.astype("float64") for weight in model.get_weights()]
    for rows in batches() if inputs is None else inputs:
        model.train_on_batch(rows, np.zeros((ROWS, 1)))
    return before, model


def gradients(rows):
    kernel = rows.mean(axis=0)[:, None].astype("float64")
    return [kernel, np.ones(1), kernel, np.ones(1)]


def accumulated(accumulation):
    """Mean gradients of each step."""
    each = [gradients(rows) for rows in batches()]
    for start in range(0, STEPS - accumulation + 1, accumulation):
        group = each[start : start + accumulation]
        yield [sum(parts) / accumulation for parts in zip(*group, strict=True)]


def sgd_loop(weights, steps, rate, momentum=0.0, l2=0.0, decay=0.0, factors=FACTORS):
    """The solver of Caffe, variable by variable; and Keras' decay beside it."""
    velocities = [np.zeros_like(w) for w in weights]
    for step in steps:
        for i, gradient in enumerate(step):
            w = weights[i] * (1 - factors[i] * rate * decay * KERNELS[i])
            g = gradient + l2 * KERNELS[i] * w
            velocities[i] = momentum * velocities[i] + rate * factors[i] * g
            weights[i] = w - velocities[i]
    return weights


def adamw_loop(weights, steps, rate, decay=0.0, b1=0.9, b2=0.999, factors=FACTORS):
    """Adam of Kingma and Ba, with the decay of Loshchilov and Hutter."""
    means = [np.zeros_like(w) for w in weights]
    squares = [np.zeros_like(w) for w in weights]
    for t, step in enumerate(steps, start=1):
        for i, g in enumerate(step):
            means[i] = b1 * means[i] + (1 - b1) * g
            squares[i] = b2 * squares[i] + (1 - b2) * g * g
            update = means[i] / (1 - b1**t) / (np.sqrt(squares[i] / (1 - b2**t)) + 1e-7)
            update = update + decay * KERNELS[i] * weights[i]
            weights[i] = weights[i] - factors[i] * rate * update
    return weights


def assert_same(found, wanted, tolerance=1e-5):
    for path, one, other in zip(PATHS, found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance, err_msg=path)


SGD_CASES = {
    "plain": ({}, {}),
    "momentum": ({"momentum": 0.9}, {"momentum": 0.9}),
    "l2": ({"momentum": 0.9, "l2": 0.3}, {"momentum": 0.9, "l2": 0.3}),
    "decoupled": ({"momentum": 0.9, "weight_decay": 0.3}, {"momentum": 0.9, "decay": 0.3}),
}


@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("case", SGD_CASES)
def test_sgd_is_that_of_caffe(case, accumulation):
    arguments, reference = SGD_CASES[case]
    steps = None if accumulation == 1 else accumulation
    optimizer = SGD(0.05, multipliers=MULTIPLIERS, gradient_accumulation_steps=steps, **arguments)
    before, model = trained(optimizer)
    assert_same(model.get_weights(), sgd_loop(before, accumulated(accumulation), 0.05, **reference))


@pytest.mark.parametrize("accumulation", [1, 3])
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_adamw_scales_the_whole_update(decay, accumulation):
    steps = None if accumulation == 1 else accumulation
    optimizer = AdamW(0.05, decay, multipliers=MULTIPLIERS, gradient_accumulation_steps=steps)
    before, model = trained(optimizer)
    assert_same(model.get_weights(), adamw_loop(before, accumulated(accumulation), 0.05, decay))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SGD(0.1, 0.9, nesterov=True), keras.optimizers.SGD(0.1, 0.9, nesterov=True)),
        (AdamW(0.1, 0.5, undecayed=()), keras.optimizers.AdamW(0.1, 0.5)),
    ],
    ids=["SGD", "AdamW"],
)
def test_without_multipliers_it_is_keras_own(ours, theirs):
    assert_same(trained(ours)[1].get_weights(), trained(theirs)[1].get_weights(), 1e-6)


def test_a_multiplier_of_zero_freezes():
    before, model = trained(AdamW(0.1, 0.5, multipliers={"image_trunk": 0.0}))
    after = model.get_weights()
    for i, frozen in enumerate((True, True, False, False)):
        assert np.array_equal(before[i].astype("float32"), after[i]) == frozen


@pytest.mark.parametrize("accumulation", [1, 3])
def test_the_moving_average_is_of_the_weights(accumulation):
    steps = None if accumulation == 1 else accumulation
    optimizer = SGD(
        0.05,
        0.9,
        multipliers=MULTIPLIERS,
        l2=0.3,
        use_ema=True,
        ema_momentum=0.7,
        gradient_accumulation_steps=steps,
    )
    before, model = trained(optimizer)
    each = list(accumulated(accumulation))
    weights, average = list(before), list(before)
    # Keras renews the average at every batch, between two steps too, from the first step on.
    for batch in range(1, STEPS + 1):
        done = batch // accumulation
        weights = sgd_loop(list(before), each[:done], 0.05, momentum=0.9, l2=0.3)
        kept = 0.7 if (batch - 1) // accumulation else 0.0
        average = [kept * a + (1 - kept) * w for a, w in zip(average, weights, strict=True)]
    assert_same(model.get_weights(), weights)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    assert_same(model.get_weights(), average)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_takes_the_same_steps(policy):
    optimizer = SGD(0.05, 0.9, multipliers=MULTIPLIERS, l2=0.3, gradient_accumulation_steps=3)
    # Keras scales the loss where the model's policy is float16.
    before = None
    with_policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        before, model = trained(optimizer, dtype=None)
    finally:
        keras.config.set_dtype_policy(with_policy)
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    wanted = sgd_loop(before, accumulated(3), 0.05, momentum=0.9, l2=0.3)
    assert_same(model.get_weights(), wanted)


def test_a_step_with_infinite_gradients_is_left_out():
    inner = SGD(0.05, 0.9, multipliers=MULTIPLIERS, l2=0.3)
    optimizer = keras.optimizers.LossScaleOptimizer(inner, initial_scale=8.0)
    inputs = batches()
    inputs[4, 0, 0] = np.inf
    before, model = trained(optimizer, inputs)
    steps = [step for i, step in enumerate(accumulated(1)) if i != 4]
    assert_same(model.get_weights(), sgd_loop(before, steps, 0.05, momentum=0.9, l2=0.3))


def test_a_schedule_is_scaled_too():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([3], [0.05, 0.0])
    before, model = trained(SGD(schedule, multipliers=MULTIPLIERS))
    assert_same(model.get_weights(), sgd_loop(before, list(accumulated(1))[:4], 0.05))


def test_the_paper_optimizer_is_that_of_the_release():
    # 16 batches make one step: two of them.
    rows = np.concatenate([batches(16), batches(16)])
    before, model = trained(paper_optimizer(), rows)
    mean = [sum(parts) / 16 for parts in zip(*map(gradients, batches(16)), strict=True)]
    wanted = sgd_loop(before, [mean, mean], 0.01, 0.9, l2=5e-4, factors=(1, 2, 1, 2))
    assert_same(model.get_weights(), wanted, 1e-6)


def test_the_paper_optimizer_on_a_whole_model():
    model = CHTN({"image": 5, "text": 4}, 3, 2, pathway_units=(4, 4), shared_units=(4, 4))
    optimizer = paper_optimizer()
    optimizer.build(model.trainable_variables)
    for variable in model.trainable_variables:
        shifts = variable.name in ("bias", "beta")
        position = optimizer._get_variable_index(variable)
        assert optimizer._factors[position] == (2.0 if shifts else 1.0), variable.path
        assert optimizer._use_weight_decay(variable) is not shifts, variable.path
    names = {variable.name for variable in model.trainable_variables}
    assert names == {"kernel", "bias", "gamma", "beta"}


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_a_pattern_that_is_in_no_path_is_an_error(kind):
    with pytest.raises(ValueError, match=r"Received: multipliers with 'audio', .*head/kernel"):
        trained(kind(multipliers={"head": 1.0, "audio": 0.1}))


@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_a_negative_multiplier_is_an_error(kind):
    with pytest.raises(ValueError, match=r"at least 0\. Received: multipliers=\{'head': -1"):
        kind(multipliers={"head": -1.0, "bias": 2.0})


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.5, 0.25, multipliers=MULTIPLIERS, l2=0.1, undecayed=("gamma",), nesterov=True),
        AdamW(0.5, 0.25, multipliers=MULTIPLIERS, undecayed=("gamma",), beta_1=0.8),
        AdamW(keras.optimizers.schedules.CosineDecay(0.1, 7), use_ema=True),
        paper_optimizer(),
    ],
)
def test_the_config_comes_back(optimizer):
    config = keras.saving.serialize_keras_object(optimizer)
    assert config["registered_name"] == f"keras_xmr>{type(optimizer).__name__}"
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()
    assert_same(*(trained(each)[1].get_weights() for each in (optimizer, again)), 0)


def test_the_state_is_saved_with_the_model(tmp_path):
    def make():
        return SGD(0.05, 0.9, multipliers=MULTIPLIERS, l2=0.3)

    _, whole = trained(make())
    _, model = trained(make(), batches()[:5])
    model.save_weights(tmp_path / "half.weights.h5")
    model = two_branches(make())
    model.optimizer.build(model.trainable_variables)
    model.load_weights(tmp_path / "half.weights.h5")
    for rows in batches()[5:]:
        model.train_on_batch(rows, np.zeros((ROWS, 1)))
    assert_same(model.get_weights(), whole.get_weights(), 0)


@pytest.mark.skipif(keras.config.backend() != "torch", reason="only PyTorch has the kernel")
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_in_one_pass_is_that_of_keras(amsgrad):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(5, 3))
    # From far below epsilon to far above it, and transposed in memory.
    steps = (rng.normal(size=(9, 3, 5)) * 10.0 ** rng.integers(-10, 1, size=(9, 3, 5))).mT
    found = []
    for kind in (AdamW, keras.optimizers.AdamW):
        weight = keras.Variable(start, dtype="float32")
        optimizer = kind(0.01, weight_decay=0.1, beta_1=0.5, amsgrad=amsgrad)
        optimizer.build([weight])
        for gradient in steps.astype("float32"):
            optimizer.apply([keras.ops.convert_to_tensor(gradient.T.copy()).T])
        found.append(weight.numpy())
    np.testing.assert_allclose(*found, atol=1e-6, rtol=1e-6)
    assert np.abs(found[0] - start).min() > 1e-4
