"""CM-GANs: structure, sharing, terms, the phases and their signs, the released variant."""

import itertools

import keras
import numpy as np
import pytest

from keras_xmr import Checkpoint, CMGANs, evaluate
from keras_xmr.datasets import toy
from keras_xmr.losses import verdict_loss
from keras_xmr.methods.cm_gans.cm_gans import OF_DISCRIMINATORS, OF_GENERATORS, RELEASED
from tests.gradients import loss_and_gradients
from tests.methods.test_chtn_structure import chain

SMALL = {
    "media": {"image": 5, "text": 4},
    "num_classes": 3,
    "hidden_units": 6,
    "common_dim": 4,
    "decoder_units": 5,
    "discriminator_units": 7,
    "seed": 0,
}
ROWS = 8
PLAYERS = ("discriminators", "generators")
THREE = {"image": 5, "text": 4, "audio": 3}


def make(**arguments):
    return CMGANs(**{**SMALL, **arguments})


def batch(model, seed=0):
    rng = np.random.default_rng(seed)
    numbers = np.arange(ROWS) % model.num_classes
    labels = np.eye(model.num_classes, dtype="float32")[numbers]
    x = {m: rng.normal(size=(ROWS, d)).astype("float32") for m, d in model.media.items()}
    # Neighbours are of different classes, as 8 rows of 3 classes are.
    x["wrong"] = ((np.arange(ROWS) + 1) % ROWS).astype("int32")
    return x, dict.fromkeys(model.media, labels)


def numpy(value):
    return keras.ops.convert_to_numpy(value)


def number(value):
    return float(numpy(value))


def terms_of(model, x, y):
    return {name: number(v) for name, v in model.loss_terms(y, model(x, training=True)).items()}


def layers_of(model, player):
    return getattr(model, player).layers()


def variables_of(model, player):
    return [v for layer in layers_of(model, player) for v in layer.trainable_variables]


def gradients_of(model, phase, x, y, variables):
    def loss():
        return model.phase_loss(phase, x, y, model.phase_outputs(phase, x))[0]

    return loss_and_gradients(loss, variables)[1]


# Structure


def test_parameter_counts():
    """Of the specification, for 4096 and 300 features and 20 classes."""
    model = CMGANs({"image": 4096, "text": 300}, 20)
    generators, judges = model.generators, model.discriminators

    def trained(*layers):
        return sum(int(np.prod(v.shape)) for layer in layers for v in layer.trainable_variables)

    def generator(medium):
        parts = ("lower", "upper", "hidden", "last", "classifiers")
        return trained(*(getattr(generators, part)[medium] for part in parts))

    upper, head = 1_049_600 + 2_048, chain(1024, 20)
    assert (generator("image"), generator("text")) == (10_519_572, 2_741_568)
    assert trained(*generators.layers()) == 10_519_572 + 2_741_568 - upper - head
    assert (trained(judges.intra["image"]), trained(judges.intra["text"])) == (4_097, 301)
    counts = [trained(judges.hidden[m], judges.last[m]) for m in ("image", "text")]
    assert counts == [2_623_489, 679_937]


def test_nothing_is_shared_in_the_released_variant():
    variables = {
        name: {v.path for v in make(**arguments).trainable_variables}
        for name, arguments in {"paper": {}, "released": RELEASED}.items()
    }
    assert len(variables["released"]) == len(variables["paper"]) + 4 + 2


def test_the_upper_layer_and_the_classifier_are_one_object():
    parts = make().generators
    assert parts.upper["image"] is parts.upper["text"]
    assert parts.classifiers["image"] is parts.classifiers["text"]
    assert parts.number == {"image": 0, "text": 1}
    apart = make(**RELEASED).generators
    assert apart.upper["image"] is not apart.upper["text"]
    assert apart.classifiers["image"] is not apart.classifiers["text"]
    mixed = make(variant="released", shared_encoder=True, shared_classifier=True).generators
    assert mixed.upper["image"] is mixed.upper["text"]
    assert mixed.classifiers["image"] is mixed.classifiers["text"]


def test_training_one_medium_moves_what_the_other_is_encoded_by():
    model = make()
    x, _ = batch(model)
    before = model.encode(x, "text")
    upper = model.generators.upper["image"]
    upper.kernel.assign(upper.kernel.numpy() + 0.1)
    assert np.abs(model.encode(x, "text") - before).max() > 1e-3


def test_sharing_survives_saving(tmp_path):
    model = make()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.generators.upper["image"] is loaded.generators.upper["text"]
    assert loaded.count_params() == model.count_params()


def block(rows, layer, training=True):
    """A block by hand, with the statistics of the batch."""
    affine = rows.astype("float64") @ numpy(layer.kernel) + numpy(layer.bias)
    normal = (affine - affine.mean(axis=0)) / np.sqrt(affine.var(axis=0) + 1e-5)
    scaled = normal * numpy(layer.gamma) + numpy(layer.beta)
    return np.where(scaled > 0, scaled, 0.2 * scaled)


def affine(rows, layer):
    return rows @ numpy(layer.kernel) + numpy(layer.bias)


@pytest.mark.parametrize("media", [SMALL["media"], THREE])
@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("variant", ["paper", "released"])
def test_outputs_are_those_of_the_networks(media, stacked, variant):
    model = make(media=media, stacked_passes=stacked, variant=variant)
    x, _ = batch(model)
    x["wrong"] = x["wrong"][::-1].copy()
    out = {name: numpy(value) for name, value in model(x, training=True).items()}
    parts, judges = model.generators, model.discriminators
    codes = {m: block(block(x[m], parts.lower[m]), parts.upper[m]) for m in media}
    wanted = {}
    for m in media:
        made = affine(block(codes[m], parts.hidden[m]), parts.last[m])
        wanted |= {
            m: affine(codes[m], parts.classifiers[m]),
            f"{m}_embedding": codes[m],
            f"{m}_rows": x[m],
            f"{m}_reconstruction": made,
            f"{m}_verdict": affine(x[m], judges.intra[m]),
            f"{m}_verdict_of_reconstruction": affine(made, judges.intra[m]),
        }
        condition = x[m] if variant == "paper" else x[m][x["wrong"]]
        pairs = {f"{m}_verdict_of_{other}": (codes[other], x[m]) for other in media}
        pairs[f"{m}_verdict_of_wrong"] = (codes[m][x["wrong"]], condition)
        joined = [np.concatenate(pair, axis=1) for pair in pairs.values()]
        if stacked:
            hidden = np.split(block(np.concatenate(joined), judges.hidden[m]), len(joined))
        else:
            hidden = [block(rows, judges.hidden[m]) for rows in joined]
        for name, rows in zip(pairs, hidden, strict=True):
            wanted[name] = affine(rows, judges.last[m])
    assert out.keys() == {*wanted, "wrong"}
    for name, value in wanted.items():
        assert out[name].shape == value.shape
        np.testing.assert_allclose(out[name], value, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("phase", PLAYERS)
def test_a_phase_computes_what_it_needs_as_the_whole_model_does(phase, stacked):
    model = make(stacked_passes=stacked)
    x, y = batch(model)
    whole, found = model(x, training=True), model.phase_outputs(phase, x)
    assert set(found) <= set(whole)
    assert (set(found) == set(whole)) is False
    for name, value in found.items():
        np.testing.assert_allclose(numpy(value), numpy(whole[name]), rtol=1e-4, atol=1e-5)
    loss, terms = model.phase_loss(phase, x, y, found)
    assert set(terms) == set(OF_DISCRIMINATORS if phase == "discriminators" else OF_GENERATORS)
    np.testing.assert_allclose(
        number(loss), number(model.phase_loss(phase, x, y, whole)[0]), rtol=1e-5
    )


@pytest.mark.parametrize("readout", ["probabilities", "centred_probabilities", "logits"])
def test_readouts_are_of_the_classifier(readout):
    model = make(readout=readout)
    x, _ = batch(model)
    logits = numpy(model(x, training=False)["text"]).astype("float64")
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wanted = {
        "logits": logits,
        "probabilities": probabilities,
        "centred_probabilities": probabilities - 1 / 3,
    }[readout]
    np.testing.assert_allclose(model.encode(x, "text"), wanted, rtol=1e-4, atol=1e-5)


def test_agreement_is_the_probability_of_the_same_class():
    model = make(readout="agreement", temperature=0.5)
    x, _ = batch(model)
    logits = {
        m: numpy(model(x, training=False)[m]).astype("float64") / 0.5 for m in ("image", "text")
    }
    one, other = (np.exp(v) / np.exp(v).sum(axis=1, keepdims=True) for v in logits.values())
    codes = [model.encode(x, medium) for medium in logits]
    np.testing.assert_allclose(codes[0] @ codes[1].T, one @ other.T, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(codes[0], axis=1), 1.0, rtol=1e-5)


def test_the_code_is_the_usual_representation_and_is_ranked_by_cosine():
    model = make()
    x, _ = batch(model)
    code = numpy(model(x, training=False)["image_embedding"])
    np.testing.assert_allclose(model.encode(x, "image"), code, rtol=1e-5, atol=1e-6)
    assert model.metric == "cosine"


# Terms


@pytest.mark.parametrize("media", [SMALL["media"], THREE])
def test_terms_are_those_of_the_docstring(media):
    model = make(media=media, label_smoothing=0.1)
    x, y = batch(model)
    y_pred = model(x, training=True)
    out = {name: numpy(value).astype("float64") for name, value in y_pred.items()}

    def bce(name, real):
        shares = 1 / (1 + np.exp(-out[name][:, 0]))
        return -np.log(shares if real else 1 - shares).mean()

    wanted = dict.fromkeys((*OF_DISCRIMINATORS, *OF_GENERATORS), 0.0)
    for a in media:
        others = [b for b in media if b != a]
        wanted["intra"] += bce(f"{a}_verdict", 1) + bce(f"{a}_verdict_of_reconstruction", 0)
        wanted["inter"] += bce(f"{a}_verdict_of_{a}", 1) + 0.5 * bce(f"{a}_verdict_of_wrong", 0)
        for b in others:
            share = 1 / len(others)
            wanted["inter"] += 0.5 * share * bce(f"{a}_verdict_of_{b}", 0)
            wanted["inter_deception"] += share * bce(f"{b}_verdict_of_{a}", 1)
        wanted["intra_deception"] += bce(f"{a}_verdict_of_reconstruction", 1)
        logits = out[a]
        log_shares = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        wanted["labels"] -= ((0.9 * y[a] + 0.1 / 3) * log_shares).sum(axis=1).mean()
        wanted["reconstruction"] += np.abs(x[a] - out[f"{a}_reconstruction"]).mean()
    found = {name: number(value) for name, value in model.loss_terms(y, y_pred).items()}
    assert found == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("media", [SMALL["media"], THREE])
def test_at_initialisation_nobody_knows_anything(media):
    model = make(media=media, num_classes=20)
    x, y = batch(model)
    judges, parts = model.discriminators, model.generators
    for layer in (*judges.intra.values(), *judges.last.values(), *parts.classifiers.values()):
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    terms = terms_of(model, x, y)
    for name in OF_DISCRIMINATORS:
        assert terms[name] == pytest.approx(len(media) * 2 * np.log(2), rel=1e-5)
    achieved = [terms[n] for n in ("inter_deception", "intra_deception", "labels")]
    assert sum(achieved) == pytest.approx(len(media) * (2 * np.log(2) + np.log(20)), rel=1e-5)


def test_losses_at_initialisation_are_close_to_ignorance():
    model = CMGANs({"image": 60, "text": 40}, 20, seed=0)
    x, y = batch(model)
    terms = terms_of(model, x, y)
    assert terms["intra"] == pytest.approx(4 * np.log(2), rel=0.2)
    assert terms["inter"] == pytest.approx(4 * np.log(2), rel=0.2)
    achieved = [terms[n] for n in ("inter_deception", "intra_deception", "labels")]
    assert sum(achieved) == pytest.approx(2 * 4.382, rel=0.1)


def test_losses_are_the_weighted_sums():
    weights = {
        "inter_weight": 0.5,
        "intra_weight": 2.0,
        "label_weight": 0.3,
        "reconstruction_weight": 0.7,
    }
    model = make(**weights)
    x, y = batch(model)
    out = model(x, training=True)
    loss, terms = model.phase_loss("generators", x, y, out)
    wanted = sum(w * number(terms[n]) for n, w in zip(OF_GENERATORS, weights.values(), strict=True))
    assert number(loss) == pytest.approx(wanted, rel=1e-5)
    loss, terms = model.phase_loss("discriminators", x, y, out)
    assert number(loss) == pytest.approx(sum(map(number, terms.values())), rel=1e-6)


def test_slots_without_a_wrong_item_do_not_count():
    model = make()
    x, y = batch(model)
    x["wrong"][[1, 4]] = -1
    out = model(x, training=True)
    verdicts = numpy(out["image_verdict_of_wrong"])[x["wrong"] >= 0]
    of_text = numpy(out["text_verdict_of_wrong"])[x["wrong"] >= 0]
    parts = number(verdict_loss(verdicts, False)) + number(verdict_loss(of_text, False))
    rest = sum(
        number(verdict_loss(out[f"{m}_verdict_of_{m}"], True))
        + number(verdict_loss(out[f"{m}_verdict_of_{o}"], False)) / 2
        for m, o in (("image", "text"), ("text", "image"))
    )
    assert terms_of(model, x, y)["inter"] == pytest.approx(rest + parts / 2, rel=1e-4)


# The game


def test_the_phases_share_no_variable_and_have_all_of_them():
    model = make(generator_steps=3, discriminator_steps=2)
    phases = model.phases()
    assert tuple(p.name for p in phases) == PLAYERS
    assert [p.steps for p in phases] == [2, 3]
    paths = [{v.path for v in p.variables} for p in phases]
    assert not paths[0] & paths[1]
    assert len(paths[0] | paths[1]) == len(model.trainable_variables)
    assert [p.steps for p in CMGANs({"image": 3, "text": 2}, 3).phases()] == [1, 5]


@pytest.mark.parametrize("seed", range(3))
def test_each_side_gains_by_its_own_steps_and_loses_by_those_of_the_other(seed):
    model = make(seed=seed, label_weight=0.0)
    x, y = batch(model, seed)

    def step(player):
        before = terms_of(model, x, y)
        variables = variables_of(model, player)
        for variable, gradient in zip(
            variables, gradients_of(model, player, x, y, variables), strict=True
        ):
            variable.assign(variable.numpy() - 0.02 * gradient)
        after = terms_of(model, x, y)
        return {name: after[name] - before[name] for name in before}

    change = step("generators")
    assert change["inter_deception"] < -1e-5
    assert change["intra_deception"] < -1e-5
    assert change["intra"] > 1e-6
    change = step("discriminators")
    assert change["intra"] < -1e-5
    assert change["inter"] < -1e-5


@pytest.mark.parametrize("mover", PLAYERS)
@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_a_phase_leaves_the_others_weights_bit_identical(mover, dtype):
    idle = PLAYERS[1 - PLAYERS.index(mover)]
    model = make(generator_steps=2, dtype=dtype, dropout=0.2)
    x, y = batch(model)
    model.compile({mover: keras.optimizers.SGD(0.1), idle: keras.optimizers.SGD(0.0)})
    before = {player: [numpy(v) for v in variables_of(model, player)] for player in PLAYERS}
    for _ in range(2):
        model.train_on_batch(x, y)
    for old, variable in zip(before[idle], variables_of(model, idle), strict=True):
        np.testing.assert_array_equal(numpy(variable), old)
    changed = [
        np.any(numpy(variable) != old)
        for old, variable in zip(before[mover], variables_of(model, mover), strict=True)
    ]
    # Biases before normalisation have no gradient.
    assert sum(changed) >= len(changed) - 5


@pytest.mark.parametrize(("phase", "other"), [PLAYERS, PLAYERS[::-1]])
def test_no_gradient_leaks(phase, other):
    """A phase's loss depends on the other's variables only where the game says so."""
    model = make()
    x, y = batch(model)
    if phase == "discriminators":
        found = gradients_of(model, phase, x, y, variables_of(model, other))
        assert all(not gradient.any() for gradient in found)
        return
    # Generators: what an item of one medium is given is no way to deceive.
    for weights, wanted in (
        ({"inter_weight": 1.0, "intra_weight": 0.0, "label_weight": 0.0}, ("lower", "upper")),
        (
            {"inter_weight": 0.0, "intra_weight": 1.0, "label_weight": 0.0},
            ("lower", "upper", "hidden", "last"),
        ),
        (
            {"inter_weight": 0.0, "intra_weight": 0.0, "label_weight": 1.0},
            ("lower", "upper", "classifiers"),
        ),
    ):
        for name, weight in weights.items():
            setattr(model, name, weight)
        parts = model.generators
        reached = {
            part
            for part in ("lower", "upper", "hidden", "last", "classifiers")
            for layer in getattr(parts, part).values()
            if any(g.any() for g in gradients_of(model, phase, x, y, layer.trainable_variables))
        }
        assert reached == set(wanted)


def test_a_trunk_is_not_moved_to_make_its_rows_easy():
    """Rows as a condition, or as what is reconstructed, are given."""
    items = keras.Input((6,))
    trunk = keras.Model(items, keras.layers.Dense(5, activation="tanh")(items))
    model = make(trunks={"image": trunk}, inter_weight=0.0, label_weight=0.0, intra_weight=0.0)
    model.reconstruction_weight = 1.0
    x, y = batch(model)
    x["image"] = np.random.default_rng(3).normal(size=(ROWS, 6)).astype("float32")
    variables = trunk.trainable_variables
    kernel, _ = gradients_of(model, "generators", x, y, variables)

    def with_given_rows():
        rows = trunk(keras.ops.convert_to_tensor(x["image"]))
        code = model.generators.encode("image", rows, True)
        made = model.generators.decode("image", code, True)
        return keras.ops.mean(keras.ops.abs(made - given))

    given = keras.ops.stop_gradient(trunk(x["image"]))
    wanted, _ = loss_and_gradients(with_given_rows, variables)[1]
    np.testing.assert_allclose(kernel, wanted, rtol=1e-3, atol=1e-6)
    # Without any code in the game only a leak could reach the trunk.
    model.reconstruction_weight, model.inter_weight = 0.0, 1.0
    for layer in model.discriminators.hidden.values():
        kernel = layer.kernel
        kernel.assign(np.vstack([np.zeros((4, 7)), kernel.numpy()[4:]]))
    found = gradients_of(model, "generators", x, y, variables)
    assert all(np.abs(gradient).max() < 1e-7 for gradient in found)


# The released variant


@pytest.mark.once
def test_released_discriminators_cannot_win():
    """Its wrong pairs are real ones, so the loss is bounded; that of the paper falls further."""
    bound = 2 * (-np.log(2 / 3) - 0.5 * np.log(1 / 3))
    losses = {}
    for variant in ("paper", "released"):
        # The generators stand still: one step of theirs is as good as five.
        model = make(variant=variant, generator_steps=1)
        x, y = batch(model)
        model.compile(
            {
                "discriminators": keras.optimizers.Adam(0.03, beta_1=0.5),
                "generators": keras.optimizers.SGD(0.0),
            }
        )
        for _ in range(150):
            model.train_on_batch(x, y)
        found = model.loss_terms(y, model(x, training=True))
        losses[variant] = number(found["inter"])
    assert losses["released"] > bound - 1e-3
    assert losses["paper"] < 0.5 * bound


# Learning


def test_it_learns():
    data = toy()
    model = CMGANs.for_data(
        data,
        hidden_units=16,
        common_dim=16,
        decoder_units=16,
        discriminator_units=16,
        generator_steps=2,
        seed=0,
    )
    model.compile(keras.optimizers.Adam(3e-3, beta_1=0.5))
    model.fit(model.batches(data, batch_size=20), epochs=20, verbose=0)
    assert evaluate(model, data).map > 0.9


def test_multiple_labels_are_learnt():
    data = toy(multi_label=True)
    model = CMGANs.for_data(
        data, hidden_units=16, common_dim=8, decoder_units=8, multi_label=True, seed=0
    )
    model.compile(keras.optimizers.Adam(3e-3, beta_1=0.5))
    before = evaluate(model, data).map
    model.fit(model.batches(data, batch_size=20), epochs=8, verbose=0)
    assert evaluate(model, data).map > before + 0.1


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    def __init__(self, batch):
        super().__init__()
        self.left = batch

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise Killed


def test_a_killed_run_ends_as_one_left_alone(tmp_path):
    data = toy()

    def run(folder, *callbacks):
        model = CMGANs.for_data(
            data, hidden_units=5, common_dim=4, decoder_units=4, dropout=0.3, seed=0
        )
        model.compile("adam")
        batches = model.batches(data, batch_size=10, seed=2)
        save = Checkpoint(folder, batches=batches)
        model.fit(batches, epochs=3, verbose=0, callbacks=[save, *callbacks])
        return [numpy(v) for v in (*model.variables, *model.optimizer.variables)]

    whole = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "killed", Kill(9))
    for one, other in itertools.zip_longest(run(tmp_path / "killed"), whole):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"variant": "code"}, r"variant is one of .* Received: variant='code'"),
        ({"readout": "fc9"}, r"readout is one of .* Received: readout='fc9'"),
        ({"temperature": 0.0}, r"must be positive\. Received: temperature=0.0"),
        (
            {"readout": "agreement", "multi_label": True},
            r"no one class .* Received: readout='agreement', multi_label=True",
        ),
        ({"hub": "audio"}, r"hub is one of them\. Received: hub='audio'"),
        ({"media": {"image": 3}}, r"two media.* Received: hub='image', media=\{'image': 3"),
        ({"media": {"image": 3, "wrong": 2}}, r"none is called 'wrong'"),
        ({"num_classes": 1}, r"Received: num_classes=1"),
    ],
)
def test_wrong_arguments_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        make(**arguments)
