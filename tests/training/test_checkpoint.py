"""`Checkpoint`: what was killed and resumed is what would have been; nothing else is resumed."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from keras_xmr import CHTN, RetrievalMAP
from keras_xmr.datasets import toy
from keras_xmr.optimizers import SGD, AdamW
from keras_xmr.training.batches import PairedBatches
from keras_xmr.training.checkpoint import FILE, Checkpoint
from keras_xmr.training.settings import differences, settings_of
from keras_xmr.transforms import FeatureScaler, Preprocessor, TextVectorizer
from tests.methods.pictures import coloured, trunk

pytestmark = pytest.mark.usefixtures("eager_on_tensorflow")

DATA, SOURCE = toy(), toy(["image"])
EPOCHS = 3
BATCHES_PER_EPOCH = 5


def adamw():
    schedule = keras.optimizers.schedules.CosineDecay(0.05, EPOCHS * BATCHES_PER_EPOCH)
    return AdamW(schedule, 0.1, multipliers={"text": 0.5})


class Copies(keras.callbacks.Callback):
    """Keep the checkpoint of every epoch: what a kill in the next one leaves."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        (self.folder / f"after-{epoch + 1}").mkdir()
        path = self.folder / FILE
        if path.exists():
            shutil.copy(path, self.folder / f"after-{epoch + 1}" / FILE)


def run(
    folder=None,
    *,
    optimizer=adamw,
    source=None,
    epochs=EPOCHS,
    every=1,
    watching=tuple,
    copies=False,
    settings=None,
    batch_arguments=None,
    **arguments,
):
    """Train a new model from the start, or from the checkpoint in `folder`."""
    keras.utils.set_random_seed(1)
    model = CHTN.for_data(
        DATA,
        source,
        # Rows of unit variance: a few steps are seen in the loss then.
        preprocessor=Preprocessor({"image": FeatureScaler(), "text": TextVectorizer()}),
        **{"pathway_units": (4, 4), "shared_units": (4, 4), "dropout": 0.3, "seed": 0, **arguments},
    )
    model.compile(optimizer())
    batches = model.batches(
        DATA,
        source,
        **{"batch_size": 8, "pairing": "class", "seed": 3, **(batch_arguments or {})},
    )
    callbacks = list(watching())
    if folder is not None:
        callbacks.append(
            Checkpoint(folder, batches=batches, callbacks=callbacks, every=every, settings=settings)
        )
    if copies:
        callbacks.append(Copies(folder))
    model.fit(batches, epochs=epochs, verbose=0, callbacks=callbacks)
    return model


def assert_same(one, other):
    """Weights, random states, optimizer and history, to the bit."""
    for kind in ("variables", "optimizer.variables"):
        first, second = (
            (m.variables if kind == "variables" else m.optimizer.variables) for m in (one, other)
        )
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            a_value, b_value = (keras.ops.convert_to_numpy(v) for v in (a, b))
            np.testing.assert_array_equal(a_value, b_value, err_msg=f"{kind} {a.path}")
    assert one.history.epoch == other.history.epoch
    assert one.history.history == other.history.history


def accumulating():
    return SGD(0.05, 0.9, l2=0.01, gradient_accumulation_steps=3, use_ema=True, ema_momentum=0.8)


CASES = {
    "cosine": {},
    "accumulation and moving average": {"optimizer": accumulating},
    "loss scale": {"dtype": "mixed_float16"},
    "random MMD": {"source": SOURCE, "mmd_estimator": "linear_random", "shared_bn": True},
    "bfloat16": {"dtype": "bfloat16", "optimizer": lambda: SGD(0.05, 0.9)},
    "no seed": {"seed": None},
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The plain run, and the folder of its checkpoints after each epoch."""
    folder = tmp_path_factory.mktemp("plain")
    return run(folder, copies=True), folder


@pytest.fixture
def after(plain, tmp_path):
    """Makes a folder with the checkpoint of the plain run after some epochs."""

    def copy(epochs):
        return shutil.copytree(plain[1] / f"after-{epochs}", tmp_path / f"after-{epochs}")

    return copy


@pytest.mark.parametrize("case", CASES)
def test_killed_and_resumed_is_as_if_nothing_had_happened(case, tmp_path):
    arguments = CASES[case]
    whole = run(tmp_path, copies=True, **arguments)
    for epochs in (2, 3):
        assert_same(run(tmp_path / f"after-{epochs}", **arguments), whole)


def test_saving_changes_nothing(plain):
    assert_same(run(), plain[0])


def test_the_runs_of_these_tests_do_learn(plain):
    losses = plain[0].history.history["loss"]
    assert len(set(losses)) == EPOCHS
    assert max(losses[1:]) < losses[0]


def test_a_kill_before_the_first_save_starts_again(plain, tmp_path):
    assert_same(run(tmp_path / "new" / "folder"), plain[0])


def test_saves_every_few_epochs_and_after_the_last(plain, tmp_path):
    run(tmp_path, every=2, copies=True)
    files = [tmp_path / f"after-{epochs}" / FILE for epochs in (1, 2, 3)]
    assert not files[0].exists()
    with np.load(files[1]) as second, np.load(files[2]) as third:
        assert np.any(second["model/0"] != third["model/0"])
    assert_same(run(tmp_path / "after-2", every=2), plain[0])


def started(*arguments, **keywords):
    """The trained model, and the epochs that were begun."""
    seen = []
    watch = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: seen.append(epoch))
    return run(*arguments, watching=lambda: [watch], **keywords), seen


def test_a_finished_run_trains_nothing_unless_more_is_asked_for(plain, after):
    folder = after(EPOCHS)
    path = folder / FILE
    before = path.stat().st_mtime_ns
    model, epochs = started(folder)
    assert_same(model, plain[0])
    assert epochs == []
    assert path.stat().st_mtime_ns == before
    model, epochs = started(folder, epochs=EPOCHS + 1)
    assert_same(model, run(epochs=EPOCHS + 1))
    assert epochs == [EPOCHS]


class Script(keras.callbacks.Callback):
    """Add a figure to the logs of each epoch."""

    def __init__(self, *figures):
        super().__init__()
        self.figures = figures

    def on_epoch_end(self, epoch, logs=None):
        logs["figure"] = self.figures[epoch]


def stopping():
    stop = keras.callbacks.EarlyStopping(
        "figure", mode="max", patience=2, restore_best_weights=True
    )
    return [Script(0.1, 0.5, 0.4, 0.3, 0.9, 1.0), stop]


@pytest.mark.once
def test_early_stopping_goes_on_waiting(tmp_path):
    whole = run(tmp_path, epochs=6, watching=stopping, copies=True)
    assert whole.history.epoch == [0, 1, 2, 3]
    for epochs in (1, 3, 4):
        folder = tmp_path / f"after-{epochs}"
        assert_same(run(folder, epochs=6, watching=stopping), whole)


def plateau():
    lower = keras.callbacks.ReduceLROnPlateau(
        "figure", mode="min", patience=2, factor=0.5, cooldown=1
    )
    return [Script(1.0, 2.0, 2.0, 2.0, 2.0, 2.0), lower]


@pytest.mark.once
def test_reducing_the_learning_rate_goes_on_where_it_was(tmp_path):
    arguments = {"optimizer": lambda: AdamW(0.05), "epochs": 6, "watching": plateau}
    whole = run(tmp_path, copies=True, **arguments)
    assert len(set(whole.history.history["learning_rate"])) == 3
    for epochs in (2, 4):
        assert_same(run(tmp_path / f"after-{epochs}", **arguments), whole)


@pytest.mark.once
def test_measuring_goes_on_where_it_was(tmp_path):
    arguments = {"watching": lambda: [RetrievalMAP(DATA, every=2)], "epochs": 4}
    whole = run(tmp_path, copies=True, **arguments)
    assert_same(run(tmp_path / "after-1", **arguments), whole)


@pytest.mark.once
def test_the_best_so_far_is_not_forgotten(tmp_path):
    saved = tmp_path / "best.weights.h5"

    def watching():
        best = keras.callbacks.ModelCheckpoint(
            saved, "figure", mode="max", save_best_only=True, save_weights_only=True
        )
        return [Script(0.9, 0.1, 0.2), best]

    run(tmp_path, watching=watching, epochs=1)
    before = saved.read_bytes()
    run(tmp_path, watching=watching)
    assert saved.read_bytes() == before


@pytest.mark.once
def test_callbacks_may_be_added_and_left_out(plain, after, tmp_path):
    run(tmp_path, watching=stopping, epochs=1)
    for model in (run(after(2), watching=stopping), run(tmp_path)):
        assert model.history.epoch == list(range(EPOCHS))
        for weight, wanted in zip(model.get_weights(), plain[0].get_weights(), strict=True):
            np.testing.assert_array_equal(weight, wanted)


def test_the_batches_are_those_that_would_have_come(after, monkeypatch):
    seen = []
    original = PairedBatches.__getitem__

    def listen(self, index):
        x, y = original(self, index)
        seen.append(x["image"].sum())
        return x, y

    monkeypatch.setattr(PairedBatches, "__getitem__", listen)
    run()
    whole = seen[-BATCHES_PER_EPOCH:]
    seen.clear()
    run(after(2))
    # TensorFlow looks at one more, ahead of the rest, to learn the shapes.
    assert seen[-BATCHES_PER_EPOCH:] == whole
    assert len(set(whole)) == BATCHES_PER_EPOCH


def test_a_later_fit_without_checkpoint_starts_at_the_beginning(after):
    model = run(after(3))
    batches = model.batches(DATA, batch_size=8)
    assert model.fit(batches, epochs=1, verbose=0).epoch == [0]
    assert len(model.history.history["loss"]) == 1


@pytest.fixture
def begun(after):
    """A folder with a checkpoint."""
    return after(1)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dropout": 0.4}, r"model\.config\.dropout': 'was 0\.3, is 0\.4"),
        ({"optimizer": lambda: AdamW(0.05)}, r"optimizer\.config\.learning_rate"),
        ({"optimizer": lambda: SGD(0.05)}, r"optimizer\.class_name': 'was \"AdamW\", is \"SGD\""),
        ({"batch_arguments": {"seed": 4}}, r"batches\.seed': 'was 3, is 4"),
        ({"batch_arguments": {"pairing": "instance"}}, r"batches\.streams"),
        ({"batch_arguments": {"split": "test"}}, r"batches\.streams"),
        ({"settings": {"split": "abc"}}, r"more\.split': 'was not there, is \"abc\""),
    ],
)
def test_other_settings_are_an_error(changes, named, begun):
    before = (begun / FILE).read_bytes()
    with pytest.raises(ValueError, match=rf"settings it was begun with\. Received: .*{named}"):
        run(begun, epochs=2, **changes)
    assert (begun / FILE).read_bytes() == before


def test_another_backend_is_an_error(begun):
    with np.load(begun / FILE) as saved:
        content = dict(saved)
    text = (
        content["about"]
        .tobytes()
        .replace(f'"\\"{keras.config.backend()}\\""'.encode(), b'"\\"numpy\\""')
    )
    content["about"] = np.frombuffer(text, dtype=np.uint8)
    np.savez(begun / FILE, **content)
    with pytest.raises(ValueError, match=r"'backend': 'was \"numpy\", is"):
        run(begun, epochs=2)


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-999], lambda b: b"no zip file"])
def test_a_damaged_file_is_an_error(damage, begun):
    path = begun / FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"cannot be read .* damaged: delete it"):
        run(begun, epochs=2)


def test_a_failing_write_leaves_the_file_before(begun, monkeypatch):
    before = (begun / FILE).read_bytes()
    savez = np.savez

    def fail(path, **arrays):
        savez(path, **arrays)
        path.write_bytes(path.read_bytes()[:100])
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        run(begun, epochs=2)
    assert [path.name for path in begun.iterdir()] == [FILE]
    assert (begun / FILE).read_bytes() == before


def test_what_a_kill_left_half_written_is_removed(begun):
    (begun / ".123-checkpoint.npz").write_bytes(b"half")
    (begun / "notes.npz").write_bytes(b"mine")
    run(begun, epochs=1)
    assert sorted(path.name for path in begun.iterdir()) == [FILE, "notes.npz"]


@pytest.mark.parametrize("every", [0, -2])
def test_saves_less_than_an_epoch_apart_are_an_error(every, tmp_path):
    with pytest.raises(ValueError, match=rf"at least one epoch apart\. Received: every={every}"):
        Checkpoint(tmp_path, every=every)


@pytest.mark.parametrize(
    "change", [{"augment": False}, {"sentence_dropout": 0.5}, {"data": coloured(seed=5)}], ids=str
)
def test_a_change_of_pictures_or_of_how_they_are_drawn_is_noticed(change):
    model = CHTN.for_data(coloured(), trunks={"image": trunk()}, pathway_units=(4,), seed=0)
    model.compile("sgd")
    change = dict(change)
    data = change.pop("data", coloured())
    before = settings_of(model, model.batches(coloured(), batch_size=8), {})
    after = settings_of(model, model.batches(data, batch_size=8, **change), {})
    assert any(name.startswith("batches.streams") for name in differences(before, after))
    again = settings_of(model, model.batches(coloured(), batch_size=8), {})
    assert not differences(before, again)


def test_other_partners_are_noticed():
    first, second = toy(), toy()
    text = second.media["text"]
    # The same instances, of which two have each other's texts.
    pairs = text.pairs.copy()
    pairs[[2, 3]] = pairs[[3, 2]]
    second = replace(second, media=second.media | {"text": replace(text, pairs=pairs)})
    model = CHTN.for_data(first, partial=("text",), pathway_units=(4,), seed=0)
    model.compile("sgd")
    before, after = (
        settings_of(model, model.batches(d, batch_size=8), {}) for d in (first, second)
    )
    assert set(differences(before, after)) == {"batches.streams"}
