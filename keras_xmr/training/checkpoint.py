"""`Checkpoint`: a training run that was killed goes on as if nothing had happened."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_xmr import presets
from keras_xmr.training.batches import PairedBatches
from keras_xmr.training.callbacks import RetrievalMAP
from keras_xmr.training.settings import differences, settings_of
from keras_xmr.types import Array, Config

FILE = "checkpoint.npz"
ABOUT = "about"

# What these callbacks remember from epoch to epoch.
REMEMBERED: dict[type[Any], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: (
        "best", "best_epoch", "best_weights", "stopped_epoch", "wait",
    ),
    keras.callbacks.ModelCheckpoint: ("best",),
    keras.callbacks.ReduceLROnPlateau: ("best", "cooldown_counter", "wait"),
    RetrievalMAP: ("_last",),
}  # fmt: skip


class Checkpoint(keras.callbacks.Callback):
    """Save all of a training run after each epoch, and go on from there when `fit` starts.

    A run that was killed, at whatever moment, and is started again with the same settings ends with
    the same weights as one that was not, bit for bit on a CPU. A run that was finished is not
    trained any further, unless more epochs are asked for.

    The file `checkpoint.npz` holds weights, running statistics, random states, everything of the
    optimizer (moments, moving averages, accumulated gradients, loss scale), the logs of all epochs
    and the settings. It is replaced as a whole: a kill while it is written leaves the one before.
    The settings are those of model, optimizer, batches and backend; with others `fit` is an error.

    Put it last among the callbacks: what an earlier one adds to the logs, or decides, is then saved
    too. Of other callbacks `EarlyStopping`, `ReduceLROnPlateau`, `ModelCheckpoint` and
    `RetrievalMAP` go on where they were; any further one begins anew.

    Args:
        folder: Where the file is, or will be.
        batches: What `fit` is given, so that the batches that would have come do come. `None` if
            they are the same in every epoch.
        callbacks: The other callbacks of `fit`.
        every: Number of epochs between two saves; the last epoch is always saved.
        settings: What else must not change, such as the hash of the split of the data.

    Raises:
        ValueError: In `fit`, if the file is of a run with other settings or cannot be read.

    Example:
        >>> import tempfile
        >>> x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
        >>> def train(folder, epochs):
        ...     keras.utils.set_random_seed(0)
        ...     layers = [keras.Input((3,), name="x"), keras.layers.Dense(1, name="y")]
        ...     model = keras.Sequential(layers)
        ...     model.compile(optimizer="adam", loss="mse")
        ...     return model.fit(x, y, epochs=epochs, callbacks=[Checkpoint(folder)], verbose=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     killed = train(folder, 1)
        ...     resumed = train(folder, 3)
        >>> resumed.epoch, resumed.history["loss"][:1] == killed.history["loss"]
        ([0, 1, 2], True)
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        batches: PairedBatches | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        every: int = 1,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"Saves are at least one epoch apart. Received: {every=}.")
        self.folder = Path(folder)
        self.batches = batches
        self.callbacks = list(callbacks)
        self.every = every
        self.settings = dict(settings or {})

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE

    def on_train_begin(self, logs: Config | None = None) -> None:
        """Go on from the file, if there is one."""
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        # Before anything is restored: Keras shows the present learning rate as a setting.
        self._settings = settings_of(self.model, self.batches, self.settings)
        self._logs: list[tuple[int, Config]] = []
        self._resumed = 0
        self._first_pass: int | None = None
        for draft in self.folder.glob(f".*-{FILE}"):
            # Left by a kill while it was written.
            draft.unlink()
        if self.path.is_file():
            self._resume(_read(self.path))

    def on_epoch_begin(self, epoch: int, logs: Config | None = None) -> None:
        """Let the batches of this epoch come."""
        # Keras reads it before the first epoch, and would start a later `fit` there too.
        self.model._initial_epoch = None
        if self.batches is not None:
            if self._first_pass is None:
                self._first_pass = self.batches.epoch - epoch
            self.batches.epoch = self._first_pass + epoch

    def on_epoch_end(self, epoch: int, logs: Config | None = None) -> None:
        """Save."""
        self._logs.append((epoch, dict(logs or {})))
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if last or (epoch + 1) % self.every == 0:
            state: Config = dict(self._state(epoch + 1))
            presets.save_whole(self.path, lambda draft: np.savez(draft, **state))

    def on_train_end(self, logs: Config | None = None) -> None:
        """Put the epochs of the run before the kill in front of the history."""
        self.model._initial_epoch = None
        history = self.model.history
        earlier = self._logs[: self._resumed]
        columns: dict[str, list[Any]] = {}
        for _, values in earlier:
            for name, value in values.items():
                columns.setdefault(name, []).append(value)
        for name, present in history.history.items():
            columns[name] = columns.get(name, []) + present
        history.history = columns
        history.epoch = [epoch for epoch, _ in earlier] + history.epoch

    def _state(self, epochs: int) -> Iterator[tuple[str, Array]]:
        """Name and array of everything that is saved."""
        numbers: dict[str, Config] = {}
        for kind, variables in self._variables().items():
            for i, variable in enumerate(variables):
                yield f"{kind}/{i}", _storable(keras.ops.convert_to_numpy(variable))
        for device, state in _random_state().items():
            yield f"random/{device}", state
        for key, callback, names in self._remembering():
            values: Config = {name: getattr(callback, name, None) for name in names}
            numbers[key] = {n: v for n, v in values.items() if not isinstance(v, list)}
            for name in values.keys() - numbers[key]:
                for i, array in enumerate(values[name]):
                    yield f"{key}/{name}/{i}", _storable(np.asarray(array))
        about = {
            "epochs": epochs,
            "stopped": bool(self.model.stop_training),
            "first_pass": self._first_pass,
            "logs": self._logs,
            "settings": self._settings,
            "callbacks": numbers,
        }
        yield ABOUT, np.frombuffer(json.dumps(about, default=_plain).encode(), dtype=np.uint8)

    def _resume(self, saved: dict[str, Array]) -> None:
        about = json.loads(saved[ABOUT].tobytes())
        changed = differences(about["settings"], self._settings)
        if changed:
            raise ValueError(
                "A run goes on with the settings it was begun with. "
                f"Received: {changed} in {str(self.path)!r}. "
                "Use the same settings, or another folder for a new run."
            )
        self._logs = [(epoch, values) for epoch, values in about["logs"]]
        self._resumed = len(self._logs)
        self._first_pass = about["first_pass"]
        for kind, variables in self._variables().items():
            for variable, value in zip(variables, _numbered(saved, kind), strict=True):
                variable.assign(value)
        _set_random_state(
            {n.removeprefix("random/"): a for n, a in saved.items() if n.startswith("random/")}
        )
        for key, callback, names in self._remembering():
            numbers = about["callbacks"].get(key)
            for name in names if numbers is not None else ():
                setattr(callback, name, numbers.get(name, _numbered(saved, f"{key}/{name}")))
        # What Keras' own `BackupAndRestore` does to leave out epochs.
        self.model._initial_epoch = self.params["epochs"] if about["stopped"] else about["epochs"]

    def _remembering(self) -> Iterator[tuple[str, Any, tuple[str, ...]]]:
        """Key, callback and names of its attributes, of the callbacks that go on where they were.

        The key is the class and how many of it came before: others may be added or left out.
        """
        seen: Counter[str] = Counter()
        for callback in self.callbacks:
            for kind, names in REMEMBERED.items():
                if isinstance(callback, kind):
                    yield f"{kind.__name__}/{seen[kind.__name__]}", callback, names
                    seen[kind.__name__] += 1

    def _variables(self) -> dict[str, list[Any]]:
        """All that changes in training. Metrics begin anew in each epoch anyway."""
        return {"model": self.model.variables, "optimizer": self.model.optimizer.variables}


def _read(path: Path) -> dict[str, Array]:
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:
        raise ValueError(
            "A checkpoint is a file that a training run has saved. "
            f"Received: {str(path)!r}, which cannot be read ({error}). "
            "It is damaged: delete it to start the run again."
        ) from error


def _numbered(saved: Mapping[str, Array], prefix: str) -> list[Array]:
    """The arrays `prefix/0`, `prefix/1`, ... in their order."""
    count = sum(name.rpartition("/")[0] == prefix for name in saved)
    return [saved[f"{prefix}/{i}"] for i in range(count)]


def _storable(array: Array) -> Array:
    """NumPy has no bfloat16 of its own; float32 holds the same numbers."""
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def _plain(number: Any) -> Any:
    """A NumPy number as Python's own."""
    return number.item()


def _random_state() -> dict[str, Array]:
    """The global random state that layers without a seed use; on torch dropout does."""
    if keras.config.backend() != "torch":
        return {}
    from keras_xmr.training import _torch

    return _torch.random_state()


def _set_random_state(states: dict[str, Array]) -> None:
    if states:
        from keras_xmr.training import _torch

        _torch.set_random_state(states)
