"""Alternating updates: every player moves its own variables, by its own loss and optimizer."""

import keras
import numpy as np
import pytest

from keras_xmr import Checkpoint, CrossModalModel
from keras_xmr.datasets import toy
from keras_xmr.optimizers import SGD, AdamW
from keras_xmr.training.phase_losses import PhaseLosses
from keras_xmr.training.phase_optimizers import PhaseOptimizers
from keras_xmr.training.phases import Phase
from tests.training.game import Duel, Game, batch, game

PLAYERS = ("generator", "discriminator")
not_torch = pytest.mark.skipif(keras.config.backend() == "torch", reason="eager on torch")


def arrays(variables):
    return [keras.ops.convert_to_numpy(v) for v in variables]


def state(model):
    return arrays([*model.variables, *model.optimizer.variables])


def variables(model, player):
    return [v for layer in model.players[player] for v in layer.trainable_variables]


def assert_equal(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def stacked(model, batches=8):
    """Rows of several batches in one, as `fit` takes them."""
    return batch(model, rows=8 * batches)


def fit(model, *, epochs=1, batches=8, **arguments):
    x, y = stacked(model, batches)
    arguments = {"shuffle": False, "verbose": 0, **arguments}
    return model.fit(x, y, batch_size=8, epochs=epochs, **arguments).history


# Who moves, and how often


@pytest.mark.parametrize("idle", PLAYERS)
def test_a_player_leaves_the_others_as_they_are(idle):
    model = game(normalize=True)
    mover = PLAYERS[1 - PLAYERS.index(idle)]
    model.compile({mover: SGD(0.5), idle: SGD(0.0)})
    before = {name: arrays(variables(model, name)) for name in PLAYERS}
    fit(model)
    assert_equal(arrays(variables(model, idle)), before[idle])
    for now, then in zip(arrays(variables(model, mover)), before[mover], strict=True):
        assert np.abs(now - then).max() > 1e-3


def test_every_phase_makes_its_steps():
    model = game(steps=3)
    model.compile("adam")
    fit(model, batches=8)
    counts = [int(model.optimizer[name].iterations) for name in PLAYERS]
    assert counts == [24, 8]
    assert int(model.optimizer.iterations) == 24


def test_weights_move_on_every_way_to_train():
    for train in (fit, lambda m: m.train_on_batch(*batch(m))):
        model = game()
        before = arrays(model.trainable_variables)
        model.compile("sgd")
        train(model)
        for now, then in zip(arrays(model.trainable_variables), before, strict=True):
            assert np.any(now != then)


def test_every_forward_pass_moves_running_statistics():
    model = game(normalize=True, steps=3)
    model.compile(SGD(0.0))
    x, y = batch(model)
    model.train_on_batch(x, y)
    # Three passes of the generator and one of the discriminator.
    for name, layer in model.normalizers.items():
        wanted = (1 - 0.9**4) * x[name].mean(axis=0)
        found = keras.ops.convert_to_numpy(layer.moving_mean)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_every_step_draws_its_own_dropout():
    model = game(dropout=0.5, steps=4)
    model.compile(SGD(0.0))
    model.train_on_batch(*batch(model))
    (drawn,) = (v for v in model.non_trainable_variables if "seed" in v.path)
    # Five passes, each with a draw for either medium.
    assert keras.ops.convert_to_numpy(drawn)[1] == 10


def test_a_phase_may_call_only_the_layers_it_needs():
    class Lean(Game):
        def phase_outputs(self, phase, x):
            if phase == "generator":
                return super().phase_outputs(phase, x)
            hidden, discriminator = self.players["discriminator"]
            common = {name: self.projectors[name](rows) for name, rows in x.items()}
            return {f"{n}_medium": discriminator(hidden(z)) for n, z in common.items()}

    found = []
    for kind in (Game, Lean):
        model = kind({"image": 5, "text": 4}, 3)
        model.compile(SGD(0.5))
        found.append((fit(model, batches=4), state(model)))
    (history, whole), (lean_history, lean) = found
    assert history["discriminator_loss"] == pytest.approx(lean_history["discriminator_loss"])
    for one, other in zip(whole, lean, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


# Against hand-written games of two numbers


def play(a, b, x, rate=0.1, turns=2):
    """The duel by plain arithmetic; its numbers, and the mean losses of the batches."""
    losses = {"first": [], "second": []}
    for batch_mean in x:
        mine = []
        for _ in range(turns):
            mine.append(a * b * batch_mean)
            a -= rate * b * batch_mean
        losses["first"].append(np.mean(mine))
        losses["second"].append(b * b - a * b * batch_mean)
        b -= rate * (2 * b - a * batch_mean)
    return (a, b), losses


X = np.linspace(0.5, 2.0, 10, dtype="float32")[:, None]
BATCHES = [X[:4], X[4:8], X[8:]]


def duel(model=None, **arguments):
    model = model or Duel()
    model.compile(arguments.pop("optimizer", None) or keras.optimizers.SGD(0.1), **arguments)
    history = model.fit(X, X, batch_size=4, shuffle=False, verbose=0).history
    return model, history


def test_a_duel_ends_as_by_hand():
    model, history = duel()
    wanted, losses = play(1.0, 0.5, [rows.mean() for rows in BATCHES])
    np.testing.assert_allclose(model.values(), wanted, rtol=1e-6)
    # The last batch is half as long.
    means = {name: np.average(values, weights=[4, 4, 2]) for name, values in losses.items()}
    np.testing.assert_allclose(history["first_loss"][0], means["first"], rtol=1e-6)
    np.testing.assert_allclose(history["second_loss"][0], means["second"], rtol=1e-6)
    np.testing.assert_allclose(history["loss"][0], sum(means.values()), rtol=1e-6)


def test_each_player_has_its_own_optimizer():
    optimizer = {"second": keras.optimizers.SGD(0.0), "first": keras.optimizers.SGD(0.2)}
    model, _ = duel(optimizer=optimizer)
    a = 1.0
    for rows in BATCHES:
        a -= 2 * 0.2 * 0.5 * rows.mean()
    np.testing.assert_allclose(model.values(), [a, 0.5], rtol=1e-6)
    assert model.optimizer["first"] is optimizer["first"]


def test_two_phases_may_move_one_variable():
    class Both(Duel):
        def phases(self):
            a, b = self.number("a"), self.number("b")
            return Phase("first", [a, b]), Phase("second", [b])

    model, _ = duel(Both())
    a, b = 1.0, 0.5
    for rows in BATCHES:
        x = rows.mean()
        a, b = a - 0.1 * b * x, b - 0.1 * a * x
        b -= 0.1 * (2 * b - a * x)
    np.testing.assert_allclose(model.values(), [a, b], rtol=1e-6)


def test_gradients_accumulate_within_a_phase():
    optimizer = {
        "first": keras.optimizers.SGD(0.1, gradient_accumulation_steps=3),
        "second": keras.optimizers.SGD(0.0),
    }
    model, _ = duel(optimizer=optimizer)
    # Two updates of each of three batches: a step after three, and one after six.
    means = np.repeat([rows.mean() for rows in BATCHES], 2)
    a = 1.0 - 0.1 * 0.5 * means[:3].mean() - 0.1 * 0.5 * means[3:].mean()
    np.testing.assert_allclose(model.values(), [a, 0.5], rtol=1e-6)


def test_a_moving_average_is_of_its_phase():
    optimizer = {
        "first": keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5),
        "second": keras.optimizers.SGD(0.0),
    }
    model, _ = duel(optimizer=optimizer)
    a, average = 1.0, None
    for rows in BATCHES:
        for _ in range(2):
            a -= 0.1 * 0.5 * rows.mean()
            average = a if average is None else 0.5 * average + 0.5 * a
    np.testing.assert_allclose(model.values(), [average, 0.5], rtol=1e-6)


def test_a_variable_out_of_reach_of_its_loss_has_gradient_zero():
    class Idle(Duel):
        def phase_loss(self, phase, x, y, y_pred):
            if phase == "second":
                return keras.ops.mean(keras.ops.square(self.of["a"](x)))
            return super().phase_loss(phase, x, y, y_pred)

    optimizer = {"first": "sgd", "second": keras.optimizers.SGD(0.1, weight_decay=0.5)}
    model, _ = duel(Idle(), optimizer=optimizer)
    # The decay goes on, on every backend.
    np.testing.assert_allclose(model.values()[1], 0.5 * (1 - 0.1 * 0.5) ** 3, rtol=1e-6)


# What Keras does with one optimizer, it does with several


def test_evaluation_gives_all_losses_and_moves_nothing():
    model = game(normalize=True, dropout=0.5)
    model.compile("adam")
    fit(model)
    before = state(model)
    x, y = batch(model, seed=5)
    found = model.evaluate(x, y, batch_size=8, return_dict=True, verbose=0)
    assert_equal(state(model), before)
    y_pred = model(x, training=False)
    generator, terms = model.phase_loss("generator", x, y, y_pred)
    wanted = {
        "generator_loss": generator,
        "discriminator_loss": model.phase_loss("discriminator", x, y, y_pred),
        **terms,
    }
    assert found.keys() == {"loss", *wanted}
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], keras.ops.convert_to_numpy(value), rtol=1e-5)
    assert found["loss"] == pytest.approx(found["generator_loss"] + found["discriminator_loss"])
    listed = model.test_on_batch(x, y)
    np.testing.assert_allclose(listed[0], found["loss"], rtol=1e-5)
    assert len(listed) == 4


def test_validation_and_training_logs_are_in_the_history():
    model = game()
    model.compile("adam")
    history = fit(model, epochs=2, validation_data=batch(model, seed=3))
    names = {"loss", "generator_loss", "labels", "discriminator_loss"}
    assert set(history) == names | {f"val_{name}" for name in names}
    assert np.isfinite(list(history.values())).all()
    assert history["labels"][1] < history["labels"][0]


def test_fit_on_the_batches_of_a_data_set():
    data = toy()
    model = Game.for_data(data, steps=1)
    model.compile("adam")
    model.fit(model.batches(data, batch_size=16), epochs=2, verbose=0)
    assert isinstance(model, CrossModalModel)
    assert model.encode_text(data.part("test")).shape[1] == 6


@not_torch
def test_several_steps_per_execution_are_as_one():
    histories = []
    states = []
    for steps in (1, 4):
        model = game(dropout=0.3, normalize=True)
        model.compile("adam", steps_per_execution=steps)
        histories.append(fit(model, epochs=2))
        states.append(state(model))
    for one, several in zip(*states, strict=True):
        np.testing.assert_allclose(one, several, rtol=1e-5, atol=1e-6)
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-5)


@pytest.mark.skipif(keras.config.backend() != "torch", reason="only torch is eager")
def test_several_steps_per_execution_are_an_error_on_torch():
    model = game()
    model.compile("adam", steps_per_execution=2)
    with pytest.raises(ValueError, match=r"must be 1 .* Received: steps_per_execution=2"):
        fit(model)


@not_torch
@pytest.mark.parametrize("how", [{"jit_compile": True}, {"run_eagerly": True}])
def test_compiled_or_not_the_outcome_is_the_same(how):
    found = []
    for arguments in ({"jit_compile": False}, how):
        model = game(normalize=True)
        model.compile(SGD(0.1, 0.9), **arguments)
        fit(model)
        found.append(state(model))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_half_precision_scales_the_loss_of_each_phase():
    class Overflow(Game):
        def phase_loss(self, phase, x, y, y_pred):
            found = super().phase_loss(phase, x, y, y_pred)
            return found * 1e37 if phase == "discriminator" else found

    model = Overflow({"image": 5, "text": 4}, 3, dtype="mixed_float16", steps=2)
    model.compile(keras.optimizers.Adam(0.01))
    before = {name: arrays(variables(model, name)) for name in PLAYERS}
    fit(model, batches=2)
    scales = {
        n: float(keras.ops.convert_to_numpy(model.optimizer[n].dynamic_scale)) for n in PLAYERS
    }
    assert scales == {"generator": 2.0**15, "discriminator": 2.0**13}
    assert_equal(arrays(variables(model, "discriminator")), before["discriminator"])
    for now, then in zip(arrays(variables(model, "generator")), before["generator"], strict=True):
        assert now.dtype == np.float32
        assert np.isfinite(now).all()
        assert np.any(now != then)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_trains_nearly_as_full(dtype):
    found = []
    for policy in (None, dtype):
        model = game(dtype=policy)
        model.compile(SGD(0.1))
        fit(model, batches=4)
        found.append(arrays(model.trainable_variables))
    for full, half in zip(*found, strict=True):
        np.testing.assert_allclose(half, full, atol=0.05)


def test_auto_scale_loss_may_be_off():
    model = game(dtype="mixed_float16")
    model.compile("adam", auto_scale_loss=False)
    kinds = {isinstance(o, keras.optimizers.LossScaleOptimizer) for o in model.optimizer.optimizers}
    assert kinds == {False}


def optimizers():
    schedule = keras.optimizers.schedules.CosineDecay(0.05, 40)
    return {
        "generator": AdamW(schedule, 0.1, multipliers={"text": 0.5}),
        "discriminator": SGD(0.05, 0.9, gradient_accumulation_steps=3, use_ema=True),
    }


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.current == self.epoch:
            raise Killed

    def on_epoch_begin(self, epoch, logs=None):
        self.current = epoch


@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_a_killed_run_ends_as_one_left_alone(tmp_path, dtype):
    data = toy()

    def run(folder, *callbacks):
        keras.utils.set_random_seed(1)
        model = Game.for_data(data, dropout=0.3, normalize=True, dtype=dtype)
        model.compile(optimizers())
        batches = model.batches(data, batch_size=8, pairing="class", seed=2)
        save = Checkpoint(folder, batches=batches)
        model.fit(batches, epochs=3, verbose=0, callbacks=[save, *callbacks])
        return model

    whole = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "killed", Kill(2))
    resumed = run(tmp_path / "killed")
    assert_equal(state(resumed), state(whole))
    assert resumed.history.history == whole.history.history
    changed = Game.for_data(data, dropout=0.3, normalize=True, dtype=dtype)
    changed.compile({**optimizers(), "discriminator": SGD(0.01)})
    with pytest.raises(ValueError, match=r"discriminator.*learning_rate"):
        changed.fit(
            changed.batches(data, batch_size=8, pairing="class", seed=2),
            epochs=4,
            verbose=0,
            checkpoint=tmp_path / "killed",
        )


@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_a_saved_model_trains_on_as_if_never_saved(tmp_path, dtype):
    # Keras saves no random states of layers, so without dropout.
    model = game(normalize=True, dtype=dtype)
    model.compile(optimizers())
    fit(model, batches=3)
    model.save(tmp_path / "game.keras")
    loaded = keras.models.load_model(tmp_path / "game.keras")
    assert [type(o) for o in loaded.optimizer.optimizers] == [
        type(o) for o in model.optimizer.optimizers
    ]
    assert_equal(arrays(loaded.optimizer.variables), arrays(model.optimizer.variables))
    for each in (model, loaded):
        fit(each, batches=3)
    assert_equal(state(loaded), state(model))


# Learning rates


def rates(model):
    return [float(keras.ops.convert_to_numpy(o.learning_rate)) for o in model.optimizer.optimizers]


def test_learning_rates_are_set_together_or_one_by_one():
    model = game()
    model.compile({"generator": SGD(0.1), "discriminator": SGD(0.01)})
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0.1)
    model.optimizer["discriminator"].learning_rate = 0.5
    assert rates(model) == pytest.approx([0.1, 0.5])
    model.optimizer.learning_rate = 0.2
    assert rates(model) == pytest.approx([0.2, 0.2])


def test_a_scheduler_keeps_the_ratio_of_learning_rates():
    model = game()
    model.compile({"generator": SGD(0.1), "discriminator": SGD(0.01)})
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    history = fit(model, epochs=3, callbacks=[halve])
    assert rates(model) == pytest.approx([0.025, 0.0025])
    assert history["learning_rate_generator"] == pytest.approx([0.1, 0.05, 0.025])
    assert history["learning_rate_discriminator"] == pytest.approx([0.01, 0.005, 0.0025])


@pytest.mark.parametrize(
    "watched", [{"monitor": "loss"}, {"monitor": "generator_loss", "mode": "min"}]
)
def test_a_plateau_lowers_all_learning_rates(watched):
    model = game()
    model.compile({"generator": SGD(0.1), "discriminator": SGD(0.01)})
    lower = keras.callbacks.ReduceLROnPlateau(**watched, factor=0.1, patience=1, min_delta=100.0)
    fit(model, epochs=2, callbacks=[lower])
    assert rates(model) == pytest.approx([0.01, 0.001])


def test_a_player_out_of_bounds_ends_the_training():
    model, history = duel(
        optimizer={"first": keras.optimizers.SGD(float("inf")), "second": keras.optimizers.SGD(0.0)}
    )
    assert not np.isfinite(history["loss"][0])
    stop = keras.callbacks.TerminateOnNaN()
    again = model.fit(X, X, batch_size=4, epochs=3, verbose=0, callbacks=[stop])
    assert len(again.epoch) == 1


# Optimizers


def test_one_optimizer_is_copied_for_every_phase():
    mine = SGD(0.1, 0.9, l2=0.01, multipliers={"bias": 2.0})
    model = game()
    model.compile(mine)
    copies = model.optimizer.optimizers
    assert [type(copy) for copy in copies] == [SGD, SGD]
    assert all(copy is not mine and copy.l2 == 0.01 for copy in copies)
    assert not mine.built
    assert [copy.name for copy in copies] == list(PLAYERS)


def test_the_paper_optimizer_may_be_named():
    model = game()
    model.compile({"generator": "paper", "discriminator": "adam"})
    assert model.optimizer["generator"].gradient_accumulation_steps == 16


def test_multipliers_are_of_their_phase():
    model = game()
    model.compile({"generator": SGD(0.1, multipliers={"text": 0.0}), "discriminator": SGD(0.0)})
    text, image = (arrays(model.projectors[m].trainable_variables) for m in ("text", "image"))
    fit(model)
    assert_equal(arrays(model.projectors["text"].trainable_variables), text)
    assert np.any(arrays(model.projectors["image"].trainable_variables)[0] != image[0])
    with pytest.raises(ValueError, match=r"in none of these paths.*hidden"):
        game().compile({"generator": "sgd", "discriminator": SGD(0.1, multipliers={"text": 0.5})})


@pytest.mark.parametrize("kind", [dict, PhaseOptimizers])
def test_turns_are_in_the_order_of_the_phases(kind):
    model = game()
    model.compile(kind({"discriminator": SGD(0.3), "generator": SGD(0.2)}))
    assert model.optimizer.names == PLAYERS
    assert [phase.name for phase, _ in model.optimizer.players] == list(PLAYERS)
    assert rates(model) == pytest.approx([0.2, 0.3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: {"generator": "sgd"}, r"\['generator', 'discriminator'\] has an optimizer.*Rec"),
        (lambda: {**dict.fromkeys(PLAYERS, "sgd"), "third": "sgd"}, r"Received: .*'third'"),
        (lambda: dict.fromkeys(PLAYERS, SGD(0.1)), r"Received: one for several of"),
    ],
)
def test_optimizers_are_those_of_the_phases(make, message):
    with pytest.raises(ValueError, match=message):
        game().compile(make())


def test_optimizers_are_used_once():
    model = game()
    model.compile(optimizers())
    for used in (model.optimizer, dict(zip(PLAYERS, model.optimizer.optimizers, strict=True))):
        with pytest.raises(ValueError, match=r"Received: optimizers in use for \['generator'"):
            model.compile(used)
    model.compile(model.optimizer["discriminator"])
    assert fit(model)


def test_the_container_updates_nothing_by_itself():
    both = PhaseOptimizers(dict.fromkeys(PLAYERS, "sgd"))
    with pytest.raises(TypeError, match=r"optimizer\[name\]\.apply"):
        both.apply([])
    with pytest.raises(ValueError, match="Received: a model that is no AlternatingModel"):
        both.build([])


def test_a_variable_has_one_moving_average():
    class Both(Duel):
        def phases(self):
            return Phase("first", self.trainable_variables), Phase("second", [self.number("b")])

    with pytest.raises(ValueError, match=r"use_ema=True in two phases for \['b/kernel'\]"):
        Both().compile(keras.optimizers.SGD(0.1, use_ema=True))


# Phases


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "the judge"}, r"Received: name='the judge'"),
        ({"steps": 0}, r"Received: steps=0 for 'judge'"),
        ({"variables": []}, r"Received: variables=\[\] for 'judge'"),
    ],
)
def test_a_phase_is_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Phase(**{"name": "judge", "variables": [keras.Variable(1.0)], **arguments})


def with_phases(make):
    class Other(Duel):
        def phases(self):
            return make(self)

    return Other()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: [Phase("one", [m.number("a")])], r"Received: \['b/kernel'\] in none of \['one'"),
        (lambda m: [Phase("one", [*m.variables, m.number("a")])], r"once\. Received: phase 'one'"),
        (lambda m: [Phase("one", [*m.variables, keras.Variable(1.0, name="far")])], r"\['far"),
        (lambda m: [Phase("one", m.variables), Phase("one", m.variables)], r"\['one_loss'\]"),
        (lambda m: [Phase("one", m.variables, terms=["loss"])], r"Received: \['loss'\]"),
        (lambda m: [], r"Received: \['a/kernel', 'b/kernel'\] in none of \[\]"),
    ],
)
def test_phases_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        with_phases(make).compile("sgd")


def test_what_is_frozen_is_in_no_phase():
    model = game()
    for layer in model.players["discriminator"]:
        layer.trainable = False
    with pytest.raises(ValueError, match=r"variables=\[\] for 'discriminator'"):
        model.compile("sgd")
    model.players.pop("discriminator")
    model.compile("sgd")
    before = arrays(model.get_layer("hidden").variables)
    assert set(fit(model)) == {"loss", "generator_loss", "labels"}
    assert_equal(arrays(model.get_layer("hidden").variables), before)


def test_freezing_needs_another_compile():
    model = game()
    model.compile("sgd")
    fit(model)
    model.projectors["text"].trainable = False
    with pytest.raises(ValueError, match=r"phase 'generator' with .*text_projector.*compile again"):
        fit(model)
    model.compile("sgd")
    assert fit(model)


def test_terms_are_those_of_the_phase():
    class Silent(Duel):
        def phase_loss(self, phase, x, y, y_pred):
            return super().phase_loss(phase, x, y, y_pred), {"more": 1.0}

    with pytest.raises(ValueError, match=r"names: \[\]\. Received: terms=\['more'\]"):
        duel(Silent())


def test_losses_are_means_over_rows():
    weight = [keras.Variable(0.0)]
    metric = PhaseLosses([Phase("p", weight, terms=["t"]), Phase("q", weight)])
    metric.update_state(keras.ops.array([1.0, 2.0, 3.0]), 1)
    metric.update_state(keras.ops.array([5.0, 6.0, 7.0]), 3)
    found = {name: float(value) for name, value in metric.result().items()}
    assert found == {"loss": 10.0, "p_loss": 4.0, "t": 5.0, "q_loss": 6.0}
    metric.reset_state()
    assert float(metric.result()["loss"]) == 0.0


@pytest.mark.parametrize("argument", ["loss", "metrics", "loss_weights", "weighted_metrics"])
def test_compile_takes_no_losses(argument):
    with pytest.raises(ValueError, match=rf"Received: \['{argument}'\] in compile"):
        game().compile("sgd", **{argument: ["mse"]})


def test_rows_have_no_weights():
    model = game()
    model.compile("sgd")
    x, y = batch(model)
    with pytest.raises(ValueError, match="Received: sample_weight or class_weight"):
        model.fit(x, y, sample_weight=np.ones(8), verbose=0)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="only TensorFlow has it")
def test_replicated_models_are_an_error():
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        model = game()
        with pytest.raises(ValueError, match=r"Received: a model or a scope of a tf\.distribute"):
            model.compile("sgd")
    with pytest.raises(ValueError, match=r"Received: a model or a scope of a tf\.distribute"):
        model.compile("sgd")
