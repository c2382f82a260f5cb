"""`TrainingProgress`: a progress bar over all epochs of `fit`."""

from typing import Any

import keras

from keras_xmr.progress import Progress


class TrainingProgress(keras.callbacks.Callback):
    """Show epochs done, the time left, the loss and the validation MAP on standard error."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = Progress("training epochs")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the bar."""
        self.progress.start(self.params["epochs"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Move on by one epoch."""
        logs = logs or {}
        figures = f"loss {logs['loss']:.3f}"
        if "val_map" in logs:
            figures += f", validation MAP {logs['val_map']:.3f}"
        self.progress.move_to(epoch + 1, figures)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leave the bar as it is."""
        self.progress.stop()
