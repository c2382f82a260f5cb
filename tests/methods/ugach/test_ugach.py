"""UGACH: structure, losses against NumPy, the game and its signs, variants, labels unseen."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_xmr import UGACH, evaluate
from keras_xmr.datasets import toy
from keras_xmr.methods.settings import TrainingSettings
from keras_xmr.methods.ugach.canonical_components import canonical_components
from keras_xmr.methods.ugach.correlation_graph import correlation_graph
from keras_xmr.methods.ugach.variants import PAPER, RELEASED
from keras_xmr.metrics import unpack_bits
from tests.gradients import loss_and_gradients

SMALL = {"media": {"image": 5, "text": 4}, "bits": 16, "hidden_units": 7, "seed": 0}
ROWS, POOL = 6, 9


def make(**arguments):
    return UGACH(**{**SMALL, **arguments})


def batch(model, seed=0):
    """Random rows; the first candidates are the queries' matches."""
    rng = np.random.default_rng(seed)
    x = {}
    for medium, width in model.media.items():
        for part, rows in (("", ROWS), ("_match", ROWS), ("_pool", POOL)):
            x[f"{medium}{part}"] = 3 * rng.normal(size=(rows, width)).astype("float32")
    neighbors = np.zeros((ROWS, POOL), dtype="float32")
    neighbors[np.arange(ROWS), np.arange(ROWS)] = 1
    return x, {"neighbors": neighbors}


def number(value):
    return float(keras.ops.convert_to_numpy(value))


def outputs(model, x, training=True):
    return {k: keras.ops.convert_to_numpy(v) for k, v in model(x, training=training).items()}


def terms_of(model, x, y):
    return {name: number(v) for name, v in model.loss_terms(y, model(x)).items()}


def distances(a, b):
    return ((a[:, None].astype("float64") - b) ** 2).sum(axis=2)


def gradients_of(model, phase, x, y, variables):
    def loss():
        return model.phase_loss(phase, x, y, model(x, training=True))[0]

    return loss_and_gradients(loss, variables)[1]


def players(model):
    return [p.variables for p in model.phases()]


# Structure


@pytest.mark.parametrize(("text", "wanted"), [(1386, 45_187_104), (1000, 42_024_992)])
def test_parameter_counts_are_those_of_the_release(text, wanted):
    model = UGACH({"image": 4096, "text": text}, bits=16, **RELEASED | {"generator_steps": 0})
    assert sum(n.count_params() for n in model.discriminator.values()) == wanted
    if text == 1386:
        # The printed loss of the release is about 1750 at first, nearly all of it penalty.
        x = {
            name: np.zeros((2, tensor.shape[1]), "float32") for name, tensor in model.input.items()
        }
        y = {"neighbors": np.zeros((2, 2), "float32")}
        loss, found = model.phase_loss("discriminator", x, y, model(x))
        assert number(loss) - number(found["margin_loss"]) == pytest.approx(1747, rel=5e-3)


def test_codes_are_a_tanh_layer_and_a_sigmoid_layer():
    model = make()
    x, _ = batch(model)
    hidden, last = model.discriminator["text"].layers
    rows = np.tanh(x["text"] @ hidden.kernel.numpy() + hidden.bias.numpy())
    relaxed = 1 / (1 + np.exp(-(rows @ last.kernel.numpy() + last.bias.numpy())))
    np.testing.assert_allclose(outputs(model, x)["text"], relaxed, rtol=1e-4, atol=1e-6)
    found = model.encode({"text": x["text"]}, "text", as_bits=False)
    np.testing.assert_allclose(found, 2 * relaxed - 1, rtol=1e-4, atol=1e-6)
    packed = model.encode({"text": x["text"]}, "text")
    assert packed.shape == (ROWS, 2)
    np.testing.assert_array_equal(unpack_bits(packed), np.where(relaxed >= 0.5, 1, -1))


def test_one_half_is_a_set_bit():
    model = make()
    for network in model.discriminator.values():
        network.set_weights([np.zeros_like(w) for w in network.get_weights()])
    assert (model.encode({"image": np.ones((2, 5), "float32")}, "image") == 255).all()


def test_the_players_share_nothing_and_have_everything():
    model = make(discriminator_steps=2, generator_steps=3)
    paths = [{v.path for v in variables} for variables in players(model)]
    assert not paths[0] & paths[1]
    assert len(paths[0] | paths[1]) == len(model.trainable_variables) == 16
    assert [p.steps for p in model.phases()] == [2, 3]


@pytest.mark.parametrize("components", [None, 3])
def test_a_phase_computes_what_the_whole_model_does(components):
    model = make(components=components)
    x, _ = batch(model)
    whole = outputs(model, x)
    for phase in model.phases():
        found = model.phase_outputs(phase.name, x)
        assert set(found) == set(whole)
        for name, value in found.items():
            np.testing.assert_allclose(
                keras.ops.convert_to_numpy(value), whole[name], rtol=1e-4, atol=1e-6
            )


# Losses


@pytest.mark.parametrize("media", [SMALL["media"], {"image": 5, "text": 4, "audio": 3}])
@pytest.mark.parametrize("reward", ["margin", "softplus", "sigmoid"])
def test_terms_are_those_of_the_docstring(media, reward):
    model = make(media=media, reward=reward, temperature=0.7, margin=3.0)
    x, y = batch(model)
    codes = outputs(model, x)
    margin_losses, rewards, entropies = [], [], []
    for query in media:
        for target in media:
            if query == target:
                continue
            near = ((codes[query] - codes[f"{target}_match"]) ** 2).sum(axis=1)
            hinge = np.maximum(
                0, 3 + near[:, None] - distances(codes[query], codes[f"{target}_pool"])
            )
            scores = distances(codes[f"{query}_generator"], codes[f"{target}_pool_generator"])
            odds = np.exp(-scores / 0.7) * (1 - y["neighbors"])
            p = odds / odds.sum(axis=1, keepdims=True)
            margin_losses.append((p * hinge).sum(axis=1).mean())
            r = {
                "margin": hinge / 3,
                "softplus": np.log1p(np.exp(hinge)),
                "sigmoid": 1 / (1 + np.exp(-hinge)),
            }[reward]
            rewards.append((p * r).sum(axis=1).mean())
            logs = np.log(np.where(p > 0, p, 1))
            entropies.append(-(p * logs).sum(axis=1).mean() / np.log(POOL - 1))
    wanted = {
        "margin_loss": np.mean(margin_losses),
        "reward": np.mean(rewards),
        "entropy": np.mean(entropies),
    }
    assert terms_of(model, x, y) == pytest.approx(wanted, rel=1e-4)
    loss, _ = model.phase_loss("generator", x, y, model(x))
    assert number(loss) == pytest.approx(-wanted["reward"], rel=1e-4)


def test_alone_all_candidates_but_matches_are_equally_likely():
    model = make(generator_steps=0)
    x, y = batch(model)
    codes = outputs(model, x)
    losses = []
    for query, target in (("image", "text"), ("text", "image")):
        near = ((codes[query] - codes[f"{target}_match"]) ** 2).sum(axis=1)
        far = distances(codes[query], codes[f"{target}_pool"])
        hinge = np.maximum(0, 4 + near[:, None] - far)  # 16 bits / 4.
        losses.append((hinge * (1 - y["neighbors"])).sum() / (ROWS * (POOL - 1)))
    assert terms_of(model, x, y) == pytest.approx({"margin_loss": np.mean(losses)}, rel=1e-4)


def test_the_mean_over_samples_is_the_exact_loss():
    exact = make()
    x, y = batch(exact)
    sampled = make(estimator="sampled", samples=2000)
    sampled.set_weights(exact.get_weights())
    assert terms_of(sampled, x, y) == pytest.approx(terms_of(exact, x, y), rel=0.03)
    found, wanted = (
        np.concatenate([g.ravel() for g in gradients_of(m, "generator", x, y, players(m)[1])])
        for m in (sampled, exact)
    )
    assert np.abs(found - wanted).max() < 0.15 * np.abs(wanted).max()


def test_where_everything_matches_nothing_is_lost():
    model = make()
    x, y = batch(model)
    everything = {"neighbors": np.ones_like(y["neighbors"])}
    assert terms_of(model, x, everything)["margin_loss"] == 0.0


@pytest.mark.parametrize("estimator", ["exact", "sampled", "drawn"])
def test_no_gradient_leaks_to_the_other_player(estimator):
    model = make(estimator=estimator, samples=4)
    x, y = batch(model)
    discriminator, generator = players(model)
    for phase, own, others in (
        ("discriminator", discriminator, generator),
        ("generator", generator, discriminator),
    ):
        assert all(np.any(g) for g in gradients_of(model, phase, x, y, own))
        assert not any(np.any(g) for g in gradients_of(model, phase, x, y, others))


# The game


def test_a_discriminator_step_lowers_and_a_generator_step_raises_the_margin_loss():
    model = make(margin=2.0, temperature=1.0)
    x, y = batch(model)
    for phase, sign in (("discriminator", -1), ("generator", 1)):
        before = terms_of(model, x, y)
        (variables,) = [p.variables for p in model.phases() if p.name == phase]
        for variable, gradient in zip(
            variables, gradients_of(model, phase, x, y, variables), strict=True
        ):
            variable.assign(variable.numpy() - 0.1 * gradient)
        after = terms_of(model, x, y)
        for name in ("margin_loss", "reward"):
            assert sign * (after[name] - before[name]) > 1e-5


@pytest.mark.parametrize(
    ("phase", "rates"), [("discriminator", (0.1, 0.0)), ("generator", (0.0, 0.1))]
)
def test_a_phase_moves_its_own_weights_alone(phase, rates):
    model = make(estimator="sampled", generator_steps=2, components=3)
    x, y = batch(model)
    model.compile(
        dict(zip(("discriminator", "generator"), map(keras.optimizers.SGD, rates), strict=True))
    )
    before = {name: [n.get_weights() for n in getattr(model, name).values()] for name in
              ("discriminator", "generator", "reduced")}  # fmt: skip
    model.train_on_batch(x, y)
    for name, networks in before.items():
        now = [w for n in getattr(model, name).values() for w in n.get_weights()]
        old = [w for weights in networks for w in weights]
        assert any(np.any(a != b) for a, b in zip(now, old, strict=True)) is (name == phase)


def test_every_step_draws_anew():
    model = make(estimator="sampled", samples=2)
    x, y = batch(model)
    model.compile(keras.optimizers.SGD(0.0))
    logs = [model.train_on_batch(x, y, return_dict=True) for _ in range(6)]
    losses = {number(log["margin_loss"]) for log in logs}
    assert len(losses) > 3


def clusters(pairs=200, classes=10):
    """Pairs of two media in clusters."""
    rng = np.random.default_rng(0)
    labels = np.arange(pairs) % classes
    rows = {
        medium: (rng.normal(size=(classes, width))[labels] + 0.5 * rng.normal(size=(pairs, width)))
        .astype("float32")
        for medium, width in (("image", 32), ("text", 16))
    }  # fmt: skip
    return rows, labels


def lift(model, rows, labels):
    """Probability of a query's cluster relative to that of a random selection; and the entropy."""
    found = outputs(model, {f"{m}{part}": r for m, r in rows.items() for part in
                            ("", "_match", "_pool")})  # fmt: skip
    lifts = []
    for query, target in (("image", "text"), ("text", "image")):
        scores = -distances(found[f"{query}_generator"], found[f"{target}_pool_generator"])
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        same = labels[:, None] == labels
        lifts.append((p * same).sum(axis=1).mean() / same.mean())
    return np.mean(lifts)


@pytest.mark.parametrize(
    ("arguments", "low", "high"),
    [
        ({}, 3, 10),
        ({"estimator": "sampled"}, 3, 10),
        (RELEASED | {"hidden_units": 64}, 0.8, 1.4),
    ],
    ids=["exact", "sampled", "released"],
)
def test_the_corrected_generator_learns_and_the_released_one_does_not(arguments, low, high):
    """The simulation of the specification, in batches: against a fixed good discriminator."""
    rows, labels = clusters()
    arguments = {"hidden_units": 64, "pool_size": 100, "temperature": 1.0, "seed": 0} | arguments
    model = UGACH({m: r.shape[1] for m, r in rows.items()}, bits=16, **arguments)
    # A good discriminator: the codes of a cluster are equal, and far from those of others.
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, size=(10, 16))
    for medium, network in model.discriminator.items():
        centres = np.stack([rows[medium][labels == c].mean(axis=0) for c in range(10)])
        hidden = np.zeros((rows[medium].shape[1], 64), "float32")
        hidden[:, :10] = np.linalg.pinv(centres)
        last = np.zeros((64, 16), "float32")
        last[:10] = 12 * (2 * bits - 1)
        network.set_weights([hidden, np.zeros(64), last, np.zeros(16)])
    model.compile(
        {"discriminator": keras.optimizers.SGD(0.0), "generator": keras.optimizers.Adam(5e-3)}
    )
    assert lift(model, rows, labels) < 1.5
    rng = np.random.default_rng(2)
    for _ in range(120):
        queries, pool = rng.integers(200, size=32), rng.permutation(200)[:100]
        x = {}
        for medium, of_medium in rows.items():
            x |= {medium: of_medium[queries], f"{medium}_match": of_medium[queries]}
            x[f"{medium}_pool"] = of_medium[pool]
        model.train_on_batch(x, {"neighbors": (queries[:, None] == pool).astype("float32")})
    assert low < lift(model, rows, labels) < high


# Training on data


DATA = toy()
TINY = {"bits": 16, "hidden_units": 16, "neighbors": 3, "pool_size": 20, "estimator": "sampled"}
SETTINGS = TrainingSettings(
    arguments=TINY, pretraining=3, epochs=4, batch_size=16, learning_rate=1e-2
)


def weights(model):
    return [keras.ops.convert_to_numpy(v) for v in model.variables]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def test_it_learns_without_labels():
    untrained = UGACH.for_data(DATA, **TINY, seed=0)
    trained = UGACH.train(DATA, settings=replace(SETTINGS, pretraining=10, epochs=5))
    before, after = evaluate(untrained, DATA), evaluate(trained, DATA)
    assert after.map > before.map + 0.2
    assert {d.ties for d in after.directions} == {"expected"}


def test_labels_are_never_seen():
    rng = np.random.default_rng(0)
    media = {
        name: replace(medium, labels=rng.permutation(medium.labels))
        for name, medium in DATA.media.items()
    }
    mixed = replace(DATA, media=media)
    batches = UGACH.for_data(mixed, **TINY).batches(mixed)
    assert set(batches[0][1]) == {"neighbors"}
    assert not any(stream.labels for stream in batches.streams)
    one, other = (UGACH.train(data, settings=SETTINGS) for data in (DATA, mixed))
    assert same(one, other)
    assert not same(one, UGACH.train(DATA, settings=SETTINGS, seed=1))


def test_the_decay_of_the_settings_reaches_both_players():
    lengths = []
    for decay in (0.0, 20.0):
        settings = replace(SETTINGS, pretraining=0, weight_decay=decay)
        model = UGACH.train(DATA, settings=settings)
        lengths.append([np.linalg.norm(p["text"].get_weights()[0]) for p in players_of(model)])
    assert all(shorter < 0.9 * whole for whole, shorter in zip(*lengths, strict=True))


def players_of(model):
    return model.discriminator, model.generator


class Killed(keras.callbacks.Callback):
    """Stops the process, so to speak, at an epoch of the game."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2 and self.model.generator:
            raise KeyboardInterrupt


def test_a_game_that_was_killed_goes_on(tmp_path):
    whole = UGACH.train(DATA, settings=SETTINGS, checkpoint=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        UGACH.train(DATA, settings=SETTINGS, checkpoint=tmp_path / "killed", callbacks=[Killed()])
    seen = []
    count = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(epoch))
    resumed = UGACH.train(
        DATA, settings=SETTINGS, checkpoint=tmp_path / "killed", callbacks=[count]
    )
    assert seen == [2, 3]
    assert same(resumed, whole)


def test_the_generator_starts_as_the_discriminator():
    alone = UGACH.for_data(DATA, **TINY, components=5, generator_steps=0, seed=0)
    assert not alone.generator
    assert len(alone.phases()) == 1
    game = alone.with_generator(2)
    assert game.generator_steps == 2
    for medium, network in alone.discriminator.items():
        for player in (game.discriminator, game.generator):
            for new, old in zip(player[medium].get_weights(), network.get_weights(), strict=True):
                np.testing.assert_array_equal(new, old)
        np.testing.assert_array_equal(game.encode(DATA, medium), alone.encode(DATA, medium))
    back = game.for_retrieval()
    assert not back.generator
    np.testing.assert_array_equal(back.encode_text(DATA), alone.encode_text(DATA))


def test_components_are_fitted_to_the_training_part():
    model = UGACH.for_data(DATA, **TINY, components=4, length=3.0)
    part = DATA.part("train")
    index = part.paired_rows(["image", "text"])
    rows = {m: r[index[m]] for m, r in model.preprocess(part).items()}
    found = canonical_components(rows, 4, length=3.0)
    for medium, of_medium in rows.items():
        reduced = keras.ops.convert_to_numpy(model.reduced[medium](of_medium))
        mean, projection = found[medium]
        np.testing.assert_allclose(reduced, (of_medium - mean) @ projection, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(
            model.reduced[medium].project(of_medium), reduced, rtol=1e-4, atol=1e-5
        )


def test_three_media():
    data = toy(["image", "text", "audio"])
    model = UGACH.train(data, settings=replace(SETTINGS, pretraining=0, epochs=7))
    assert set(model.media) == {"image", "text", "audio"}
    assert evaluate(model, data).map > evaluate(UGACH.for_data(data, **TINY, seed=0), data).map


@pytest.mark.parametrize(
    ("arguments", "effective"),
    [
        ({}, ("exact", "margin", True, "joint", True, 4.0, 4.0)),
        (PAPER, ("sampled", "softplus", False, "union", True, 1.0, 1.0)),
        (RELEASED | {"hidden_units": 4}, ("drawn", "sigmoid", False, "union", False, 2.0, 1.0)),
        (PAPER | {"reward": "margin", "margin": 3.0},
         ("sampled", "margin", False, "union", True, 3.0, 1.0)),
    ],
)  # fmt: skip
def test_variants(arguments, effective):
    model = make(**arguments)
    names = ("estimator", "reward", "baseline", "graph", "symmetric", "margin", "temperature")
    assert tuple(model.settings[n] for n in names) == effective
    x, y = batch(model)
    model.compile(keras.optimizers.SGD(1e-3))
    assert np.isfinite(list(model.train_on_batch(x, y, return_dict=True).values())).all()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"bits": 20}, r"whole bytes.* Received: bits=20"),
        ({"variant": "code"}, r"variant is one of .* Received: variant='code'"),
        ({"estimator": "all"}, r"estimator is one of .* Received: estimator='all'"),
        ({"reward": "map"}, r"reward is one of .* Received: reward='map'"),
        ({"graph": "labels"}, r"graph is one of .* Received: graph='labels'"),
        ({"matches": "class"}, r"matches is one of .* Received: matches='class'"),
        ({"near": 3}, r"near is at least neighbors\. Received: near=3, neighbors=5"),
        ({"hub": "audio"}, r"hub is one of them\. Received: hub='audio'"),
        ({"media": {"image": 3}}, r"two media.* media=\{'image': 3"),
    ],
)
def test_wrong_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        make(**arguments)


def test_the_graph_of_a_medium_looks_at_this_one_alone():
    texts, both = (
        UGACH.for_data(DATA, bits=16, hidden_units=4, graph=graph).batches(DATA)
        for graph in ("text", "joint")
    )
    wanted = correlation_graph({"text": texts.features["text"]}, 5, joint=True)
    for own, same in zip(texts.graph, wanted, strict=True):
        np.testing.assert_array_equal(own, same)
    assert any(set(own) != set(other) for own, other in zip(texts.graph, both.graph, strict=True))


def test_those_near_are_no_candidates():
    arguments = {"pool_size": len(DATA.part("train").media["image"]), "neighbors": 3}
    few, more = (
        UGACH.for_data(DATA, bits=16, hidden_units=4, near=near, **arguments).batches(DATA)
        for near in (None, 9)
    )
    assert few.graph is few.near
    assert all(set(own) < set(wide) for own, wide in zip(few.near, more.near, strict=True))
    for own, same in zip(few.graph, more.graph, strict=True):
        np.testing.assert_array_equal(own, same)


def test_pairs_are_needed_and_features():
    model = UGACH.for_data(DATA, **TINY)
    with pytest.raises(ValueError, match=r"known by their names.* Received: pairing='class'"):
        model.batches(DATA, pairing="class")
    with pytest.raises(ValueError, match=r"graph is of feature rows\. Received: raw .* 'text'"):
        model.batches(DATA, sentence_dropout=0.5)
