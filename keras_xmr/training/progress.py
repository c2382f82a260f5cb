"""A progress bar over all epochs of `fit`, with the time left."""

import sys
from typing import Any

import keras
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class TrainingProgress(keras.callbacks.Callback):
    """Show epochs done, time passed and left, the loss and the validation MAP on standard error.

    In a terminal it is a bar; in a file or pipe it is a line every tenth of the training.
    """

    def __init__(self) -> None:
        super().__init__()
        console = Console(file=sys.stderr)
        self.live = console.is_terminal
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
            disable=not self.live,
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the bar."""
        self.task = self.bar.add_task("training", total=self.params["epochs"], figures="")
        self.bar.start()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Move on by one epoch."""
        logs = logs or {}
        figures = f"loss {logs['loss']:.3f}"
        if "val_map" in logs:
            figures += f", validation MAP {logs['val_map']:.3f}"
        self.bar.update(self.task, advance=1, figures=figures)
        total = self.params["epochs"]
        if not self.live and (epoch + 1) % max(1, total // 10) == 0:
            left = self.bar.tasks[self.task].time_remaining
            eta = "" if left is None else f", {left:.0f} s left"
            print(f"epoch {epoch + 1}/{total}: {figures}{eta}", file=sys.stderr, flush=True)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leave the bar as it is."""
        self.bar.stop()
